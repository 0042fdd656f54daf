/** The vocabulary of word2vec: order, subsampling, noise, Huffman codes. */
import { BowError } from '../../base/index.ts';

/** Words by row, most frequent first, with their counts. */
export type WordCounts = { readonly words: readonly string[]; readonly counts: Float64Array };

/** Options that decide which words are kept. */
export type VocabularyOptions = { readonly minCount?: number; readonly maxFinalVocab?: number | null };

/**
 * The order of rows: by descending count, first seen first among equals (word2vec.c's stable sort); DIFFERS from gensim, whose ties depend on its
 * version. Returns the ids of the kept words. Error `data` when nothing is left.
 */
export function keptIds(counts: ArrayLike<number>, o: VocabularyOptions): Int32Array {
  const minCount = o.minCount ?? 5;
  let ids = Array.from({ length: counts.length }, (_, i) => i).filter((i) => counts[i]! >= minCount);
  ids.sort((a, b) => counts[b]! - counts[a]! || a - b);
  if (o.maxFinalVocab != null && ids.length > o.maxFinalVocab) {
    const cut = counts[ids[o.maxFinalVocab]!]!; // as gensim: the least count that fits, for all words alike
    ids = ids.filter((i) => counts[i]! > cut);
  }
  if (ids.length === 0) {
    throw new BowError('data', counts.length === 0 ? 'the corpus holds no words' : `no word occurs ${minCount} times`, {
      detail: { words: counts.length },
      hint: 'lower minCount',
    });
  }
  return Int32Array.from(ids);
}

/**
 * The probability that one occurrence is kept: (√(c/(s·T)) + 1)·s·T/c, at most 1, as both programs have it (the paper's 1 − √(t/f) is in neither).
 * `sample` 0: all are kept. gensim reads `sample` ≥ 1 as a count.
 */
export function keepProbabilities(counts: ArrayLike<number>, sample: number, total: number): Float64Array {
  if (sample === 0) return new Float64Array(counts.length).fill(1);
  const threshold = sample < 1 ? sample * total : Math.trunc((sample * (3 + Math.sqrt(5))) / 2);
  return Float64Array.from(counts, (c) => Math.min(1, (Math.sqrt(c / threshold) + 1) * (threshold / c)));
}

/** Walker's alias table of count^power: pairs (24-bit threshold, alias), one per word. */
export function aliasTable(counts: ArrayLike<number>, power: number): Uint32Array {
  const n = counts.length;
  const weights = Float64Array.from(counts, (c) => c ** power);
  const sum = weights.reduce((s, w) => s + w, 0);
  const p = weights.map((w) => (w * n) / sum);
  const table = new Uint32Array(2 * n);
  const small: number[] = [];
  const large: number[] = [];
  for (let i = 0; i < n; i++) (p[i]! < 1 ? small : large).push(i);
  while (small.length > 0 && large.length > 0) {
    const [s, l] = [small.pop()!, large[large.length - 1]!];
    table[2 * s] = Math.round(p[s]! * 2 ** 24);
    table[2 * s + 1] = l;
    p[l] = p[l]! + p[s]! - 1;
    if (p[l]! < 1) small.push(large.pop()!);
  }
  for (const i of [...small, ...large]) {
    table[2 * i] = 2 ** 24;
    table[2 * i + 1] = i;
  }
  return table;
}

/** Huffman codes of all words: `starts[w] … starts[w + 1]` are its bits in `codes` and its inner nodes in `points`, from the root. */
export type Huffman = { readonly codes: Uint8Array; readonly points: Int32Array; readonly starts: Uint32Array };

/**
 * The tree of word2vec.c: two queues over counts in descending order; the smaller of two gets 0; on equal counts an inner node is taken before a
 * leaf. One word alone has no code.
 */
export function huffman(counts: ArrayLike<number>): Huffman {
  const n = counts.length;
  const count = new Float64Array(2 * n).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < n; i++) count[i] = counts[i]!;
  const parent = new Int32Array(2 * n);
  const bit = new Uint8Array(2 * n);
  let [leaf, inner] = [n - 1, n];
  const take = (): number => (leaf >= 0 && count[leaf]! < count[inner]! ? leaf-- : inner++);
  for (let a = 0; a < n - 1; a++) {
    const first = take();
    const second = take();
    count[n + a] = count[first]! + count[second]!;
    parent[first] = n + a;
    parent[second] = n + a;
    bit[second] = 1;
  }
  const codes: number[] = [];
  const points: number[] = [];
  const starts = new Uint32Array(n + 1);
  for (let w = 0; w < n; w++) {
    const path: number[] = [];
    for (let at = w; at !== 2 * n - 2 && n > 1; at = parent[at]!) path.push(at);
    for (let i = path.length - 1; i >= 0; i--) {
      codes.push(bit[path[i]!]!);
      points.push(parent[path[i]!]! - n);
    }
    starts[w + 1] = codes.length;
  }
  return { codes: Uint8Array.from(codes), points: Int32Array.from(points), starts };
}
