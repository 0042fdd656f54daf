/**
 * TF-IDF: counts weighted so that terms which are everywhere count less. Spärck Jones, J. Documentation 28(1), 1972; Salton & Buckley, IPM 24(5),
 * 1988. The formula is scikit-learn's: idf(t) = ln((n + s) / (df(t) + s)) + 1 with s = 1 when smoothed; the + 1 keeps terms that are everywhere.
 */
import { BowError, need, needNumbers, needWhole } from '../base/index.ts';
import { checkFlags, checkNames } from './analysis.ts';
import { CountVectorizer } from './count-vectorizer.ts';
import { type CountOptions, type CountState, type Document, notFitted } from './counting.ts';
import { type Csr, type CsrData, needMatrix, nnz } from './csr.ts';

/** How counts become weights; applied in the order sublinear → idf → norm. */
export type WeightOptions = {
  /** Length of each row. Default 'l2'. */
  readonly norm?: 'l1' | 'l2' | null;
  /** Multiply by idf. Default true. */
  readonly useIdf?: boolean;
  /** As if one more document held every term once. Default true. */
  readonly smoothIdf?: boolean;
  /** tf → 1 + ln tf. Default false. */
  readonly sublinearTf?: boolean;
  /** Numbers of the weights; with 'float32' idf too is rounded before use. Default 'float64'. */
  readonly dtype?: 'float32' | 'float64';
};

/** Weights as numbers of either width. */
export type Weights = Csr<Float64Array | Float32Array>;

/** Option names of {@link WeightOptions}. */
export const weightNames = ['norm', 'useIdf', 'smoothIdf', 'sublinearTf', 'dtype'] as const;

/** idf of every column from document frequencies. */
export function idfOf(df: ArrayLike<number>, documents: number, smooth: boolean): Float64Array {
  needNumbers('df', df);
  needWhole('documents', documents);
  const s = smooth ? 1 : 0;
  return Float64Array.from({ length: df.length }, (_, t) => Math.log((documents + s) / (df[t]! + s)) + 1);
}

const logs: Float64Array = Float64Array.from({ length: 256 }, (_, tf) => 1 + Math.log(tf));

/** Turns counts into weights, row by row, in one pass while a row is in the cache. `idf` null: none. */
export function weigh(x: Csr<CsrData>, idf: Float64Array | Float32Array | null, o: WeightOptions): Weights {
  needMatrix('counts', x);
  if (idf !== null) needNumbers('idf', idf);
  checkNames(o, weightNames, 'weigh');
  checkWeights(o);
  const n = nnz(x);
  const data = o.dtype === 'float32' ? new Float32Array(n) : new Float64Array(n);
  const norm = o.norm === undefined ? 'l2' : o.norm;
  const { indptr, indices, data: counts } = x;
  for (let r = 0; r < x.rows; r++) {
    const from = indptr[r]!;
    const to = indptr[r + 1]!;
    let sum = 0;
    for (let e = from; e < to; e++) {
      let w = counts[e]!;
      if (o.sublinearTf) w = w < 256 && Number.isInteger(w) ? logs[w]! : 1 + Math.log(w);
      if (idf) w *= idf[indices[e]!]!;
      data[e] = w;
      sum += norm === 'l1' ? Math.abs(w) : w * w;
    }
    if (norm && sum > 0) {
      const length = norm === 'l1' ? sum : Math.sqrt(sum);
      for (let e = from; e < to; e++) data[e]! /= length;
    }
  }
  return { rows: x.rows, cols: x.cols, indptr, indices, data };
}

/** In how many rows each column is stored. Stored zeros count, as in scikit-learn. */
export function documentFrequencies(x: Csr): Int32Array {
  needMatrix('counts', x);
  const df = new Int32Array(x.cols);
  const n = nnz(x);
  for (let e = 0; e < n; e++) df[x.indices[e]!]!++;
  return df;
}

function checkWeights(o: WeightOptions): void {
  checkFlags(o, ['useIdf', 'smoothIdf', 'sublinearTf'], 'weights');
  if (o.dtype != null && o.dtype !== 'float32' && o.dtype !== 'float64') {
    throw new BowError('config', `unknown dtype "${String(o.dtype)}"`, {
      place: 'dtype',
      hint: "'float32' or 'float64'",
    });
  }
  if (o.norm != null && o.norm !== 'l1' && o.norm !== 'l2') {
    throw new BowError('config', `unknown norm "${String(o.norm)}"`, { place: 'norm', hint: "'l1', 'l2' or null" });
  }
}

/** Learns idf from counts and weighs counts with it. */
export class TfidfTransformer {
  readonly options: WeightOptions;
  #idf: Float64Array | Float32Array | undefined;

  constructor(options: WeightOptions = {}) {
    checkNames(options, weightNames, 'TfidfTransformer');
    checkWeights(options);
    this.options = options;
  }

  /** Learns idf from counts [documents, terms]. */
  fit(counts: Csr<CsrData>): this {
    return this.fitFrequencies(documentFrequencies(counts), counts.rows);
  }

  /** Learns idf from document frequencies alone, for streams. */
  fitFrequencies(df: ArrayLike<number>, documents: number): this {
    const idf = idfOf(df, documents, this.options.smoothIdf !== false);
    this.#idf = this.options.dtype === 'float32' ? Float32Array.from(idf) : idf;
    return this;
  }

