/** Word vectors and what is asked of them: neighbours, analogies, odd ones out. Results are gensim's `KeyedVectors`' to float32 accuracy. */
import { BowError, nearest } from '../../base/index.ts';
import { topK } from '../../search/index.ts';

/** A found word with its score. */
export type Neighbour = { readonly word: string; readonly score: number };

/** What a query is made of: words or vectors, each with an optional weight. */
export type QueryItem = string | Float32Array | readonly [string | Float32Array, number];

/** Options of neighbour queries. */
export type NeighbourOptions = {
  readonly positive?: readonly QueryItem[];
  readonly negative?: readonly QueryItem[];
  readonly topn?: number;
  /** Look at the first n rows only, which are the most frequent words. */
  readonly restrictVocab?: number | null;
  readonly clipStart?: number;
  readonly clipEnd?: number | null;
};

/** Words with their vectors, [words × width], most frequent first. */
export class KeyedVectors {
  readonly words: readonly string[];
  readonly width: number;
  readonly vectors: Float32Array;
  readonly counts: Float64Array | undefined;
  readonly #index = new Map<string, number>();
  #norms: Float32Array | undefined;

  /** Error `shape` when words and numbers do not fit. A word that occurs twice keeps its first row. */
  constructor(words: readonly string[], vectors: Float32Array, width: number, counts?: Float64Array) {
    if (vectors.length !== words.length * width)
      throw new BowError('shape', `${vectors.length} numbers for ${words.length} words × ${width}`);
    this.words = words;
    this.vectors = vectors;
    this.width = width;
    this.counts = counts;
    words.forEach((w, i) => {
      if (!this.#index.has(w)) this.#index.set(w, i);
    });
  }

  has(word: string): boolean {
    return this.#index.has(word);
  }

  /** Row of a word, or −1. */
  indexOf(word: string): number {
    return this.#index.get(word) ?? -1;
  }

  /** A view of a word's vector. Error `data` with the nearest word when it is unknown. */
  get(word: string): Float32Array {
    return this.#row(this.#need(word));
  }

  #row(i: number): Float32Array {
    return this.vectors.subarray(i * this.width, (i + 1) * this.width);
  }

