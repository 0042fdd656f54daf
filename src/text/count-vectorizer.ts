/**
 * Bag of words: a document is how often each term occurs in it. Salton, Wong, Yang, CACM 18(11), 1975; options, defaults and results are
 * scikit-learn's `CountVectorizer`.
 */
import { BowError } from '../base/index.ts';
import {
  type AnalysisOptions,
  analysisNames,
  analyzerOf,
  checkAnalysis,
  checkNames,
  decoderOf,
  stopWordsOf,
} from './analysis.ts';
import { type Csr, type CsrData, newIndptr } from './csr.ts';
import { checkSelection, type SelectionOptions, selectionNames, selectTerms } from './selection.ts';
import { type CountedRows, type CounterOptions, TermCounter, wordClasses } from './term-counter.ts';

/** A text, or the bytes of one. */
export type Document = string | Uint8Array;

/** Options of {@link CountVectorizer}. */
export type CountOptions = AnalysisOptions &
  SelectionOptions & {
    /** Fixed columns: an array keeps its order, a Set is sorted, a Map or record gives columns 0 … n − 1. minDf, maxDf, maxFeatures are then ignored. */
    readonly vocabulary?:
      | readonly string[]
      | ReadonlySet<string>
      | ReadonlyMap<string, number>
      | Readonly<Record<string, number>>
      | null;
    /** Stored counts become 1. */
    readonly binary?: boolean;
  };

/** What a fit has seen: number of documents, and per column the documents it occurred in and its total count. */
export type FitStatistics = { readonly documents: number; readonly df: Int32Array; readonly totals: Float64Array };

/** Everything a fitted counter is, as plain data. */
export type CountState = { readonly terms: readonly string[] } & FitStatistics;

const names = [...analysisNames, ...selectionNames, 'vocabulary', 'binary'];

/** The counter options that analysis options ask for: the byte path where the defaults allow it, else the string path. */
export function counterOptions(o: AnalysisOptions): Omit<CounterOptions, 'mode' | 'onRows'> {
  const stop = stopWordsOf(o);
  const plain =
    (o.analyzer ?? 'word') === 'word' &&
    !o.tokenizer &&
    !o.preprocessor &&
    !o.tokenPattern &&
    !o.stripAccents &&
    !o.segment &&
    o.encoding !== 'ascii';
  return {
    analyze: analyzerOf(o),
    repair: decoderOf(o),
    ...(plain ? { classes: wordClasses(o.lowercase !== false) } : {}),
    ...(plain && stop ? { stopWords: stop } : {}),
    ...(o.ngramRange ? { ngramRange: o.ngramRange } : {}),
    lowercase: o.lowercase !== false,
  };
}

/** Refuses a single text where documents are expected: it would silently be read letter by letter. */
export function checkDocuments(docs: unknown): void {
  if (typeof docs === 'string' || docs instanceof Uint8Array) {
    throw new BowError('data', 'documents expected, a single text given', { hint: 'put it into an array: [text]' });
  }
}

/** Collects the rows of a counter into one matrix. */
export class RowCollector {
  readonly #parts: CountedRows[] = [];

  add(rows: CountedRows): void {
    this.#parts.push(rows);
  }

  /** The collected batches, for a pass over them. */
  parts(): readonly CountedRows[] {
    return this.#parts;
  }

  /** One matrix of `cols` columns; `map` renumbers each batch first. */
  matrix(cols: number, map: (rows: CountedRows) => CountedRows = (r) => r): Csr<Int32Array> {
    const parts = this.#parts.map(map);
    const rows = parts.reduce((s, p) => s + p.ends.length, 0);
    const entries = parts.reduce((s, p) => s + p.columns.length, 0);
    const indptr = newIndptr(rows, entries);
    const indices = new Int32Array(entries);
    const data = new Int32Array(entries);
    let [r, e] = [0, 0];
    for (const p of parts) {
      indices.set(p.columns, e);
      data.set(p.counts, e);
      for (let i = 0; i < p.ends.length; i++) indptr[++r] = e + p.ends[i]!;
      e += p.columns.length;
    }
    return { rows, cols, indptr, indices, data };
  }
}

