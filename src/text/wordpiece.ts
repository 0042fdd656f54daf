/**
 * BERT's tokenizer: WordPiece over words of cleaned text. Devlin et al. 2019, arXiv:1810.04805, §3; Schuster and Nakajima 2012. Texts are cut by Hugging
 * Face's own `tokenizers` for JavaScript from a tokenizer.json, so ids are those of `BertTokenizerFast`; training is ours.
 */
import { Tokenizer } from '@huggingface/tokenizers';
import { BowError, need, needIterable, needNumber, needRecord, needText, needTexts, needWhole } from '../base/index.ts';
import { type CountedWord, learnMerges } from './pair-merges.ts';

/** The names of the five tokens that stand for no word, in BERT's order of ids. */
export const SPECIALS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;

/** Marks a part that continues a word. */
const CONTINUES = '##';

/** How texts are cleaned before they are cut. */
export type WordPieceOptions = {
  /** Default true, as in bert-base-uncased. */
  readonly lowerCase?: boolean;
  /** Accents are taken off letters; default: as `lowerCase`. */
  readonly stripAccents?: boolean | null;
  /** Chinese characters are words of their own; default true. */
  readonly chineseCharacters?: boolean;
};

/** Texts ↔ token ids. */
export type WordPiece = {
  /** Number of ids. */
  readonly vocabulary: number;
  readonly ids: {
    readonly pad: number;
    readonly unknown: number;
    readonly cls: number;
    readonly sep: number;
    readonly mask: number;
  };
  /** Ids of a text without [CLS] and [SEP]; specials that are spelled out are theirs. */
  encode(text: string): number[];
  /** The text of ids without specials. */
  decode(ids: Iterable<number>): string;
  /** Whether an id begins a word: not a special, and not marked as a continuation. */
  startsWord(id: number): boolean;
  /** Whether an id continues the word before it. */
  continuesWord(id: number): boolean;
  /**
   * Rows of `length` ids: [CLS], the text, [SEP] (left out with `sep: false`, as ALBEF has it), then [PAD]. Longer texts are cut and keep [SEP], or with
   * `truncate: false` are a `data` error. Row-major [texts × length].
   */
  rows(
    texts: readonly string[],
    length: number,
    o?: { readonly sep?: boolean; readonly truncate?: boolean },
  ): Int32Array;
  /** tokenizer.json, tokenizer_config.json and vocab.txt, as Hugging Face's `BertTokenizerFast` loads them. `longest`: `model_max_length`. */
  files(longest: number): Record<'tokenizer.json' | 'tokenizer_config.json' | 'vocab.txt', string>;
};

/** A tokenizer from its tokens in order of ids. Error `checkpoint` for a vocabulary that lacks one of the five specials or has a token twice. */
export function wordPiece(tokens: readonly string[], o: WordPieceOptions = {}): WordPiece {
  needTexts('tokens', tokens);
  needRecord('options', o);
  const places = new Map(tokens.map((t, i) => [t, i]));
  if (places.size !== tokens.length) {
    const twice = tokens.find((t, i) => places.get(t) !== i)!;
    throw new BowError('checkpoint', `the vocabulary has ${JSON.stringify(twice)} twice`);
  }
  const idOf = (token: string): number => {
    const id = places.get(token);
    if (id === undefined) throw new BowError('checkpoint', `the vocabulary lacks ${token}`);
    return id;
  };
  const [pad, unknown, cls, sep, mask] = SPECIALS.map(idOf) as [number, number, number, number, number];
  const json = tokenizerJson(tokens, o);
  const cutter = new Tokenizer(json, {});
  const special = new Set([pad, unknown, cls, sep, mask]);
  const continues = tokens.map((t, i) => !special.has(i) && t.startsWith(CONTINUES));
  const encode = (text: string): number[] => {
    needText('a text', text);
    return cutter.encode(text, { add_special_tokens: false }).ids;
  };
  return {
    vocabulary: tokens.length,
    ids: { pad, unknown, cls, sep, mask },
    encode,
    decode: (ids) => decoded(cutter, ids, tokens.length, special),
    startsWord: (id) => id >= 0 && id < tokens.length && !special.has(id) && !continues[id],
    continuesWord: (id) => continues[id] === true,
    rows: (texts, length, r = {}) => rowsOf(texts, length, encode, { pad, cls, sep }, r),
    files: (longest) => ({
      'tokenizer.json': `${JSON.stringify(json)}\n`,
      'tokenizer_config.json': `${JSON.stringify(configJson(o, longest), null, 2)}\n`,
      'vocab.txt': `${tokens.join('\n')}\n`,
    }),
  };
}