  #need(word: string): number {
    const i = this.#index.get(word);
    if (i !== undefined) return i;
    const guess = this.#index.has(word.toLowerCase()) ? word.toLowerCase() : nearest(word, this.words.slice(0, 20_000));
    throw new BowError('data', `the word "${word}" has no vector${guess ? ` (did you mean "${guess}"?)` : ''}`, {
      detail: { words: this.words.length },
    });
  }

  /** Lengths of all rows. */
  norms(): Float32Array {
    this.#norms ??= Float32Array.from(this.words, (_, i) => Math.sqrt(dot(this.#row(i), this.#row(i))));
    return this.#norms;
  }

  /** A vector (of a word or given) of length 1; zeros stay. */
  unit(item: string | Float32Array): Float32Array {
    return normalized(typeof item === 'string' ? this.get(item) : item);
  }

  /** Σ weight · unit vector / Σ |weight| over words; unknown words are left out, all unknown is an error. */
  meanVector(
    items: readonly QueryItem[],
    o: { readonly ignoreMissing?: boolean; readonly raw?: boolean } = {},
  ): Float32Array {
    const sum = new Float64Array(this.width);
    let total = 0;
    for (const item of items) {
      const [key, weight] = Array.isArray(item)
        ? (item as [string | Float32Array, number])
        : [item as string | Float32Array, 1];
      if (typeof key === 'string' && o.ignoreMissing && !this.has(key)) continue;
      const v = o.raw ? (typeof key === 'string' ? this.get(key) : key) : this.unit(key);
      for (let k = 0; k < this.width; k++) sum[k]! += weight * v[k]!;
      total += Math.abs(weight);
    }
    if (total === 0)
      throw new BowError('data', 'none of the words has a vector', {
        detail: { words: items.filter((i) => typeof i === 'string') as string[] },
      });
    return Float32Array.from(sum, (x) => x / total);
  }

  /** Words with the largest cosine to a mix of words (3CosAdd): [king, woman] minus [man] → queen. The words given are left out. */
  mostSimilar(query: string | NeighbourOptions, options: NeighbourOptions = {}): Neighbour[] {
    const o = typeof query === 'string' ? { ...options, positive: [query, ...(options.positive ?? [])] } : query;
    const items = [...(o.positive ?? []), ...(o.negative ?? []).map(negated)];
    if (items.length === 0) throw new BowError('usage', 'a neighbour query needs at least one word');
    const q = normalized(this.meanVector(items));
    const scores = this.#cosines(q, ...this.#range(o));
    return this.#best(scores, o, items);
  }

  #range(o: NeighbourOptions): [number, number] {
    const end = o.clipEnd ?? o.restrictVocab ?? this.words.length;
    return [Math.max(0, o.clipStart ?? 0), Math.min(end, this.words.length)];
  }

  /** Cosine of a unit vector with rows [from, to); rows of zeros score 0. Others stay at −∞. */
  #cosines(q: Float32Array, from: number, to: number): Float32Array {
    const norms = this.norms();
    const scores = new Float32Array(this.words.length).fill(Number.NEGATIVE_INFINITY);
    const [w, v] = [this.width, this.vectors];
    for (let i = from, at = from * w; i < to; i++, at += w) {
      let s = 0;
      for (let k = 0; k < w; k++) s += q[k]! * v[at + k]!;
      scores[i] = norms[i]! > 0 ? s / norms[i]! : 0;
    }
    return scores;
  }

  #best(scores: Float32Array, o: NeighbourOptions, items: readonly QueryItem[]): Neighbour[] {
    for (const item of items) {
      const key = Array.isArray(item) ? item[0] : item;
      if (typeof key === 'string') scores[this.#need(key)] = Number.NEGATIVE_INFINITY;
    }
    const [from, to] = this.#range(o);
    const candidates = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i).filter(
      (i) => scores[i]! > Number.NEGATIVE_INFINITY,
    );
    return topK(scores, o.topn ?? 10, candidates).map((h) => ({ word: this.words[h.document]!, score: h.score }));
  }

  /** 3CosMul (Levy & Goldberg, CoNLL 2014): Π (1 + cos)/2 of positives over Π (1 + cos)/2 of negatives + 1e-6. */
  mostSimilarCosmul(o: NeighbourOptions): Neighbour[] {
    const range = this.#range(o);
    const products = (items: readonly QueryItem[]): Float64Array => {
      const p = new Float64Array(this.words.length).fill(1);
      for (const item of items) {
        const c = this.#cosines(this.unit((Array.isArray(item) ? item[0] : item) as string | Float32Array), ...range);
        for (let i = range[0]; i < range[1]; i++) p[i]! *= (1 + c[i]!) / 2;
      }
      return p;
    };
    const [up, down] = [products(o.positive ?? []), products(o.negative ?? [])];
    const scores = Float32Array.from(up, (x, i) => x / (down[i]! + 1e-6));
    return this.#best(scores, o, [...(o.positive ?? []), ...(o.negative ?? [])]);
  }

  /** b − a + c: "a is to b as c is to …". */
  analogy(a: string, b: string, c: string, o: NeighbourOptions = {}): Neighbour[] {
    return this.mostSimilar({ ...o, positive: [b, c], negative: [a] });
  }

  /** Words by their cosine with the mean of all of them, most central first; unknown words are left out. */
  rankByCentrality(words: readonly string[]): Neighbour[] {
    const known = words.filter((w) => this.has(w));
    const mean = normalized(this.meanVector(known));
    const scored = known.map((word) => ({ word, score: dot(this.unit(word), mean) }));
    return scored.sort((x, y) => y.score - x.score);
  }

  /** The word that fits least. */
  doesntMatch(words: readonly string[]): string {
    return this.rankByCentrality(words).at(-1)!.word;
  }

  /** Cosine of two words. */
  similarity(a: string, b: string): number {
    return dot(this.unit(a), this.unit(b));
  }

  /** Cosine between the means of two lists of words (raw vectors, as gensim's `n_similarity`). */
  nSimilarity(a: readonly string[], b: readonly string[]): number {
    return dot(normalized(this.meanVector(a, { raw: true })), normalized(this.meanVector(b, { raw: true })));
  }

  /** 1 − cosine to each of the words. */
  distances(word: string, others: readonly string[] = this.words): Float32Array {
    return Float32Array.from(others, (o) => 1 - this.similarity(word, o));
  }

  /** Words closer to `a` than `b` is. */
  closerThan(a: string, b: string): string[] {
    const scores = this.#cosines(this.unit(a), 0, this.words.length);
    const limit = scores[this.#need(b)]!;
    return this.words.filter((w, i) => scores[i]! > limit && w !== a);
  }

  /** Place of `b` among the neighbours of `a`, from 1. */
  rank(a: string, b: string): number {
    return this.closerThan(a, b).length + 1;
  }
}

function negated(item: QueryItem): QueryItem {
  return Array.isArray(item) ? [item[0] as string, -item[1]!] : [item as string, -1];
}

/** A copy of length 1; zeros stay. */
export function normalized(v: Float32Array): Float32Array {
  const n = Math.sqrt(dot(v, v));
  return n > 0 ? v.map((x) => x / n) : v.slice();
}

function dot(a: Float32Array, b: Float32Array): number {
  let s = 0;
  for (let k = 0; k < a.length; k++) s += a[k]! * b[k]!;
  return s;
}
