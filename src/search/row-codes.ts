/**
 * Rows in one byte a number, beside the rows themselves: which of them can be among the best of a query, at a quarter of the reading. A row's code
 * keeps the length of what it lost, so that a bound holds for every product (kernels/codes.ts) and no hit is missed: how close the codes are
 * decides on the time alone, never on the result (decision 0101).
 */
import { wasm } from './codes-kernel.ts';
import { kernelMemory } from './kernel-memory.ts';
import { kthLargest, type Run, rowsFrom } from './runs.ts';

type Bounds = (rows: number, count: number, n: number, query: number, out: number, apart: number) => void;

type Kernel = {
  encode(row: number, n: number, to: number): void;
  readonly bounds: Bounds;
  readonly bounds4: Bounds;
};

/** Codes of unit vectors by row. */
export type RowCodes = {
  /** Room for so many rows, more than before. */
  reserve(rows: number): void;
  set(row: number, vector: Float32Array): void;
  /** Takes a unit vector as query j, 0 to 3. */
  ask(j: number, query: Float32Array): void;
  /** Bounds of the products of `n` rows from `first` with query 0 (`queries` = 1) or with queries 0 to 3 (4). */
  bound(first: number, n: number, queries: 1 | 4): void;
  /** The rows of `runs`, all of them bounded before, that can be among the k best of query j, equals included. */
  near(j: number, runs: readonly Run[], k: number): readonly Run[];
};

/** The widest rows whose products stay within 32 bits, with one step of a query's code a number. */
export const widest: number = 2 ** 24 - 8;

const queriesAt = 1024;

/** No rows of a width yet, up to {@link widest}. In memory: four queries, a row to encode, the codes, the bounds of four queries. */
export function rowCodes(width: number): RowCodes {
  const { kernel, memory, grow } = kernelMemory<Kernel>(wasm);
  const n = Math.ceil(width / 8) * 8;
  const steps = Math.min(32_767, Math.floor((2 ** 31 - 1) / (127 * n))); // on either side of 0 in a query's code
  const [queryBytes, rowBytes] = [16 + 2 * n, 8 + n];
  const rowAt = queriesAt + 4 * queryBytes;
  const codesAt = rowAt + 4 * n;
  let capacity = 0;
  grow(codesAt);
  let view = new Float32Array(memory.buffer);
  const lowAt = (): number => codesAt + capacity * rowBytes;
  return {
    reserve: (rows) => {
      if (rows <= capacity) return;
      grow(codesAt + rows * (rowBytes + 32));
      capacity = rows;
      view = new Float32Array(memory.buffer);
    },
    set: (row, vector) => {
      view.set(vector, rowAt / 4);
      kernel.encode(rowAt, n, codesAt + row * rowBytes);
    },
    ask: (j, query) => {
      const at = queriesAt + j * queryBytes;
      const scale = query.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / steps;
      const codes = new Int16Array(memory.buffer, at + 16, n);
      let lost = 0;
      query.forEach((x, i) => {
        codes[i] = Math.round(x / scale);
        lost += (x - scale * codes[i]!) ** 2;
      });
      new Float64Array(memory.buffer, at, 2).set([scale, Math.sqrt(lost) * (1 + 2 ** -19) + 2 ** -19]); // margins: rounding
    },
    bound: (first, count, queries) => {
      const run = queries === 1 ? kernel.bounds : kernel.bounds4;
      run(codesAt + first * rowBytes, count, n, queriesAt, lowAt() + 4 * first, 4 * capacity);
    },
    near: (j, runs, k) => {
      if (k === 0) return [];
      const low = lowAt() / 4 + 2 * j * capacity;
      const high = low + capacity;
      const floor = kthLargest(view, low, runs, k);
      return rowsFrom(view, high, runs, floor);
    },
  };
}
