import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  ModelProtoSchema,
  AttributeProto_AttributeType as T,
} from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import * as ort from '#ort';
import { isBowError, Rng } from '../../base/index.ts';
import { compile, type DType, fromNumbers, importOnnx, type NdArray, ndarray, type Tensor, trace } from '../index.ts';
import { toRef } from '../interpret.ts';
import { relativeError } from '../testing/check.ts';
import { converters } from './converters/index.ts';
import { operators } from './signatures.ts';

/** Numbers are ints when they are written as such; `{ f }` is a float. */
type Attribute = number | string | readonly number[] | { f: number | readonly number[] };
type Attributes = Readonly<Record<string, Attribute>>;

const onnxCodes: Readonly<Record<string, number>> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float64: 11 };

function attribute(name: string, v: Attribute): AttributeProto {
  const floats = typeof v === 'object' && 'f' in v ? v.f : undefined;
  if (typeof floats === 'number') return create(AttributeProtoSchema, { name, type: T.FLOAT, f: floats });
  if (floats) return create(AttributeProtoSchema, { name, type: T.FLOATS, floats: [...floats] });
  if (typeof v === 'string')
    return create(AttributeProtoSchema, {
      name,
      type: T.STRING,
      s: new TextEncoder().encode(v) as Uint8Array<ArrayBuffer>,
    });
  if (typeof v === 'number') return create(AttributeProtoSchema, { name, type: T.INT, i: BigInt(v) });
  return create(AttributeProtoSchema, { name, type: T.INTS, ints: (v as readonly number[]).map(BigInt) });
}

const bytesOf = (a: NdArray): Uint8Array<ArrayBuffer> =>
  new Uint8Array((a.data.buffer as ArrayBuffer).slice(a.data.byteOffset, a.data.byteOffset + a.data.byteLength));

/** A file of one node; the first operand is an input, the others are constants. */
function model(
  op: string,
  opset: number,
  operands: readonly (NdArray | undefined)[],
  attributes: Attributes,
  outputs = 1,
) {
  const names = operands.map((a, i) => (a ? `x${i}` : ''));
  const info = (a: NdArray): unknown => ({
    value: {
      case: 'tensorType',
      value: {
        elemType: onnxCodes[a.dtype],
        shape: { dim: a.shape.map((d) => ({ value: { case: 'dimValue', value: BigInt(d) } })) },
      },
    },
  });
  const [x] = operands;
  const made = Array.from({ length: outputs }, (_, i) => `y${i}`);
  const graph = {
    name: 'g',
    node: [
      {
        opType: op,
        input: names,
        output: made,
        attribute: Object.entries(attributes).map(([name, v]) => attribute(name, v)),
      },
    ],
    input: x ? [{ name: 'x0', type: info(x) }] : [],
    initializer: operands.flatMap((a, i) =>
      i > 0 && a
        ? [{ name: names[i]!, dims: a.shape.map(BigInt), dataType: onnxCodes[a.dtype]!, rawData: bytesOf(a) }]
        : [],
    ),
    output: made.map((name) => ({ name })),
  };
  const file = { irVersion: 8n, opsetImport: [{ domain: '', version: BigInt(opset) }], graph };
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, file as never));
}

async function ours(bytes: Uint8Array, x: NdArray | undefined): Promise<readonly NdArray[]> {
  const part = importOnnx(bytes);
  const program = compile((s, inputs: Record<string, Tensor>) => part(s, inputs), { threads: 1 });
  try {
    const found = await program.run((x ? { x0: x } : {}) as never);
    return part.outputs.map((name) => found[name] as NdArray);
  } finally {
    await program.close();
  }
}

async function onnxruntimes(bytes: Uint8Array, x: NdArray | undefined): Promise<readonly NdArray[]> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4, intraOpNumThreads: 1 });
  try {
    const data = (x?.dtype === 'bool' ? new Uint8Array(bytesOf(x)) : x?.data) as never;
    const found = await session.run(x ? { x0: new ort.Tensor(x.dtype as 'float32', data, x.shape) } : {});
    return session.outputNames.map((name) => {
      const t = found[name]!;
      return { dtype: t.type as DType, shape: t.dims, data: t.data as NdArray['data'] };
    });
  } finally {
    await session.release();
  }
}

