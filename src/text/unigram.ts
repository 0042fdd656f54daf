/**
 * XLM-RoBERTa's tokenizer, which BEiT-3 has too: a unigram model over pieces of words, where ▁ marks a word's beginning. Kudo 2018, arXiv:1804.10959;
 * Conneau et al. 2020, arXiv:1911.02116. Texts are cut by Hugging Face's `tokenizers` for JavaScript, so ids are those of `XLMRobertaTokenizer`.
 */
import { Tokenizer } from '@huggingface/tokenizers';
import { BowError, need, needIterable, needNumber, needRecord, needText, needTexts } from '../base/index.ts';
import type { UnigramNormaliser, UnigramPiece } from './sentencepiece.ts';

/** Tokens before the pieces, in order of ids. `<mask>` is the last id of all. */
export const LEADING = ['<s>', '<pad>', '</s>', '<unk>'] as const;

/** What marks the beginning of a word. */
export const WORD = '▁';

/** Options of {@link unigram}. */
export type UnigramOptions = { readonly normaliser?: UnigramNormaliser };

/** Texts ↔ token ids. */
export type Unigram = {
  /** Number of ids. */
  readonly vocabulary: number;
  readonly ids: {
    readonly start: number;
    readonly pad: number;
    readonly end: number;
    readonly unknown: number;
    readonly mask: number;
  };
  /** Ids of a text without `<s>` and `</s>`; specials that are spelled out are theirs. */
  encode(text: string): number[];
  /** The text of ids without specials. */
  decode(ids: Iterable<number>): string;
  /** Whether an id continues the word before it. */
  continuesWord(id: number): boolean;
  /** Rows of `length` ids: `<s>`, the text, `</s>`, then `<pad>`; longer texts are cut and keep `</s>`. Row-major [texts × length]. */
  rows(texts: readonly string[], length: number): Int32Array;
  /** tokenizer.json and tokenizer_config.json, as Hugging Face's `XLMRobertaTokenizerFast` loads them. `longest`: `model_max_length`. */
  files(longest: number): Record<'tokenizer.json' | 'tokenizer_config.json', string>;
};

/** A tokenizer from its pieces in order of ids, the specials left out. Error `checkpoint` for a piece that comes twice or is a special. */
export function unigram(pieces: readonly UnigramPiece[], o: UnigramOptions = {}): Unigram {
  needIterable('pieces', pieces);
  needRecord('options', o);
  for (const piece of pieces) {
    need(Array.isArray(piece), 'a piece', 'a text and its score', piece);
    needText('a piece', piece[0]);
    needNumber('a piece’s score', piece[1]);
  }
  const vocab: UnigramPiece[] = [...LEADING.map((t): UnigramPiece => [t, 0]), ...pieces, ['<mask>', 0]];
  const places = new Map(vocab.map(([piece], i) => [piece, i]));
  const twice = vocab.find(([piece], i) => places.get(piece) !== i);
  if (twice) throw new BowError('checkpoint', `the vocabulary has ${JSON.stringify(twice[0])} twice`);
  const json = tokenizerJson(vocab, o);
  const cutter = new Tokenizer(json, { eos_token: '</s>' });
  const mask = vocab.length - 1;
  const special = (id: number): boolean => id < LEADING.length || id === mask;
  const encode = (text: string): number[] => {
    needText('a text', text);
    return pieces.length === 0 ? [] : cutter.encode(text, { add_special_tokens: false }).ids;
  };
  return {
    vocabulary: vocab.length,
    ids: { start: 0, pad: 1, end: 2, unknown: 3, mask },
    encode,
    decode: (ids) => decoded(cutter, ids, vocab.length, special),
    continuesWord: (id) => id >= 0 && id < mask && !special(id) && !vocab[id]![0].startsWith(WORD),
    rows: (texts, length) => rowsOf(texts, length, encode),
    files: (longest) => ({
      'tokenizer.json': `${JSON.stringify(json)}\n`,
      'tokenizer_config.json': `${JSON.stringify(configJson(longest), null, 2)}\n`,
    }),
  };
}

