/** Functions of tensors that are not methods: normalised exponentials, choices, joins, counting. */
import { BowError } from '../../base/index.ts';
import {
  badArgument,
  needDType,
  needNumber,
  needOneOf,
  needValueOf,
  needWhole,
  needWholes,
  notATensor,
} from '../arguments.ts';
import type { DType, Float, Int } from '../dtype.ts';
import { axisOf } from '../shape.ts';
import {
  type Axes,
  apply,
  applyAll,
  constantLike,
  fullLike,
  needTensors,
  operandFor,
  type ReduceOptions,
  select,
  Tensor,
} from '../tensor.ts';

/** eˣ/Σeˣ along an axis (default the last), without overflow; the shape of x. */
export function softmax<D extends Float>(x: Tensor<D>, axis = -1): Tensor<D> {
  needTensors('softmax', { x });
  return apply('Softmax', [x], { axis: axisOf(axis, x.rank, x.graph.place) });
}

/** x − ln Σeˣ along an axis (default the last): the logarithm of {@link softmax} without its underflow; the shape of x. */
export function logSoftmax<D extends Float>(x: Tensor<D>, axis = -1): Tensor<D> {
  needTensors('logSoftmax', { x });
  return apply('LogSoftmax', [x], { axis: axisOf(axis, x.rank, x.graph.place) });
}

/** x·Φ(x) element by element, or its tanh approximation. Hendrycks & Gimpel 2016, arXiv:1606.08415. */
export function gelu<D extends Float>(x: Tensor<D>, o: { approximate?: 'none' | 'tanh' } = {}): Tensor<D> {
  needTensors('gelu', { x }, o);
  const approximate = o.approximate ?? 'none';
  needOneOf(x, 'gelu: approximate', approximate, ['none', 'tanh']);
  return apply('Gelu', [x], { approximate });
}

/** x·σ(1.702x) element by element, as in OpenAI's CLIP. */
export function quickGelu<D extends Float>(x: Tensor<D>): Tensor<D> {
  needTensors('quickGelu', { x });
  return x.mul(x.mul(1.702).sigmoid());
}

/** x·σ(x) element by element, also known as swish. Elfwing et al. 2017, arXiv:1702.03118. */
export function silu<D extends Float>(x: Tensor<D>): Tensor<D> {
  needTensors('silu', { x });
  return x.mul(x.sigmoid());
}

/** max(x, 0) element by element. */
export function relu<D extends Float>(x: Tensor<D>): Tensor<D> {
  return apply('Relu', [x]);
}

/** ln(1 + eˣ) element by element, without overflow. */
export function softplus<D extends Float>(x: Tensor<D>): Tensor<D> {
  return apply('Softplus', [x]);
}

/** condition ? a : b, with broadcasting of all three; at least one of a, b must be a tensor, and both of one type. Errors: `dtype`, `shape`. */
export function where<D extends DType>(
  condition: Tensor<'bool'>,
  a: Tensor<D> | number,
  b: Tensor<D> | number,
): Tensor<D> {
  needTensors('where', { condition });
  const like = a instanceof Tensor ? a : b;
  if (!(like instanceof Tensor)) throw notATensor(condition, 'where: one of the choices must be a tensor', like);
  const choice = (o: Tensor<D> | number): Tensor<D> => (o instanceof Tensor ? o : constantFor(like, o));
  return select(condition, choice(a), choice(b));
}

function constantFor<D extends DType>(like: Tensor<D>, value: number): Tensor<D> {
  operandFor(like, 'Where', value); // checks it
  return constantLike(like, like.dtype, [], [value]);
}

/**
 * Joins tensors of one type along an axis, [… n …] and [… m …] to [… n+m …]; all other axes are equal. Errors: `usage` for an empty list, `dtype` and
 * `shape` for tensors that do not go together.
 */
export function concat<D extends DType>(xs: readonly Tensor<D>[], axis: number): Tensor<D> {
  const [first] = tensorList('concat', xs);
  const attrs = { axis: axisOf(axis, first.rank, first.graph.place) };
  return xs.length === 1 ? first : apply('Concat', xs, attrs);
}

/** Joins n tensors of one shape along a new axis of size n (default the first). Errors as for {@link concat}. */
export function stack<D extends DType>(xs: readonly Tensor<D>[], axis = 0): Tensor<D> {
  tensorList('stack', xs);
  const wide = xs.map((x) => x.unsqueeze(axis));
  return concat(wide, axis);
}

