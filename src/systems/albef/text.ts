/** Texts as ALBEF reads them: cleaned as the released code does (dataset/utils.py), [CLS] and no [SEP] (models/tokenization_bert.py). */
import { bucketLength, type NdArray, ndarray } from '../../engine/index.ts';
import type { WordPiece } from '../../text/index.ts';
import type { AlbefConfig } from './config.ts';

/** Words of a text at most; later ones are left out. */
const MOST_WORDS = 30;

/** Lower case, punctuation deleted, dashes and slashes as spaces. */
const plain = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[,.'!?"()*#:;~]/g, '')
    .replace(/[-/]/g, ' ');

const firstWords = (text: string): string => text.split(' ').slice(0, MOST_WORDS).join(' ');

/** A caption, or a statement about images (`pre_caption`). */
export function cleanCaption(text: string): string {
  const spaced = plain(text)
    .replaceAll('<person>', 'person')
    .replace(/\s{2,}/g, ' ');
  return firstWords(spaced.replace(/\n+$/, '').replace(/^ +| +$/g, ''));
}

/** A question (`pre_question`): spaces stay as they are. */
export function cleanQuestion(text: string): string {
  return firstWords(plain(text).replace(/ +$/, ''));
}

/** Rows of ids for the text encoder, row-major [texts × length]: [CLS], the text, [PAD]; a longer text is cut. */
export function captionRows(tokenizer: WordPiece, texts: readonly string[], length: number): Int32Array {
  return tokenizer.rows(texts.map(cleanCaption), length, { sep: false });
}

/** As {@link captionRows}, for questions. */
export function questionRows(tokenizer: WordPiece, texts: readonly string[], length: number): Int32Array {
  return tokenizer.rows(texts.map(cleanQuestion), length, { sep: false });
}

/** Rows of ids for the decoder, as long as the longest needs: [CLS], the answer as it is, [SEP], [PAD]. `most`: positions that there are. */
export function answerRows(
  tokenizer: WordPiece,
  answers: readonly string[],
  most: number,
): { readonly ids: Int32Array; readonly length: number } {
  const longest = answers.reduce((n, answer) => Math.max(n, tokenizer.encode(answer).length), 0);
  const length = Math.min(most, longest + 2);
  return { ids: tokenizer.rows(answers, length), length };
}

/** Tokens of a caption at most where retrieval is evaluated (released code, Retrieval.py); questions are cut by their words alone. */
const MOST_TOKENS = 30;

/** What reads texts. */
type Reader = { readonly config: Pick<AlbefConfig, 'text'>; readonly parts: { readonly tokenizer: WordPiece } };

/** Captions as token rows [b n], no longer than their longest needs: [CLS], the text, [PAD]. Longer texts are cut. */
export function captionTokens(texts: readonly string[], reader: Reader): NdArray<'int32'> {
  return tokenRows(texts, reader, { clean: cleanCaption, rows: captionRows, most: MOST_TOKENS });
}

/** As {@link captionTokens}, for questions. */
export function questionTokens(texts: readonly string[], reader: Reader): NdArray<'int32'> {
  return tokenRows(texts, reader, { clean: cleanQuestion, rows: questionRows, most: Number.POSITIVE_INFINITY });
}

function tokenRows(
  texts: readonly string[],
  { config, parts }: Reader,
  o: { readonly clean: (text: string) => string; readonly rows: typeof captionRows; readonly most: number },
): NdArray<'int32'> {
  const max = Math.min(o.most, config.text.context);
  const longest = longestRow(parts.tokenizer, texts.map(o.clean), max);
  const length = bucketLength(longest, { min: Math.min(8, max), max });
  return ndarray('int32', [texts.length, length], o.rows(parts.tokenizer, texts, length));
}

/** Tokens that the longest of these cleaned texts has with its [CLS], `most` at most. */
export function longestRow(tokenizer: WordPiece, texts: Iterable<string>, most: number): number {
  let n = 1;
  for (const text of texts) n = Math.max(n, tokenizer.encode(text).length + 1);
  return Math.min(n, most);
}
