/**
 * CLIP's tokenizer: byte-level BPE with an end-of-word mark. Radford et al. 2021, §2.4; the algorithm: Sennrich et al. 2016, arXiv:1508.07909.
 * Equal to Hugging Face's `CLIPTokenizerFast`: NFC, blanks collapsed, lower case.
 * DIFFERS from OpenAI's `SimpleTokenizer` in that texts are not repaired (ftfy) and HTML entities are left as they are.
 */
import { BowError, need, needIterable, needNumber, needRecord, needText, needTexts, needWhole } from '../base/index.ts';
import { type AddedToken, addedTokenSplitter } from './added-tokens.ts';
import { END, ownAddedTokens, START, tokenizerJson, WORD_END } from './clip-tokenizer-json.ts';
import { joinPair, learnMerges } from './pair-merges.ts';

/** Texts ↔ token ids. */
export type ClipTokenizer = {
  /** Number of ids: 512 bytes, the merges, start and end of text, words added later. */
  readonly vocabulary: number;
  readonly startOfText: number;
  readonly endOfText: number;
  /** The token that stands for bytes which the vocabulary lacks. */
  readonly unknown: string;
  /** Words with an id of their own, start and end of text among them. */
  readonly added: readonly AddedToken[];
  /** Ids of a text without start and end. */
  encode(text: string): number[];
  /** The text of ids; start and end are left out. Spaces stand after every word, as in OpenAI's `decode`. */
  decode(ids: Iterable<number>): string;
  /**
   * Rows of `length` ids, start and end included, the rest filled with `pad`: Hugging Face pads with the end (the default), OpenAI with 0. Texts
   * that are too long are cut and keep their end, or with `truncate: false` are a `data` error. Row-major [texts × length].
   */
  rows(
    texts: readonly string[],
    length: number,
    o?: { readonly pad?: number; readonly truncate?: boolean },
  ): Int32Array;
  /** The `tokenizer.json` that Hugging Face's tokenizers load. */
  toJson(): Record<string, unknown>;
};

/** OpenAI's split, on lower-case text: English contractions, runs of letters, single digits, runs of other signs; specials that no added token is. */
const PATTERN =
  /<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;

/** A printable character for every byte: bytes that are printable stand for themselves, the others for U+0100 and up (GPT-2's table). */
const byteCharacters: readonly string[] = (() => {
  const printable = (b: number): boolean => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, b) => String.fromCodePoint(printable(b) ? b : next++));
})();

/** Bytes in the order of OpenAI's ids: the printable ones first. */
const byteOrder: readonly string[] = [...byteCharacters].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);

/** Whitespace as Rust's regular expressions see it; JavaScript's `\s` has U+FEFF and lacks U+0085. */
const BLANKS = /\p{White_Space}+/gu;

/** NFC, blanks collapsed, lower case letter by letter: the normaliser of CLIP's tokenizer.json. */
function clean(text: string): string {
  const collapsed = text.normalize('NFC').replace(BLANKS, ' ');
  return Array.from(collapsed, (c) => c.toLowerCase()).join('');
}

/** Ids in OpenAI's order: bytes, bytes at the end of a word, merges by rank, start and end of text. */
function openaiIds(merges: readonly (readonly [string, string])[]): Map<string, number> {
  const tokens = [...byteOrder, ...byteOrder.map((c) => c + WORD_END), ...merges.map(([a, b]) => a + b), START, END];
  return new Map(tokens.map((t, i) => [t, i]));
}

/** What a tokenizer has beside merges and ids. */
export type ClipTokenizerOptions = {
  /** Words with an id of their own; default: start and end of text, as in CLIP's own file. */
  readonly added?: readonly AddedToken[];
  /** The token that stands for a byte which the vocabulary lacks; default the end of text. */
  readonly unknown?: string;
};

