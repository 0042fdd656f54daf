/** Reading, writing, choosing and ordering by position. */
import { BowError } from '../../base/index.ts';
import type { DType, Float, Int } from '../dtype.ts';
import type { Reduction } from '../ops/indexing.ts';
import type { PadMode } from '../ops/layout.ts';
import { axisOf } from '../shape.ts';
import { apply, applyAll, constantLike, type Tensor } from '../tensor.ts';
import { arange, concat, where } from './basic.ts';
import { scatterAdd } from './scatter-add.ts';

/** Parts along any axis: x [a v c] and indices [i…] give [a i… c]. The gradient adds up at repeated indices. */
export function take<D extends DType>(x: Tensor<D>, indices: Tensor<Int>, axis: number): Tensor<D> {
  return apply('Gather', [x, indices], { axis: axisOf(axis, x.rank) }) as Tensor<D>;
}

/** One element for every index along an axis (NumPy's take_along_axis): out[i j] = x[i, indices[i j]] for the last of two axes. */
export function gatherElements<D extends DType>(x: Tensor<D>, indices: Tensor<Int>, axis: number): Tensor<D> {
  return apply('GatherElements', [x, indices], { axis: axisOf(axis, x.rank) }) as Tensor<D>;
}

/** x with updates written to (or added at) indices along an axis: y[i, indices[i j]] = updates[i j] for the last of two axes. */
export function scatterElements<D extends DType>(
  x: Tensor<D>,
  indices: Tensor<Int>,
  updates: Tensor<D>,
  axis: number,
  o: { reduction?: Reduction } = {},
): Tensor<D> {
  const attrs = { axis: axisOf(axis, x.rank), reduction: o.reduction ?? 'none' };
  return apply('ScatterElements', [x, indices, updates], attrs) as Tensor<D>;
}

/** Blocks at index tuples: x [a b c], indices [n 2] give [n c]. */
export function gatherNd<D extends DType>(x: Tensor<D>, indices: Tensor<Int>): Tensor<D> {
  return apply('GatherND', [x, indices.to('int64')]) as Tensor<D>;
}

/** x with blocks written to (or added at) index tuples: x [a b c], indices [n 2], updates [n c]. */
export function scatterNd<D extends DType>(
  x: Tensor<D>,
  indices: Tensor<Int>,
  updates: Tensor<D>,
  o: { reduction?: Reduction } = {},
): Tensor<D> {
  if (o.reduction === 'add') return scatterAdd(x, indices, updates) as Tensor<D>;
  return apply('ScatterND', [x, indices.to('int64'), updates], { reduction: o.reduction ?? 'none' }) as Tensor<D>;
}

/** 1 at the index, 0 elsewhere, along a new last axis of `depth`; an index outside gives zeros. */
export function oneHot<D extends DType>(indices: Tensor<Int>, depth: number, dtype: D): Tensor<D> {
  return indices
    .unsqueeze(-1)
    .equal(arange(indices, depth, indices.dtype))
    .to(dtype);
}

/** The k largest (smallest) along an axis in order, and their positions; the gradient goes to the chosen places. */
export function topK<D extends DType>(
  x: Tensor<D>,
  k: number,
  o: { axis?: number; largest?: boolean } = {},
): { values: Tensor<D>; indices: Tensor<'int64'> } {
  const attrs = { axis: axisOf(o.axis ?? -1, x.rank), k, largest: o.largest ?? true };
  const [values, indices] = applyAll('TopK', [x], attrs);
  return { values: values as Tensor<D>, indices: indices as Tensor as Tensor<'int64'> };
}

/** All along an axis in ascending (descending) order, and where they came from; equals keep their order. */
export function sort<D extends DType>(
  x: Tensor<D>,
  o: { axis?: number; descending?: boolean } = {},
): { values: Tensor<D>; indices: Tensor<'int64'> } {
  const axis = o.axis ?? -1;
  return topK(x, x.dim(axis), { axis, largest: o.descending ?? false });
}

/** Position of the largest along an axis, the first of equals. No gradient. */
export function argmax(x: Tensor, axis = -1, o: { keep?: boolean } = {}): Tensor<'int64'> {
  return argOf('ArgMax', x, axis, o);
}

/** Position of the smallest along an axis, the first of equals. No gradient. */
export function argmin(x: Tensor, axis = -1, o: { keep?: boolean } = {}): Tensor<'int64'> {
  return argOf('ArgMin', x, axis, o);
}

function argOf(name: 'ArgMax' | 'ArgMin', x: Tensor, axis: number, o: { keep?: boolean }): Tensor<'int64'> {
  const attrs = { axis: axisOf(axis, x.rank), keep: o.keep ?? false, last: false };
  return apply(name, [x], attrs) as Tensor as Tensor<'int64'>;
}

