/** Small ONNX files for the tests of the import. */
import { create, toBinary } from '@bufbuild/protobuf';
import { type GraphProto, ModelProtoSchema, type NodeProto, type TensorProto } from 'onnx-buf';

/** A message's fields, loosely. */
export type Init<T> = { [K in keyof T]?: unknown };

/** Raw bytes of floats. */
export const float = (values: readonly number[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Float32Array.from(values).buffer);

/** A float initializer. */
export const weight = (name: string, dims: readonly number[], values: readonly number[]): Init<TensorProto> => ({
  name,
  dims: dims.map(BigInt),
  dataType: 1,
  rawData: float(values),
});

/** An int64 initializer. */
export const ints = (name: string, values: readonly number[]): Init<TensorProto> => ({
  name,
  dims: [BigInt(values.length)],
  dataType: 7,
  int64Data: values.map(BigInt),
});

/** A file from nodes, as `op(input, …) -> output`. */
export function file(
  nodes: readonly Init<NodeProto>[],
  graph: Init<GraphProto> = {},
  opset = 21n,
): Uint8Array<ArrayBuffer> {
  const model = {
    irVersion: 10n,
    opsetImport: [{ domain: '', version: opset }],
    graph: { name: 'g', node: nodes, ...graph },
  };
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, model as never)) as Uint8Array<ArrayBuffer>;
}

/** An input of the graph; −1 is a free size. */
export const input = (name: string, elemType = 1, dims?: readonly number[]): unknown => ({
  name,
  type: {
    value: {
      case: 'tensorType',
      value: {
        elemType,
        ...(dims
          ? { shape: { dim: dims.map((d) => (d < 0 ? {} : { value: { case: 'dimValue', value: BigInt(d) } })) } }
          : {}),
      },
    },
  },
});

/** y = relu(x·w + b) flattened by a shape that the file computes, then summed. */
export const classifier = (): Uint8Array<ArrayBuffer> =>
  file(
    [
      { opType: 'MatMul', input: ['x', 'enc.w'], output: ['h'] },
      { opType: 'Add', input: ['h', 'enc.b'], output: ['biased'] },
      { opType: 'Relu', input: ['biased'], output: ['r'] },
      { opType: 'Shape', input: ['x'], output: ['shape'] },
      { opType: 'Gather', input: ['shape', 'zero'], output: ['n'] },
      { opType: 'Concat', input: ['n', 'rest'], output: ['target'], attribute: [{ name: 'axis', type: 2, i: 0n }] },
      { opType: 'Reshape', input: ['r', 'target'], output: ['flat'] },
      { opType: 'ReduceSum', input: ['flat', 'one'], output: ['y'], attribute: [{ name: 'keepdims', type: 2, i: 0n }] },
    ],
    {
      initializer: [
        weight('enc.w', [2, 3], [1, -1, 2, 0.5, 1, -2]),
        weight('enc.b', [3], [0.1, 0.2, 0.3]),
        ints('zero', [0]),
        ints('rest', [-1]),
        ints('one', [1]),
      ] as never,
      input: [input('x', 1, [-1, 2])] as never,
      output: [{ name: 'y' }] as never,
    },
  );
