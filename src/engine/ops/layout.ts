/** Ops that move values without changing them. */
import { BowError } from '../../base/index.ts';
import { sizeOf } from '../dtype.ts';
import { ints, op, type Unary } from '../op.ts';
import { expandRef, forEachIndex, gatherStrided, transposeRef } from '../reference.ts';
import { broadcast, type Meta, sameShape, stridesOf } from '../shape.ts';
import { needSame } from './rules.ts';

/** Numpy's count of elements that a slice start:end:step takes. */
function sliceLength(start: number, end: number, step: number): number {
  return Math.max(0, Math.ceil((end - start) / step));
}

export const layout = {
  Reshape: op<Unary, { shape: readonly number[] }>({
    onnx: 'Reshape',
    infer: ([x], { shape }) => {
      if (sizeOf(shape) !== sizeOf(x.shape)) {
        throw new BowError(
          'shape',
          `[${x.shape.join(', ')}] has ${sizeOf(x.shape)} values, [${shape.join(', ')}] has ${sizeOf(shape)}`,
        );
      }
      return [{ shape, dtype: x.dtype }];
    },
    encode: ({ shape }) => ({ attributes: { allowzero: { int: 1 } }, constants: [ints(shape)] }),
    reference: ([x], { shape }) => [{ shape, data: x.data }],
  }),
  /** Out axis i is in axis perm[i]. */
  Transpose: op<Unary, { perm: readonly number[] }>({
    onnx: 'Transpose',
    infer: ([x], { perm }) => {
      const valid =
        perm.length === x.shape.length &&
        new Set(perm).size === perm.length &&
        perm.every((p) => p >= 0 && p < perm.length);
      if (!valid) throw new BowError('shape', `[${perm.join(', ')}] is not an order of ${x.shape.length} axes`);
      return [{ shape: perm.map((p) => x.shape[p]!), dtype: x.dtype }];
    },
    encode: ({ perm }) => ({ attributes: { perm: { ints: perm } } }),
    reference: ([x], { perm }) => [transposeRef(x, perm)],
  }),
  Expand: op<Unary, { shape: readonly number[] }>({
    onnx: 'Expand',
    infer: ([x], { shape }) => {
      const out = broadcast(x.shape, shape);
      if (!sameShape(out, shape))
        throw new BowError('shape', `[${x.shape.join(', ')}] does not expand to [${shape.join(', ')}]`);
      return [{ shape, dtype: x.dtype }];
    },
    encode: ({ shape }) => ({ constants: [ints(shape)] }),
    reference: ([x], { shape }) => [expandRef(x, shape)],
  }),
  /** start:end:step on one axis; start and end as NumPy after normalisation (an end of −1 with a negative step means "before the first"). */
  Slice: op<Unary, { axis: number; start: number; end: number; step: number }>({
    onnx: 'Slice',
    infer: ([x], { axis, start, end, step }) => {
      const n = x.shape[axis]!;
      const inside = step > 0 ? start >= 0 && end <= n && start <= end : start < n && end >= -1 && start >= end;
      if (step === 0 || !inside)
        throw new BowError('shape', `slice ${start}:${end}:${step} is outside an axis of ${n}`);
      return [{ shape: x.shape.map((d, i) => (i === axis ? sliceLength(start, end, step) : d)), dtype: x.dtype }];
    },
    encode: ({ axis, start, end, step }, [x]) => ({
      constants: [ints([start]), ints([end < 0 ? -x.shape[axis]! - 1 : end]), ints([axis]), ints([step])],
    }),
    reference: ([x], { axis, start, end, step }) => {
      const strides = stridesOf(x.shape);
      const shape = x.shape.map((d, i) => (i === axis ? sliceLength(start, end, step) : d));
      const offset = start * strides[axis]!;
      return [
        gatherStrided(
          x,
          shape,
          strides.map((s, i) => (i === axis ? s * step : s)),
          offset,
        ),
      ];
    },
  }),
  Concat: op<readonly Meta[], { axis: number }>({
    onnx: 'Concat',
    infer: (xs, { axis }) => {
      const [first] = xs;
      if (!first) throw new BowError('shape', 'nothing to join');
      for (const x of xs) {
        needSame(first, x);
        const alike =
          x.shape.length === first.shape.length && x.shape.every((d, i) => i === axis || d === first.shape[i]);
        if (!alike) throw new BowError('shape', `shapes differ outside axis ${axis}`);
      }
      const n = xs.reduce((s, x) => s + x.shape[axis]!, 0);
      return [{ shape: first.shape.map((d, i) => (i === axis ? n : d)), dtype: first.dtype }];
    },
    encode: ({ axis }) => ({ attributes: { axis: { int: axis } } }),
    reference: (xs, { axis }) => {
      const shape = xs[0]!.shape.map((d, i) => (i === axis ? xs.reduce((s, x) => s + x.shape[axis]!, 0) : d));
      const inner = sizeOf(shape.slice(axis + 1));
      const data = new Float64Array(sizeOf(shape));
      let offset = 0;
      for (const x of xs) {
        const run = x.shape[axis]! * inner;
        const rows = run === 0 ? 0 : x.data.length / run;
        for (let i = 0; i < rows; i++)
          data.set(x.data.subarray(i * run, (i + 1) * run), i * shape[axis]! * inner + offset);
        offset += run;
      }
      return [{ shape, data }];
    },
  }),
  /** Zeros (or `value`) around; `before` and `after` a count for every axis. */
  Pad: op<Unary, { before: readonly number[]; after: readonly number[]; value: number }>({
    onnx: 'Pad',
    infer: ([x], { before, after }) => {
      if (before.length !== x.shape.length || after.length !== x.shape.length)
        throw new BowError('shape', 'one count for every axis');
      if ([...before, ...after].some((n) => n < 0))
        throw new BowError('shape', 'counts must not be negative', { hint: 'use slice to cut' });
      return [{ shape: x.shape.map((d, i) => d + before[i]! + after[i]!), dtype: x.dtype }];
    },
    encode: ({ before, after, value }, [x]) => ({
      constants: [ints([...before, ...after]), { dtype: x.dtype, shape: [], values: [value] }],
    }),
    reference: ([x], { before, after, value }) => {
      const shape = x.shape.map((d, i) => d + before[i]! + after[i]!);
      const strides = stridesOf(shape);
      const data = new Float64Array(sizeOf(shape)).fill(value);
      forEachIndex(x.shape, (index, flat) => {
        let at = 0;
        for (let k = 0; k < index.length; k++) at += (index[k]! + before[k]!) * strides[k]!;
        data[at] = x.data[flat]!;
      });
      return [{ shape, data }];
    },
  }),
};