const rng = new Rng(11);
const random = (...shape: number[]): NdArray =>
  ndarray(
    'float32',
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.fround(rng.uniform(-2, 2))),
  );
const list = (
  values: readonly number[],
  dtype: DType = 'float32',
  shape: readonly number[] = [values.length],
): NdArray => ({
  dtype,
  shape,
  data: fromNumbers(dtype, values),
});
const whole = (...values: number[]): NdArray => list(values, 'int64');

/** Operator, operator sets, operands, attributes, outputs: what onnxruntime gives for the very file is what the import gives. */
type Row = readonly [
  op: string,
  opsets: readonly number[],
  operands: readonly (NdArray | undefined)[],
  attributes?: Attributes,
  outputs?: number,
];

const cube = random(2, 3, 4);
const picture = random(1, 2, 4, 5);
const normalised = ['Softmax', 'LogSoftmax', 'Hardmax'].flatMap((op): Row[] => [
  [op, [7, 11, 12, 13], [cube]],
  ...[-3, -2, -1, 0, 1, 2].map((axis): Row => [op, [7, 11, 12, 13, 18], [cube], { axis }]),
]);
const reduced = [
  'ReduceSum',
  'ReduceMean',
  'ReduceMax',
  'ReduceMin',
  'ReduceProd',
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceSumSquare',
].flatMap((op): Row[] => {
  // biome-ignore format: a list
  const asOperand = op === 'ReduceSum' ? 13 : 18;
  const positive = list([1, 2, 4, 3, 7, 5], 'float32', [2, 3]);
  const none = ['float32', 'int32', 'int64'] as const;
  return [
    [op, [7, 11, asOperand - 1], [positive], { axes: [-1], keepdims: 0 }],
    [op, [7, 11, asOperand - 1], [positive]],
    [op, [asOperand, 26], [positive, whole(-1)], { keepdims: 0 }],
    [op, [asOperand, 26], [positive, whole()]],
    [op, [asOperand, 26], [positive], { noop_with_empty_axes: 1 }],
    [op, [asOperand], [list([1, 2, 4, 3], 'int32'), whole(0)]],
    ...none.map((dtype): Row => [op, [asOperand, 26], [list([], dtype, [2, 0, 3]), whole(1)]]),
    ...none.map((dtype): Row => [op, [asOperand], [list([], dtype, [2, 0, 3]), whole(0)]]),
  ];
});
const resized = (['nearest', 'linear', 'cubic'] as const).flatMap((mode): Row[] => [
  ...[[1, 1, 0.6, 0.6], [1, 1, 1.3, 2.7], [1, 1, 0.3, 0.9]].map((s): Row => ['Resize', [10], [picture, list(s)], mode === 'cubic' ? { mode: 'linear' } : { mode }]), // biome-ignore format: a row
  ...(mode === 'cubic' ? [] : [['Upsample', [7, 8], [picture], { mode, scales: { f: [1, 1, 2, 1.5] } }] as Row, ['Upsample', [9], [picture, list([1, 1, 2, 3])], { mode }] as Row]), // biome-ignore format: a row
  ...['half_pixel', 'pytorch_half_pixel', 'asymmetric', 'align_corners'].map((way): Row => ['Resize', [11, 13, 18, 19], [picture, list([]), list([]), whole(1, 2, 7, 1)], { mode, coordinate_transformation_mode: way }]), // biome-ignore format: a row
  ...['half_pixel', 'asymmetric', 'tf_half_pixel_for_nn', 'half_pixel_symmetric'].map((way): Row => ['Resize', way.startsWith('tf') ? [11] : [11, 19], [picture, list([]), list([1, 1, 0.6, 1.3])], { mode, coordinate_transformation_mode: way, nearest_mode: 'floor' }]), // biome-ignore format: a row
]);

