/** Reductions and normalised exponentials. */
import { type Attrs, ints, type OpSpec, op, type Unary } from '../op.ts';
import { mapLines, reduceRef } from '../reference.ts';
import { type Meta, reduced } from '../shape.ts';
import { needFloat, needNumeric } from './rules.ts';

/** Axes counted from the start, ascending. */
type ReduceAttrs = Attrs & { axes: readonly number[]; keep: boolean };

function reduction(
  onnx: string,
  f: (line: Float64Array) => number,
  of: (x: Meta) => void = needNumeric,
): OpSpec<Unary, ReduceAttrs> {
  return op<Unary, ReduceAttrs>({
    onnx,
    infer: ([x], { axes, keep }) => {
      of(x);
      return [{ shape: reduced(x.shape, axes, keep), dtype: x.dtype }];
    },
    encode: ({ axes, keep }) => ({ attributes: { keepdims: { int: keep ? 1 : 0 } }, constants: [ints(axes)] }),
    reference: ([x], { axes, keep }) => [reduceRef(x, axes, keep, f)],
  });
}

const sum = (line: Float64Array): number => line.reduce((a, b) => a + b, 0);
const max = (line: Float64Array): number => line.reduce((a, b) => Math.max(a, b), -Infinity);
const logSumExp = (line: Float64Array): number => {
  const m = max(line);
  return m + Math.log(sum(line.map((u) => Math.exp(u - m))));
};

/** Lines along one axis, counted from the start, mapped to lines of the same length. */
function normalisation(onnx: string, f: (line: Float64Array) => Float64Array): OpSpec<Unary, { axis: number }> {
  return op<Unary, { axis: number }>({
    onnx,
    infer: ([x]) => {
      needFloat(x);
      return [x];
    },
    encode: ({ axis }) => ({ attributes: { axis: { int: axis } } }),
    reference: ([x], { axis }) => [mapLines(x, axis, f)],
  });
}

export const reduce = {
  ReduceSum: reduction('ReduceSum', sum),
  ReduceMean: reduction('ReduceMean', (line) => sum(line) / line.length, needFloat),
  ReduceMax: reduction('ReduceMax', max),
  ReduceMin: reduction('ReduceMin', (line) => line.reduce((a, b) => Math.min(a, b), Infinity)),
  ReduceProd: reduction('ReduceProd', (line) => line.reduce((a, b) => a * b, 1)),
  ReduceLogSumExp: reduction('ReduceLogSumExp', logSumExp, needFloat),
  Softmax: normalisation('Softmax', (line) => {
    const l = logSumExp(line);
    return line.map((u) => Math.exp(u - l));
  }),
  LogSoftmax: normalisation('LogSoftmax', (line) => {
    const l = logSumExp(line);
    return line.map((u) => u - l);
  }),
  /**
   * (x − mean) / √(variance + ε) over the last axis, without scale and shift (those are ordinary arithmetic around it).
   * Ba, Kiros, Hinton 2016, eq. 3. Outputs: normalised, mean, 1/√(variance + ε).
   */
  Standardize: op<Unary, { epsilon: number }>({
    onnx: 'LayerNormalization',
    requiredOutputs: 1,
    infer: ([x]) => {
      needFloat(x);
      const stat = { shape: reduced(x.shape, [x.shape.length - 1], true), dtype: x.dtype };
      return [x, stat, stat];
    },
    encode: ({ epsilon }, [x]) => ({
      attributes: { axis: { int: -1 }, epsilon: { float: epsilon } },
      constants: [{ dtype: x.dtype, shape: [x.shape.at(-1)!], values: new Array<number>(x.shape.at(-1)!).fill(1) }],
    }),
    reference: ([x], { epsilon }) => {
      const axis = x.shape.length - 1;
      const mean = (line: Float64Array): number => sum(line) / line.length;
      const rstd = (line: Float64Array): number => {
        const m = mean(line);
        return 1 / Math.sqrt(mean(line.map((u) => (u - m) ** 2)) + epsilon);
      };
      const y = mapLines(x, axis, (line) => line.map((u) => (u - mean(line)) * rstd(line)));
      return [y, reduceRef(x, [axis], true, mean), reduceRef(x, [axis], true, rstd)];
    },
  }),
};
