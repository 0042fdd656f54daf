/** A corpus as word ids on disk: read once, counted, and written as blocks that training passes over as often as it likes. */
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type OnProgress, throwIfAborted } from '../../../base/index.ts';
import { blankClasses, type CountedRows, TermCounter } from '../../../text/index.ts';
import { keptIds, type VocabularyOptions, type WordCounts } from '../../word2vec/vocabulary.ts';

/** Sentences: lines (words between blanks) as text or bytes, or arrays of words. */
export type Corpus =
  | AsyncIterable<string | Uint8Array | readonly string[]>
  | Iterable<string | Uint8Array | readonly string[]>;

/** A prepared corpus. Block i is ids `starts[i] … starts[i + 1]` of the file (Int32, −1 ends a sentence). */
export type PreparedCorpus = WordCounts & {
  readonly path: string;
  readonly starts: Float64Array;
  readonly tokens: number;
  readonly dropped: number;
};

/** Most ids in a block: short calls into the kernel, see kernels/word2vec.ts. */
export const blockIds = 10_000;

/**
 * Counts a corpus and writes `ids.bin` into `folder`. `known`: words that keep their rows, in order (continued training); others follow. Error `data`
 * when no word is left.
 */
export async function prepareCorpus(
  corpus: Corpus,
  folder: string,
  o: VocabularyOptions & {
    readonly known?: readonly string[];
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: OnProgress | undefined;
  } = {},
): Promise<PreparedCorpus> {
  await mkdir(folder, { recursive: true });
  const raw = await open(join(folder, 'raw.bin'), 'w+');
  try {
    let waiting: Int32Array[] = [];
    let length = 0;
    const drain = async (): Promise<void> => {
      const parts = waiting;
      waiting = [];
      for (const p of parts) await raw.write(new Uint8Array(p.buffer, p.byteOffset, p.byteLength));
    };
    const onRows = (rows: CountedRows): void => {
      const ids = withEnds(rows);
      length += ids.length;
      waiting.push(ids);
    };
    const counters = countersOf(onRows, o.known ?? []);
    let n = 0;
    for await (const sentence of corpus) {
      if (typeof sentence === 'string' || sentence instanceof Uint8Array) counters.push(sentence);
      else counters.push(`\0${sentence.join('\0')}`, true);
      if (++n % 4096 !== 0) continue;
      throwIfAborted(o.signal, 'reading the corpus');
      await drain();
      o.onProgress?.({ task: 'read', done: n, unit: 'sentences' });
    }
    counters.flush();
    await drain();
    return await rewrite(raw, length, join(folder, 'ids.bin'), counters.words(), o);
  } finally {
    await raw.close();
    await rm(join(folder, 'raw.bin'), { force: true });
  }
}

type Counters = {
  push(s: string | Uint8Array, words?: boolean): void;
  flush(): void;
  words(): { terms: string[]; counts: Float64Array; known: number };
};

/** One table of words; lines are split by the byte scanner, arrays of words by their own borders. */
function countersOf(onRows: (r: CountedRows) => void, known: readonly string[]): Counters {
  const lines = (t: string): string[] => t.split(/\s+/).filter((w) => w !== '');
  const analyze = (t: string): readonly string[] =>
    t.startsWith('\0')
      ? t
          .slice(1)
          .split('\0')
          .filter((w) => w !== '')
      : lines(t);
  const make = (fast: boolean): TermCounter => {
    const c = new TermCounter({
      mode: 'sequence',
      analyze: fast ? lines : analyze,
      minLength: 1,
      onRows,
      ...(fast ? { classes: blankClasses() } : {}),
    });
    c.intern(known);
    return c;
  };
  let counter: TermCounter | undefined;
  return {
    push: (s, words) => {
      counter ??= make(words !== true); // a corpus is of one kind
      counter.push(s);
    },
    flush: () => {
      counter ??= make(true);
      counter.flush();
    },
    words: () => {
      const c = counter!;
      const totals = c.totals();
      return { terms: c.terms([...totals.keys()]), counts: totals, known: known.length };
    },
  };
}

/** Ids of a batch with −1 after every sentence. */
function withEnds(rows: CountedRows): Int32Array {
  const out = new Int32Array(rows.columns.length + rows.ends.length);
  let [from, at] = [0, 0];
  for (const end of rows.ends) {
    out.set(rows.columns.subarray(from, end), at);
    at += end - from;
    out[at++] = -1;
    from = end;
  }
  return out;
}

/** Raw ids → final rows in blocks: rare words leave, a block ends with a sentence or after 10,000 ids. */
async function rewrite(
  raw: FileHandle,
  length: number,
  path: string,
  { terms, counts, known }: { terms: string[]; counts: Float64Array; known: number },
  o: VocabularyOptions,
): Promise<PreparedCorpus> {
  const fresh = known === 0 ? keptIds(counts, o) : newWords(counts, known, o);
  const kept = known === 0 ? fresh : Int32Array.from([...Array.from({ length: known }, (_, i) => i), ...fresh]);
  const row = new Int32Array(terms.length).fill(-1);
  kept.forEach((id, i) => {
    row[id] = i;
  });
  const out = await open(path, 'w');
  const starts: number[] = [0];
  let [tokens, dropped, written] = [0, 0, 0];
  try {
    const buffer = new Int32Array(1 << 20);
    let rest = new Int32Array(0);
    for (let at = 0; at < length; at += buffer.length) {
      const n = Math.min(buffer.length, length - at);
      await raw.read(new Uint8Array(buffer.buffer), 0, 4 * n, 4 * at);
      const ids = new Int32Array(rest.length + n);
      ids.set(rest);
      let m = rest.length;
      for (let i = 0; i < n; i++) {
        const id = buffer[i]!;
        const r = id < 0 ? -1 : row[id]!;
        if (id >= 0 && r < 0) dropped++;
        else ids[m++] = r;
        if (r >= 0) tokens++;
      }
      const cut = at + n >= length ? m : blocksOf(ids, m, starts, written, false);
      if (at + n >= length) blocksOf(ids, m, starts, written, true);
      await out.write(new Uint8Array(ids.buffer, 0, 4 * cut));
      written += cut;
      rest = ids.slice(cut, m);
    }
  } finally {
    await out.close();
  }
  return {
    words: Array.from(kept, (id) => terms[id]!),
    counts: Float64Array.from(kept, (id) => counts[id]!),
    path,
    starts: Float64Array.from(starts),
    tokens,
    dropped,
  };
}

function newWords(counts: Float64Array, known: number, o: VocabularyOptions): Int32Array {
  const minCount = o.minCount ?? 5;
  const ids = Array.from({ length: counts.length - known }, (_, i) => known + i).filter((i) => counts[i]! >= minCount);
  return Int32Array.from(ids.sort((a, b) => counts[b]! - counts[a]! || a - b));
}

/** Finds block borders in `ids[0 … m)`; returns how many ids are in whole blocks. */
function blocksOf(ids: Int32Array, m: number, starts: number[], base: number, all: boolean): number {
  let from = 0;
  while (m - from > blockIds) {
    let end = from + blockIds;
    while (end > from && ids[end - 1]! >= 0) end--;
    if (end === from) end = from + blockIds; // a sentence longer than a block
    starts.push(base + end);
    from = end;
  }
  if (all && from < m) {
    starts.push(base + m);
    from = m;
  }
  return from;
}