const rows: readonly Row[] = [
  ...normalised,
  ...reduced,
  ...resized,
  [
    'Resize',
    [11, 19],
    [list([0, 10, 20, 31], 'int32', [1, 1, 2, 2]), list([]), list([1, 1, 2, 2])],
    { mode: 'linear' },
  ],
  ['Flatten', [7, 9, 11, 13, 24], [cube], { axis: 2 }],
  ['Flatten', [11, 24], [cube], { axis: -1 }],
  ['Squeeze', [7, 11], [random(1, 3, 1)], { axes: [0] }],
  ['Squeeze', [11], [random(1, 3, 1)], { axes: [-1] }],
  ['Squeeze', [13, 21], [random(1, 3, 1), whole(-1)]],
  ['Squeeze', [13, 21], [random(1, 3, 1), whole()]],
  ['Squeeze', [7, 13], [random(1, 3, 1)]],
  ['Unsqueeze', [7, 11], [cube], { axes: [0, 2] }],
  ['Unsqueeze', [13, 21], [cube, whole(-1, 0)]],
  ['Clip', [6, 7, 10], [list([-9, 0.5, 9, Infinity, -Infinity])], { min: { f: -1 } }],
  ['Clip', [11, 12, 13], [list([-9, 0.5, 9, Infinity, -Infinity]), list([-1], 'float32', [])]],
  ['Clip', [12, 13], [list([-9, 0, 9], 'int32'), undefined, list([2], 'int32', [])]],
  ['Dropout', [7, 10], [cube], { ratio: { f: 0.3 } }, 2],
  ['Dropout', [12, 13, 22], [cube, list([0.3], 'float32', [])], { seed: 3 }, 2],
  ['BatchNormalization', [7, 9, 14, 15], [random(2, 3, 4), random(3), random(3), random(3), list([1, 2, 3])]],
  ['BatchNormalization', [7, 8], [random(2, 1, 3), random(1, 3), random(1, 3), random(1, 3), list([1, 2, 3], 'float32', [1, 3])], { spatial: 0, epsilon: { f: 0.1 } }], // biome-ignore format: a row
  ['Slice', [7, 9], [cube], { starts: [1, -3], ends: [100, -1], axes: [1, 2] }],
  ['Slice', [10, 11, 13], [cube, whole(-1), whole(-100), whole(2), whole(-2)]],
  ['Slice', [10, 13], [cube, list([2 ** 63], 'int64'), list([-(2 ** 63)], 'int64'), whole(1), whole(-1)]],
  ['Slice', [10, 13], [cube, whole(-1), whole(-2), whole(1), whole(1)]],
  ['Pad', [7, 10], [random(2, 3)], { pads: [1, 0, -1, 2], value: { f: 1.5 } }],
  ['Pad', [11, 13, 18], [random(2, 3), whole(1, 0, -1, 2), list([1.5], 'float32', [])]],
  ['Pad', [18, 21], [random(2, 3), whole(1, 2), undefined, whole(-1)], { mode: 'edge' }],
  ['TopK', [7, 9], [random(4, 5)], { k: 2, axis: 0 }, 2],
  ['TopK', [10], [random(4, 5), whole(2)], {}, 2],
  ['TopK', [11, 24], [random(4, 5), whole(2)], { largest: 0, axis: -2 }, 2],
  ['Cast', [7, 13, 19], [list([1.7, -1.7, 0, 300.5])], { to: 7 }],
  ['Reshape', [7, 13, 21], [cube, whole(0, -1)]],
  ['Gemm', [7, 9, 11], [random(2, 3), random(3, 4), random(4)], { alpha: { f: 0.5 } }],
  ['Gemm', [11, 13], [random(2, 3), random(4, 3)], { transB: 1 }],
  ['PRelu', [7, 9, 16], [cube, random(4)]],
  ['Pow', [7, 12, 15], [list([1, 2, 3]), list([2, 0, 3])]],
  ['Mod', [10, 13], [list([-7, 7, -7], 'int64'), list([3, -3, -3], 'int64')]],
  ['Mod', [10, 13], [list([-7.5, 7, -7]), list([3, -3, -3])], { fmod: 1 }],
  ['Div', [7, 14], [list([-7, 7, -7], 'int32'), list([2, -2, -2], 'int32')]],
  ['Gather', [7, 11, 13], [cube, list([0, -1], 'int64')], { axis: 1 }],
  ['ScatterElements', [11, 16, 18], [random(5), whole(1, -1), random(2)]],
  ['ScatterElements', [16, 18], [random(5), whole(1, -1, 1), random(3)], { reduction: 'add' }],
  ['ScatterElements', [18], [random(5), whole(1, -1, 1), random(3)], { reduction: 'max' }],
  ['Scatter', [9, 10], [random(5), whole(1, 2), random(2)]],
  ['ArgMax', [7, 11, 12, 13], [list([1, 3, 3], 'float32', [1, 3])], { axis: 1 }],
  ['ArgMax', [12, 13], [list([1, 3, 3], 'float32', [1, 3])], { axis: -1, select_last_index: 1 }],
  ['Split', [7, 11], [random(6)], {}, 3],
  ['Split', [7, 11], [random(7)], { split: [3, 4] }, 2],
  ['Split', [13, 18], [random(7), whole(3, 4)], {}, 2],
  ['Split', [18], [random(7)], { num_outputs: 3 }, 3],
  ['OneHot', [9, 11], [list([0, 2, -1, 5, -4], 'int64'), list([3], 'int64', []), list([2, 5])]],
  ['LayerNormalization', [1, 11, 17, 18], [cube, random(4), random(4)], { axis: 2 }],
  ['GroupNormalization', [18, 20], [random(2, 4, 3), random(2), random(2)], { num_groups: 2 }],
  ['GroupNormalization', [21, 22], [random(2, 4, 3), random(4), random(4)], { num_groups: 2 }],
  ['AveragePool', [7, 10, 11, 19], [picture], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 1 }], // biome-ignore format: a row
  ['AveragePool', [10, 19], [picture], { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }],
  ['MaxPool', [8, 12], [picture], { kernel_shape: [2, 2], strides: [2, 2], storage_order: 1 }, 2],
  ['MaxPool', [10, 12], [picture], { kernel_shape: [2, 2], dilations: [1, 2], ceil_mode: 1 }],
  ['LpPool', [7, 11, 18], [picture], { kernel_shape: [2, 2], p: 3 }],
  ['ConvTranspose', [7, 11], [random(1, 3, 3, 4), random(3, 2, 3, 3)], { strides: [2, 2], auto_pad: 'SAME_UPPER' }],
  ['ConvTranspose', [7, 11], [random(1, 3, 3, 4), random(3, 2, 3, 3)], { strides: [3, 2], output_shape: [10, 8] }],
  ['LRN', [7, 13], [random(1, 5, 2, 3)], { size: 3, alpha: { f: 0.5 } }],
  ['DequantizeLinear', [10, 13, 21], [list([1, 200, 3], 'uint8'), list([0.5], 'float32', []), list([3], 'uint8', [])]],
  ['DequantizeLinear', [13, 21], [list([1, 200, 3], 'int32'), list([0.5])]],
  ['DequantizeLinear', [13, 23], [list([1, 200, 3, 4], 'uint8', [2, 2]), list([0.5, 2])], { axis: -1 }],
  ['CumSum', [11, 14], [cube, list([-1], 'int32', [])], { exclusive: 1 }],
  ['EyeLike', [9, 22], [list([0, 0, 0, 0], 'int32', [2, 2])], { k: 1, dtype: 1 }],
  ['Shape', [7, 13], [cube]],
  ['Shape', [15, 21], [cube], { start: -2, end: 10 }],
  ['Selu', [6, 22], [random(4)]],
  ['DepthToSpace', [7, 11, 13], [random(1, 8, 2, 3)], { blocksize: 2 }],
  ['DepthToSpace', [11, 13], [random(1, 8, 2, 3)], { blocksize: 2, mode: 'CRD' }],
  ['ThresholdedRelu', [7, 10], [list([-1, 0.5, 2])]],
];