function decoded(cutter: Tokenizer, ids: Iterable<number>, size: number, special: ReadonlySet<number>): string {
  needIterable('ids', ids);
  const list = [...ids];
  const wrong = list.find((id) => !Number.isInteger(id) || id < 0 || id >= size);
  if (wrong !== undefined) throw new BowError('data', `no token has the id ${wrong}`, { detail: { size } });
  const kept = list.filter((id) => !special.has(id));
  return kept.length === 0 ? '' : cutter.decode(kept, { clean_up_tokenization_spaces: false });
}

function rowsOf(
  texts: readonly string[],
  length: number,
  encode: (text: string) => number[],
  ids: { readonly pad: number; readonly cls: number; readonly sep: number },
  o: { readonly sep?: boolean; readonly truncate?: boolean },
): Int32Array {
  const { sep = true, truncate = true } = o;
  needTexts('texts', texts);
  needNumber('the length of a row', length);
  const around = sep ? 2 : 1;
  if (!(length >= around))
    throw new BowError('usage', `a row of ${length} tokens has no room for ${sep ? '[CLS] and [SEP]' : '[CLS]'}`);
  const out = new Int32Array(texts.length * length).fill(ids.pad);
  texts.forEach((text, i) => {
    const found = encode(text);
    if (found.length > length - around && !truncate)
      throw new BowError('data', `${found.length + around} tokens where ${length} fit`, { place: text.slice(0, 60) });
    out.set([ids.cls, ...found.slice(0, length - around), ...(sep ? [ids.sep] : [])], i * length);
  });
  return out;
}

/** The tokenizer.json that Hugging Face's tokenizers load. */
function tokenizerJson(tokens: readonly string[], o: WordPieceOptions): Record<string, unknown> {
  const id = (token: string): number => tokens.indexOf(token);
  const added = SPECIALS.map((content) => ({
    ...{ id: id(content), content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  })).sort((a, b) => a.id - b.id);
  const one = (name: string, type = 0): unknown => ({ SpecialToken: { id: name, type_id: type } });
  const text = (name: string, type: number): unknown => ({ Sequence: { id: name, type_id: type } });
  return {
    ...{ version: '1.0', truncation: null, padding: null, added_tokens: added },
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: o.chineseCharacters ?? true,
      strip_accents: o.stripAccents ?? null,
      lowercase: o.lowerCase ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [one('[CLS]'), text('A', 0), one('[SEP]')],
      pair: [one('[CLS]'), text('A', 0), one('[SEP]'), text('B', 1), one('[SEP]', 1)],
      special_tokens: Object.fromEntries(['[CLS]', '[SEP]'].map((t) => [t, { id: t, ids: [id(t)], tokens: [t] }])),
    },
    decoder: { type: 'WordPiece', prefix: CONTINUES, cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: CONTINUES,
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(tokens.map((t, i) => [t, i])),
    },
  };
}

const configJson = (o: WordPieceOptions, longest: number): Record<string, unknown> => ({
  tokenizer_class: 'BertTokenizer',
  do_lower_case: o.lowerCase ?? true,
  strip_accents: o.stripAccents ?? null,
  tokenize_chinese_chars: o.chineseCharacters ?? true,
  model_max_length: longest,
  ...{ pad_token: '[PAD]', unk_token: '[UNK]', cls_token: '[CLS]', sep_token: '[SEP]', mask_token: '[MASK]' },
});

/**
 * Learns a vocabulary from texts: the five specials, all characters (those inside words marked), then merges of the most frequent pairs until there are
 * `vocabulary` ids or no pair occurs twice. DIFFERS from the unpublished trainer of BERT, whose merges are chosen by likelihood; Hugging Face's trainer
 * counts pairs as this one does. Error `config` for a vocabulary that the characters alone exceed.
 */
export function trainWordPiece(
  texts: Iterable<string>,
  o: WordPieceOptions & { readonly vocabulary: number },
): WordPiece {
  needIterable('texts', texts);
  needRecord('options', o);
  needWhole('vocabulary', o.vocabulary);
  const cutter = new Tokenizer(tokenizerJson(SPECIALS, o), {});
  const counts = new Map<string, number>();
  for (const text of texts) {
    needText('a text', text);
    const clean = cutter.normalizer ? cutter.normalizer.normalize(text) : text;
    for (const word of cutter.pre_tokenizer!.pre_tokenize_text(clean, {}))
      if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const words: CountedWord[] = [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([word, count]) => ({ parts: Array.from(word, (c, i) => (i === 0 ? c : CONTINUES + c)), count }));
  const alphabet = [...new Set(words.flatMap((w) => w.parts))].sort();
  const room = o.vocabulary - SPECIALS.length - alphabet.length;
  need(
    room >= 0,
    'vocabulary',
    `at least ${o.vocabulary - room}: the specials and ${alphabet.length} characters`,
    o.vocabulary,
  );
  const join = (a: string, b: string): string => a + b.slice(CONTINUES.length);
  const merged = learnMerges(words, room, join).map(([a, b]) => join(a, b));
  return wordPiece([...SPECIALS, ...new Set([...alphabet, ...merged])], o);
}
