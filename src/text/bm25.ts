/**
 * BM25 as a ranking beside TF-IDF: Robertson & Zaragoza, "The Probabilistic Relevance Framework", 2009; the variants are those of Kamphuis et al.,
 * "Which BM25 Do You Mean?", ECIR 2020, table 1, with gensim's and bm25s' constants.
 */
import { BowError, need, needNumber, needNumbers, needWhole } from '../base/index.ts';
import { checkNames } from './analysis.ts';
import { notFitted } from './counting.ts';
import { type Csr, type CsrData, needMatrix } from './csr.ts';
import { documentFrequencies } from './tf-idf.ts';

/** The formulas offered. 'robertson' subtracts for words in more than half of the documents, so it needs a stop list. */
export const bm25Methods = [
  'lucene',
  'robertson',
  'robertson-floor-0',
  'okapi-epsilon',
  'atire',
  'bm25l',
  'bm25+',
] as const;
export type Bm25Method = (typeof bm25Methods)[number];

/** Options of {@link Bm25Transformer}. */
export type Bm25Options = {
  /** Default 'lucene': never negative. */
  readonly method?: Bm25Method;
  /** Saturation of term frequency. Default 1.2. */
  readonly k1?: number;
  /** How much length counts, 0 … 1. Default 0.75. */
  readonly b?: number;
  /** bm25l: 0.5, bm25+: 1, okapi-epsilon: share of the mean idf that replaces a negative one, 0.25. */
  readonly delta?: number;
};

/** idf by column under a method, from document frequencies. */
export function bm25Idf(df: ArrayLike<number>, n: number, method: Bm25Method, delta: number): Float64Array {
  const of: Record<Bm25Method, (d: number) => number> = {
    lucene: (d) => Math.log(1 + (n - d + 0.5) / (d + 0.5)),
    robertson: (d) => Math.log((n - d + 0.5) / (d + 0.5)),
    'robertson-floor-0': (d) => Math.max(0, Math.log((n - d + 0.5) / (d + 0.5))),
    'okapi-epsilon': (d) => Math.log((n - d + 0.5) / (d + 0.5)),
    atire: (d) => Math.log(n / d),
    bm25l: (d) => Math.log((n + 1) / (d + 0.5)),
    'bm25+': (d) => Math.log((n + 1) / d),
  };
  const idf = Float64Array.from({ length: df.length }, (_, t) => (df[t] === 0 ? 0 : of[method](df[t]!)));
  if (method === 'okapi-epsilon') {
    const mean = idf.reduce((s, x) => s + x, 0) / Math.max(1, idf.length);
    return idf.map((x) => (x < 0 ? delta * mean : x));
  }
  return idf;
}

function needLength(what: string, value: number): void {
  need(Number.isFinite(value) && value >= 0, what, 'a number from 0', value);
}

/** Learns idf and the mean length from counts and turns counts into scores. */
export class Bm25Transformer {
  readonly options: Required<Bm25Options>;
  #fitted: { idf: Float64Array; meanLength: number } | undefined;

  constructor(options: Bm25Options = {}) {
    checkNames(options, ['method', 'k1', 'b', 'delta'], 'Bm25Transformer');
    const method = options.method ?? 'lucene';
    const delta = options.delta ?? { 'okapi-epsilon': 0.25, bm25l: 0.5, 'bm25+': 1 }[method as 'bm25l'] ?? 0;
    const [k1, b] = [options.k1 ?? 1.2, options.b ?? 0.75];
    if (!bm25Methods.includes(method))
      throw new BowError('config', `unknown BM25 method "${String(method)}"`, { hint: bm25Methods.join(', ') });
    for (const [name, value] of Object.entries({ k1, b, delta })) needNumber(name, value);
    if (!(k1 >= 0) || !(b >= 0 && b <= 1)) throw new BowError('config', `k1 ${k1}, b ${b}: needs k1 ≥ 0 and 0 ≤ b ≤ 1`);
    this.options = { method, k1, b, delta };
  }

