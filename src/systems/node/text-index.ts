/** Collections on disk: fitted on a stream in bounded memory, searched through postings that stay on disk. */
import { join } from 'node:path';
import { BowError, type OnProgress, shellWord } from '../../base/index.ts';
import { publishFolder } from '../../base/node/index.ts';
import { readConfig } from '../../hub/index.ts';
import { openModelFiles } from '../../hub/node/index.ts';
import {
  openDocumentStore,
  openPostings,
  startOf,
  type WeightedRows,
  writeDocumentStore,
  writePostings,
} from '../../search/node/index.ts';
import { type CountOptions, CountVectorizer, idfOf, weigh } from '../../text/index.ts';
import { type CountedStream, countStream, type SourceDocument } from '../../text/node/index.ts';
import { bm25Of, openTfIdf, type Scheme, type TfIdf, tfIdf, withoutKind } from '../tf-idf.ts';
import { saveCounts } from './counts-files.ts';
import { writeTfIdf } from './word-models.ts';

/** Options of {@link buildTextIndex}. */
export type TextIndexOptions = {
  readonly counting?: CountOptions;
  /** 'bag-of-words' keeps a counter only. Default TF-IDF with sublinear tf. */
  readonly scheme?: Scheme | { readonly kind: 'bag-of-words' };
  /** Write postings, so that the folder can be searched. Default true, except for a bag of words. */
  readonly index?: boolean;
  /** Bytes for the table of terms and, separately, for postings being sorted. Default 512 MiB. */
  readonly memory?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** What was built. */
export type BuiltIndex = {
  readonly documents: number;
  readonly terms: number;
  readonly tokens: number;
  readonly postings: number;
  readonly runs: number;
};

/** Fits a model on a stream of documents and writes it, with its index, as a checkpoint folder. Errors as the vectorisers'. */
export async function buildTextIndex(
  folder: string,
  documents: AsyncIterable<SourceDocument>,
  o: TextIndexOptions = {},
): Promise<BuiltIndex> {
  const scheme = o.scheme ?? { kind: 'tf-idf', sublinearTf: true };
  const indexed = scheme.kind !== 'bag-of-words' && o.index !== false;
  const counting = o.counting ?? {};
  let built: BuiltIndex | undefined;
  await publishFolder(folder, async (f) => {
    const store = indexed ? await writeDocumentStore(join(f, 'documents')) : undefined;
    const stream = await countStream(texts(documents, store), counting, {
      folder: join(f, 'counts'),
      rows: indexed,
      ...(o.memory ? { termBytes: o.memory } : {}),
      signal: o.signal,
      onProgress: o.onProgress,
    }).finally(() => store?.close());
    const { state, tokens, runs } = stream;
    if (scheme.kind === 'bag-of-words') await saveCounts(f, 'bag-of-words', counting, state);
    else {
      const model = tfIdf(CountVectorizer.restore(counting, state), scheme);
      if (indexed)
        await writePostings(join(f, 'postings.bin'), state.df, () => weightedRows(stream, model), {
          ...(o.memory ? { bytes: o.memory } : {}),
          signal: o.signal,
          onProgress: o.onProgress,
        });
      await writeTfIdf(f, model, { index: indexed });
    }
    built = {
      documents: state.documents,
      terms: state.terms.length,
      tokens,
      postings: state.df.reduce((s, d) => s + d, 0),
      runs,
    };
    await stream.dispose();
  });
  return built!;
}

async function* texts(
  documents: AsyncIterable<SourceDocument>,
  store: Awaited<ReturnType<typeof writeDocumentStore>> | undefined,
): AsyncGenerator<string | Uint8Array> {
  let n = 0;
  for await (const d of documents) {
    store?.add({ id: d.id, start: startOf(d.text) });
    if (store && ++n % 4096 === 0) await store.drain();
    yield d.text;
  }
}

/** Rows of final scores: TF-IDF weights of the row, or what BM25 adds for each term. */
async function* weightedRows(stream: CountedStream, model: TfIdf): AsyncGenerator<WeightedRows> {
  const { df, documents } = stream.state;
  const { scheme } = model;
  const bm25 = scheme.kind === 'bm25' ? bm25Of(scheme, model.counter) : undefined;
  const idf =
    scheme.kind === 'tf-idf' && scheme.useIdf !== false ? idfOf(df, documents, scheme.smoothIdf !== false) : null;
  for await (const rows of stream.rows()) {
    const indptr = new Int32Array(rows.ends.length + 1);
    indptr.set(rows.ends, 1);
    const data = model.counter.options.binary ? rows.counts.fill(1) : rows.counts;
    const x = { rows: rows.ends.length, cols: df.length, indptr, indices: rows.columns, data };
    const weights = bm25 ? bm25.transform(x) : weigh(x, idf, withoutKind(scheme as Scheme & { kind: 'tf-idf' }));
    yield { ends: rows.ends, columns: rows.columns, weights: weights.data };
  }
}

/** One found document; `terms`: what each query term added, largest first. */
export type TextHit = {
  readonly id: string;
  readonly score: number;
  readonly start: string;
  readonly terms: { readonly term: string; readonly score: number }[];
};

/** An open index. */
export type TextIndex = {
  readonly model: TfIdf;
  /** The k best documents; with `accept` only those whose number in the collection it takes. */
  search(query: string, o?: { readonly k?: number; readonly accept?: (document: number) => boolean }): TextHit[];
  close(): void;
};

/** Opens an index for searching. Errors: `data` when nothing is there, `checkpoint` when it is damaged, `usage` when the model has no index. */
export async function openTextIndex(folder: string): Promise<TextIndex> {
  const files = await openModelFiles(folder);
  const config = await readConfig(files, ['tf-idf']);
  if (config['index'] !== true) {
    throw new BowError('usage', 'this model was fitted without an index', {
      place: folder,
      hint: `fit it without --no-index: bow2bot fit tf-idf texts/ -o ${shellWord(folder)}`,
    });
  }
  const model = await openTfIdf(files);
  const { df, documents } = model.counter.statistics;
  const postings = openPostings(join(folder, 'postings.bin'), df, documents);
  const store = openDocumentStore(join(folder, 'documents'));
  const { scheme } = model;
  const idf =
    scheme.kind === 'tf-idf' && scheme.useIdf !== false ? idfOf(df, documents, scheme.smoothIdf !== false) : null;
  const missing = scheme.kind === 'bm25' ? bm25Of(scheme, model.counter).missing : undefined;
  const search: TextIndex['search'] = (text, { k = 10, accept } = {}) => {
    const counts = model.counter.transform([text]);
    const weights = scheme.kind === 'bm25' ? counts.data : weigh(counts, idf, withoutKind(scheme)).data; // BM25 takes the query as raw counts
    const query = Array.from(counts.indices, (term, e) => ({ term, weight: weights[e]! }));
    const constant = missing ? query.reduce((s, q) => s + q.weight * missing[q.term]!, 0) : 0;
    return postings.search(query, k, accept).map((hit) => ({
      ...store.get(hit.document),
      score: hit.score + constant,
      terms: query
        .map((q, i) => ({ term: model.counter.terms[q.term]!, score: hit.terms[i]! }))
        .filter((t) => t.score !== 0)
        .sort((a, b) => b.score - a.score),
    }));
  };
  const close = (): void => {
    postings.close();
    store.close();
  };
  return { model, search, close };
}