describe('the same file in onnxruntime and through the import', () => {
  const each = rows.flatMap(([op, opsets, operands, attributes = {}, outputs = 1]) =>
    opsets.map((opset) => ({ op, opset, operands, attributes, outputs })),
  );
  test('every operator of the table, opset by opset', async () => {
    const wrong: string[] = [];
    for (const { op, opset, operands, attributes, outputs } of each) {
      const bytes = model(op, opset, operands, attributes, outputs);
      const wanted = await onnxruntimes(bytes, operands[0]);
      const found = await ours(bytes, operands[0]).catch((e: unknown) => String(e));
      const name = `${op} of opset ${opset} ${JSON.stringify(attributes)}`;
      if (typeof found === 'string') wrong.push(`${name}: ${found}`);
      else
        wanted.forEach((w, i) => {
          const e = w.dtype === found[i]!.dtype ? relativeError(found[i]!, toRef(w)) : found[i]!.dtype;
          if (!(typeof e === 'number' && e <= 1e-4)) wrong.push(`${name}: output ${i}: ${e}`);
        });
    }
    expect(wrong).toEqual([]);
  }, 60_000);
});

/** Below operator set 7 onnxruntime has no kernels for most operators: values by the text of the standard. */
const old: readonly (readonly [...Row, wanted: readonly number[]])[] = [
  [
    'Add',
    [1, 6],
    [list([1, 2, 3, 4], 'float32', [2, 2]), list([10, 20])],
    { broadcast: 1, axis: 0 },
    1,
    [11, 12, 23, 24],
  ],
  ['Mul', [1, 6], [list([1, 2, 3, 4], 'float32', [2, 2]), list([10, 20])], { broadcast: 1 }, 1, [10, 40, 30, 80]],
  ['Pow', [1, 6], [list([1, 2, 3, 4], 'float32', [2, 2]), list([1, 2])], { broadcast: 1, axis: 0 }, 1, [1, 2, 9, 16]],
  ['PRelu', [1, 6], [list([-1, -1, -1, -1], 'float32', [1, 2, 2]), list([2, 3])], {}, 1, [-2, -2, -3, -3]],
  ['Selu', [1], [list([1, -100])], {}, 1, [1.0507, -1.0507 * 1.6732]],
  ['Cast', [1], [list([1.7, -1.7])], { to: 'INT32' }, 1, [1, -1]],
  ['Concat', [1], [list([1, 2], 'float32', [1, 2]), list([3], 'float32', [1, 1])], {}, 1, [1, 2, 3]],
  ['Tile', [1], [list([1, 2], 'float32', [1, 2]), list([2], 'int64', []), list([1], 'int64', [])], {}, 1, [1, 2, 1, 2]],
  ['Reshape', [1], [list([1, 2, 3, 4])], { shape: [2, -1], consumed_inputs: [0] }, 1, [1, 2, 3, 4]],
  ['Pad', [1], [list([1, 2])], { paddings: [1, 0], value: { f: 7 } }, 1, [7, 1, 2]],
  ['Upsample', [1], [list([1, 2], 'float32', [1, 1, 1, 2])], { height_scale: { f: 2 }, width_scale: { f: 1 } }, 1, [1, 2, 1, 2]], // biome-ignore format: a row
  ['Dropout', [1, 6], [list([1, 2])], { is_test: 1 }, 1, [1, 2]],
  [
    'Gemm',
    [6],
    [list([1, 2], 'float32', [1, 2]), list([3, 4], 'float32', [2, 1]), list([1])],
    { broadcast: 1 },
    1,
    [12],
  ],
  ['LpPool', [1], [list([3, 4], 'float32', [1, 1, 2])], { kernel_shape: [2], p: { f: 2 } }, 1, [5]],
  ['Relu', [1], [list([-1, 2])], { consumed_inputs: [0] }, 1, [0, 2]],
];

