/** Ops whose result depends on indices. */
import { BowError } from '../../base/index.ts';
import { sizeOf } from '../dtype.ts';
import { type Binary, op, type Ternary } from '../op.ts';
import { sameShape } from '../shape.ts';
import { needIndex, needSame } from './rules.ts';

export const indexing = {
  /** Rows of `table` along its first axis: [v …] and indices [i…] give [i… …]. Indices must be in [0, v). */
  Gather: op<Binary>({
    onnx: 'Gather',
    infer: ([table, indices]) => {
      needIndex(indices);
      if (table.shape.length === 0) throw new BowError('shape', 'the table needs at least one axis');
      return [{ shape: [...indices.shape, ...table.shape.slice(1)], dtype: table.dtype }];
    },
    encode: () => ({ attributes: { axis: { int: 0 } } }),
    reference: ([table, indices]) => {
      const row = sizeOf(table.shape.slice(1));
      const data = new Float64Array(indices.data.length * row);
      indices.data.forEach((at, i) => {
        data.set(table.data.subarray(at * row, (at + 1) * row), i * row);
      });
      return [{ shape: [...indices.shape, ...table.shape.slice(1)], data }];
    },
  }),
  /** `table` with `updates` [n …] added to the rows `indices` [n, 1] (int64); repeated rows add up. */
  ScatterAdd: op<Ternary>({
    onnx: 'ScatterND',
    infer: ([table, indices, updates]) => {
      needSame(table, updates);
      if (indices.dtype !== 'int64') throw new BowError('dtype', `indices must be int64, got ${indices.dtype}`);
      if (indices.shape.length !== 2 || indices.shape[1] !== 1) throw new BowError('shape', 'indices must be [n, 1]');
      if (!sameShape(updates.shape, [indices.shape[0]!, ...table.shape.slice(1)]))
        throw new BowError('shape', 'updates must be [n, …row]');
      return [table];
    },
    encode: () => ({ attributes: { reduction: { string: 'add' } } }),
    reference: ([table, indices, updates]) => {
      const row = sizeOf(table.shape.slice(1));
      const data = table.data.slice();
      indices.data.forEach((at, i) => {
        for (let k = 0; k < row; k++) data[at * row + k]! += updates.data[i * row + k]!;
      });
      return [{ shape: table.shape, data }];
    },
  }),
};
