/** Functions of tensors that are not methods: normalised exponentials, choices, joins, counting. */
import { BowError } from '../../base/index.ts';
import type { DType, Float, Int } from '../dtype.ts';
import { axisOf } from '../shape.ts';
import { apply, applyAll, constantLike, fullLike, type Operand, Tensor } from '../tensor.ts';

/** eˣ/Σeˣ along an axis. */
export function softmax(x: Tensor<Float>, axis = -1): Tensor<Float> {
  return apply('Softmax', [x], { axis: axisOf(axis, x.rank) }) as Tensor<Float>;
}

/** x − ln Σeˣ along an axis. */
export function logSoftmax(x: Tensor<Float>, axis = -1): Tensor<Float> {
  return apply('LogSoftmax', [x], { axis: axisOf(axis, x.rank) }) as Tensor<Float>;
}

/** x·Φ(x), or its tanh approximation. Hendrycks & Gimpel 2016. */
export function gelu(x: Tensor<Float>, o: { approximate?: 'none' | 'tanh' } = {}): Tensor<Float> {
  return apply('Gelu', [x], { approximate: o.approximate ?? 'none' }) as Tensor<Float>;
}

/** x·σ(1.702x), as in OpenAI's CLIP. */
export function quickGelu(x: Tensor<Float>): Tensor<Float> {
  return x.mul(x.mul(1.702).sigmoid());
}

/** x·σ(x). Also known as swish. */
export function silu(x: Tensor<Float>): Tensor<Float> {
  return x.mul(x.sigmoid());
}

export function relu(x: Tensor<Float>): Tensor<Float> {
  return apply('Relu', [x]) as Tensor<Float>;
}

/** ln(1 + eˣ). */
export function softplus(x: Tensor<Float>): Tensor<Float> {
  return apply('Softplus', [x]) as Tensor<Float>;
}

/** condition ? a : b; at least one of a, b must be a tensor. */
export function where<D extends DType>(
  condition: Tensor<'bool'>,
  a: Tensor<D> | number,
  b: Tensor<D> | number,
): Tensor<D> {
  const like = a instanceof Tensor ? a : b instanceof Tensor ? b : undefined;
  if (!like) throw new BowError('usage', 'where: one of the choices must be a tensor, the other may be a number');
  const lift = (o: Operand): Tensor => (o instanceof Tensor ? o : constantLike(like, like.dtype, [], [o]));
  return apply('Where', [condition, lift(a), lift(b)]) as Tensor<D>;
}

/** Joins tensors along an axis. */
export function concat<D extends DType>(xs: readonly Tensor<D>[], axis: number): Tensor<D> {
  if (xs.length === 1) return xs[0]!;
  if (xs.length === 0) throw new BowError('usage', 'concat: nothing to join');
  return apply('Concat', xs, { axis: axisOf(axis, xs[0]!.rank) }) as Tensor<D>;
}

/** Joins tensors along a new axis. */
export function stack<D extends DType>(xs: readonly Tensor<D>[], axis = 0): Tensor<D> {
  return concat(
    xs.map((x) => x.unsqueeze(axis)),
    axis,
  );
}

/** Cuts an axis into parts of the given sizes. */
export function split<D extends DType>(x: Tensor<D>, sizes: readonly number[], axis: number): Tensor<D>[] {
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

/** Rows of a table: [v …] and indices [i…] give [i… …]. The gradient adds up at repeated rows. */
export function gather<D extends DType>(table: Tensor<D>, indices: Tensor<Int>): Tensor<D> {
  return apply('Gather', [table, indices]) as Tensor<D>;
}

/** 0, 1, … n−1 in the graph of `like`. */
export function arange(like: Tensor, n: number, dtype: DType = 'int32'): Tensor {
  return constantLike(
    like,
    dtype,
    [n],
    Array.from({ length: n }, (_, i) => i),
  );
}

/** A tensor of one value with the graph and type of `like`. */
export function full(like: Tensor, shape: readonly number[], value: number): Tensor {
  return fullLike(like, value, shape);
}

/** (x − mean)/√(variance + ε) over the last axis; also the mean and 1/√(variance + ε). */
export function standardize(
  x: Tensor<Float>,
  epsilon: number,
): { y: Tensor<Float>; mean: Tensor<Float>; rstd: Tensor<Float> } {
  const [y, mean, rstd] = applyAll('Standardize', [x], { epsilon }) as readonly Tensor<Float>[];
  return { y: y!, mean: mean!, rstd: rstd! };
}

/** Biased variance over axes. */
export function variance(
  x: Tensor<Float>,
  axes?: number | readonly number[],
  o: { keep?: boolean } = {},
): Tensor<Float> {
  return x
    .sub(x.mean(axes, { keep: true }))
    .square()
    .mean(axes, o);
}

/** x/max(‖x‖₂, ε) along an axis, as PyTorch's `normalize`. */
export function l2Normalize(x: Tensor<Float>, o: { axis?: number; epsilon?: number } = {}): Tensor<Float> {
  return x.div(
    x
      .square()
      .sum(o.axis ?? -1, { keep: true })
      .sqrt()
      .max(o.epsilon ?? 1e-12),
  );
}
