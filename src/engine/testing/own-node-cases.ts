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

/** Numbers 1, 2, 3 … as one picture [1 1 rows columns]. */
const picture = (rows: number, columns: number): CaseArray =>
  image(
    rows,
    columns,
    Array.from({ length: rows * columns }, (_, i) => i + 1),
  );
const image = (rows: number, columns: number, values: readonly number[]): CaseArray => ({
  ...array(values),
  dims: [1, 1, rows, columns],
});
const halves = { kernel_shape: [2, 2], strides: [2, 2] };

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
  make('maxima of windows', 'MaxPool', [picture(2, 4)], [image(1, 2, [6, 8])], { attrs: halves }),
  make('means, the last window half full', 'AveragePool', [picture(2, 3)], [image(1, 2, [3, 4.5])], { attrs: { ...halves, ceil_mode: 1 } }), // biome-ignore format: a row
  make('nearest pixels', 'Resize', [picture(1, 2), array([]), array([1, 1, 2, 2])], [image(2, 4, [1, 1, 2, 2, 1, 1, 2, 2])], { inNames: ['x', 'roi', 'scales'] }), // biome-ignore format: a row
  make('pixels between', 'Resize', [picture(1, 2), whole([1, 1, 1, 3])], [image(1, 3, [1, 1.5, 2])], { attrs: { mode: 'linear' }, inNames: ['x', '', '', 'sizes'] }), // biome-ignore format: a row
  make('running totals from the end', 'CumSum', [array([1, 2, 3]), { ...whole([0]), dims: [] }], [array([6, 5, 3])], { attrs: { reverse: 1 } }), // biome-ignore format: a row
  make('weighted mean of a loss', 'NegativeLogLikelihoodLoss', [array([[-1, -2], [-3, -4]]), whole([1, 0]), array([3, 1])], [array(2.75)]), // biome-ignore format: a row
  make('one of three bytes', 'DequantizeLinear', [{ dtype: 'int8', dims: [3], b64: '/wAB' }, array(0.5)], [array([-0.5, 0, 0.5])]), // biome-ignore format: a row
  make('inner product', 'Einsum', [array([1, 2, 3]), array([4, 5, 6])], [array(32)], { attrs: { equation: 'i,i' } }),
];
