/**
 * Counting a stream of any length in bounded memory: rows go to disk in blocks as they are counted; terms stay in one table until it reaches its
 * budget, then become a sorted run on disk and a new table begins. At the end the runs are merged, the bounds applied exactly, and each
 * block is renumbered while it is read back.
 */
import { createReadStream } from 'node:fs';
import { appendFile, type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BowError, type OnProgress, throwIfAborted } from '../../base/index.ts';
import {
  type CountOptions,
  type CountState,
  counterOptions,
  type Document,
  emptyVocabulary,
  fixedTerms,
} from '../counting.ts';
import { selectTerms } from '../selection.ts';
import { type CountedRows, TermCounter } from '../term-counter.ts';
import { compareCodePoints } from '../unicode.ts';

/** Options of {@link countStream}. */
export type StreamOptions = {
  /** A folder for the blocks; it is made, and removed by `dispose`. */
  readonly folder: string;
  /** Bytes that the table of terms may take before it goes to disk. Default 512 MiB. */
  readonly termBytes?: number;
  /** Keep the rows, for {@link CountedStream.rows}. Default true. */
  readonly rows?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** A counted stream. */
export type CountedStream = {
  readonly state: CountState;
  /** Kept tokens of all documents. */
  readonly tokens: number;
  /** How many tables of terms went to disk. */
  readonly runs: number;
  /** The counts, block by block in order, columns final and ascending. May be read more than once. */
  rows(): AsyncGenerator<CountedRows>;
  dispose(): Promise<void>;
};

type Segment = {
  readonly terms: number;
  readonly blocks: { readonly at: number; readonly rows: number; readonly entries: number }[];
  map?: Int32Array;
};

/** Counts documents into blocks on disk. Errors as {@link CountVectorizer.fit}; `aborted` on the signal. */
export async function countStream(
  documents: AsyncIterable<Document> | Iterable<Document>,
  options: CountOptions,
  o: StreamOptions,
): Promise<CountedStream> {
  await mkdir(o.folder, { recursive: true });
  const writer = new BlockWriter(await open(join(o.folder, 'blocks.bin'), 'w+'), o.rows !== false);
  try {
    return await countInto(writer, documents, options, o);
  } catch (e) {
    await writer.file.close();
    throw e;
  }
}

async function countInto(
  writer: BlockWriter,
  documents: AsyncIterable<Document> | Iterable<Document>,
  options: CountOptions,
  o: StreamOptions,
): Promise<CountedStream> {
  const segments: Segment[] = [];
  const fixed = options.vocabulary ? fixedTerms(options.vocabulary) : undefined;
  const budget = o.termBytes ?? 512 * 2 ** 20;
  const begin = (): TermCounter => {
    const counter = new TermCounter({
      ...counterOptions(options),
      mode: fixed ? 'known' : 'learn',
      onRows: (r) => writer.add(r),
    });
    if (fixed) counter.intern(fixed);
    return counter;
  };
  let counter = begin();
  let n = 0;
  for await (const d of documents) {
    counter.push(d);
    if (++n % 1024 !== 0) continue;
    throwIfAborted(o.signal, 'counting');
    o.onProgress?.({ task: 'count', done: n, unit: 'documents' });
    await writer.drain();
    if (!fixed && counter.termBytes > budget) {
      segments.push(await spill(counter, writer, join(o.folder, `run-${segments.length}.jsonl`)));
      counter = begin();
    }
  }
  counter.flush();
  o.onProgress?.({ task: 'count', done: n, total: n, unit: 'documents' });
  const state =
    segments.length === 0
      ? await single(counter, n, options, writer, segments)
      : await mergeAll(counter, n, options, writer, segments, o.folder);
  return {
    state,
    tokens: writer.tokens,
    runs: segments.length > 1 ? segments.length : 0,
    rows: () => readBack(writer, segments, counter),
    dispose: async () => {
      await writer.file.close();
      await rm(o.folder, { recursive: true, force: true });
    },
  };
}

/** Collects rows and writes them in blocks; `drain` keeps what waits in memory small. */
class BlockWriter {
  readonly file: FileHandle;
  readonly keep: boolean;
  #waiting: CountedRows[] = [];
  #at = 0;
  tokens = 0;
  blocks: Segment['blocks'] = [];

  constructor(file: FileHandle, keep: boolean) {
    this.file = file;
    this.keep = keep;
  }

  add(r: CountedRows): void {
    for (let i = 0; i < r.counts.length; i++) this.tokens += r.counts[i]!;
    if (this.keep) this.#waiting.push(r);
  }

  async drain(): Promise<void> {
    for (const r of this.#waiting) {
      const block = new Int32Array(r.ends.length + 2 * r.columns.length);
      block.set(r.ends);
      block.set(r.columns, r.ends.length);
      block.set(r.counts, r.ends.length + r.columns.length);
      await this.file.write(new Uint8Array(block.buffer), 0, block.byteLength, this.#at);
      this.blocks.push({ at: this.#at, rows: r.ends.length, entries: r.columns.length });
      this.#at += block.byteLength;
    }
    this.#waiting = [];
  }

  /** The blocks since the last call. */
  async take(): Promise<Segment['blocks']> {
    await this.drain();
    const blocks = this.blocks;
    this.blocks = [];
    return blocks;
  }
}

/** Ends a segment: its terms, sorted, as a run on disk. */
async function spill(counter: TermCounter, writer: BlockWriter, path: string): Promise<Segment> {
  counter.flush();
  const [df, totals] = [counter.df(), counter.totals()];
  const ids = counter.sortIds(Int32Array.from(df.keys()));
  for (let from = 0; from < ids.length; from += 65536) {
    const part = ids.subarray(from, from + 65536);
    const terms = counter.terms(part);
    await appendFile(
      path,
      `${terms.map((t, i) => JSON.stringify([t, part[i], df[part[i]!], totals[part[i]!]])).join('\n')}\n`,
    );
  }
  return { terms: ids.length, blocks: await writer.take() };
}

/** Everything fitted into one table: no run was written. */
async function single(
  counter: TermCounter,
  n: number,
  o: CountOptions,
  writer: BlockWriter,
  segments: Segment[],
): Promise<CountState> {
  const [df, totals] = [counter.df(), counter.totals()];
  const map = new Int32Array(counter.termCount).fill(-1);
  let ids: Int32Array = Int32Array.from(df.keys());
  if (!o.vocabulary) {
    if (ids.length === 0) throw emptyVocabulary();
    const sorted = counter.sortIds(ids);
    ids = select(
      sorted.map((id) => df[id]!),
      Float64Array.from(sorted, (id) => totals[id]!),
      n,
      o,
    ).map((i) => sorted[i]!);
  }
  ids.forEach((id, column) => {
    map[id] = column;
  });
  segments.push({ terms: counter.termCount, blocks: await writer.take(), map });
  return {
    terms: counter.terms(ids),
    documents: n,
    df: ids.map((id) => df[id]!),
    totals: Float64Array.from(ids, (id) => totals[id]!),
  };
}

function select(df: Int32Array, totals: Float64Array, n: number, o: CountOptions): Int32Array {
  return selectTerms(df, o.binary ? df : totals, n, o);
}

type Entry = [term: string, id: number, df: number, total: number];

/** Merges the runs: equal terms add up, the bounds apply to the sums, every run learns where its terms went. */
async function mergeAll(
  counter: TermCounter,
  n: number,
  o: CountOptions,
  writer: BlockWriter,
  segments: Segment[],
  folder: string,
): Promise<CountState> {
  segments.push(await spill(counter, writer, join(folder, `run-${segments.length}.jsonl`)));
  const maps = segments.map((s) => new Int32Array(s.terms).fill(-1));
  const terms: string[] = [];
  const df: number[] = [];
  const totals: number[] = [];
  const low = typeof o.minDf === 'number' && o.minDf >= 2 ? o.minDf : 1; // a plain count can drop terms while merging
  for await (const same of merged(segments.map((_, i) => join(folder, `run-${i}.jsonl`)))) {
    const d = same.reduce((s, [, e]) => s + e[2], 0);
    if (d < low) continue;
    for (const [run, e] of same) maps[run]![e[1]] = terms.length;
    terms.push(same[0]![1][0]);
    df.push(d);
    totals.push(same.reduce((s, [, e]) => s + e[3], 0));
  }
  const kept = select(Int32Array.from(df), Float64Array.from(totals), n, o);
  const column = new Int32Array(terms.length).fill(-1);
  kept.forEach((i, c) => {
    column[i] = c;
  });
  segments.forEach((s, i) => {
    s.map = maps[i]!.map((m) => (m < 0 ? -1 : column[m]!));
  });
  return {
    terms: Array.from(kept, (i) => terms[i]!),
    documents: n,
    df: kept.map((i) => df[i]!),
    totals: Float64Array.from(kept, (i) => totals[i]!),
  };
}

/** Groups of equal terms over sorted runs, in order: [run, entry] pairs. */
async function* merged(paths: string[]): AsyncGenerator<[number, Entry][]> {
  const readers = paths.map((p) => createInterface({ input: createReadStream(p) })[Symbol.asyncIterator]());
  const next = async (i: number): Promise<Entry | undefined> => {
    const r = await readers[i]!.next();
    return r.done ? undefined : (JSON.parse(r.value) as Entry);
  };
  const heads = await Promise.all(paths.map((_, i) => next(i)));
  for (;;) {
    let least: string | undefined;
    for (const h of heads) if (h && (least === undefined || compareCodePoints(h[0], least) < 0)) least = h[0];
    if (least === undefined) return;
    const group: [number, Entry][] = [];
    for (let i = 0; i < heads.length; i++) {
      const h = heads[i];
      if (h?.[0] !== least) continue;
      group.push([i, h]);
      heads[i] = await next(i);
    }
    yield group;
  }
}

async function* readBack(
  writer: BlockWriter,
  segments: readonly Segment[],
  counter: TermCounter,
): AsyncGenerator<CountedRows> {
  if (!writer.keep)
    throw new BowError('usage', 'the rows of this stream were not kept', { hint: 'count it with rows: true' });
  for (const s of segments) {
    for (const b of s.blocks) {
      const block = new Int32Array(b.rows + 2 * b.entries);
      await writer.file.read(new Uint8Array(block.buffer), 0, block.byteLength, b.at);
      const columns = block.subarray(b.rows, b.rows + b.entries);
      yield counter.remap(
        { ends: new Uint32Array(block.buffer, 0, b.rows), columns, counts: block.subarray(b.rows + b.entries) },
        s.map!,
      );
    }
  }
}
