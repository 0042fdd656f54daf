/**
 * TF-IDF — Spärck Jones, "A Statistical Interpretation of Term Specificity and its Application in Retrieval", J. Documentation 28(1), 1972;
 * BM25 — Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009. Terms that are everywhere count less.
 * `bow2bot fit tf-idf docs/ -o index/`   `bow2bot search index/ "left of the bowl"`
 */
import { BowError } from '../base/index.ts';
import type { EncodesText, OpenSystem, Ranks } from '../capabilities/index.ts';
import type { ModelFiles } from '../hub/index.ts';
import {
  type Bm25Options,
  Bm25Transformer,
  type CountOptions,
  CountVectorizer,
  type Document,
  TfidfVectorizer,
  type WeightOptions,
} from '../text/index.ts';
import { rankByCosine } from './bag-of-words.ts';
import { loadCounts } from './counts-files.ts';
import { isOf, wordLayout } from './layouts.ts';
import type { System } from './system.ts';

/** How a collection is weighted: TF-IDF with its options, or one of the BM25 formulas. */
export type Scheme = ({ readonly kind: 'tf-idf' } & WeightOptions) | ({ readonly kind: 'bm25' } & Bm25Options);

/** A word of a text with how much it says about it. */
export type Keyword = { readonly term: string; readonly weight: number };

/** A fitted model with its capabilities. Encodings are TF-IDF rows; ranking is cosine, or BM25 where the model was fitted so. */
export type TfIdf = OpenSystem &
  EncodesText &
  Ranks & {
    readonly counter: CountVectorizer;
    readonly scheme: Scheme;
    /** Mean number of kept tokens per document, for BM25. */
    readonly meanLength: number;
    /** The k terms of a text with the largest weights, ties by code points. */
    keywords(text: Document, k?: number): Keyword[];
  };

/** The system of a fitted counter and a scheme. */
export function tfIdf(counter: CountVectorizer, scheme: Scheme): TfIdf {
  const { df, documents, totals } = counter.statistics;
  const meanLength = totals.reduce((s, x) => s + x, 0) / Math.max(1, documents);
  const weights = scheme.kind === 'tf-idf' ? withoutKind(scheme) : {};
  const vectorizer = new TfidfVectorizer(weights, counter);
  vectorizer.transformer.fitFrequencies(df, documents);
  const encodeText: EncodesText['encodeText'] = async (texts) => vectorizer.transform(texts);
  const rank =
    scheme.kind === 'bm25'
      ? rankByBm25(counter, bm25Of(scheme, counter))
      : rankByCosine(async (t) => vectorizer.transform(t));
  const keywords = (text: Document, k = 10): Keyword[] => vectorizer.keywords(text, k);
  return { id: 'tf-idf', counter, scheme, meanLength, encodeText, rank, keywords, close: async () => {} };
}

/** The options of a scheme as the vectorisers take them. */
export function withoutKind<S extends Scheme>({ kind: _, ...options }: S): Omit<S, 'kind'> {
  return options;
}

/** BM25 with what a counter has seen. */
export function bm25Of(scheme: Scheme & { kind: 'bm25' }, counter: CountVectorizer): Bm25Transformer {
  const { df, documents, totals } = counter.statistics;
  return new Bm25Transformer(withoutKind(scheme)).fitFrequencies(
    df,
    documents,
    totals.reduce((s, x) => s + x, 0) / Math.max(1, documents),
  );
}

function rankByBm25(counter: CountVectorizer, bm25: Bm25Transformer): Ranks['rank'] {
  return async (query, documents, o = {}) => {
    const scores = bm25.scores(bm25.transform(counter.transform(documents)), counter.transform([query]));
    const scored = Array.from(scores, (score, index) => ({ index, score }));
    return scored.sort((a, b) => b.score - a.score || a.index - b.index).slice(0, o.k ?? scored.length);
  };
}

/** Fits a model on documents in memory; collections on disk are fitted by `buildTextIndex`. */
export function fitTfIdf(
  documents: Iterable<Document>,
  counting: CountOptions = {},
  scheme: Scheme = { kind: 'tf-idf' },
): TfIdf {
  return tfIdf(new CountVectorizer(counting).fit(documents), scheme);
}

/** The inverse document frequencies of a fitted model, as its weighting uses them. */
export function idfWeights({ scheme, counter }: TfIdf): Float64Array {
  if (scheme.kind === 'bm25') return bm25Of(scheme, counter).idf;
  const { df, documents } = counter.state();
  const vectorizer = new TfidfVectorizer(withoutKind(scheme), counter);
  vectorizer.transformer.fitFrequencies(df, documents);
  return Float64Array.from(vectorizer.idf);
}

/** Opens a checkpoint, with or without an index. Errors `data` and `checkpoint`. */
export async function openTfIdf(files: ModelFiles): Promise<TfIdf> {
  const { config, options, state } = await loadCounts(files, ['tf-idf']);
  const scheme = config['scheme'] as Scheme | undefined;
  if (scheme?.kind !== 'tf-idf' && scheme?.kind !== 'bm25')
    throw new BowError('checkpoint', 'config.json lacks the scheme of weights', { place: files.place });
  return tfIdf(CountVectorizer.restore(options, state), scheme);
}

/** The system for the registry. */
export const system: System = {
  id: 'tf-idf',
  title: 'TF-IDF and BM25',
  paper: 'Spärck Jones 1972; Robertson & Zaragoza 2009',
  variants: [],
  layouts: [wordLayout('tf-idf')],
  recognises: (files) => isOf(files, 'tf-idf'),
  open: openTfIdf,
};
