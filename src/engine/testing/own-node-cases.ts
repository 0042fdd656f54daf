/** Cases of our own in the form of ONNX's node cases, with values that can be followed by hand. */
import { type DType, fromNumbers } from '../dtype.ts';
import type { CaseArray, NodeCase } from './node-cases.ts';

type Rows = readonly number[] | readonly (readonly number[])[] | number;

/** An array from nested lists. */
function array(rows: Rows, dtype: DType = 'float32'): CaseArray {
  const nested = Array.isArray(rows) && Array.isArray(rows[0]);
  const flat = (Array.isArray(rows) ? rows.flat() : [rows]) as number[];
  const list = rows as readonly (readonly number[])[];
  const dims = nested ? [list.length, list[0]!.length] : Array.isArray(rows) ? [flat.length] : [];
  const { buffer } = fromNumbers(dtype, flat);
  return { dtype, dims, b64: Buffer.from(buffer as ArrayBuffer).toString('base64') };
}

function make(
  name: string,
  op: string,
  inputs: readonly CaseArray[],
  outputs: readonly CaseArray[],
  o: { attrs?: NodeCase['attrs']; opset?: number; inNames?: readonly string[] } = {},
): NodeCase {
  return {
    name,
    op,
    domain: '',
    opset: o.opset === undefined ? [] : [['', o.opset]],
    attrs: o.attrs ?? {},
    in_names: o.inNames ?? inputs.map((_, i) => `x${i}`),
    out_names: outputs.map((_, i) => `y${i}`),
    inputs,
    outputs,
  };
}

const whole = (rows: Rows): CaseArray => array(rows, 'int64');
const grid = array([
  [1, 2, 3],
  [4, 5, 6],
]);

export const ownNodeCases: readonly NodeCase[] = [
  make('add broadcasts', 'Add', [grid, array([10, 20, 30])], [array([[11, 22, 33], [14, 25, 36]])]), // biome-ignore format: a row
  make('reshape with 0 and −1', 'Reshape', [grid, whole([0, 1, -1])], [{ ...grid, dims: [2, 1, 3] }]),
  make('slice backwards', 'Slice', [grid, whole([-1]), whole([-9]), whole([1]), whole([-2])], [array([[3, 1], [6, 4]])]), // biome-ignore format: a row
  make('pad by an attribute', 'Pad', [array([1, 2])], [array([7, 1, 2, 7, 7])], {
    opset: 9,
    attrs: { pads: [1, 2], value: 7 },
  }),
  make('gemm', 'Gemm', [grid, array([[1, 0, 1]]), array([0.5])], [array([[8.5], [20.5]])], { attrs: { transB: 1, alpha: 2 } }), // biome-ignore format: a row
  make('softmax of equals', 'Softmax', [array([[3, 3]])], [array([[0.5, 0.5]])]),
  make('two largest', 'TopK', [array([3, 9, 5, 9]), whole([2])], [array([9, 9]), whole([1, 3])], {
    attrs: { axis: 0 },
  }),
  make('gather columns', 'Gather', [grid, whole([2, -3])], [array([[3, 1], [6, 4]])], { attrs: { axis: 1 } }), // biome-ignore format: a row
  make('clip without a lower bound', 'Clip', [array([-5, 5]), array(2)], [array([-5, 2])], {
    inNames: ['x', '', 'max'],
  }),
  make('sum keeps nothing', 'ReduceSum', [grid, whole([0, 1])], [array(21)], { attrs: { keepdims: 0 } }),
  make('lower triangle', 'Trilu', [grid], [array([[1, 0, 0], [4, 5, 0]])], { attrs: { upper: 0 } }), // biome-ignore format: a row
  make('inner product', 'Einsum', [array([1, 2, 3]), array([4, 5, 6])], [array(32)], { attrs: { equation: 'i,i' } }),
];
