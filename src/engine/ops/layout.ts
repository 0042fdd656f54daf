/** Ops that move values without changing them. */
import { BowError } from '../../base/index.ts';
import { sizeOf } from '../dtype.ts';
import { type Binary, ints, op, type Unary } from '../op.ts';
import { expandRef, forEachIndex, gatherStrided, transposeRef } from '../reference.ts';
import { broadcast, type Meta, sameShape, stridesOf } from '../shape.ts';
import { needSame } from './rules.ts';

/** Numpy's count of elements that a slice start:end:step takes. */
function sliceLength(start: number, end: number, step: number): number {
  return Math.max(0, Math.ceil((end - start) / step));
}

/** What stands in the padding. */
export type PadMode = 'constant' | 'reflect' | 'edge' | 'wrap';

/** The position that a padded position i (0 is the first of the original) is read from; −1 for the constant. */
function padSource(i: number, n: number, mode: PadMode): number {
  if (i >= 0 && i < n) return i;
  if (mode === 'constant') return -1;
  if (mode === 'edge') return i < 0 ? 0 : n - 1;
  if (mode === 'wrap') return i < 0 ? i + n : i - n;
  return i < 0 ? -i : 2 * (n - 1) - i;
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
  /** The first operand, not computed with before the second is there: its own shape, computed while the graph runs (functions/checkpoint.ts). */
  HoldBack: op<Binary>({
    onnx: 'Reshape',
    infer: ([x, shape]) => {
      if (shape.dtype !== 'int64' || shape.shape.length !== 1 || shape.shape[0] !== x.shape.length)
        throw new BowError('shape', 'the second operand must be the shape of the first, int64');
      return [x];
    },
    encode: () => ({ attributes: { allowzero: { int: 1 } } }),
    reference: ([x]) => [x],
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
  /**
   * Values around; `before` and `after` a count for every axis. Modes: `constant` (zeros or `value`), `reflect` (mirrored without the border),
   * `edge` (the border repeated), `wrap` (from the other side).
   */
  Pad: op<Unary, { before: readonly number[]; after: readonly number[]; value?: number; mode?: PadMode }>({
    onnx: 'Pad',
    infer: ([x], { before, after, mode = 'constant' }) => {
      if (before.length !== x.shape.length || after.length !== x.shape.length)
        throw new BowError('shape', 'one count for every axis');
      if ([...before, ...after].some((n) => n < 0))
        throw new BowError('shape', 'counts must not be negative', { hint: 'use slice to cut' });
      x.shape.forEach((d, i) => {
        const most = { constant: Infinity, edge: d > 0 ? Infinity : 0, reflect: Math.max(0, d - 1), wrap: d }[mode];
        if (Math.max(before[i]!, after[i]!) > most)
          throw new BowError('shape', `axis ${i} of size ${d} takes at most ${most} by mode "${mode}"`);
      });
      return [{ shape: x.shape.map((d, i) => d + before[i]! + after[i]!), dtype: x.dtype }];
    },
    encode: ({ before, after, value = 0, mode = 'constant' }, [x]) => ({
      attributes: { mode: { string: mode } },
      constants: [
        ints([...before, ...after]),
        ...(mode === 'constant' ? [{ dtype: x.dtype, shape: [], values: [value] }] : []),
      ],
    }),
    reference: ([x], { before, value = 0, mode = 'constant' }, [shape]) => {
      const strides = stridesOf(x.shape);
      const data = new Float64Array(sizeOf(shape!));
      forEachIndex(shape!, (index, flat) => {
        let at = 0;
        for (let k = 0; k < index.length; k++) {
          const from = padSource(index[k]! - before[k]!, x.shape[k]!, mode);
          at = from < 0 || at < 0 ? -1 : at + from * strides[k]!;
        }
        data[flat] = at < 0 ? value : x.data[at]!;
      });
      return [{ shape: shape!, data }];
    },
  }),
};