test.each(old.flatMap((row) => row[1].map((opset) => [row[0], opset, row] as const)))(
  'the meaning of %s of opset %i',
  async (op, opset, [, , operands, attributes, outputs, wanted]) => {
    const [y] = await ours(model(op, opset, operands, attributes!, outputs), operands[0]);
    expect([...y!.data].map((u) => Number(u).toFixed(4))).toEqual(wanted.map((u) => u.toFixed(4)));
  },
);

describe('reductions of nothing that onnxruntime refuses', () => {
  test.each([
    ['ReduceMax', 0],
    ['ReduceMin', 1],
  ])('%s of no booleans', async (op, wanted) => {
    const none = list([], 'bool', [2, 0]);
    const [y] = await ours(model(op, 20, [none, whole(1)], {}), none);
    expect(y).toMatchObject({ dtype: 'bool', shape: [2, 1] });
    expect([...y!.data]).toEqual([wanted, wanted]);
  });
});

describe('narrow integers', () => {
  test('Cast keeps the low bits', async () => {
    const x = list([300, -1, 128, 40_000, 2 ** 31 - 1], 'int32');
    const cast = async (to: number): Promise<number[]> => [...(await ours(model('Cast', 13, [x], { to }), x))[0]!.data].map(Number); // biome-ignore format: one line
    expect(await cast(3)).toEqual([...Int8Array.from(x.data as Int32Array)]);
    expect(await cast(4)).toEqual([...Uint16Array.from(x.data as Int32Array)]);
    expect(await cast(5)).toEqual([...Int16Array.from(x.data as Int32Array)]);
    expect(await cast(12)).toEqual([...Uint32Array.from(x.data as Int32Array)]);
  });
});

