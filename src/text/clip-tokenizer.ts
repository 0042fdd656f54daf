/**
 * CLIP's tokenizer: byte-level BPE with an end-of-word mark. Radford et al. 2021, §2.4; the algorithm: Sennrich et al. 2016, arXiv:1508.07909.
 * Equal to Hugging Face's `CLIPTokenizerFast`: NFC, blanks collapsed, lower case.
 * DIFFERS from OpenAI's `SimpleTokenizer` in that texts are not repaired (ftfy) and HTML entities are left as they are.
 */
import { BowError } from '../base/index.ts';

/** Texts ↔ token ids. */
export type ClipTokenizer = {
  /** Number of ids: 512 bytes, the merges, start and end of text. */
  readonly vocabulary: number;
  readonly startOfText: number;
  readonly endOfText: number;
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

const START = '<|startoftext|>';
const END = '<|endoftext|>';
const WORD_END = '</w>';

/** OpenAI's split, on lower-case text: specials, English contractions, runs of letters, single digits, runs of other signs. */
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

/** A tokenizer from its merges in order of rank, each as its two parts. `ids`: the vocabulary where it is not in OpenAI's order. */
export function clipTokenizer(
  merges: readonly (readonly [string, string])[],
  ids: ReadonlyMap<string, number> = openaiIds(merges),
): ClipTokenizer {
  const tokens: string[] = [];
  for (const [token, id] of ids) tokens[id] = token;
  const ranks = new Map(merges.map(([a, b], rank) => [`${a} ${b}`, rank]));
  const [startOfText, endOfText] = [ids.get(START), ids.get(END)];
  if (startOfText === undefined || endOfText === undefined)
    throw new BowError('checkpoint', `the vocabulary lacks ${startOfText === undefined ? START : END}`);
  const known = new Map<string, readonly number[]>();
  const wordIds = (word: string): readonly number[] => {
    let found = known.get(word);
    if (!found) {
      found = mergeWord(word, ranks).map((part) => ids.get(part) ?? endOfText); // the end of text is CLIP's unknown token
      if (known.size < 1 << 16) known.set(word, found);
    }
    return found;
  };
  const encode = (text: string): number[] => {
    const out: number[] = [];
    for (const [piece] of clean(text).matchAll(PATTERN)) {
      if (piece === START) out.push(startOfText);
      else if (piece === END) out.push(endOfText);
      else out.push(...wordIds(piece));
    }
    return out;
  };
  return {
    vocabulary: tokens.length,
    startOfText,
    endOfText,
    encode,
    decode: (list) => decodeIds(list, tokens),
    rows: (texts, length, o = {}) => tokenRows(texts, length, encode, { startOfText, endOfText, ...o }),
    toJson: () => tokenizerJson(ids, merges, { startOfText, endOfText }),
  };
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
    parts = joinPair(parts, parts[best]!, parts[best + 1]!);
  }
}

/** Every occurrence of a pair joined, from the left. */
function joinPair(parts: readonly string[], a: string, b: string): string[] {
  const out: string[] = [];
  for (let i = 0; i < parts.length; i++) {
    const hit = parts[i] === a && parts[i + 1] === b;
    out.push(hit ? a + b : parts[i]!);
    if (hit) i++;
  }
  return out;
}

