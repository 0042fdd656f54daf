/** Position tables fitted to another grid, as PyTorch's `interpolate` does it: in a graph, or while a checkpoint is loaded. */
import { BowError } from '../base/index.ts';
import {
  concat,
  type F,
  type NdArray,
  ndarray,
  type ResizeOptions,
  rearrange,
  resize,
  resizeWeights,
  widened,
} from '../engine/index.ts';
import * as must from './arguments.ts';

/** Options of {@link resizePositions} and {@link resizeTable}. */
export type ResizeTableOptions = {
  /** Rows and columns of the table's grid. */
  readonly from: readonly [rows: number, columns: number];
  readonly to: readonly [rows: number, columns: number];
  /** Leading rows without a position on the grid, such as a class token's: kept as they are. */
  readonly keep?: number;
  readonly method?: 'linear' | 'cubic';
  /** The corners of both grids lie on each other (ViLT), instead of the borders of their cells. */
  readonly alignCorners?: boolean;
  /** Averages when shrinking. open_clip does, Hugging Face does not: the specs of checkpoints say which. */
  readonly antialias?: boolean;
};

const tableOptions = must.options(
  { keep: must.count, method: must.oneOf('linear', 'cubic'), alignCorners: must.flag, antialias: must.flag },
  { from: must.wholes(1, 2), to: must.wholes(1, 2) },
);

/** A table [n, d] of a graph fitted to another grid: [keep + y·x, d]. Error `shape` for a table that is not of the grid `from`. */
export function resizePositions(table: F<'n d'>, o: ResizeTableOptions): F<'n d'> {
  must.be('resizePositions', { table: [table, must.floats('n d')], o: [o, tableOptions] });
  const { n } = table.axes('n d');
  const keep = checkGrid(n, o);
  const [rows, columns] = o.from;
  if (rows === o.to[0] && columns === o.to[1]) return table;
  const grid = rearrange(table.slice(0, keep), '(y x) d -> d y x', { y: rows });
  const fitted = resize(grid, o.to, resizeOptions(o));
  return concat([table.slice(0, 0, keep), rearrange(fitted, 'd y x -> (y x) d')].slice(keep === 0 ? 1 : 0), 0);
}

/**
 * A stored table [n, d] fitted to another grid, [keep + y·x, d] of its own type, computed in double precision. Error `shape` for a table that is not
 * of the grid `from`, `dtype` for integers.
 */
export function resizeTable(table: NdArray, o: ResizeTableOptions): NdArray {
  must.be('resizeTable', { table: [table, must.floatArray('n d')], o: [o, tableOptions] });
  const [n, d] = table.shape as [number, number];
  const keep = checkGrid(n, o);
  const [[rows, columns], [y, x]] = [o.from, o.to];
  const options = resizeOptions(o);
  const [down, across] = [resizeWeights(rows, y, options), resizeWeights(columns, x, options)];
  const { data } = table.dtype === 'float64' ? table : widened(table);
  const source = (data as Float32Array).subarray(keep * d);
  const out = new Float64Array((keep + y * x) * d);
  out.set((data as Float32Array).subarray(0, keep * d));
  for (let i = 0; i < y * rows * x * columns; i++) {
    const [v, r] = [Math.floor(i / (rows * x * columns)), Math.floor(i / (x * columns)) % rows];
    const [u, c] = [Math.floor(i / columns) % x, i % columns];
    const weight = down[v * rows + r]! * across[u * columns + c]!;
    if (weight === 0) continue;
    for (let k = 0; k < d; k++) out[(keep + v * x + u) * d + k]! += weight * source[(r * columns + c) * d + k]!;
  }
  return ndarray(table.dtype, [keep + y * x, d], Array.from(out));
}

function resizeOptions(o: ResizeTableOptions): Omit<ResizeOptions, 'ratio'> {
  return { method: o.method ?? 'cubic', alignCorners: o.alignCorners ?? false, antialias: o.antialias ?? false };
}

function checkGrid(n: number, o: ResizeTableOptions): number {
  const keep = o.keep ?? 0;
  if (n !== keep + o.from[0] * o.from[1]) {
    throw new BowError('shape', `a table of ${n} rows is no grid of ${o.from[0]}×${o.from[1]} after ${keep} rows`);
  }
  return keep;
}