/** The order along axes reversed. */
export function flip<D extends DType>(x: Tensor<D>, axes: number | readonly number[]): Tensor<D> {
  const list = typeof axes === 'number' ? [axes] : axes;
  return list.reduce((t, axis) => t.slice(axis, undefined, undefined, -1), x);
}

/** Shifted along an axis by `by` places, what falls off the end comes back at the start. */
export function roll<D extends DType>(x: Tensor<D>, by: number, axis: number): Tensor<D> {
  const n = x.dim(axis);
  const k = n === 0 ? 0 : ((by % n) + n) % n;
  return k === 0 ? x : concat([x.slice(axis, n - k), x.slice(axis, 0, n - k)], axis);
}

/** Repeated along every axis as a block: tile([1 2], [2]) = [1 2 1 2]. */
export function tile<D extends DType>(x: Tensor<D>, repeats: readonly number[]): Tensor<D> {
  if (repeats.length !== x.rank)
    throw new BowError('shape', `tile: ${repeats.length} counts for ${x.rank} axes`, { place: x.graph.place });
  const between = x.shape.flatMap((d, i) => [repeats[i]!, d]);
  return x
    .reshape(x.shape.flatMap((d) => [1, d]))
    .expand(between)
    .reshape(x.shape.map((d, i) => d * repeats[i]!));
}

/** `n` values from `start` to `end`, both included, in the graph of `like` and of its type. */
export function linspace(like: Tensor, start: number, end: number, n: number): Tensor {
  const step = n > 1 ? (end - start) / (n - 1) : 0;
  const values = Array.from({ length: n }, (_, i) => start + i * step);
  return constantLike(like, like.dtype, [n], values);
}

/**
 * Boolean mask [n m] in the graph of `like`: true where column − row ≤ offset. Offset 0 is the lower triangle with its diagonal; with queries
 * that are the last n of m positions, m − n is the causal mask.
 */
export function lowerTriangle(like: Tensor, n: number, m: number, offset = 0): Tensor<'bool'> {
  const column = arange(like, m, 'int64');
  const row = arange(like, n, 'int64').add(offset).unsqueeze(1);
  return column.lessEqual(row);
}

/** True where a query may look: key position ≤ query position, the last query being at the last key. [n m]. */
export function causalMask(like: Tensor, n: number, m: number = n): Tensor<'bool'> {
  return lowerTriangle(like, n, m, m - n);
}

/** The last two axes with everything above the diagonal (moved right by `offset`) set to 0. */
export function tril<D extends DType>(x: Tensor<D>, offset = 0): Tensor<D> {
  return where(lowerTriangle(x, x.dim(-2), x.dim(-1), offset), x, 0);
}

/** The last two axes with everything below the diagonal (moved right by `offset`) set to 0. */
export function triu<D extends DType>(x: Tensor<D>, offset = 0): Tensor<D> {
  return where(lowerTriangle(x, x.dim(-2), x.dim(-1), offset - 1).not(), x, 0);
}

/** Values around the axes: `widths` [before, after] for every axis from the first. Modes: constant, reflect, edge, wrap. */
export function pad<D extends DType>(
  x: Tensor<D>,
  widths: readonly (readonly [before: number, after: number])[],
  o: { mode?: PadMode; value?: number } = {},
): Tensor<D> {
  if (widths.length !== x.rank)
    throw new BowError('shape', `pad: widths for ${widths.length} of ${x.rank} axes`, { place: x.graph.place });
  if (widths.every(([p, q]) => p === 0 && q === 0)) return x;
  const [before, after] = [widths.map(([p]) => p), widths.map(([, q]) => q)];
  const { mode = 'constant', value = 0 } = o;
  return apply('Pad', [x], { before, after, mode, value }) as Tensor<D>;
}

/** α·op(a)·op(b) + β·c of matrices, op the optional transpose; c broadcasts. */
export function gemm(
  a: Tensor<Float>,
  b: Tensor<Float>,
  c?: Tensor<Float>,
  o: { transA?: boolean; transB?: boolean; alpha?: number; beta?: number } = {},
): Tensor<Float> {
  const { transA = false, transB = false, alpha = 1, beta = 1 } = o;
  return apply('Gemm', c ? [a, b, c] : [a, b], { transA, transB, alpha, beta }) as Tensor<Float>;
}

/** True where a value is no number. With {@link isInf} it finds the first tensor that is not finite. */
export function isNan(x: Tensor<Float>): Tensor<'bool'> {
  return apply('IsNaN', [x]) as Tensor as Tensor<'bool'>;
}

/** True where a value is infinite. */
export function isInf(x: Tensor<Float>): Tensor<'bool'> {
  return apply('IsInf', [x]) as Tensor as Tensor<'bool'>;
}

/** To the nearest whole number, halves to the even one. No gradient. */
export function round(x: Tensor<Float>): Tensor<Float> {
  return apply('Round', [x]) as Tensor<Float>;
}
