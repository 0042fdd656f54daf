/** What counting vectorisers share: options of the byte path, given vocabularies, collecting rows, refusals. */
import { BowError, kindOf, needIterable, needText } from '../base/index.ts';
import { type AnalysisOptions, analyzerOf, decoderOf, stopWordsOf } from './analysis.ts';
import { type Csr, newIndptr } from './csr.ts';
import type { SelectionOptions } from './selection.ts';
import { type CountedRows, type CounterOptions, checkDocument, TermCounter, wordClasses } from './term-counter.ts';

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
    decode: decoderOf(o),
    ...(plain ? { classes: wordClasses(o.lowercase !== false), words: true } : {}),
    ...(plain && stop ? { stopWords: stop } : {}),
    ...(o.ngramRange ? { ngramRange: o.ngramRange } : {}),
    lowercase: o.lowercase !== false,
  };
}

/** Refuses a single text where documents are expected, which would silently be read letter by letter, and what cannot be iterated. */
export function checkDocuments(docs: unknown): void {
  if (typeof docs === 'string' || docs instanceof Uint8Array) {
    throw new BowError('data', 'documents expected, a single text given', { hint: 'put it into an array: [text]' });
  }
  if (typeof (docs as Iterable<unknown> | null | undefined)?.[Symbol.iterator] !== 'function') {
    throw new BowError('data', `documents expected, ${kindOf(docs)} given`, { hint: 'give an array of texts' });
  }
}

/** Text of a document, decoded where it is given as bytes. Error `data` for what is neither. */
export function textOf(document: Document, o: AnalysisOptions): string {
  checkDocument(document, 1);
  return typeof document === 'string' ? document : decoderOf(o)(document);
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
  if (typeof v !== 'object') needIterable(place, v);
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
    needText('a term of the vocabulary', t);
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