/** The columns of a given vocabulary, in order. Errors `config`: empty, duplicates, gaps. */
export function fixedTerms(v: NonNullable<CountOptions['vocabulary']>): string[] {
  const place = 'vocabulary';
  let terms: string[];
  if (Array.isArray(v)) terms = v.slice();
  else if (v instanceof Set) terms = sortTerms([...(v as ReadonlySet<string>)]);
  else {
    const pairs =
      v instanceof Map ? [...(v as ReadonlyMap<string, number>)] : Object.entries(v as Record<string, number>);
    terms = new Array(pairs.length);
    for (const [term, column] of pairs) {
      if (!Number.isInteger(column) || column < 0 || column >= pairs.length) {
        throw new BowError('config', `a vocabulary of size ${pairs.length} has no column ${column}`, {
          place,
          detail: { term },
        });
      }
      if (terms[column] !== undefined)
        throw new BowError('config', `column ${column} is given twice`, { place, detail: { term } });
      terms[column] = term;
    }
  }
  if (terms.length === 0) throw new BowError('config', 'empty vocabulary', { place });
  const seen = new Set<string>();
  for (const t of terms) {
    if (seen.has(t)) throw new BowError('config', `duplicate term "${t}"`, { place });
    seen.add(t);
  }
  return terms;
}

function sortTerms(terms: string[]): string[] {
  const counter = new TermCounter({ mode: 'learn', analyze: () => [], onRows: () => {} });
  const ids = counter.intern(terms);
  return counter.terms(counter.sortIds(ids));
}

/** Counts terms. Fit learns the columns (or takes a given vocabulary), transform counts them. */
export class CountVectorizer {
  readonly options: CountOptions;
  #learner: TermCounter | undefined;
  #collected: RowCollector | undefined;
  #documents = 0;
  #state: CountState | undefined;
  #removed: readonly string[] = [];
  #known: { counter: TermCounter; sink: { rows: RowCollector } } | undefined;

  /** Errors `config` for unknown or contradictory options. */
  constructor(options: CountOptions = {}) {
    checkNames(options, names, 'CountVectorizer');
    checkAnalysis(options, 'CountVectorizer');
    checkSelection(options);
    this.options = options;
  }

  /** Learns the columns from the documents, forgetting what was fitted before. */
  fit(documents: Iterable<Document>): this {
    this.#reset();
    this.partialFit(documents);
    this.freeze();
    return this;
  }

  /** Learns the columns and counts them, in one pass: [documents, terms]. */
  fitTransform(documents: Iterable<Document>): Csr<Int32Array> {
    checkDocuments(documents);
    if (this.options.vocabulary) {
      const all = [...documents];
      return this.fit(all).transform(all);
    }
    this.#reset();
    this.#collected = new RowCollector();
    this.partialFit(documents);
    const { map, learner } = this.freeze();
    const x = this.#collected.matrix(this.terms.length, (rows) => learner.remap(rows, map));
    this.#collected = undefined;
    this.#learner = undefined;
    return this.#binary(x);
  }

