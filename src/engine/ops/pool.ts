/** Pooling over one or more spatial axes of [b c …]. */
import { BowError } from '../../base/index.ts';
import { sizeOf } from '../dtype.ts';
import { op, type Ref, type Unary } from '../op.ts';
import type { Meta } from '../shape.ts';
import { needFloat } from './rules.ts';
import { type Geometry, tapCounts, taps, windowAttributes, windowCounts } from './window.ts';

export type PoolAttrs = Geometry & { kernel: readonly number[] };
/** `countPadding`: the mean's divisor counts zeros of the padding too. */
export type AveragePoolAttrs = PoolAttrs & { countPadding: boolean };

function pooledShape(x: Meta, a: PoolAttrs): number[] {
  needFloat(x);
  if (x.shape.length < 3) throw new BowError('shape', 'the operand needs batch, channels and spatial axes');
  const sizes = x.shape.slice(2);
  const counts = windowCounts(sizes, a.kernel, a);
  counts.forEach((count, i) => needInside(sizes[i]!, count, i, a));
  return [...x.shape.slice(0, 2), ...counts];
}

/** Throws a `shape` error when a window lies in the padding altogether: its mean or maximum would be of nothing. */
function needInside(n: number, count: number, axis: number, a: PoolAttrs): void {
  for (let w = 0; w < count; w++) {
    const at = (tap: number): number => w * a.strides[axis]! + tap * a.dilations[axis]! - a.before[axis]!;
    const seen = Array.from({ length: a.kernel[axis]! }, (_, tap) => at(tap)).some((p) => p >= 0 && p < n);
    if (!seen)
      throw new BowError('shape', `window ${w} of spatial axis ${axis} lies in the padding`, { hint: 'pad less' });
  }
}

/** Visits every (result, operand) pair of flat positions, windows in order, positions within them in order. */
function forEachPair(x: Ref, a: PoolAttrs, visit: (to: number, from: number) => void): void {
  const sizes = x.shape.slice(2);
  const list = taps(sizes, a.kernel, a);
  const [n, m] = [sizeOf(sizes), sizeOf(windowCounts(sizes, a.kernel, a))];
  for (let channel = 0; channel < x.shape[0]! * x.shape[1]!; channel++) {
    for (let k = 0; k < list.length; k += 3) visit(channel * m + list[k]!, channel * n + list[k + 1]!);
  }
}

const attributes = (a: PoolAttrs): Record<string, { ints: readonly number[] }> => ({
  ...windowAttributes(a),
  kernel_shape: { ints: a.kernel },
});

export const pool = {
  AveragePool: op<Unary, AveragePoolAttrs>({
    onnx: 'AveragePool',
    infer: ([x], a) => [{ shape: pooledShape(x, a), dtype: x.dtype }],
    encode: (a) => ({ attributes: { ...attributes(a), count_include_pad: { int: a.countPadding ? 1 : 0 } } }),
    reference: ([x], a, [shape]) => {
      const data = new Float64Array(sizeOf(shape!));
      forEachPair(x, a, (to, from) => {
        data[to]! += x.data[from]!;
      });
      const divisors = poolDivisors(x.shape.slice(2), a);
      return [{ shape: shape!, data: data.map((u, i) => u / divisors[i % divisors.length]!) }];
    },
  }),
  /** Outputs: maxima, and where they stand in the operand as flat positions (int64), the first of equals. */
  MaxPool: op<Unary, PoolAttrs>({
    onnx: 'MaxPool',
    requiredOutputs: 1,
    infer: ([x], a) => {
      const shape = pooledShape(x, a);
      return [
        { shape, dtype: x.dtype },
        { shape, dtype: 'int64' },
      ];
    },
    encode: (a) => ({ attributes: attributes(a) }),
    reference: ([x], a, [shape]) => {
      const values = new Float64Array(sizeOf(shape!)).fill(Number.NEGATIVE_INFINITY);
      const positions = new Float64Array(values.length).fill(-1);
      forEachPair(x, a, (to, from) => {
        if (positions[to]! >= 0 && !(x.data[from]! > values[to]!)) return;
        values[to] = x.data[from]!;
        positions[to] = from;
      });
      return [
        { shape: shape!, data: values },
        { shape: shape!, data: positions },
      ];
    },
  }),
};

/** What each window's sum is divided by; one value when it is the same for all. */
export function poolDivisors(sizes: readonly number[], a: AveragePoolAttrs): Float64Array {
  if (a.countPadding || [...a.before, ...a.after].every((n) => n === 0)) return Float64Array.of(sizeOf(a.kernel));
  return tapCounts(sizes, a.kernel, a);
}
