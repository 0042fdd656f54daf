/** Reading, writing, choosing and ordering by position. */
import { BowError } from '../../base/index.ts';
import { needDType, needNumber, needOneOf, needWhole, needWholes } from '../arguments.ts';
import type { DType, Float, Int } from '../dtype.ts';
import type { Reduction } from '../ops/indexing.ts';
import type { PadMode } from '../ops/layout.ts';
import { axisOf } from '../shape.ts';
import { apply, applyAll, constantLike, needTensors, type Same, type Tensor } from '../tensor.ts';
import { arange, concat, where } from './basic.ts';
import { scatterAdd } from './scatter-add.ts';

/** Parts along any axis: x [a v c] and indices [i…] give [a i… c]. The gradient adds up at repeated indices. */
export function take<D extends DType>(x: Tensor<D>, indices: Tensor<Int>, axis: number): Tensor<D> {
  needTensors('take', { x, indices });
  return apply('Gather', [x, indices], { axis: axisOf(axis, x.rank, x.graph.place) });
}

/** One element for every index along an axis (NumPy's take_along_axis): out[i j] = x[i, indices[i j]] for the last of two axes. */
export function gatherElements<D extends DType>(x: Tensor<D>, indices: Tensor<Int>, axis: number): Tensor<D> {
  needTensors('gatherElements', { x, indices });
  return apply('GatherElements', [x, indices], { axis: axisOf(axis, x.rank, x.graph.place) });
}

/** x with updates written to (or added at) indices along an axis: y[i, indices[i j]] = updates[i j] for the last of two axes. */
export function scatterElements<D extends DType>(
  x: Tensor<D>,
  indices: Tensor<Int>,
  updates: Tensor<D>,
  axis: number,
  o: { reduction?: Reduction } = {},
): Tensor<D> {
  needTensors('scatterElements', { x, indices, updates }, o);
  needReduction(x, 'scatterElements', o.reduction);
  const attrs = { axis: axisOf(axis, x.rank, x.graph.place), reduction: o.reduction ?? 'none' };
  return apply('ScatterElements', [x, indices, updates], attrs);
}

/** Blocks at index tuples: x [a b c], indices [n 2] give [n c]. */
export function gatherNd<D extends DType>(x: Tensor<D>, indices: Tensor<Int>): Tensor<D> {
  needTensors('gatherNd', { x, indices });
  needIndices(indices, 'gatherNd');
  return apply('GatherND', [x, indices.to('int64')]);
}

/** x with blocks written to (or added at) index tuples: x [a b c], indices [n 2], updates [n c]. */
export function scatterNd<D extends DType>(
  x: Tensor<D>,
  indices: Tensor<Int>,
  updates: Tensor<D>,
  o: { reduction?: Reduction } = {},
): Tensor<D> {
  needTensors('scatterNd', { x, indices, updates }, o);
  needIndices(indices, 'scatterNd');
  needReduction(x, 'scatterNd', o.reduction);
  if (o.reduction === 'add') return scatterAdd(x, indices, updates);
  return apply('ScatterND', [x, indices.to('int64'), updates], { reduction: o.reduction ?? 'none' });
}

/** 1 at the index, 0 elsewhere, along a new last axis: indices [i…] give [i… depth]; an index outside gives zeros. */
export function oneHot<D extends DType>(indices: Tensor<Int>, depth: number, dtype: D): Tensor<D> {
  needTensors('oneHot', { indices });
  needIndices(indices, 'oneHot');
  needWhole(indices, 'oneHot: the depth', depth, 1);
  needDType(indices, 'oneHot', dtype);
  return indices
    .unsqueeze(-1)
    .equal(arange(indices, depth, indices.dtype))
    .to(dtype);
}

/**
 * The k largest (smallest) along an axis (default the last) in order, and their positions, int64: [… k]. The gradient goes to the chosen positions.
 * Error `shape` for a k beyond the axis.
 */
export function topK<D extends DType>(
  x: Tensor<D>,
  k: number,
  o: { axis?: number; largest?: boolean } = {},
): { values: Tensor<D>; indices: Tensor<'int64'> } {
  needTensors('topK', { x }, o);
  needWhole(x, 'topK: the count', k, 0);
  const attrs = { axis: axisOf(o.axis ?? -1, x.rank, x.graph.place), k, largest: o.largest ?? true };
  const [values, indices] = applyAll('TopK', [x], attrs);
  return { values, indices };
}

