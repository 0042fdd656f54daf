/**
 * Bag of words: a document is how often each term occurs in it. Salton, Wong, Yang, CACM 18(11), 1975; options, defaults and results are
 * scikit-learn's `CountVectorizer`.
 */
import { BowError, needIterable, needNumbers, needRecord, needTexts, needWhole } from '../base/index.ts';
import { analysisNames, analyzerOf, checkAnalysis, checkFlags, checkNames } from './analysis.ts';
import {
  type CountOptions,
  type CountState,
  checkDocuments,
  counterOptions,
  type Document,
  emptyVocabulary,
  type FitStatistics,
  fixedTerms,
  notFitted,
  RowCollector,
  textOf,
} from './counting.ts';
import { type Csr, type CsrData, needMatrix } from './csr.ts';
import { checkSelection, selectionNames, selectTerms } from './selection.ts';
import { type CountedRows, TermCounter } from './term-counter.ts';

const names = [...analysisNames, ...selectionNames, 'vocabulary', 'binary'];

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
    checkFlags(options, ['binary'], 'CountVectorizer');
    const { vocabulary } = options;
    if (vocabulary != null && typeof vocabulary !== 'object') needIterable('vocabulary', vocabulary);
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

  /** Adds documents to what is learned; after an error nothing is fitted. Call {@link freeze} (or ask for anything fitted) when there are no more. */
  partialFit(documents: Iterable<Document>): this {
    checkDocuments(documents);
    const fixed = this.options.vocabulary ? fixedTerms(this.options.vocabulary) : undefined;
    this.#learner ??= this.#newLearner(fixed);
    try {
      for (const d of documents) {
        this.#learner.push(d);
        this.#documents++;
      }
      this.#learner.flush();
    } catch (e) {
      this.#reset(); // a part of the documents is counted: nothing is better than that
      throw e;
    }
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
    counter.restart();
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
    needMatrix('rows', x);
    if (x.cols !== terms.length) throw new BowError('shape', `a matrix of ${x.cols} columns for ${terms.length} terms`);
    return Array.from({ length: x.rows }, (_, r) => {
      const found: string[] = [];
      for (let e = x.indptr[r]!; e < x.indptr[r + 1]!; e++) if (x.data[e] !== 0) found.push(terms[x.indices[e]!]!);
      return found;
    });
  }

  /** The terms of one text, in order. */
  analyze(document: Document): readonly string[] {
    return analyzerOf(this.options)(textOf(document, this.options));
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
    needRecord('a state', state);
    needTexts('terms of a state', state.terms);
    needNumbers('df of a state', state.df);
    needNumbers('totals of a state', state.totals);
    needWhole('documents of a state', state.documents);
    v.#state = state;
    v.#documents = state.documents;
    return v;
  }
}
