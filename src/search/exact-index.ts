/**
 * Exact search: every row is compared, first by its codes of one byte a number (./row-codes.ts), which leave the few rows that can be among the
 * best; these are scored in full. Rows lie in WebAssembly memory. Runs in Node and in the browser; about two million rows of 512 numbers are
 * the limit (4 GiB).
 */
import { BowError, needRecord, needTexts, throwIfAborted } from '../base/index.ts';
import { wasm } from './dots-kernel.ts';
import { type Fields, type Filter, fulfils, needFilter } from './filter.ts';
import { kernelMemory, largest } from './kernel-memory.ts';
import { type RowCodes, rowCodes, widest } from './row-codes.ts';
import { collectRuns, kthLargest, type Run } from './runs.ts';
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

type Kernel = { dots(rows: number, n: number, bytes: number, query: number, out: number): void };

const queryAt = 1024;

/** Rows in WebAssembly memory: a query, the rows, a column of scores. */
function rowMemory(width: number): {
  /** Room for at least so many rows. Returns for how many. */
  reserve(rows: number): number;
  view(): Float32Array;
  rowAt(row: number): number;
  ask(query: Float32Array): void;
  /** Scores of `n` rows from `first`; row r's lies at `scoresAt() + r`. */
  score(first: number, n: number): void;
  scoresAt(): number;
} {
  const { kernel, memory, grow } = kernelMemory<Kernel>(wasm);
  const stride = Math.ceil(width / 4) * 4;
  const bytes = 4 * stride;
  const rowsAt = queryAt + bytes;
  let capacity = 0;
  let view = new Float32Array(memory.buffer);
  const outAt = (): number => rowsAt + capacity * bytes;
  return {
    reserve: (rows) => {
      if (rows <= capacity) return capacity;
      const most = Math.floor((largest - rowsAt) / (bytes + 4));
      if (rows > most)
        throw new BowError('usage', `${rows} rows of ${width} numbers do not fit into 4 GiB`, {
          place: 'exact index',
          hint: '--store lance keeps vectors on disk',
        });
      const next = Math.min(most, Math.max(rows, Math.ceil(1.5 * capacity), 64));
      grow(rowsAt + next * (bytes + 4));
      capacity = next;
      view = new Float32Array(memory.buffer);
      return capacity;
    },
    view: () => view,
    rowAt: (row) => rowsAt / 4 + row * stride,
    ask: (query) => view.set(query, queryAt / 4),
    score: (first, n) => kernel.dots(rowsAt + first * bytes, n, bytes, queryAt, outAt() + 4 * first),
    scoresAt: () => outAt() / 4,
  };
}

/** Rows by id: their fields here, their vectors and codes in the kernels' memories. */
type RowTable = {
  readonly width: number;
  readonly memory: ReturnType<typeof rowMemory>;
  readonly codes: RowCodes;
  readonly ids: string[];
  readonly fields: Fields[];
  add(rows: VectorRows): void;
  /** How many of them were there. */
  remove(gone: readonly string[]): number;
};

function rowTable(width: number): RowTable {
  const memory = rowMemory(width);
  const codes = rowCodes(width);
  const ids: string[] = [];
  const fields: Fields[] = [];
  const rowOf = new Map<string, number>();
  const put = (row: number, id: string, vector: Float32Array, own: Fields): void => {
    [ids[row], fields[row]] = [id, own];
    rowOf.set(id, row);
    memory.view().set(vector, memory.rowAt(row));
    codes.set(row, vector);
  };
  const add = (rows: VectorRows): void => {
    const unit = checkRows(rows, width);
    codes.reserve(memory.reserve(ids.length + rows.ids.filter((id) => !rowOf.has(id)).length));
    rows.ids.forEach((id, i) => {
      put(rowOf.get(id) ?? ids.length, id, unit.subarray(i * width, (i + 1) * width), rows.fields?.[i] ?? {});
    });
  };
  const remove = (gone: readonly string[]): number => {
    needTexts('ids', gone);
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
  return { width, memory, codes, ids, fields, add, remove };
}

/** An empty exact index for vectors of a width. */
export function exactIndex(width: number): VectorIndex {
  if (!Number.isInteger(width) || width < 1 || width > widest)
    throw new BowError('usage', `a width of ${String(width)} where 1 to ${widest} is possible`, {
      place: 'exact index',
    });
  const table = rowTable(width);
  const { codes, ids, fields } = table;
  const search = async (queries: Float32Array, o: VectorQuery = {}): Promise<VectorHit[][]> => {
    needRecord('options of a search', o);
    if (o.filter !== undefined) needFilter(o.filter);
    const k = checkedK(o.k);
    const unit = unitRows(queries, width, 'queries');
    const query = (q: number): Float32Array => unit.subarray(q * width, (q + 1) * width);
    const { filter } = o;
    const runs = filter ? passing(fields, filter) : [{ first: 0, n: ids.length }];
    const found: VectorHit[][] = [];
    for (let q = 0; q < unit.length / width; ) {
      throwIfAborted(o.signal, 'search');
      const together = unit.length / width - q >= 4 ? 4 : 1;
      for (let j = 0; j < together; j++) codes.ask(j, query(q + j));
      for (const { first, n } of runs) codes.bound(first, n, together);
      for (let j = 0; j < together; j++, q++) found.push(hitsOf(table, query(q), codes.near(j, runs, k), k));
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

/** The hits of one query among `runs`: whatever might be among the best by the kernel's single precision is scored again in double. */
function hitsOf(table: RowTable, query: Float32Array, runs: readonly Run[], k: number): VectorHit[] {
  if (k === 0) return [];
  const { memory, ids, width } = table;
  memory.ask(query);
  for (const { first, n } of runs) memory.score(first, n);
  const [view, scores] = [memory.view(), memory.scoresAt()];
  const least = kthLargest(view, scores, runs, k) - 2 * (width / 4 + 8) * 2 ** -24; // bound of the sums' rounding, twice
  const hits: VectorHit[] = [];
  for (const { first, n } of runs)
    for (let row = first; row < first + n; row++)
      if (view[scores + row]! >= least)
        hits.push({ id: ids[row]!, score: dotProduct(view, query, memory.rowAt(row), 0, width) });
  return bestHits(hits, k);
}

/** Rows whose fields fulfil a condition. */
function passing(fields: readonly Fields[], filter: Filter): readonly Run[] {
  const rows = collectRuns();
  fields.forEach((f, row) => {
    if (fulfils(filter, f)) rows.take(row);
  });
  return rows.runs;
}