  /** Learns from counts [documents, terms]. */
  fit(counts: Csr<CsrData>): this {
    needMatrix('counts', counts);
    let sum = 0;
    for (const c of counts.data) sum += c;
    return this.fitFrequencies(documentFrequencies(counts), counts.rows, sum / Math.max(1, counts.rows));
  }

  /** Learns from document frequencies and the mean number of kept tokens per document. */
  fitFrequencies(df: ArrayLike<number>, documents: number, meanLength: number): this {
    needNumbers('df', df);
    needWhole('documents', documents);
    needLength('meanLength', meanLength);
    this.#fitted = { idf: bm25Idf(df, documents, this.options.method, this.options.delta), meanLength };
    return this;
  }

  get idf(): Float64Array {
    return this.#need().idf;
  }

  get meanLength(): number {
    return this.#need().meanLength;
  }

  #need(): { idf: Float64Array; meanLength: number } {
    if (!this.#fitted) throw notFitted('Bm25Transformer');
    return this.#fitted;
  }

  /** What a term that occurs `tf` times adds to the score of a document of `length` kept tokens, before idf. */
  termWeight(tf: number, length: number): number {
    needLength('tf', tf);
    needLength('length', length);
    const { k1, b, delta, method } = this.options;
    const l = 1 - b + (b * length) / (this.#need().meanLength || 1);
    if (method === 'bm25l') {
      const c = tf / l;
      return ((k1 + 1) * (c + delta)) / (k1 + c + delta);
    }
    const saturated = tf / (tf + k1 * l);
    if (method === 'bm25+') return tf === 0 ? delta : (k1 + 1) * saturated + delta;
    return method === 'atire' || method === 'okapi-epsilon' ? (k1 + 1) * saturated : saturated;
  }

  /** What a query term adds to documents that lack it: only bm25l and bm25+ have such a constant. By column. */
  get missing(): Float64Array {
    const constant = this.options.method === 'bm25l' || this.options.method === 'bm25+' ? this.termWeight(0, 0) : 0;
    return this.#need().idf.map((x) => x * constant);
  }

  /** Scores that sparse storage holds: what a term adds beyond {@link missing}. [documents, terms] */
  transform(counts: Csr<CsrData>): Csr<Float64Array> {
    const { idf } = this.#need();
    needMatrix('counts', counts);
    if (idf.length !== counts.cols)
      throw new BowError('shape', `${counts.cols} columns, but the fit had ${idf.length}`);
    const missing = this.missing;
    const data = new Float64Array(counts.data.length);
    for (let r = 0; r < counts.rows; r++) {
      let length = 0;
      for (let e = counts.indptr[r]!; e < counts.indptr[r + 1]!; e++) length += counts.data[e]!;
      for (let e = counts.indptr[r]!; e < counts.indptr[r + 1]!; e++) {
        const t = counts.indices[e]!;
        data[e] = idf[t]! * this.termWeight(counts.data[e]!, length) - missing[t]!;
      }
    }
    return { rows: counts.rows, cols: counts.cols, indptr: counts.indptr, indices: counts.indices, data };
  }

  /** Scores of all documents for one query: Σ over its tokens. `weights` from {@link transform}, `query` one row of counts. */
  scores(weights: Csr<Float64Array>, query: Csr<CsrData>): Float64Array {
    needMatrix('weights', weights);
    needMatrix('query', query);
    const wanted = new Float64Array(weights.cols);
    let constant = 0;
    for (let e = 0; e < query.indices.length; e++) {
      wanted[query.indices[e]!] = query.data[e]!;
      constant += query.data[e]! * this.missing[query.indices[e]!]!;
    }
    const scores = new Float64Array(weights.rows).fill(constant);
    for (let r = 0; r < weights.rows; r++) {
      for (let e = weights.indptr[r]!; e < weights.indptr[r + 1]!; e++)
        scores[r]! += wanted[weights.indices[e]!]! * weights.data[e]!;
    }
    return scores;
  }
}