function decoded(cutter: Tokenizer, ids: Iterable<number>, size: number, special: (id: number) => boolean): string {
  needIterable('ids', ids);
  const list = [...ids];
  const wrong = list.find((id) => !Number.isInteger(id) || id < 0 || id >= size);
  if (wrong !== undefined) throw new BowError('data', `no token has the id ${wrong}`, { detail: { size } });
  const kept = list.filter((id) => !special(id));
  return kept.length === 0 ? '' : cutter.decode(kept, { clean_up_tokenization_spaces: false }).trim();
}

function rowsOf(texts: readonly string[], length: number, encode: (text: string) => number[]): Int32Array {
  needTexts('texts', texts);
  needNumber('the length of a row', length);
  if (!(length >= 2)) throw new BowError('usage', `a row of ${length} tokens has no room for <s> and </s>`);
  const out = new Int32Array(texts.length * length).fill(1);
  texts.forEach((text, i) => {
    out.set([0, ...encode(text).slice(0, length - 2), 2], i * length);
  });
  return out;
}

/** Characters that SentencePiece's default normaliser drops, and those that it takes for spaces. */
const CONTROLS = '[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]';
const SPACES = '[\u0009\u000a\u000c\u000d\u00a0\u1680\u2000-\u200f\u2028\u2029\u202f\u205f\u2581\u3000\ufeff\ufffd]';

/**
 * SentencePiece's normaliser as steps that every `tokenizers` library has. DIFFERS: the models' own table of characters (`precompiled_charsmap`) is not
 * read; these steps are it, but for the full-width tilde.
 */
function normaliserJson(name: UnigramNormaliser): { type: string; normalizers: unknown[] } {
  const replace = (Regex: string, content: string): unknown => ({ type: 'Replace', pattern: { Regex }, content });
  const blanks = [{ type: 'Strip', strip_left: true, strip_right: true }, replace(' {2,}', ' ')];
  const nfkc = [replace(CONTROLS, ''), replace(SPACES, ' '), { type: 'NFKC' }];
  return { type: 'Sequence', normalizers: name === 'identity' ? blanks : [...nfkc, ...blanks] };
}

let normaliser: Tokenizer | undefined;

/** A text as the default normaliser leaves it. */
export function normalised(text: string): string {
  normaliser ??= new Tokenizer(
    tokenizerJson(
      [...LEADING, '<mask>'].map((t): UnigramPiece => [t, 0]),
      {},
    ),
    {},
  );
  return normaliser.normalizer!.normalize(text);
}

/** The tokenizer.json that Hugging Face's tokenizers load. */
function tokenizerJson(vocab: readonly UnigramPiece[], o: UnigramOptions): Record<string, unknown> {
  const mask = vocab.length - 1;
  const added = [...LEADING.map((content, id) => ({ id, content })), { id: mask, content: '<mask>' }].map((t) => ({
    ...{ ...t, single_word: false, lstrip: t.id === mask, rstrip: false, normalized: false, special: true },
  }));
  const one = (id: string): unknown => ({ SpecialToken: { id, type_id: 0 } });
  const text = (id: string): unknown => ({ Sequence: { id, type_id: 0 } });
  const space = { type: 'Metaspace', replacement: WORD, prepend_scheme: 'always', split: true };
  return {
    ...{ version: '1.0', truncation: null, padding: null, added_tokens: added },
    normalizer: normaliserJson(o.normaliser ?? 'nmt_nfkc'),
    pre_tokenizer: space,
    post_processor: {
      type: 'TemplateProcessing',
      single: [one('<s>'), text('A'), one('</s>')],
      pair: [one('<s>'), text('A'), one('</s>'), one('</s>'), text('B'), one('</s>')],
      special_tokens: {
        '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] },
        '</s>': { id: '</s>', ids: [2], tokens: ['</s>'] },
      },
    },
    decoder: space,
    model: { type: 'Unigram', unk_id: 3, vocab, byte_fallback: false },
  };
}

const configJson = (longest: number): Record<string, unknown> => ({
  tokenizer_class: 'XLMRobertaTokenizer',
  model_max_length: longest,
  ...{ bos_token: '<s>', eos_token: '</s>', sep_token: '</s>', cls_token: '<s>' },
  ...{ unk_token: '<unk>', pad_token: '<pad>', mask_token: '<mask>' },
});
