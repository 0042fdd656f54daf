/**
 * Exact search: every row is compared. Rows lie in WebAssembly memory, where four numbers are multiplied at a time and four queries share one
 * reading of the rows. Runs in Node and in the browser; about two million rows of 512 numbers are the limit (4 GiB).
 */
import { BowError, throwIfAborted } from '../base/index.ts';
import { wasm } from './dots-kernel.ts';
import { type Fields, type Filter, matches } from './filter.ts';
import {
  bestHits,
  checkedK,
  checkRows,
  dotProduct,
  unitRows,
  type VectorHit,
  type VectorIndex,
  type VectorQuery,
  type VectorRows,
} from './vector-index.ts';

type Kernel = {
  dots(rows: number, n: number, bytes: number, query: number, out: number): void;
  dots4(rows: number, n: number, bytes: number, queries: number, out: number, apart: number): void;
};

const page = 65_536;
const largest = 65_536 * page;
const queriesAt = 1024;

let compiled: WebAssembly.Module | undefined;

/** Rows in WebAssembly memory: four queries, the rows, four columns of scores. */
function rowMemory(width: number): {
  readonly stride: number;
  reserve(rows: number): void;
  view(): Float32Array;
  rowAt(row: number): number;
  /** Scores of `n` rows from `first` for `queries` (1 or 4) vectors; query q's score of row r lies at `scoreAt(q) + r`. */
  score(first: number, n: number, queries: 1 | 4): void;
  scoreAt(query: number): number;
} {
  compiled ??= new WebAssembly.Module(
    Uint8Array.from(atob(wasm.replace(/\n/g, '')), (c) => c.charCodeAt(0)) as BufferSource,
  );
  const memory = new WebAssembly.Memory({ initial: 1, maximum: largest / page });
  const kernel = new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Kernel;
  const stride = Math.ceil(width / 4) * 4;
  const bytes = 4 * stride;
  const rowsAt = queriesAt + 4 * bytes;
  let capacity = 0;
  let view = new Float32Array(memory.buffer);
  const outAt = (): number => rowsAt + capacity * bytes;
  return {
    stride,
    reserve: (rows) => {
      if (rows <= capacity) return;
      const most = Math.floor((largest - rowsAt) / (bytes + 16));
      if (rows > most)
        throw new BowError('usage', `${rows} rows of ${width} numbers do not fit into 4 GiB`, {
          place: 'exact index',
          hint: '--store lance keeps vectors on disk',
        });
      capacity = Math.min(most, Math.max(rows, Math.ceil(1.5 * capacity), 64));
      const missing = Math.ceil((outAt() + 16 * capacity) / page) - memory.buffer.byteLength / page;
      if (missing > 0) memory.grow(missing);
      view = new Float32Array(memory.buffer);
    },
    view: () => view,
    rowAt: (row) => rowsAt / 4 + row * stride,
    score: (first, n, queries) => {
      const [from, to] = [rowsAt + first * bytes, outAt() + 4 * first];
      if (queries === 1) kernel.dots(from, n, bytes, queriesAt, to);
      else kernel.dots4(from, n, bytes, queriesAt, to, 4 * capacity);
    },
    scoreAt: (query) => outAt() / 4 + query * capacity,
  };
}

/** Rows that lie one after the other: the first and how many. */
type Run = { readonly first: number; readonly n: number };

/** Rows by id: their fields here, their vectors in the kernel's memory. */
type RowTable = {
  readonly width: number;
  readonly memory: ReturnType<typeof rowMemory>;
  readonly ids: string[];
  readonly fields: Fields[];
  add(rows: VectorRows): void;
  /** How many of them were there. */
  remove(gone: readonly string[]): number;
};

