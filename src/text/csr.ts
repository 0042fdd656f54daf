/** Sparse matrices in compressed rows: plain typed arrays, so that a worker can receive or share them. */
import { BowError, isRecord, need, needIterable, needNumbers, needWhole } from '../base/index.ts';

/** Numbers that a sparse matrix may hold. */
export type CsrData = Int32Array | Float32Array | Float64Array;

/**
 * A sparse [rows, cols] matrix. Row i holds `indices[indptr[i] … indptr[i + 1])`, strictly ascending, with `data` beside them. Stored zeros
 * occur only from hashing. `indptr` is a Float64Array where there are more than 2³¹ − 1 entries.
 */
export type Csr<D extends CsrData = CsrData> = {
  readonly rows: number;
  readonly cols: number;
  readonly indptr: Int32Array | Float64Array;
  readonly indices: Int32Array;
  readonly data: D;
};

/** Throws `usage` unless the value has the form of a matrix: its parts, of their types and lengths. Entries are not looked at. */
export function needMatrix(what: string, x: unknown): void {
  const wanted = 'a sparse matrix { rows, cols, indptr, indices, data }';
  need(isRecord(x), what, wanted, x);
  const { rows, cols, indptr, indices, data } = x as Csr;
  const offsets = indptr instanceof Int32Array || indptr instanceof Float64Array;
  const numbers = data instanceof Int32Array || data instanceof Float32Array || data instanceof Float64Array;
  need(offsets && numbers && indices instanceof Int32Array, what, wanted, x);
  needWhole(`rows of ${what}`, rows);
  needWhole(`columns of ${what}`, cols);
  const entries = indptr[rows]!;
  if (indptr.length !== rows + 1 || !(entries <= indices.length && entries <= data.length))
    throw new BowError('shape', `${what}: ${rows} rows with ${indptr.length} offsets, ${indices.length} indices, ${data.length} values`); // biome-ignore format: one line
}

function needRow(x: Csr, i: number): void {
  if (!(Number.isInteger(i) && i >= 0 && i < x.rows))
    throw new BowError('shape', `row ${String(i)} of a matrix with ${x.rows} rows`);
}

/** Number of stored entries. */
export function nnz(x: Csr): number {
  needMatrix('a matrix', x);
  return x.indptr[x.rows]!;
}

/** Row i as (column, value) views; nothing is copied. Error `shape` when there is no such row. */
export function row<D extends CsrData>(x: Csr<D>, i: number): { indices: Int32Array; data: D } {
  needMatrix('a matrix', x);
  needRow(x, i);
  const [from, to] = [x.indptr[i]!, x.indptr[i + 1]!];
  return { indices: x.indices.subarray(from, to), data: x.data.subarray(from, to) as D };
}

/** Rows [from, to), a copy of their share. */
export function slice<D extends CsrData>(x: Csr<D>, from: number, to: number): Csr<D> {
  needMatrix('a matrix', x);
  needWhole('the first row', from);
  needWhole('the row behind the last', to);
  if (!(from >= 0 && from <= to && to <= x.rows)) {
    throw new BowError('shape', `rows ${from} to ${to} of a matrix with ${x.rows} rows`);
  }
  const [a, b] = [x.indptr[from]!, x.indptr[to]!];
  return {
    rows: to - from,
    cols: x.cols,
    indptr: x.indptr.slice(from, to + 1).map((p) => p - a),
    indices: x.indices.slice(a, b),
    data: x.data.slice(a, b) as D,
  };
}

/** The matrices below one another. All must have the same number of columns and the same kind of data. */
export function concat<D extends CsrData>(parts: readonly Csr<D>[]): Csr<D> {
  needIterable('matrices', parts);
  for (const p of parts) needMatrix('a matrix', p);
  const first = parts[0];
  if (!first) throw new BowError('shape', 'concat of no matrices');
  const rows = parts.reduce((s, p) => s + p.rows, 0);
  const entries = parts.reduce((s, p) => s + nnz(p), 0);
  const indptr = newIndptr(rows, entries);
  const indices = new Int32Array(entries);
  const data = new (first.data.constructor as new (n: number) => D)(entries);
  let [r, e] = [0, 0];
  for (const p of parts) {
    if (p.cols !== first.cols) throw new BowError('shape', `concat: ${p.cols} columns under ${first.cols}`);
    for (let i = 0; i < p.rows; i++) indptr[++r] = e + p.indptr[i + 1]!;
    indices.set(p.indices.subarray(0, nnz(p)), e);
    data.set(p.data.subarray(0, nnz(p)), e);
    e += nnz(p);
  }
  return { rows, cols: first.cols, indptr, indices, data };
}

