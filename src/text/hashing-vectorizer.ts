/**
 * The hashing trick: a term's column is its hash, so nothing is learned and memory is fixed. Shi et al., JMLR 10, 2009; Weinberger et al.,
 * ICML 2009, arXiv 0902.2206. Results are scikit-learn's `HashingVectorizer`, to the sign and the stored zero.
 */
import { BowError, needWhole } from '../base/index.ts';
import { type AnalysisOptions, analysisNames, checkAnalysis, checkFlags, checkNames } from './analysis.ts';
import { checkDocuments, counterOptions, type Document, RowCollector } from './counting.ts';
import { type Csr, normalizeRows } from './csr.ts';
import { TermCounter } from './term-counter.ts';

/** Options of {@link HashingVectorizer}. */
export type HashingOptions = AnalysisOptions & {
  /** Columns, 1 … 2³¹ − 1. Default 2²⁰. */
  readonly nFeatures?: number;
  /** Row length after hashing. Default 'l2'. */
  readonly norm?: 'l1' | 'l2' | null;
  /** A second bit of the hash gives the sign, so that collisions cancel on average. Default true. */
  readonly alternateSign?: boolean;
  /** Every stored value becomes 1, after summing: it drops signs and overwrites stored zeros. */
  readonly binary?: boolean;
  /** DIFFERS: ours. Seed of the hash, for experiments on collisions. Default 0, as scikit-learn's. */
  readonly seed?: number;
};

const names = [...analysisNames, 'nFeatures', 'norm', 'alternateSign', 'binary', 'seed'];

/** Counts hashed terms; stateless, so `fit` only checks its input. */
export class HashingVectorizer {
  readonly options: HashingOptions;
  readonly #features: number;
  #counter: { counter: TermCounter; sink: { rows: RowCollector } } | undefined;

  constructor(options: HashingOptions = {}) {
    checkNames(options, names, 'HashingVectorizer');
    checkAnalysis(options, 'HashingVectorizer');
    checkFlags(options, ['alternateSign', 'binary'], 'HashingVectorizer');
    if (options.seed != null) needWhole('seed', options.seed, 0, 2 ** 32 - 1);
    this.options = options;
    this.#features = options.nFeatures ?? 2 ** 20;
    if (!Number.isInteger(this.#features) || this.#features < 1 || this.#features > 2 ** 31 - 1) {
      throw new BowError('config', `nFeatures ${String(this.#features)}: needs an integer from 1 to 2³¹ − 1`, {
        place: 'nFeatures',
      });
    }
    if (options.norm != null && options.norm !== 'l1' && options.norm !== 'l2') {
      throw new BowError('config', `unknown norm "${String(options.norm)}"`, {
        place: 'norm',
        hint: "'l1', 'l2' or null",
      });
    }
  }

  /** Checks that documents are documents. */
  fit(documents: Iterable<Document>): this {
    checkDocuments(documents);
    return this;
  }

  /** The same as {@link transform}. */
  fitTransform(documents: Iterable<Document>): Csr<Float64Array> {
    return this.transform(documents);
  }

  /** Hashed rows [documents, nFeatures]; +1 and −1 in one bucket leave a stored zero. */
  transform(documents: Iterable<Document>): Csr<Float64Array> {
    checkDocuments(documents);
    if (!this.#counter) {
      const sink = { rows: new RowCollector() };
      const counter = new TermCounter({
        ...counterOptions(this.options),
        mode: 'hashed',
        features: this.#features,
        signed: this.options.alternateSign !== false,
        seed: this.options.seed ?? 0,
        onRows: (r) => sink.rows.add(r),
      });
      this.#counter = { counter, sink };
    }
    const { counter, sink } = this.#counter;
    const rows = new RowCollector();
    sink.rows = rows;
    counter.restart();
    for (const d of documents) counter.push(d);
    counter.flush();
    const counts = rows.matrix(this.#features);
    const x = {
      ...counts,
      data: this.options.binary ? new Float64Array(counts.data.length).fill(1) : Float64Array.from(counts.data),
    };
    const norm = this.options.norm === undefined ? 'l2' : this.options.norm;
    if (norm) normalizeRows(x, norm);
    return x;
  }
}
