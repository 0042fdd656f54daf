/** Running totals along an axis. */
import { BowError } from '../../base/index.ts';
import { op, type Unary } from '../op.ts';
import { mapLines } from '../reference.ts';

export const scan = {
  /** `exclusive`: without the element itself; `reverse`: from the end. */
  CumSum: op<Unary, { axis: number; exclusive: boolean; reverse: boolean }>({
    onnx: 'CumSum',
    infer: ([x]) => {
      if (x.dtype === 'bool')
        throw new BowError('dtype', 'arithmetic on booleans', { hint: "cast first: x.to('int32')" });
      return [x];
    },
    encode: ({ axis, exclusive, reverse }) => ({
      attributes: { exclusive: { int: exclusive ? 1 : 0 }, reverse: { int: reverse ? 1 : 0 } },
      constants: [{ dtype: 'int64', shape: [], values: [axis] }],
    }),
    reference: ([x], { axis, exclusive, reverse }) => [
      mapLines(x, axis, (line) => {
        const out = new Float64Array(line.length);
        let sum = 0;
        for (let k = 0; k < line.length; k++) {
          const i = reverse ? line.length - 1 - k : k;
          out[i] = exclusive ? sum : sum + line[i]!;
          sum += line[i]!;
        }
        return out;
      }),
    ],
  }),
};
