/**
 * Position tables fitted to another grid, as PyTorch's `interpolate` (align_corners = false) does it: each axis is one small matrix, so the same
 * numbers serve a checkpoint being loaded and a graph, where the gradient is a product too.
 */
import { BowError } from '../base/index.ts';
import { concat, type F, type NdArray, ndarray, rearrange } from '../engine/index.ts';

/** Options of {@link resizePositions} and {@link resizeTable}. */
export type ResizeOptions = {
  /** Rows and columns of the table's grid. */
  readonly from: readonly [rows: number, columns: number];
  readonly to: readonly [rows: number, columns: number];
  /** Leading rows without a place on the grid, such as a class token's: kept as they are. */
  readonly keep?: number;
  readonly mode?: 'bilinear' | 'bicubic';
  /** Averages when shrinking. open_clip does, Hugging Face does not: specs of checkpoints say which. */
  readonly antialias?: boolean;
};

/** Weights [to, from] that make `to` samples of an axis of `from` samples. PyTorch's UpSample.h: cubic with a = −0.75, antialiased −0.5. */
export function resizeMatrix(
  from: number,
  to: number,
  o: { readonly mode?: 'bilinear' | 'bicubic'; readonly antialias?: boolean } = {},
): Float64Array {
  const matrix = new Float64Array(to * from);
  const cubic = (o.mode ?? 'bicubic') === 'bicubic';
  const kernel = cubic ? (t: number) => cubicKernel(t, o.antialias ? -0.5 : -0.75) : (t: number) => Math.max(0, 1 - t);
  for (let i = 0; i < to; i++) {
    const row = matrix.subarray(i * from, (i + 1) * from);
    if (o.antialias) antialiased(row, i, from / to, cubic ? 2 : 1, kernel);
    else sampled(row, i, from / to, cubic ? 2 : 1, kernel);
  }
  return matrix;
}

/** Weights of the samples around the source place; beyond the edges the edge sample counts. */
function sampled(row: Float64Array, i: number, scale: number, reach: number, kernel: (t: number) => number): void {
  const place = (i + 0.5) * scale - 0.5;
  for (let j = Math.floor(place) - reach + 1; j <= Math.floor(place) + reach; j++) {
    row[Math.min(row.length - 1, Math.max(0, j))]! += kernel(Math.abs(place - j));
  }
}

/** Weights of a kernel as wide as the shrinking asks for, cut at the edges and normalised. */
function antialiased(row: Float64Array, i: number, scale: number, reach: number, kernel: (t: number) => number): void {
  const stretch = Math.max(1, scale);
  const center = (i + 0.5) * scale;
  const first = Math.max(0, Math.trunc(center - reach * stretch + 0.5));
  const end = Math.min(row.length, Math.trunc(center + reach * stretch + 0.5));
  let total = 0;
  for (let j = first; j < end; j++) {
    row[j] = kernel(Math.abs(j - center + 0.5) / stretch);
    total += row[j]!;
  }
  for (let j = first; j < end; j++) row[j]! /= total;
}

/** Keys 1981, with its free parameter. */
function cubicKernel(t: number, a: number): number {
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2) return (((t - 5) * t + 8) * t - 4) * a;
  return 0;
}

/** A table of a graph fitted to another grid. */
export function resizePositions(table: F<'n d'>, o: ResizeOptions): F<'n d'> {
  const { n } = table.axes('n d');
  const keep = checkGrid(n, o);
  const [[rows, columns], [y, x]] = [o.from, o.to];
  if (rows === y && columns === x) return table;
  const matrix = (from: number, to: number): F =>
    table.graph.constant(ndarray(table.dtype, [to, from], Array.from(resizeMatrix(from, to, o)))) as F;
  const grid = rearrange(table.slice(0, keep), '(r c) d -> r (c d)', { r: rows });
  const tall = rearrange(matrix(rows, y).matmul(grid), 'y (c d) -> y c d', { c: columns });
  const fitted = rearrange(matrix(columns, x).matmul(tall), 'y x d -> (y x) d');
  return keep === 0 ? fitted : concat([table.slice(0, 0, keep), fitted], 0);
}

/** A stored table [n, d] fitted to another grid, in double precision: for loading a checkpoint at another resolution. */
export function resizeTable(table: NdArray, o: ResizeOptions): NdArray {
  const [n, d] = table.shape as [number, number];
  const keep = checkGrid(n, o);
  const [[rows, columns], [y, x]] = [o.from, o.to];
  const [down, across] = [resizeMatrix(rows, y, o), resizeMatrix(columns, x, o)];
  const source = (table.data as Float32Array).subarray(keep * d);
  const out = new Float64Array((keep + y * x) * d);
  out.set((table.data as Float32Array).subarray(0, keep * d));
  for (let i = 0; i < y * rows * x * columns; i++) {
    const [v, r] = [Math.floor(i / (rows * x * columns)), Math.floor(i / (x * columns)) % rows];
    const [u, c] = [Math.floor(i / columns) % x, i % columns];
    const weight = down[v * rows + r]! * across[u * columns + c]!;
    if (weight === 0) continue;
    for (let k = 0; k < d; k++) out[(keep + v * x + u) * d + k]! += weight * source[(r * columns + c) * d + k]!;
  }
  return ndarray(table.dtype, [keep + y * x, d], Array.from(out));
}

function checkGrid(n: number, o: ResizeOptions): number {
  const keep = o.keep ?? 0;
  if (n !== keep + o.from[0] * o.from[1]) {
    throw new BowError('shape', `a table of ${n} rows is no grid of ${o.from[0]}×${o.from[1]} after ${keep} rows`);
  }
  return keep;
}