/**
 * All along an axis (default the last) in ascending (descending) order, and where they came from, int64, both in the shape of x; equals keep their
 * order.
 */
export function sort<D extends DType>(
  x: Tensor<D>,
  o: { axis?: number; descending?: boolean } = {},
): { values: Tensor<D>; indices: Tensor<'int64'> } {
  needTensors('sort', { x }, o);
  const axis = o.axis ?? -1;
  return topK(x, x.dim(axis), { axis, largest: o.descending ?? false });
}

/** Position of the largest along an axis (default the last), the first of equals: int64, the axis removed unless `keep`. No gradient. */
export function argmax(x: Tensor, axis = -1, o: { keep?: boolean } = {}): Tensor<'int64'> {
  return argOf('argmax', 'ArgMax', x, axis, o);
}

/** Position of the smallest along an axis (default the last), the first of equals: int64, the axis removed unless `keep`. No gradient. */
export function argmin(x: Tensor, axis = -1, o: { keep?: boolean } = {}): Tensor<'int64'> {
  return argOf('argmin', 'ArgMin', x, axis, o);
}

function argOf(
  what: string,
  name: 'ArgMax' | 'ArgMin',
  x: Tensor,
  axis: number,
  o: { keep?: boolean },
): Tensor<'int64'> {
  needTensors(what, { x }, o);
  const attrs = { axis: axisOf(axis, x.rank, x.graph.place), keep: o.keep ?? false, last: false };
  return apply(name, [x], attrs);
}

/** The order along axes reversed; the shape of x. */
export function flip<D extends DType>(x: Tensor<D>, axes: number | readonly number[]): Tensor<D> {
  needTensors('flip', { x });
  const list = typeof axes === 'number' ? [axes] : axes;
  needWholes(x, 'flip: axes', list);
  return list.reduce((t, axis) => t.slice(axis, undefined, undefined, -1), x);
}

/**
 * Shifted along an axis by `by` positions (towards the end, or back where negative); what falls off one end comes back at the other. The shape of x.
 */
export function roll<D extends DType>(x: Tensor<D>, by: number, axis: number): Tensor<D> {
  needTensors('roll', { x });
  needWhole(x, 'roll: the distance', by);
  const n = x.dim(axis);
  const k = n === 0 ? 0 : ((by % n) + n) % n;
  return k === 0 ? x : concat([x.slice(axis, n - k), x.slice(axis, 0, n - k)], axis);
}

/** Repeated along every axis as a block: tile([1 2], [2]) = [1 2 1 2]. Error `shape` unless there is a count for each axis. */
export function tile<D extends DType>(x: Tensor<D>, repeats: readonly number[]): Tensor<D> {
  needTensors('tile', { x });
  needWholes(x, 'tile: repeats', repeats, { low: 0 });
  if (repeats.length !== x.rank)
    throw new BowError('shape', `tile: ${repeats.length} counts for ${x.rank} axes`, { place: x.graph.place });
  const between = x.shape.flatMap((d, i) => [repeats[i]!, d]);
  return x
    .reshape(x.shape.flatMap((d) => [1, d]))
    .expand(between)
    .reshape(x.shape.map((d, i) => d * repeats[i]!));
}

/** `n` values from `start` to `end`, both included, in the graph of `like` and of its type: [n]. */
export function linspace<D extends DType>(like: Tensor<D>, start: number, end: number, n: number): Tensor<D> {
  needTensors('linspace', { like });
  needNumber(like, 'linspace: the start', start);
  needNumber(like, 'linspace: the end', end);
  needWhole(like, 'linspace: the count', n, 0);
  const step = n > 1 ? (end - start) / (n - 1) : 0;
  const values = Array.from({ length: n }, (_, i) => start + i * step);
  return constantLike(like, like.dtype, [n], values);
}

/**
 * Boolean mask [n m] in the graph of `like`: true where column − row ≤ offset. Offset 0 is the lower triangle with its diagonal; with queries
 * that are the last n of m positions, m − n is the causal mask.
 */
export function lowerTriangle(like: Tensor, n: number, m: number, offset = 0): Tensor<'bool'> {
  needTensors('lowerTriangle', { like });
  needWhole(like, 'lowerTriangle: the offset', offset);
  const column = arange(like, m, 'int64');
  const row = arange(like, n, 'int64').add(offset).unsqueeze(1);
  return column.lessEqual(row);
}