/**
 * A tokenizer from its merges in order of rank, each as its two parts. `known`: the vocabulary where it is not in OpenAI's order. Error `checkpoint` for a
 * vocabulary that lacks start or end, a part of a merge, or bytes without an unknown token.
 */
export function clipTokenizer(
  merges: readonly (readonly [string, string])[],
  known?: ReadonlyMap<string, number>,
  o: ClipTokenizerOptions = {},
): ClipTokenizer {
  const pairs = Array.isArray(merges) && merges.every((m) => Array.isArray(m) && m.length === 2);
  need(pairs && merges.flat().every((part) => typeof part === 'string'), 'merges', 'pairs of strings', merges);
  need(known === undefined || known instanceof Map, 'ids', 'a Map', known);
  const ids = known ?? openaiIds(merges);
  needRecord('options', o);
  checkMerges(merges, ids);
  const idOf = (token: string): number | undefined =>
    ids.get(token) ?? o.added?.find(({ content }) => content === token)?.id;
  const [startOfText, endOfText] = [idOf(START), idOf(END)];
  if (startOfText === undefined || endOfText === undefined)
    throw new BowError('checkpoint', `the vocabulary lacks ${startOfText === undefined ? START : END}`);
  const { added = ownAddedTokens(startOfText, endOfText), unknown = END } = o;
  const unknownId = unknownOf(ids, unknown, idOf);
  const tokens: string[] = [];
  for (const [token, id] of ids) tokens[id] = token;
  for (const { content, id } of added) tokens[id] = content;
  const ranks = new Map(merges.map(([a, b], rank) => [`${a} ${b}`, rank]));
  const cut = new Map<string, readonly number[]>();
  const wordIds = (word: string): readonly number[] => {
    let found = cut.get(word);
    if (!found) {
      found = mergeWord(word, ranks).map((part) => ids.get(part) ?? unknownId);
      if (cut.size < 1 << 16) cut.set(word, found);
    }
    return found;
  };
  const split = addedTokenSplitter(added, clean);
  const encode = (text: string): number[] => {
    needText('a text', text);
    const out: number[] = [];
    for (const part of split(text))
      if (typeof part === 'number') out.push(part);
      else for (const word of wordsOf(part)) out.push(...wordIds(word));
    return out;
  };
  const special = new Set(added.filter((t) => t.special).map((t) => t.id)).add(startOfText).add(endOfText);
  return {
    vocabulary: tokens.length,
    startOfText,
    endOfText,
    unknown,
    added,
    encode,
    decode: (list) => decodeIds(list, tokens, special),
    rows: (texts, length, r = {}) => {
      needRecord('options of rows', r);
      return tokenRows(texts, length, encode, { startOfText, endOfText, ...r });
    },
    toJson: () => tokenizerJson({ ids, merges, added, start: startOfText, end: endOfText, unknown }),
  };
}

/** The words of a normalised text. A special that is spelled out but is no added token is three words: the second split, of the bytes, divides it. */
function* wordsOf(text: string): Generator<string> {
  for (const [word] of text.matchAll(PATTERN))
    if (word === START || word === END) yield* ['<|', word.slice(2, -2), '|>'];
    else yield word;
}

function checkMerges(merges: readonly (readonly [string, string])[], ids: ReadonlyMap<string, number>): void {
  for (const [i, [a, b]] of merges.entries()) {
    const lacks = [a, b, a + b].find((token) => !ids.has(token));
    if (lacks !== undefined)
      throw new BowError('checkpoint', `the vocabulary lacks ${JSON.stringify(lacks)}, of merge ${i}`);
  }
}

/** The id for bytes that are not in the vocabulary; never used where all of them are. */
function unknownOf(
  ids: ReadonlyMap<string, number>,
  unknown: string,
  idOf: (token: string) => number | undefined,
): number {
  const found = idOf(unknown);
  if (found !== undefined) return found;
  const lacks = byteCharacters.flatMap((c) => [c, c + WORD_END]).find((token) => !ids.has(token));
  if (lacks === undefined) return -1;
  throw new BowError('checkpoint', `the vocabulary lacks ${JSON.stringify(lacks)} and the unknown token "${unknown}"`);
}