function decodeIds(list: Iterable<number>, tokens: readonly string[]): string {
  const byteOf = new Map(byteCharacters.map((c, b) => [c, b]));
  let text = '';
  for (const id of list) {
    const token = tokens[id];
    if (token === undefined)
      throw new BowError('data', `no token has the id ${id}`, { detail: { size: tokens.length } });
    if (token !== START && token !== END) text += token;
  }
  const bytes = Array.from(text.replaceAll(WORD_END, ' '), (c) => (c === ' ' ? 32 : byteOf.get(c)!));
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

function tokenRows(
  texts: readonly string[],
  length: number,
  encode: (text: string) => number[],
  o: { startOfText: number; endOfText: number; pad?: number; truncate?: boolean },
): Int32Array {
  const { pad = o.endOfText, truncate = true } = o;
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

/** Reads OpenAI's merges file (`bpe_simple_vocab_16e6.txt`: a header, then one pair per line; 48,894 are used) or Hugging Face's `merges.txt`. */
export function readClipMerges(text: string, o: { readonly count?: number } = {}): ClipTokenizer {
  const lines = text.split('\n').slice(1);
  const count = o.count ?? 49152 - 256 - 2;
  const merges = lines
    .slice(0, count)
    .filter((line) => line.trim() !== '')
    .map((line, i) => pairOf(line, i + 2));
  return clipTokenizer(merges);
}

function pairOf(line: string, number: number): [string, string] {
  const [a, b, ...rest] = line.trim().split(/\s+/);
  if (a === undefined || b === undefined || rest.length > 0)
    throw new BowError('data', 'a merge is two parts with a blank between', { place: `line ${number}` });
  return [a, b];
}

/** A tokenizer from the content of a CLIP `tokenizer.json`. Error `checkpoint` when it is another kind, or its ids are not CLIP's. */
export function readClipTokenizer(json: unknown): ClipTokenizer {
  const model = (
    json as { model?: { type?: unknown; end_of_word_suffix?: unknown; merges?: unknown; vocab?: unknown } }
  )?.model;
  if (!Array.isArray(model?.merges) || model.end_of_word_suffix !== WORD_END)
    throw new BowError('checkpoint', 'not a tokenizer of CLIP: no BPE whose words end in </w>', {
      place: 'tokenizer.json',
    });
  const merges = model.merges.map((m: unknown, i) =>
    Array.isArray(m) ? ([m[0], m[1]] as [string, string]) : pairOf(String(m), i),
  );
  const vocab = Object.entries((model.vocab ?? {}) as Record<string, number>);
  return vocab.length > 0 ? clipTokenizer(merges, new Map(vocab)) : clipTokenizer(merges);
}

/** {@link clean} in Hugging Face's words. */
const NORMALIZER = {
  type: 'Sequence',
  normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' }, { type: 'Lowercase' }],
};

/** The split into words, then bytes as characters. */
const PRE_TOKENIZER = {
  type: 'Sequence',
  pretokenizers: [
    {
      type: 'Split',
      pattern: { Regex: "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+" },
      behavior: 'Removed',
      invert: true,
    },
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  ],
};

function tokenizerJson(
  ids: ReadonlyMap<string, number>,
  merges: readonly (readonly [string, string])[],
  o: { startOfText: number; endOfText: number },
): Record<string, unknown> {
  const special = (id: number, content: string): Record<string, unknown> => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: content === START,
    special: true,
  });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [special(o.startOfText, START), special(o.endOfText, END)],
    normalizer: NORMALIZER,
    pre_tokenizer: PRE_TOKENIZER,
    post_processor: {
      type: 'RobertaProcessing',
      sep: [END, o.endOfText],
      cls: [START, o.startOfText],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: END,
      continuing_subword_prefix: '',
      end_of_word_suffix: WORD_END,
      fuse_unk: false,
      vocab: Object.fromEntries(ids),
      merges: merges.map(([a, b]) => `${a} ${b}`),
    },
  };
}

/**
 * Learns merges from texts until the vocabulary has `vocabulary` ids or no pair occurs twice: each time the most frequent pair of neighbours, the
 * first in alphabetical order among equals. Sennrich et al. 2016, algorithm 1.
 */
export function trainClipTokenizer(texts: Iterable<string>, o: { readonly vocabulary: number }): ClipTokenizer {
  if (!(o.vocabulary >= 514))
    throw new BowError('config', 'a byte-level vocabulary has at least 514 ids', { place: 'vocabulary' });
  const counts = new Map<string, number>();
  for (const text of texts)
    for (const [word] of clean(text).matchAll(PATTERN)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([word, count]) => ({ parts: mergeWord(word, new Map()), count }));
  const merges: [string, string][] = [];
  while (514 + merges.length < o.vocabulary) {
    const best = frequentPair(words);
    if (!best) break;
    merges.push(best);
    for (const w of words) w.parts = joinPair(w.parts, ...best);
  }
  return clipTokenizer(merges);
}

function frequentPair(
  words: readonly { readonly parts: readonly string[]; readonly count: number }[],
): [string, string] | undefined {
  const pairs = new Map<string, number>();
  for (const { parts, count } of words)
    for (let i = 0; i + 1 < parts.length; i++) {
      const pair = `${parts[i]} ${parts[i + 1]}`;
      pairs.set(pair, (pairs.get(pair) ?? 0) + count);
    }
  let [best, most] = ['', 1];
  for (const [pair, count] of pairs)
    if (count > most || (count === most && most > 1 && pair < best)) [best, most] = [pair, count];
  return best === '' ? undefined : (best.split(' ') as [string, string]);
}
