/** Ops whose result depends on indices. Indices are int32 or int64 in [−n, n), as ONNX has them: negative ones count from the end. */
import { BowError } from '../../base/index.ts';
import { sizeOf } from '../dtype.ts';
import { type Binary, type OpSpec, op, type Ref, type Ternary, type Unary } from '../op.ts';
import { forEachIndex } from '../reference.ts';
import { type Meta, reduced, sameShape, stridesOf } from '../shape.ts';
import { needIndex, needSame } from './rules.ts';

/** What a scatter does where something stands already. */
export type Reduction = 'none' | 'add' | 'mul' | 'max' | 'min';

const combine: Readonly<Record<Reduction, (old: number, update: number) => number>> = {
  none: (_, v) => v,
  add: (u, v) => u + v,
  mul: (u, v) => u * v,
  max: Math.max,
  min: Math.min,
};

function needAxis(x: Meta, axis: number): void {
  if (!(axis >= 0 && axis < x.shape.length))
    throw new BowError('shape', `axis ${axis} does not exist in a tensor of rank ${x.shape.length}`);
}

/** The shape of an indexed part must fit into the tensor on every axis but one. */
function needInside(x: Meta, indices: Meta, axis: number): void {
  needIndex(indices);
  needAxis(x, axis);
  const fits = indices.shape.length === x.shape.length && indices.shape.every((d, i) => i === axis || d <= x.shape[i]!);
  if (!fits)
    throw new BowError(
      'shape',
      `indices [${indices.shape.join(', ')}] do not fit [${x.shape.join(', ')}] along axis ${axis}`,
    );
}

/** Visits the elements of `indices`: their flat position and the flat position in `x` that they name along the axis. */
function forEachElement(
  x: readonly number[],
  indices: Ref,
  axis: number,
  visit: (at: number, from: number) => void,
): void {
  const strides = stridesOf(x);
  forEachIndex(indices.shape, (index, flat) => {
    let at = 0;
    for (let k = 0; k < index.length; k++)
      at += (k === axis ? wrap(indices.data[flat]!, x[k]!) : index[k]!) * strides[k]!;
    visit(at, flat);
  });
}

const wrap = (i: number, n: number): number => (i < 0 ? i + n : i);

/** Visits the rows of `indices` [… k]: number of the row and flat start of the block that its k indices name. */
function forEachRow(x: readonly number[], indices: Ref, visit: (start: number, row: number) => void): void {
  const k = indices.shape.at(-1)!;
  const strides = stridesOf(x);
  const rows = sizeOf(indices.shape.slice(0, -1));
  for (let row = 0; row < rows; row++) {
    let start = 0;
    for (let i = 0; i < k; i++) start += wrap(indices.data[row * k + i]!, x[i]!) * strides[i]!;
    visit(start, row);
  }
}

/** Shape of the blocks that index tuples name: [… k] into [a b c …] gives […, then the axes from k on]. */
function blocks(x: Meta, indices: Meta): readonly number[] {
  needIndex(indices);
  const k = indices.shape.at(-1);
  if (k === undefined || k < 1 || k > x.shape.length)
    throw new BowError(
      'shape',
      `indices [${indices.shape.join(', ')}] do not name positions in rank ${x.shape.length}`,
    );
  return [...indices.shape.slice(0, -1), ...x.shape.slice(k)];
}

/** Position of the extreme along an axis, as int64. */
function argExtreme(onnx: string, better: (u: number, v: number) => boolean): OpSpec<Unary, ArgAttrs> {
  return op<Unary, ArgAttrs>({
    onnx,
    infer: ([x], { axis, keep }) => {
      needAxis(x, axis);
      return [{ shape: reduced(x.shape, [axis], keep), dtype: 'int64' }];
    },
    encode: ({ axis, keep, last }) => ({
      attributes: { axis: { int: axis }, keepdims: { int: keep ? 1 : 0 }, select_last_index: { int: last ? 1 : 0 } },
    }),
    reference: ([x], { axis, last }, [shape]) => {
      const [n, inner] = [x.shape[axis]!, sizeOf(x.shape.slice(axis + 1))];
      const data = Float64Array.from({ length: sizeOf(shape!) }, (_, line) => {
        const start = Math.floor(line / inner) * n * inner + (line % inner);
        let best = 0;
        for (let i = 1; i < n; i++) {
          const [u, v] = [x.data[start + i * inner]!, x.data[start + best * inner]!];
          if (better(u, v) || (last && u === v)) best = i;
        }
        return best;
      });
      return [{ shape: shape!, data }];
    },
  });
}

type ArgAttrs = { readonly axis: number; readonly keep: boolean; readonly last: boolean };