/** A word as its parts: all pairs of the lowest rank are joined, then those of the next, until none is left. */
function mergeWord(word: string, ranks: ReadonlyMap<string, number>): string[] {
  const bytes = Array.from(new TextEncoder().encode(word), (b) => byteCharacters[b]!);
  let parts = [...bytes.slice(0, -1), bytes.at(-1)! + WORD_END];
  for (;;) {
    let [best, rank] = [-1, Number.POSITIVE_INFINITY];
    for (let i = 0; i + 1 < parts.length; i++) {
      const r = ranks.get(`${parts[i]} ${parts[i + 1]}`);
      if (r !== undefined && r < rank) [best, rank] = [i, r];
    }
    if (best < 0) return parts;
    const [a, b] = [parts[best]!, parts[best + 1]!];
    parts = joinPair(parts, a, b, a + b);
  }
}

function decodeIds(list: Iterable<number>, tokens: readonly string[], special: ReadonlySet<number>): string {
  const bytes: number[] = [];
  needIterable('ids', list);
  for (const id of list) {
    const token = tokens[id];
    if (token === undefined)
      throw new BowError('data', `no token has the id ${String(id)}`, { detail: { size: tokens.length } });
    if (!special.has(id)) bytes.push(...bytesOf(token));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

const byteOf = new Map(byteCharacters.map((c, b) => [c, b]));

/** The bytes of a token, a blank for its end of word; an added one may have characters that stand for no byte. */
function bytesOf(token: string): readonly number[] {
  const characters = Array.from(token.replaceAll(WORD_END, ' '));
  const bytes = characters.map((c) => (c === ' ' ? 32 : byteOf.get(c)));
  return bytes.every((b) => b !== undefined) ? bytes : [...new TextEncoder().encode(token)];
}

function tokenRows(
  texts: readonly string[],
  length: number,
  encode: (text: string) => number[],
  o: { startOfText: number; endOfText: number; pad?: number; truncate?: boolean },
): Int32Array {
  const { pad = o.endOfText, truncate = true } = o;
  needTexts('texts', texts);
  needWhole('pad', pad);
  needNumber('the length of a row', length);
  if (!(length >= 2)) throw new BowError('usage', `a row of ${length} tokens has no room for start and end`);
  const out = new Int32Array(texts.length * length).fill(pad);
  texts.forEach((text, i) => {
    const ids = encode(text);
    if (ids.length > length - 2 && !truncate)
      throw new BowError('data', `${ids.length + 2} tokens where ${length} fit`, { place: text.slice(0, 60) });
    out.set([o.startOfText, ...ids.slice(0, length - 2), o.endOfText], i * length);
  });
  return out;
}

/**
 * Learns merges from texts until the vocabulary has `vocabulary` ids or no pair occurs twice: each time the most frequent pair of neighbours, the
 * first in alphabetical order among equals. Sennrich et al. 2016, algorithm 1.
 */
export function trainClipTokenizer(texts: Iterable<string>, o: { readonly vocabulary: number }): ClipTokenizer {
  needIterable('texts', texts);
  needRecord('options', o);
  needWhole('vocabulary', o.vocabulary);
  if (!(o.vocabulary >= 514))
    throw new BowError('config', 'a byte-level vocabulary has at least 514 ids', { place: 'vocabulary' });
  const counts = new Map<string, number>();
  for (const text of texts) {
    needText('a text', text);
    for (const [word] of clean(text).matchAll(PATTERN)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const words = [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([word, count]) => ({ parts: mergeWord(word, new Map()), count }));
  return clipTokenizer(learnMerges(words, o.vocabulary - 514, (a, b) => a + b));
}