/** A list with at least one tensor, or a `usage` error. */
function tensorList<D extends DType>(what: string, xs: readonly Tensor<D>[]): readonly [Tensor<D>, ...Tensor<D>[]] {
  if (!Array.isArray(xs)) throw badArgument(undefined, `${what}: the first argument must be a list of tensors`, xs);
  const [first, ...rest] = xs;
  needTensors(what, Object.fromEntries(xs.map((x, i) => [`operand ${i}`, x])));
  if (first === undefined) throw new BowError('usage', `${what}: nothing to join`);
  return [first, ...rest];
}

/** Cuts an axis into parts of the given sizes, which fill it: a tensor for each. Error `shape` when they do not. */
export function split<D extends DType>(x: Tensor<D>, sizes: readonly number[], axis: number): Tensor<D>[] {
  needTensors('split', { x });
  needWholes(x, 'split: sizes', sizes, { low: 0 });
  const total = sizes.reduce((a, b) => a + b, 0);
  if (total !== x.dim(axis))
    throw new BowError('shape', `split: parts of ${total} do not fill an axis of ${x.dim(axis)}`, {
      place: x.graph.place,
    });
  let end = 0;
  return sizes.map((n) => {
    end += n;
    return x.slice(axis, end - n, end);
  });
}

/**
 * Rows of a table: [v …] and indices [i…] (int32 or int64) give [i… …]. The gradient adds up at repeated rows. Error `dtype` for other indices; when
 * run, `backend` for an index outside.
 */
export function gather<D extends DType>(table: Tensor<D>, indices: Tensor<Int>): Tensor<D> {
  return apply('Gather', [table, indices]);
}

/** 0, 1, … n−1 in the graph of `like`: [n], int32 unless `dtype` is given. */
export function arange(like: Tensor, n: number): Tensor<'int32'>;
export function arange<D extends DType>(like: Tensor, n: number, dtype: D): Tensor<D>;
export function arange(like: Tensor, n: number, dtype: DType = 'int32'): Tensor {
  needTensors('arange', { like });
  needWhole(like, 'arange: the count', n, 0);
  needDType(like, 'arange', dtype);
  const values = Array.from({ length: n }, (_, i) => i);
  return constantLike(like, dtype, [n], values);
}

/** A tensor of the given shape and one value, in the graph and of the type of `like`. Error `dtype` for a value that the type cannot hold. */
export function full<D extends DType>(like: Tensor<D>, shape: readonly number[], value: number): Tensor<D> {
  needTensors('full', { like });
  needWholes(like, 'full: the shape', shape, { low: 0 });
  needNumber(like, 'full: the value', value);
  needValueOf(like, 'full', like.dtype, value);
  return fullLike(like, value, shape);
}

/** (x − mean)/√(variance + ε) over the last axis of [… d]; also the mean and 1/√(variance + ε), [… 1]. */
export function standardize<D extends Float>(
  x: Tensor<D>,
  epsilon: number,
): { y: Tensor<D>; mean: Tensor<D>; rstd: Tensor<D> } {
  needTensors('standardize', { x });
  needNumber(x, 'standardize: epsilon', epsilon);
  const [y, mean, rstd] = applyAll('Standardize', [x], { epsilon });
  return { y, mean, rstd };
}

/** Biased variance over axes (all when none are named): the mean of (x − mean)². `keep` leaves axes of size 1. */
export function variance<D extends Float>(x: Tensor<D>, axes?: Axes, o: ReduceOptions = {}): Tensor<D> {
  needTensors('variance', { x }, o);
  const mean = x.mean(axes, { keep: true });
  return x.sub(mean).square().mean(axes, o);
}

/** x/max(‖x‖₂, ε) along an axis (default the last; ε 10⁻¹²), as PyTorch's `normalize`; the shape of x. */
export function l2Normalize<D extends Float>(x: Tensor<D>, o: { axis?: number; epsilon?: number } = {}): Tensor<D> {
  needTensors('l2Normalize', { x }, o);
  const norm = x
    .square()
    .sum(o.axis ?? -1, { keep: true })
    .sqrt();
  return x.div(norm.max(o.epsilon ?? 1e-12));
}