describe('what an operator set does not have', () => {
  const refusal = (
    op: string,
    opset: number,
    operands: readonly (NdArray | undefined)[],
    attributes: Attributes = {},
    outputs = 1,
  ): string => {
    // biome-ignore format: one line
    const [x] = operands;
    try {
      const part = importOnnx(model(op, opset, operands, attributes, outputs), { place: 'm.onnx' });
      trace((s, inputs) => part(s, inputs), x ? { x0: { dtype: x.dtype, shape: x.shape } } : {});
    } catch (e) {
      if (isBowError(e)) return `${e.code}: ${e.message}`;
      throw e;
    }
    throw new Error('nothing was refused');
  };
  const x = list([1, 2, 3, 4], 'float32', [1, 1, 2, 2]);

  test.each([
    ['Relu', 21, { foo: 3 }, /Relu of opset 21: unknown attribute "foo" \(at node "Relu_0"\)/],
    ['LeakyRelu', 21, { alhpa: { f: 1 } }, /unknown attribute "alhpa" \(did you mean "alpha"\?\)/],
    ['SpaceToDepth', 21, { blocksize: 2, mode: 'CRD' }, /attribute "mode" is of opset 28/],
    ['Clip', 11, { min: { f: 0 } }, /attribute "min" is of opset 1/],
    ['Relu', 6, { consumed_inputs: [0] }, /attribute "consumed_inputs" is of opset 1/],
    ['Softmax', 21, { axis: 4 }, /axis 4 does not exist in rank 4/],
    ['Softmax', 11, { axis: 4 }, /axis 4 does not exist in rank 4/],
    ['Gelu', 13, {}, /there is no such operator before opset 20/],
    ['Upsample', 13, {}, /opset 10 removed the operator/],
    ['MaxPool', 12, {}, /attribute "kernel_shape" is missing/],
    [
      'MaxPool',
      12,
      { kernel_shape: [2, 2], auto_pad: 'SAME' },
      /auto_pad "SAME" is not known, only "NOTSET", "SAME_UPPER"/,
    ],
    ['ReduceMax', 18, { keepdims: 2 }, /attribute "keepdims" is 0 or 1, not 2/],
    ['Dropout', 6, { is_test: 0 }, /training mode in the file is not supported/],
    ['Split', 21, { num_outputs: 2 }, /num_outputs is 2, and the node has 1/],
    ['Cast', 1, { to: 'FLOAT7' }, /no element type has the name "FLOAT7"/],
    ['LayerNormalization', 17, {}, /1 inputs, not 2 to 3/],
  ] as const)('%s of opset %i %j', (op, opset, attributes, message) => {
    expect(refusal(op, opset, [x], attributes)).toMatch(message);
  });

  test('operands and outputs beyond the signature, values that contradict', () => {
    expect(refusal('Relu', 21, [x, x])).toMatch(/2 inputs, not 1/);
    expect(refusal('Relu', 21, [x], {}, 2)).toMatch(/2 outputs, not 1/);
    expect(refusal('Add', 6, [x, list([1])])).toMatch(/differ, and the node says broadcast = 0/);
    expect(refusal('Split', 13, [list([1, 2, 3])], {}, 2)).toMatch(/2 equal parts do not fill an axis of 3/);
    expect(refusal('Mod', 13, [list([1]), list([2])])).toMatch(/floating operands need fmod = 1 before opset 28/);
    expect(refusal('GroupNormalization', 18, [random(1, 4, 2), random(4), random(4)], { num_groups: 2 })).toMatch(
      /operand 1 has the shape \[4\], not \[2\]/,
    );
    expect(refusal('Conv', 11, [x, random(1, 1, 2, 2)], { kernel_shape: [3, 3] })).toMatch(/kernel_shape is \[3, 3\]/);
  });

  test.each([0, 29, 99])('operator set %i', (opset) => {
    expect(refusal('Relu', opset, [x])).toBe(
      `checkpoint: operator set ${opset} is not known, only 1 to 28 (at m.onnx)`,
    );
  });

  test('every converter has a signature, every signature a converter', () => {
    expect([...operators].sort()).toEqual(Object.keys(converters).sort());
  });
});