function rowTable(width: number): RowTable {
  const memory = rowMemory(width);
  const ids: string[] = [];
  const fields: Fields[] = [];
  const rowOf = new Map<string, number>();
  const put = (row: number, id: string, vector: Float32Array, own: Fields): void => {
    [ids[row], fields[row]] = [id, own];
    rowOf.set(id, row);
    memory.view().set(vector, memory.rowAt(row));
  };
  const add = (rows: VectorRows): void => {
    const unit = checkRows(rows, width);
    memory.reserve(ids.length + rows.ids.filter((id) => !rowOf.has(id)).length);
    rows.ids.forEach((id, i) => {
      put(rowOf.get(id) ?? ids.length, id, unit.subarray(i * width, (i + 1) * width), rows.fields?.[i] ?? {});
    });
  };
  const remove = (gone: readonly string[]): number => {
    const before = ids.length;
    for (const id of gone) {
      const row = rowOf.get(id);
      if (row === undefined) continue;
      const last = ids.length - 1; // takes the place of the row that goes
      const from = memory.rowAt(last);
      if (row < last) put(row, ids[last]!, memory.view().slice(from, from + width), fields[last]!);
      rowOf.delete(id);
      [ids.length, fields.length] = [last, last];
    }
    return before - ids.length;
  };
  return { width, memory, ids, fields, add, remove };
}

/** An empty exact index for vectors of a width. */
export function exactIndex(width: number): VectorIndex {
  if (!Number.isInteger(width) || width < 1)
    throw new BowError('usage', `a width of ${width}`, { place: 'exact index' });
  const table = rowTable(width);
  const { memory, ids } = table;
  const search = async (queries: Float32Array, o: VectorQuery = {}): Promise<VectorHit[][]> => {
    const k = checkedK(o.k ?? 10);
    const unit = unitRows(queries, width, 'queries');
    const runs = o.filter ? passing(table.fields, o.filter) : ids.length > 0 ? [{ first: 0, n: ids.length }] : [];
    const found: VectorHit[][] = [];
    for (let q = 0; q < unit.length / width; ) {
      throwIfAborted(o.signal, 'search');
      const together = unit.length / width - q >= 4 ? 4 : 1;
      for (let j = 0; j < together; j++)
        memory.view().set(unit.subarray((q + j) * width, (q + j + 1) * width), queriesAt / 4 + j * memory.stride);
      for (const { first, n } of runs) memory.score(first, n, together);
      for (let j = 0; j < together; j++, q++)
        found.push(hitsOf(table, unit.subarray(q * width, (q + 1) * width), memory.scoreAt(j), runs, k));
    }
    return found;
  };
  return {
    kind: 'exact',
    width,
    count: async () => ids.length,
    add: async (rows) => table.add(rows),
    remove: async (gone) => table.remove(gone),
    optimize: async () => {},
    search,
    close: async () => {},
  };
}

/** The hits of one query: whatever might be among the best by the kernel's single precision is scored again in double. */
function hitsOf(table: RowTable, query: Float32Array, scores: number, runs: readonly Run[], k: number): VectorHit[] {
  if (k === 0) return [];
  const { memory, ids, width } = table;
  const view = memory.view();
  const least = kthLargest(view, scores, runs, k) - 2 * (width / 4 + 8) * 2 ** -24; // bound of the sums' rounding, twice
  const hits: VectorHit[] = [];
  for (const { first, n } of runs)
    for (let row = first; row < first + n; row++)
      if (view[scores + row]! >= least)
        hits.push({ id: ids[row]!, score: dotProduct(view, query, memory.rowAt(row), 0, width) });
  return bestHits(hits, k);
}

/** Rows whose fields fulfil a condition, as runs. */
function passing(fields: readonly Fields[], filter: Filter): Run[] {
  const runs: { first: number; n: number }[] = [];
  fields.forEach((f, row) => {
    if (!matches(filter, f)) return;
    const last = runs.at(-1);
    if (last && last.first + last.n === row) last.n++;
    else runs.push({ first: row, n: 1 });
  });
  return runs;
}

/** The k-th largest score of the rows in `runs`; −∞ where there are fewer. */
function kthLargest(view: Float32Array, scores: number, runs: readonly Run[], k: number): number {
  const total = runs.reduce((s, r) => s + r.n, 0);
  if (total <= k) return -Infinity;
  const heap = new Float32Array(k).fill(-Infinity); // the smallest of the k best on top
  for (const { first, n } of runs)
    for (let at = scores + first; at < scores + first + n; at++) {
      const x = view[at]!;
      if (x <= heap[0]!) continue;
      let i = 0;
      for (;;) {
        let c = 2 * i + 1;
        if (c >= k) break;
        if (c + 1 < k && heap[c + 1]! < heap[c]!) c++;
        if (heap[c]! >= x) break;
        heap[i] = heap[c]!;
        i = c;
      }
      heap[i] = x;
    }
  return heap[0]!;
}