  /** Weights of counts; the input is not changed. Errors: `usage` before a fit, `shape` for other columns, `data` where idf is infinite. */
  transform(counts: Csr<CsrData>): Weights {
    needMatrix('counts', counts);
    const idf = this.options.useIdf === false ? null : this.idf;
    if (idf && idf.length !== counts.cols) {
      throw new BowError('shape', `${counts.cols} columns, but the fit had ${idf.length}`);
    }
    const x = weigh(counts, idf, this.options);
    if (idf && this.options.smoothIdf === false) this.#refuseInfinite(counts, idf);
    return x;
  }

  #refuseInfinite(counts: Csr<CsrData>, idf: Float64Array | Float32Array): void {
    const columns = new Set<number>();
    for (let e = 0; e < nnz(counts); e++)
      if (idf[counts.indices[e]!] === Number.POSITIVE_INFINITY) columns.add(counts.indices[e]!);
    if (columns.size > 0) {
      throw new BowError('data', 'infinite idf: the fit never saw these columns', {
        detail: { columns: [...columns].slice(0, 10) },
        hint: 'use smoothIdf: true',
      });
    }
  }

  fitTransform(counts: Csr<CsrData>): Weights {
    return this.fit(counts).transform(counts);
  }

  /** idf by column. Error `usage` before a fit. */
  get idf(): Float64Array | Float32Array {
    if (!this.#idf) throw notFitted('TfidfTransformer');
    return this.#idf;
  }

  /** Sets idf by hand, for weights learned elsewhere. */
  set idf(values: ArrayLike<number>) {
    needNumbers('idf', values);
    this.#idf = this.options.dtype === 'float32' ? Float32Array.from(values) : Float64Array.from(values);
  }
}

/** Counting and weighting in one. */
export class TfidfVectorizer {
  readonly counter: CountVectorizer;
  readonly transformer: TfidfTransformer;

  /** `counter`: one that is fitted already; its own options then hold. */
  constructor(options: CountOptions & WeightOptions = {}, counter?: CountVectorizer) {
    checkNames(options, Object.keys(options ?? {}), 'TfidfVectorizer'); // unknown names are found by the two that share them
    const weights: Record<string, unknown> = {};
    const counting: Record<string, unknown> = {};
    for (const [k, v] of Object.entries(options))
      ((weightNames as readonly string[]).includes(k) ? weights : counting)[k] = v;
    const fitted = counter === undefined || counter instanceof CountVectorizer;
    need(fitted, 'counter', 'a CountVectorizer', counter);
    this.counter = counter ?? new CountVectorizer(counting);
    this.transformer = new TfidfTransformer(weights);
  }

  get options(): CountOptions & WeightOptions {
    return { ...this.counter.options, ...this.transformer.options };
  }

  fit(documents: Iterable<Document>): this {
    this.counter.fit(documents);
    return this.#learnIdf();
  }

  /** Adds documents; idf follows. Documents weighted earlier keep their old weights. */
  partialFit(documents: Iterable<Document>): this {
    this.counter.partialFit(documents);
    return this.#learnIdf();
  }

  #learnIdf(): this {
    const { df, documents } = this.counter.statistics;
    this.transformer.fitFrequencies(df, documents);
    return this;
  }

  fitTransform(documents: Iterable<Document>): Weights {
    const counts = this.counter.fitTransform(documents);
    this.#learnIdf();
    return this.transformer.transform(counts);
  }

  /** Weights of documents [documents, terms]. Error `usage` before a fit, also when a vocabulary was given. */
  transform(documents: Iterable<Document>): Weights {
    if (this.transformer.options.useIdf !== false) void this.transformer.idf;
    return this.transformer.transform(this.counter.transform(documents));
  }

  get idf(): Float64Array | Float32Array {
    return this.transformer.idf;
  }

  /** Sets idf by hand. Errors `config`: other length than the vocabulary, or `useIdf: false`. */
  set idf(values: ArrayLike<number>) {
    if (this.transformer.options.useIdf === false)
      throw new BowError('config', 'idf cannot be set with useIdf: false', { place: 'idf' });
    needNumbers('idf', values);
    if (values.length !== this.counter.terms.length) {
      throw new BowError('config', `${values.length} idf values for ${this.counter.terms.length} terms`, {
        place: 'idf',
      });
    }
    this.transformer.idf = values;
  }

  get terms(): readonly string[] {
    return this.counter.terms;
  }

  getFeatureNamesOut(): readonly string[] {
    return this.counter.terms;
  }

  inverseTransform(x: Csr<CsrData>): string[][] {
    return this.counter.inverseTransform(x);
  }

  /** A vectoriser as it was when its counter's state was taken. */
  static restore(options: CountOptions & WeightOptions, state: CountState): TfidfVectorizer {
    const counter = CountVectorizer.restore(new TfidfVectorizer(options).counter.options, state);
    return new TfidfVectorizer(options, counter).#learnIdf();
  }

  /** The k terms of one text with the largest weights, ties by code points. */
  keywords(document: Document, k = 10): { term: string; weight: number }[] {
    needWhole('k', k);
    const x = this.transform([document]);
    const found = Array.from(x.indices, (c, e) => ({ term: this.terms[c]!, weight: x.data[e]!, column: c }));
    found.sort((a, b) => b.weight - a.weight || a.column - b.column);
    return found.slice(0, k).map(({ term, weight }) => ({ term, weight }));
  }
}
