/** Convolutions in one and two dimensions, and their transposes. Weights as PyTorch stores them. */
import { BowError } from '../../base/index.ts';
import { badArgument, needWholes } from '../arguments.ts';
import type { Float } from '../dtype.ts';
import { extent } from '../ops/window.ts';
import { apply, needTensors, type Tensor } from '../tensor.ts';

/** One number for every spatial axis, or one for all. */
export type PerAxis = number | readonly number[];

/**
 * Zeros around the operand: a count for all sides, counts for each axis, or [before, after] for each axis. 'same' gives ⌈size/stride⌉ results,
 * an odd zero at the end (as TensorFlow and JAX; for stride 1 PyTorch does likewise).
 */
export type Padding = 'same' | number | readonly (number | readonly [before: number, after: number])[];

/** Options of convolutions. */
export type ConvOptions = {
  /** [o], added to every channel. */
  readonly bias?: Tensor<Float> | undefined;
  readonly stride?: PerAxis;
  readonly padding?: Padding;
  readonly dilation?: PerAxis;
  /** Channel groups that do not see each other; as many as channels is depthwise. */
  readonly groups?: number;
};

/** Options of transposed convolutions; `padding` is cut from the result. */
export type ConvTransposeOptions = Omit<ConvOptions, 'padding'> & {
  readonly padding?: Exclude<Padding, 'same'>;
  /** Places added behind the result, fewer than the stride. DIFFERS: PyTorch also allows up to the dilation. */
  readonly outputPadding?: PerAxis;
};

/** x [b c x], weight [o c/groups k] → [b o x′]: a cross-correlation, as PyTorch's. Error `shape` for operands that do not fit each other. */
export function conv1d(x: Tensor<Float>, weight: Tensor<Float>, o: ConvOptions = {}): Tensor<Float> {
  return conv(x, weight, 1, o);
}

/** x [b c y x], weight [o c/groups k l] → [b o y′ x′], otherwise as {@link conv1d}. */
export function conv2d(x: Tensor<Float>, weight: Tensor<Float>, o: ConvOptions = {}): Tensor<Float> {
  return conv(x, weight, 2, o);
}

/**
 * x [b c x], weight [c o/groups k] → [b o x′], x′ = (x−1)·stride + dilation·(k−1) + 1 + outputPadding − padding: the gradient of {@link conv1d}.
 * Error `shape` for operands that do not fit each other.
 */
export function convTranspose1d(x: Tensor<Float>, weight: Tensor<Float>, o: ConvTransposeOptions = {}): Tensor<Float> {
  return convTranspose(x, weight, 1, o);
}

/** x [b c y x], weight [c o/groups k l] → [b o y′ x′], sizes and errors as in one dimension. */
export function convTranspose2d(x: Tensor<Float>, weight: Tensor<Float>, o: ConvTransposeOptions = {}): Tensor<Float> {
  return convTranspose(x, weight, 2, o);
}

function conv(x: Tensor<Float>, weight: Tensor<Float>, rank: number, o: ConvOptions): Tensor<Float> {
  needOperands(x, weight, rank, o);
  const [strides, dilations] = [perAxis(o.stride ?? 1, rank), perAxis(o.dilation ?? 1, rank)];
  const kernel = weight.shape.slice(2);
  const [before, after] = paddings(o.padding ?? 0, x.shape.slice(2), kernel, strides, dilations);
  const groups = o.groups ?? 1;
  const operands = o.bias ? [x, weight, o.bias] : [x, weight];
  return apply('Conv', operands, { strides, dilations, before, after, groups });
}

function convTranspose(x: Tensor<Float>, weight: Tensor<Float>, rank: number, o: ConvTransposeOptions): Tensor<Float> {
  needOperands(x, weight, rank, o);
  const [strides, dilations] = [perAxis(o.stride ?? 1, rank), perAxis(o.dilation ?? 1, rank)];
  const [before, after] = paddings(o.padding ?? 0, x.shape.slice(2), weight.shape.slice(2), strides, dilations);
  const extra = perAxis(o.outputPadding ?? 0, rank);
  const operands = o.bias ? [x, weight, o.bias] : [x, weight];
  const attrs = { strides, dilations, before, after, groups: o.groups ?? 1, extra };
  return apply('ConvTranspose', operands, attrs);
}

function needOperands(x: Tensor, weight: Tensor, rank: number, o: Omit<ConvOptions, 'padding'>): void {
  needTensors(`conv${rank}d`, { x, weight }, o);
  needTensors(`conv${rank}d`, o.bias ? { bias: o.bias } : {});
  if (x.rank === rank + 2 && weight.rank === rank + 2) return;
  throw new BowError('shape', `a ${rank}-D convolution needs operands with ${rank + 2} axes`, {
    place: x.graph.place,
    detail: { x: x.shape, weight: weight.shape },
  });
}

/** One number an axis; a `usage` error for what is neither a whole number nor a list with one for every axis. */
export function perAxis(n: PerAxis, rank: number, what = 'stride, size or dilation'): readonly number[] {
  const list = typeof n === 'number' ? new Array<number>(rank).fill(n) : n;
  needWholes(undefined, what, list, { length: rank });
  return list;
}

/** Padding as counts before and after every axis. */
export function paddings(
  padding: Padding,
  sizes: readonly number[],
  kernel: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
): [before: number[], after: number[]] {
  if (padding === 'same') {
    const total = sizes.map((n, i) => {
      const s = strides[i]!;
      return Math.max((Math.ceil(n / s) - 1) * s + extent(kernel[i]!, dilations[i]!) - n, 0);
    });
    return [total.map((t) => Math.floor(t / 2)), total.map((t) => Math.ceil(t / 2))];
  }
  const sides = perAxisSides(padding, sizes.length);
  return [sides.map((p) => p[0]), sides.map((p) => p[1])];
}

function perAxisSides(padding: Exclude<Padding, 'same'>, rank: number): (readonly [number, number])[] {
  const list = typeof padding === 'number' ? new Array<number>(rank).fill(padding) : padding;
  if (!Array.isArray(list) || list.length !== rank)
    throw badArgument(
      undefined,
      `the padding must be 'same', a number, or one entry for each of ${rank} axes`,
      padding,
    );
  return list.map((p) => {
    const sides: readonly [number, number] = typeof p === 'number' ? [p, p] : p;
    needWholes(undefined, 'the padding of an axis', sides, { low: 0, length: 2 });
    return sides;
  });
}