/** Room for rows + 1 offsets, wide enough for `entries`. */
export function newIndptr(rows: number, entries: number): Int32Array | Float64Array {
  needWhole('rows', rows);
  needWhole('entries', entries);
  return entries > 0x7fffffff ? new Float64Array(rows + 1) : new Int32Array(rows + 1);
}

/** The transpose, [cols, rows]; as compressed columns of `x` it is also what an inverted index needs. Linear time. */
export function transpose<D extends CsrData>(x: Csr<D>): Csr<D> {
  const entries = nnz(x);
  const indptr = newIndptr(x.cols, entries);
  for (let e = 0; e < entries; e++) indptr[x.indices[e]! + 1]!++;
  for (let c = 0; c < x.cols; c++) indptr[c + 1]! += indptr[c]!;
  const at = indptr.slice();
  const indices = new Int32Array(entries);
  const data = new (x.data.constructor as new (n: number) => D)(entries);
  for (let r = 0; r < x.rows; r++) {
    for (let e = x.indptr[r]!; e < x.indptr[r + 1]!; e++) {
      const to = at[x.indices[e]!]!++;
      indices[to] = r;
      data[to] = x.data[e]!;
    }
  }
  return { rows: x.cols, cols: x.rows, indptr, indices, data };
}

/** All of it, rows one after another: [rows × cols]. */
export function toDense(x: Csr): Float64Array {
  needMatrix('a matrix', x);
  const dense = new Float64Array(x.rows * x.cols);
  for (let r = 0; r < x.rows; r++) {
    for (let e = x.indptr[r]!; e < x.indptr[r + 1]!; e++) dense[r * x.cols + x.indices[e]!] = x.data[e]!;
  }
  return dense;
}

/** A sparse matrix of a dense one (rows of equal length), zeros left out. */
export function fromDense(rows: readonly ArrayLike<number>[]): Csr<Float64Array> {
  need(Array.isArray(rows), 'rows', 'an array of rows', rows);
  for (const r of rows) needNumbers('a row', r);
  const cols = rows[0]?.length ?? 0;
  const indptr = new Int32Array(rows.length + 1);
  const indices: number[] = [];
  const data: number[] = [];
  rows.forEach((r, i) => {
    if (r.length !== cols) throw new BowError('shape', `row ${i} has ${r.length} numbers, the first has ${cols}`);
    for (let c = 0; c < cols; c++) {
      if (r[c] !== 0) {
        indices.push(c);
        data.push(r[c]!);
      }
    }
    indptr[i + 1] = indices.length;
  });
  return { rows: rows.length, cols, indptr, indices: Int32Array.from(indices), data: Float64Array.from(data) };
}

/** Σ over columns of a[i] · b[j]. */
export function dot(a: Csr, i: number, b: Csr, j: number): number {
  needMatrix('the first matrix', a);
  needMatrix('the second matrix', b);
  needRow(a, i);
  needRow(b, j);
  let [p, q, sum] = [a.indptr[i]!, b.indptr[j]!, 0];
  const [pe, qe] = [a.indptr[i + 1]!, b.indptr[j + 1]!];
  while (p < pe && q < qe) {
    const d = a.indices[p]! - b.indices[q]!;
    if (d === 0) sum += a.data[p]! * b.data[q]!;
    if (d <= 0) p++;
    if (d >= 0) q++;
  }
  return sum;
}

/** Scales each row to length 1 in place; rows of zeros stay. */
export function normalizeRows(x: Csr<Float64Array | Float32Array>, norm: 'l1' | 'l2'): void {
  needMatrix('a matrix', x);
  need(norm === 'l1' || norm === 'l2', 'norm', "'l1' or 'l2'", norm);
  for (let r = 0; r < x.rows; r++) {
    const [from, to] = [x.indptr[r]!, x.indptr[r + 1]!];
    let sum = 0;
    for (let e = from; e < to; e++) sum += norm === 'l1' ? Math.abs(x.data[e]!) : x.data[e]! * x.data[e]!;
    if (sum === 0) continue;
    const length = norm === 'l1' ? sum : Math.sqrt(sum);
    for (let e = from; e < to; e++) x.data[e]! /= length;
  }
}