/** True where a query may look: key position ≤ query position, the last query being at the last key. [n m]. */
export function causalMask(like: Tensor, n: number, m: number = n): Tensor<'bool'> {
  needTensors('causalMask', { like });
  return lowerTriangle(like, n, m, m - n);
}

/** The last two axes with everything above the diagonal (moved right by `offset`) set to 0; the shape of x. */
export function tril<D extends DType>(x: Tensor<D>, offset = 0): Tensor<D> {
  needTensors('tril', { x });
  return where(lowerTriangle(x, x.dim(-2), x.dim(-1), offset), x, 0);
}

/** The last two axes with everything below the diagonal (moved right by `offset`) set to 0; the shape of x. */
export function triu<D extends DType>(x: Tensor<D>, offset = 0): Tensor<D> {
  needTensors('triu', { x });
  needWhole(x, 'triu: the offset', offset);
  return where(lowerTriangle(x, x.dim(-2), x.dim(-1), offset - 1).not(), x, 0);
}

/**
 * Values around the axes: `widths` [before, after] for every axis from the first. Modes: constant (`value`, default 0), reflect, edge, wrap. Error
 * `shape` for widths that the mode has no values for.
 */
export function pad<D extends DType>(
  x: Tensor<D>,
  widths: readonly (readonly [before: number, after: number])[],
  o: { mode?: PadMode; value?: number } = {},
): Tensor<D> {
  needTensors('pad', { x }, o);
  if (!Array.isArray(widths)) needWholes(x, 'pad: widths', widths);
  for (const pair of widths) needWholes(x, 'pad: the widths of an axis', pair, { low: 0, length: 2 });
  needOneOf(x, 'pad: the mode', o.mode ?? 'constant', ['constant', 'reflect', 'edge', 'wrap']);
  needNumber(x, 'pad: the value', o.value ?? 0);
  if (widths.length !== x.rank)
    throw new BowError('shape', `pad: widths for ${widths.length} of ${x.rank} axes`, { place: x.graph.place });
  if (widths.every(([p, q]) => p === 0 && q === 0)) return x;
  const [before, after] = [widths.map(([p]) => p), widths.map(([, q]) => q)];
  const { mode = 'constant', value = 0 } = o;
  return apply('Pad', [x], { before, after, mode, value });
}

/** α·op(a)·op(b) + β·c of matrices, op the optional transpose: [n k]·[k m] → [n m]; c broadcasts. Error `shape` for matrices that do not fit. */
export function gemm<D extends Float>(
  a: Tensor<D>,
  b: Same<D>,
  c?: Same<D>,
  o: { transA?: boolean; transB?: boolean; alpha?: number; beta?: number } = {},
): Tensor<D> {
  needTensors('gemm', { a, b, ...(c === undefined ? {} : { c }) }, o);
  needNumber(a, 'gemm: alpha', o.alpha ?? 1);
  needNumber(a, 'gemm: beta', o.beta ?? 1);
  const { transA = false, transB = false, alpha = 1, beta = 1 } = o;
  return apply('Gemm', c ? [a, b, c] : [a, b], { transA, transB, alpha, beta });
}

/** True where a value is NaN; the shape of x. With {@link isInf} it finds the first tensor that is not finite. */
export function isNan(x: Tensor<Float>): Tensor<'bool'> {
  return apply('IsNaN', [x]);
}

/** True where a value is infinite, of either sign; the shape of x. */
export function isInf(x: Tensor<Float>): Tensor<'bool'> {
  return apply('IsInf', [x]);
}

/** To the nearest whole number, halves to the even one; the shape of x. No gradient. */
export function round<D extends Float>(x: Tensor<D>): Tensor<D> {
  return apply('Round', [x]);
}

function needIndices(x: Tensor, what: string): void {
  if (x.dtype === 'int32' || x.dtype === 'int64' || x.dtype === 'uint8') return;
  throw new BowError('dtype', `${what}: indices must be integers, got ${x.dtype}`, {
    place: x.graph.place,
    hint: "cast them first: indices.to('int64')",
  });
}

function needReduction(x: Tensor, what: string, reduction: Reduction | undefined): void {
  needOneOf(x, `${what}: the reduction`, reduction ?? 'none', ['none', 'add', 'mul', 'max', 'min']);
}
