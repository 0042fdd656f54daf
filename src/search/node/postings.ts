/**
 * Postings on disk: for every term its documents (Int32, ascending) and behind them its scores (Float32), terms in column order. Where a term
 * begins follows from the document frequencies, so there is no other table. Scores are final (eager, as in bm25s): a query only adds.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { BowError, type OnProgress, throwIfAborted } from '../../base/index.ts';
import { fileError } from '../../base/node/index.ts';
import { type Hit, topK } from '../top-k.ts';

/** Weighted rows of consecutive documents: entries of row i end at `ends[i]`. */
export type WeightedRows = {
  readonly ends: ArrayLike<number>;
  readonly columns: Int32Array;
  readonly weights: ArrayLike<number>;
};

/** Options of {@link writePostings}. */
export type PostingsOptions = {
  /** Memory for postings being sorted; more passes over the rows where it is too small. Default 512 MiB. */
  readonly bytes?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/**
 * Inverts rows into a postings file. `df[t]` must be the number of rows that hold column t. The rows are read once for every range of terms
 * whose postings fit into the budget.
 */
export async function writePostings(
  path: string,
  df: Int32Array,
  rows: () => AsyncIterable<WeightedRows>,
  o: PostingsOptions = {},
): Promise<void> {
  const file = await open(path, 'w');
  try {
    const room = Math.max(1, Math.floor((o.bytes ?? 512 * 2 ** 20) / 8));
    for (let first = 0, at = 0; first < df.length; ) {
      let end = first;
      let entries = 0;
      while (end < df.length && (entries === 0 || entries + df[end]! <= room)) entries += df[end++]!;
      throwIfAborted(o.signal, path);
      at += await writeRange(file, at, df.subarray(first, end), first, entries, rows());
      first = end;
      o.onProgress?.({ task: 'index', done: first, total: df.length, unit: 'terms' });
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The postings of terms `first` … `first + df.length` − 1; returns the bytes written. */
async function writeRange(
  file: FileHandle,
  at: number,
  df: Int32Array,
  first: number,
  entries: number,
  rows: AsyncIterable<WeightedRows>,
): Promise<number> {
  const words = new Int32Array(2 * entries);
  const scores = new Float32Array(words.buffer);
  const next = new Float64Array(df.length + 1); // where the next document of each term goes
  for (let t = 0; t < df.length; t++) next[t + 1] = next[t]! + 2 * df[t]!;
  let document = 0;
  for await (const r of rows) {
    let e = 0;
    for (let i = 0; i < r.ends.length; i++, document++) {
      for (const end = r.ends[i]!; e < end; e++) {
        const t = r.columns[e]! - first;
        if (t < 0 || t >= df.length) continue;
        const place = next[t]!++;
        words[place] = document;
        scores[place + df[t]!] = r.weights[e]!;
      }
    }
  }
  const bytes = new Uint8Array(words.buffer);
  for (let from = 0; from < bytes.length; from += 2 ** 30) {
    await file.write(bytes, from, Math.min(2 ** 30, bytes.length - from), at + from);
  }
  return bytes.length;
}

/** An open postings file. */
export type Postings = {
  /** Documents and scores of one term; views that the next call overwrites. */
  read(term: number): { documents: Int32Array; scores: Float32Array };
  /**
   * The k best documents for weighted terms: Σ weight × score, ties by number, of those that `accept` takes. `terms` in the result: each term's
   * share, by position.
   */
  search(
    query: readonly { term: number; weight: number }[],
    k: number,
    accept?: (document: number) => boolean,
  ): (Hit & { readonly terms: number[] })[];
  close(): void;
};

/** Opens a postings file of `documents` documents. Errors `data`: not there; `checkpoint`: its size does not fit the frequencies. */
export function openPostings(path: string, df: Int32Array, documents: number): Postings {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (e) {
    throw fileError(e, path);
  }
  const offsets = new Float64Array(df.length + 1);
  for (let t = 0; t < df.length; t++) offsets[t + 1] = offsets[t]! + 8 * df[t]!;
  if (fstatSync(fd).size !== offsets[df.length]) {
    closeSync(fd);
    throw new BowError('checkpoint', 'the postings are truncated or belong to another index', {
      place: path,
      detail: { expected: offsets[df.length]! },
    });
  }
  const scores = new Float32Array(documents);
  const read = (term: number): { documents: Int32Array; scores: Float32Array } => {
    const n = df[term]!;
    const buffer = new ArrayBuffer(8 * n);
    for (let done = 0; done < 8 * n; ) {
      const got = readSync(fd, new Uint8Array(buffer), done, Math.min(8 * n - done, 2 ** 30), offsets[term]! + done);
      if (got === 0) throw new BowError('checkpoint', 'the postings are truncated', { place: path });
      done += got;
    }
    return { documents: new Int32Array(buffer, 0, n), scores: new Float32Array(buffer, 4 * n, n) };
  };
  return {
    read,
    search: (query, k, accept) =>
      searchIn(
        query.map((q) => ({ ...q, ...read(q.term) })),
        scores,
        k,
        accept,
      ),
    close: () => closeSync(fd),
  };
}

type Loaded = { readonly weight: number; readonly documents: Int32Array; readonly scores: Float32Array };

function searchIn(
  lists: readonly Loaded[],
  sums: Float32Array,
  k: number,
  accept: ((document: number) => boolean) | undefined,
): (Hit & { terms: number[] })[] {
  let touched = 0;
  for (const { weight, documents, scores } of lists) {
    touched += documents.length;
    for (let i = 0; i < documents.length; i++) {
      const d = documents[i]!;
      if (d >= sums.length || d < 0)
        throw new BowError('checkpoint', 'the postings name a document that does not exist', {
          detail: { document: d },
        });
      sums[d]! += weight * scores[i]!;
    }
  }
  const few = accept !== undefined || touched * 8 < sums.length;
  const candidates = few ? [...new Set(lists.flatMap((l) => [...l.documents]))] : undefined;
  const hits = topK(sums, k, accept ? candidates!.filter(accept) : candidates);
  if (few) for (const l of lists) for (const d of l.documents) sums[d] = 0;
  else sums.fill(0);
  return hits.map((h) => ({ ...h, terms: lists.map((l) => l.weight * scoreOf(l, h.document)) }));
}

/** The score of one document in a list, 0 when it is not there. */
function scoreOf(list: Loaded, document: number): number {
  let [low, high] = [0, list.documents.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const d = list.documents[middle]!;
    if (d === document) return list.scores[middle]!;
    if (d < document) low = middle + 1;
    else high = middle - 1;
  }
  return 0;
}