  #reset(): void {
    this.#learner = undefined;
    this.#state = undefined;
    this.#known = undefined;
    this.#collected = undefined;
    this.#documents = 0;
    this.#removed = [];
  }

  /** Adds documents to what is learned; call {@link freeze} (or ask for anything fitted) when there are no more. */
  partialFit(documents: Iterable<Document>): this {
    checkDocuments(documents);
    const fixed = this.options.vocabulary ? fixedTerms(this.options.vocabulary) : undefined;
    this.#learner ??= this.#newLearner(fixed);
    for (const d of documents) {
      this.#learner.push(d);
      this.#documents++;
    }
    this.#learner.flush();
    this.#state = undefined;
    return this;
  }

  #newLearner(fixed: readonly string[] | undefined): TermCounter {
    const onRows = (rows: CountedRows): void => this.#collected?.add(rows);
    const learner = new TermCounter({ ...counterOptions(this.options), mode: fixed ? 'known' : 'learn', onRows });
    if (fixed) learner.intern(fixed);
    return learner;
  }

  /** Fixes the columns; returns how ids of the learner map to them. Errors `data`: no terms, or none left after the bounds. */
  freeze(): { map: Int32Array; learner: TermCounter } {
    const learner = this.#learner;
    if (!learner) throw notFitted('CountVectorizer');
    const [df, totals] = [learner.df(), learner.totals()];
    const map = new Int32Array(learner.termCount).fill(-1);
    let ids: Int32Array;
    if (this.options.vocabulary) ids = Int32Array.from(map.keys());
    else {
      if (learner.termCount === 0) throw emptyVocabulary();
      const sorted = learner.sortIds(Int32Array.from(map.keys()));
      const binary = this.options.binary === true;
      const dfs = sorted.map((id) => df[id]!);
      const kept = selectTerms(
        dfs,
        binary ? dfs : Float64Array.from(sorted, (id) => totals[id]!),
        this.#documents,
        this.options,
      );
      ids = kept.map((i) => sorted[i]!);
      const keptSet = new Uint8Array(learner.termCount);
      for (const id of ids) keptSet[id] = 1;
      this.#removed = ids.length === sorted.length ? [] : learner.terms(sorted.filter((id) => keptSet[id] === 0));
    }
    ids.forEach((id, column) => {
      map[id] = column;
    });
    this.#state = {
      terms: learner.terms(ids),
      documents: this.#documents,
      df: ids.map((id) => df[id]!),
      totals: Float64Array.from(ids, (id) => totals[id]!),
    };
    this.#known = undefined;
    return { map, learner };
  }

  /** Counts the known terms: [documents, terms]. With a given `vocabulary` no fit is needed. Error `usage` before a fit. */
  transform(documents: Iterable<Document>): Csr<Int32Array> {
    checkDocuments(documents);
    const { counter, sink } = this.#knownCounter();
    const rows = new RowCollector();
    sink.rows = rows;
    for (const d of documents) counter.push(d);
    counter.flush();
    return this.#binary(rows.matrix(this.terms.length));
  }

  #knownCounter(): { counter: TermCounter; sink: { rows: RowCollector } } {
    if (!this.#known) {
      const terms = this.terms;
      const sink = { rows: new RowCollector() };
      const counter = new TermCounter({
        ...counterOptions(this.options),
        mode: 'known',
        onRows: (r) => sink.rows.add(r),
      });
      counter.intern(terms);
      this.#known = { counter, sink };
    }
    return this.#known;
  }

  #binary(x: Csr<Int32Array>): Csr<Int32Array> {
    if (this.options.binary) x.data.fill(1);
    return x;
  }

  /** The column of a term, or −1. */
  indexOf(term: string): number {
    return this.#knownCounter().counter.id(term);
  }

  /** The terms by column. Error `usage` before a fit. */
  get terms(): readonly string[] {
    if (!this.#state && this.#learner) this.freeze();
    if (!this.#state && this.options.vocabulary) return fixedTerms(this.options.vocabulary);
    if (!this.#state) throw notFitted('CountVectorizer');
    return this.#state.terms;
  }

  /** The terms by column, under scikit-learn's name. */
  getFeatureNamesOut(): readonly string[] {
    return this.terms;
  }

  /** What the fit has seen. */
  get statistics(): FitStatistics {
    void this.terms;
    if (!this.#state) throw notFitted('CountVectorizer');
    return this.#state;
  }

  /** Terms that the bounds removed, in order. */
  get removedTerms(): readonly string[] {
    void this.terms;
    return this.#removed;
  }

  /** The terms of each row's non-zero entries. */
  inverseTransform(x: Csr<CsrData>): string[][] {
    const terms = this.terms;
    if (x.cols !== terms.length) throw new BowError('shape', `a matrix of ${x.cols} columns for ${terms.length} terms`);
    return Array.from({ length: x.rows }, (_, r) => {
      const found: string[] = [];
      for (let e = x.indptr[r]!; e < x.indptr[r + 1]!; e++) if (x.data[e] !== 0) found.push(terms[x.indices[e]!]!);
      return found;
    });
  }

  /** The terms of one text, in order. */
  analyze(document: Document): readonly string[] {
    const text = typeof document === 'string' ? document : decoderOf(this.options)(document);
    return analyzerOf(this.options)(text);
  }

  /** The fitted state as plain data; {@link CountVectorizer.restore} is its inverse. */
  state(): CountState {
    void this.terms;
    return (
      this.#state ?? {
        terms: this.terms,
        documents: 0,
        df: new Int32Array(this.terms.length),
        totals: new Float64Array(this.terms.length),
      }
    );
  }

  /** A counter as it was when {@link state} was taken. */
  static restore(options: CountOptions, state: CountState): CountVectorizer {
    const v = new CountVectorizer(options);
    v.#state = state;
    v.#documents = state.documents;
    return v;
  }
}

/** The error of asking an unfitted model. */
export function notFitted(what: string): BowError {
  return new BowError('usage', `${what} is not fitted`, { hint: 'call fit first' });
}

/** The error of documents without any term. */
export function emptyVocabulary(): BowError {
  return new BowError('data', 'empty vocabulary: the documents hold no terms, perhaps only stop words', {
    hint: 'the default token has at least two letters or digits; text without spaces needs segment: "intl"',
  });
}