export const indexing = {
  /** Parts of a tensor along an axis: [a v c] and indices [i…] give [a i… c]. */
  Gather: op<Binary, { axis?: number }>({
    onnx: 'Gather',
    infer: ([table, indices], { axis = 0 }) => {
      needIndex(indices);
      if (table.shape.length === 0) throw new BowError('shape', 'the table needs at least one axis');
      needAxis(table, axis);
      const shape = [...table.shape.slice(0, axis), ...indices.shape, ...table.shape.slice(axis + 1)];
      return [{ shape, dtype: table.dtype }];
    },
    encode: ({ axis = 0 }) => ({ attributes: { axis: { int: axis } } }),
    reference: ([table, indices], { axis = 0 }, [shape]) => {
      const [n, inner] = [table.shape[axis]!, sizeOf(table.shape.slice(axis + 1))];
      const data = new Float64Array(sizeOf(shape!));
      const outer = sizeOf(table.shape.slice(0, axis));
      let to = 0;
      for (let o = 0; o < outer; o++) {
        for (const i of indices.data) {
          const from = (o * n + wrap(i, n)) * inner;
          data.set(table.data.subarray(from, from + inner), to);
          to += inner;
        }
      }
      return [{ shape: shape!, data }];
    },
  }),
  /** One element for every index: out[i j] = x[indices[i j] j] along axis 0, and so on. */
  GatherElements: op<Binary, { axis: number }>({
    onnx: 'GatherElements',
    infer: ([x, indices], { axis }) => {
      needInside(x, indices, axis);
      return [{ shape: indices.shape, dtype: x.dtype }];
    },
    encode: ({ axis }) => ({ attributes: { axis: { int: axis } } }),
    reference: ([x, indices], { axis }) => {
      const data = new Float64Array(indices.data.length);
      forEachElement(x.shape, indices, axis, (at, from) => {
        data[from] = x.data[at]!;
      });
      return [{ shape: indices.shape, data }];
    },
  }),
  /** x with updates[i j] written to (or added at) x[indices[i j] j] along axis 0, and so on. */
  ScatterElements: op<Ternary, { axis: number; reduction: Reduction }>({
    onnx: 'ScatterElements',
    infer: ([x, indices, updates], { axis }) => {
      needSame(x, updates);
      needInside(x, indices, axis);
      if (!sameShape(indices.shape, updates.shape)) throw new BowError('shape', 'indices and updates differ in shape');
      return [x];
    },
    encode: ({ axis, reduction }) => ({ attributes: { axis: { int: axis }, reduction: { string: reduction } } }),
    reference: ([x, indices, updates], { axis, reduction }) => {
      const data = x.data.slice();
      forEachElement(x.shape, indices, axis, (at, from) => {
        data[at] = combine[reduction](data[at]!, updates.data[from]!);
      });
      return [{ shape: x.shape, data }];
    },
  }),
  /** Blocks of x that the index tuples [… k] name: [… axes of x from k on]. */
  GatherND: op<Binary>({
    onnx: 'GatherND',
    infer: ([x, indices]) => {
      if (indices.dtype !== 'int64') throw new BowError('dtype', `indices must be int64, got ${indices.dtype}`);
      return [{ shape: blocks(x, indices), dtype: x.dtype }];
    },
    reference: ([x, indices], _attrs, [shape]) => {
      const block = sizeOf(x.shape.slice(indices.shape.at(-1)!));
      const data = new Float64Array(sizeOf(shape!));
      forEachRow(x.shape, indices, (start, row) => {
        data.set(x.data.subarray(start, start + block), row * block);
      });
      return [{ shape: shape!, data }];
    },
  }),
  /** x with blocks written to (or added at) the positions that the index tuples [… k] (int64) name. Adding is only right where no position repeats: see scatterAdd. */
  ScatterND: op<Ternary, { reduction: Reduction }>({
    onnx: 'ScatterND',
    infer: ([x, indices, updates]) => {
      needSame(x, updates);
      if (indices.dtype !== 'int64') throw new BowError('dtype', `indices must be int64, got ${indices.dtype}`);
      const shape = blocks(x, indices);
      if (!sameShape(updates.shape, shape)) throw new BowError('shape', `updates must be [${shape.join(', ')}]`);
      return [x];
    },
    encode: ({ reduction }) => ({ attributes: { reduction: { string: reduction } } }),
    reference: ([x, indices, updates], { reduction }) => {
      const block = sizeOf(x.shape.slice(indices.shape.at(-1)!));
      const data = x.data.slice();
      forEachRow(x.shape, indices, (start, row) => {
        for (let i = 0; i < block; i++) {
          const value = updates.data[row * block + i]!;
          data[start + i] = combine[reduction](data[start + i]!, value);
        }
      });
      return [{ shape: x.shape, data }];
    },
  }),
  /** The k largest (or smallest) along an axis in order, and their positions as int64; of equals the first comes first. */
  TopK: op<Unary, { axis: number; k: number; largest: boolean }>({
    onnx: 'TopK',
    infer: ([x], { axis, k }) => {
      needAxis(x, axis);
      if (!(k >= 0 && k <= x.shape[axis]!)) throw new BowError('shape', `${k} of ${x.shape[axis]} cannot be chosen`);
      const shape = x.shape.map((d, i) => (i === axis ? k : d));
      return [
        { shape, dtype: x.dtype },
        { shape, dtype: 'int64' },
      ];
    },
    encode: ({ axis, k, largest }) => ({
      attributes: { axis: { int: axis }, largest: { int: largest ? 1 : 0 }, sorted: { int: 1 } },
      constants: [{ dtype: 'int64', shape: [1], values: [k] }],
    }),
    reference: ([x], { axis, k, largest }, [shape]) => {
      const [n, inner] = [x.shape[axis]!, sizeOf(x.shape.slice(axis + 1))];
      const [values, positions] = [new Float64Array(sizeOf(shape!)), new Float64Array(sizeOf(shape!))];
      const lines = n === 0 ? 0 : x.data.length / n;
      for (let line = 0; line < lines; line++) {
        const [o, i] = [Math.floor(line / inner), line % inner];
        const value = (p: number): number => x.data[(o * n + p) * inner + i]!;
        const order = Array.from({ length: n }, (_, p) => p).sort((p, q) => {
          const d = largest ? value(q) - value(p) : value(p) - value(q);
          return d === 0 || Number.isNaN(d) ? p - q : d;
        });
        for (let r = 0; r < k; r++) {
          const to = (o * k + r) * inner + i;
          values[to] = value(order[r]!);
          positions[to] = order[r]!;
        }
      }
      return [
        { shape: shape!, data: values },
        { shape: shape!, data: positions },
      ];
    },
  }),
  ArgMax: argExtreme('ArgMax', (u, v) => u > v),
  ArgMin: argExtreme('ArgMin', (u, v) => u < v),
};
