import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { type GraphProto, ModelProtoSchema, type NodeProto, type TensorProto } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { isBowError, Rng } from '../../base/index.ts';
import { ancestors } from '../graph.ts';
import {
  compile,
  encodeModel,
  type F,
  grad,
  type Imported,
  importOnnx,
  ndarray,
  Store,
  type Tensor,
  trace,
} from '../index.ts';
import { modelOf } from '../testing/node-cases.ts';
import { ownNodeCases } from '../testing/own-node-cases.ts';

type Init<T> = { [K in keyof T]?: unknown };
const float = (values: readonly number[]): Uint8Array<ArrayBuffer> => new Uint8Array(Float32Array.from(values).buffer);
const weight = (name: string, dims: readonly number[], values: readonly number[]): Init<TensorProto> => ({
  name,
  dims: dims.map(BigInt),
  dataType: 1,
  rawData: float(values),
});
const ints = (name: string, values: readonly number[]): Init<TensorProto> => ({
  name,
  dims: [BigInt(values.length)],
  dataType: 7,
  int64Data: values.map(BigInt),
});

/** A file from nodes, as `op(input, …) -> output`. */
function file(nodes: readonly Init<NodeProto>[], graph: Init<GraphProto> = {}, opset = 21n): Uint8Array<ArrayBuffer> {
  const model = {
    irVersion: 10n,
    opsetImport: [{ domain: '', version: opset }],
    graph: { name: 'g', node: nodes, ...graph },
  };
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, model as never)) as Uint8Array<ArrayBuffer>;
}

const input = (name: string, elemType = 1, dims?: readonly number[]): unknown => ({
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
const classifier = (): Uint8Array<ArrayBuffer> =>
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

const x = ndarray('float32', [5, 2], [1, 2, -1, 0.5, 3, -2, 0, 1, 2, 2]);

describe('a part of ours', () => {
  test('runs, with its weights under their own names and its shape arithmetic gone', async () => {
    const part = importOnnx(classifier());
    expect(part.unknown).toEqual([]);
    expect(part.tensors).toContain('flat');
    const model = compile((s, inputs) => part(s.at('backbone'), inputs), { threads: 1 });
    const { y } = await model.run({ x });
    const wanted = [0, 1, 2, 3, 4].map((i) => {
      const [p, q] = [x.data[2 * i]!, x.data[2 * i + 1]!];
      return [p + 0.5 * q + 0.1, -p + q + 0.2, 2 * p - 2 * q + 0.3].reduce((a, u) => a + Math.max(u, 0), 0);
    });
    expect([...(y!.data as Float32Array)].map((u) => u.toFixed(4))).toEqual(wanted.map((u) => u.toFixed(4)));
    expect([...model.store.entries()].map(([path, , kind]) => [path, kind])).toEqual([
      ['backbone/enc.w', 'buffer'],
      ['backbone/enc.b', 'buffer'],
    ]);
    const { outputs } = trace((s, inputs) => part(s, inputs), { x: { dtype: 'float32', shape: [5, 2] } });
    expect(ancestors([outputs.get('y')!]).map((n) => n.op)).toEqual(['MatMul', 'Add', 'Relu', 'ReduceSum']);
    await model.close();
  });

  test('is cut at any tensor, continued with layers, and trained where it is not frozen', async () => {
    const part = importOnnx(classifier());
    const step = compile(
      (s, inputs) => {
        const { r } = part(s.at('backbone'), inputs, { outputs: ['r'], frozen: (name) => name === 'enc.b' });
        const w = s.param('head', [3, 1], (out) => out.fill(1));
        const loss = r!.matmul(w).square().mean();
        const params = s.trainable();
        expect([...params.keys()]).toEqual(['backbone/enc.w', 'head']);
        [...params].forEach(([path, p], i) => s.update(path, p.sub(grad(loss, [...params.values()])[i]!.mul(0.01))));
        return { loss };
      },
      { store: new Store(), threads: 1 },
    );
    const losses: number[] = [];
    for (let i = 0; i < 60; i++) losses.push((await step.run({ x })).loss!.data[0] as number);
    expect(losses.at(-1)).toBeLessThan(0.2 * losses[0]!);
    expect([...(step.store.get('backbone/enc.b').data as Float32Array)]).toEqual([0.1, 0.2, 0.3].map(Math.fround));
    await step.close();
  });

  test('takes a replaced inner tensor, and needs only what that leaves', () => {
    const part = importOnnx(classifier());
    const { outputs, trace: t } = trace((s, { r, x }) => part(s, { r: r!, x: x! }), {
      r: { dtype: 'float32', shape: [5, 3] },
      x: { dtype: 'float32', shape: [5, 2] },
    });
    expect(outputs.get('y')!.shape).toEqual([5]);
    expect([...t.params.keys()]).toEqual([]);
  });

  test('a file of ours comes back the same', async () => {
    const fn = (s: Parameters<typeof part>[0], { x }: Record<string, Tensor>): Record<string, Tensor> => {
      const w = s.param('w', [3, 2], (out) => out.forEach((_, i) => (out[i] = i / 7)));
      const y = x!.matmul(w.mT).tanh().slice(1, 0, 3, 2).mean(0);
      return { y, half: x!.mul(0.5) };
    };
    const { trace: t, outputs } = trace(fn, { x: { dtype: 'float32', shape: [5, 2] } });
    const store = new Store();
    for (const { spec } of t.params.values()) store.ensure(spec);
    const bytes = encodeModel({
      name: 'm',
      inputs: [...t.graph.inputs.values()],
      outputs,
      initializers: new Map([['w', store.get('w')]]),
    });
    const part: Imported = importOnnx(bytes);
    const [ours, theirs] = [compile(fn, { threads: 1 }), compile((s, i) => part(s, i), { threads: 1 })];
    const [a, b] = [await ours.run({ x }), await theirs.run({ x })];
    expect(b.y!.data).toEqual(a.y!.data);
    expect(b.half!.data).toEqual(a.half!.data);
    await ours.close();
    await theirs.close();
  });
});

describe('types and forms of the file', () => {
  const typed = (t: Init<TensorProto>): readonly number[] => {
    const part = importOnnx(file([{ opType: 'Identity', input: ['w'], output: ['y'] }], { initializer: [{ name: 'w', ...t }] as never, output: [{ name: 'y' }] as never })); // biome-ignore format: one line
    const { outputs, trace: tr } = trace((s) => part(s, {}), {});
    const y = outputs.get('y')!;
    if (y.constant) return Array.from(y.constant.data as ArrayLike<number | bigint>, Number);
    const { spec } = tr.params.get('w')!;
    const out = new Float32Array(y.size);
    spec.init(out, spec.shape, undefined as never);
    return [...out];
  };

  test('halves, narrow integers, lists and raw bytes', () => {
    expect(typed({ dims: [2n], dataType: 10, rawData: new Uint8Array([0, 0x3c, 0, 0xc0]) })).toEqual([1, -2]);
    expect(typed({ dims: [2n], dataType: 10, int32Data: [0x3c00, 0x0001] })).toEqual([1, 2 ** -24]);
    expect(typed({ dims: [2n], dataType: 16, rawData: new Uint8Array([0x80, 0x3f, 0, 0xc0]) })).toEqual([1, -2]);
    expect(typed({ dims: [3n], dataType: 3, rawData: new Uint8Array([255, 128, 5]) })).toEqual([-1, -128, 5]);
    expect(typed({ dims: [2n], dataType: 12, uint64Data: [7n, 2n ** 31n] })).toEqual([7, 2 ** 31]);
    expect(typed({ dims: [2n], dataType: 1, floatData: [1.5, -2] })).toEqual([1.5, -2]);
    expect(typed({ dims: [], dataType: 7, int64Data: [9n] })).toEqual([9]);
    expect(typed({ dims: [3n], dataType: 9, int32Data: [1, 0, 1] })).toEqual([1, 0, 1]);
  });

  test('weights in Constant nodes are parameters', () => {
    const value = { name: 'value', type: 4, t: weight('', [8, 8], new Array(64).fill(2)) };
    const part = importOnnx(file([
      { opType: 'Constant', output: ['w'], attribute: [value] as never },
      { opType: 'MatMul', input: ['x', 'w'], output: ['y'] },
    ], { input: [input('x')] as never, output: [{ name: 'y' }] as never })); // biome-ignore format: a graph
    const { trace: t } = trace((s, i) => part(s, i, { frozen: false }), { x: { dtype: 'float32', shape: [3, 8] } });
    expect([...t.params].map(([path, p]) => [path, p.spec.kind])).toEqual([['w', 'param']]);
  });

  test('older operator sets: axes as attributes, softmax over all that follows', async () => {
    const bytes = file(
      [
        {
          opType: 'Unsqueeze',
          input: ['x'],
          output: ['u'],
          attribute: [{ name: 'axes', type: 7, ints: [0n, 3n] }] as never,
        },
        { opType: 'Softmax', input: ['u'], output: ['y'] },
      ],
      { input: [input('x')] as never, output: [{ name: 'y' }] as never },
      9n,
    );
    const model = compile((s, i) => importOnnx(bytes)(s, i), { threads: 1 });
    const { y } = await model.run({ x: ndarray('float32', [2, 2], [0, 0, 0, 0]) });
    expect(y!.shape).toEqual([1, 2, 2, 1]);
    expect([...(y!.data as Float32Array)]).toEqual([0.25, 0.25, 0.25, 0.25]);
    await model.close();
  });
});

/** The typed error of a call; anything else fails. */
function refusal(f: () => unknown): string {
  try {
    f();
  } catch (e) {
    if (isBowError(e)) return `${e.code}: ${e.message}`;
    throw e;
  }
  throw new Error('nothing was refused');
}

describe('files and calls that cannot be', () => {
  const node = (inputs: string[], output: string): Init<NodeProto> => ({
    opType: 'Add',
    input: inputs,
    output: [output],
  });
  const load = (nodes: Init<NodeProto>[], graph: Init<GraphProto> = {}): string =>
    refusal(() => importOnnx(file(nodes, { input: [input('x')] as never, ...graph }), { place: 'm.onnx' }));

  test('cycles, unknown and repeated names', () => {
    expect(load([node(['x', 'b'], 'a'), node(['a', 'x'], 'b')])).toMatch(
      /checkpoint: tensor "\w" depends on itself \(at m.onnx: node/,
    );
    expect(load([node(['x', 'a'], 'a')])).toMatch(/depends on itself/);
    expect(load([node(['x', 'nowhere'], 'a')])).toMatch(/"nowhere" comes from nowhere/);
    expect(load([node(['x', 'x'], 'a'), node(['x', 'x'], 'a')])).toMatch(/made twice/);
    expect(load([node(['x', 'x'], 'x')])).toMatch(/made twice/);
    expect(load([], { output: [{ name: 'z' }] as never })).toMatch(/output "z" comes from nowhere/);
  });

  test('sizes that the bytes do not hold, before anything is allocated', () => {
    const wrong = (t: Init<TensorProto>): string =>
      load([], { initializer: [{ name: 'w', dataType: 1, ...t }] as never });
    expect(wrong({ dims: [2n ** 40n], rawData: float([1]) })).toMatch(/4 bytes do not hold \[1099511627776\]/);
    expect(wrong({ dims: [2n ** 62n, 2n ** 62n], rawData: float([1]) })).toMatch(/is no shape/);
    expect(wrong({ dims: [-3n], rawData: float([1]) })).toMatch(/is no shape/);
    expect(wrong({ dims: [3n], floatData: [1] })).toMatch(/1 values do not fill \[3\]/);
    expect(wrong({ dims: [1n], dataType: 8 })).toMatch(/element type 8 of ONNX is not supported/);
    expect(
      wrong({ dims: [1n], dataLocation: 1, externalData: [{ key: 'location', value: 'w.bin' }] as never }),
    ).toMatch(/lie in "w.bin"/);
  });

  test('an operator without mapping is named with node and operator set, and can be cut off', () => {
    const part = importOnnx(
      file(
        [
          { opType: 'Relu', input: ['x'], output: ['a'] },
          { opType: 'Frobnicate', input: ['a'], output: ['b'], name: 'odd' },
        ],
        { input: [input('x')] as never, output: [{ name: 'b' }] as never },
      ),
    );
    expect(part.unknown).toEqual(['Frobnicate']);
    const specs = { x: { dtype: 'float32', shape: [3] } } as const;
    expect(refusal(() => trace((s, i) => part(s.at('net'), i), specs))).toBe(
      'checkpoint: operator Frobnicate of opset 21 has no mapping (at node "net/odd")',
    );
    expect(trace((s, i) => part(s, i, { outputs: ['a'] }), specs).outputs.get('a')!.shape).toEqual([3]);
  });

  test('calls that do not fit', () => {
    const part = importOnnx(classifier());
    const call = (
      inputs: Record<string, { dtype: 'float32' | 'int32'; shape: number[] }>,
      outputs?: string[],
    ): string => refusal(() => trace((s, i) => part(s, i, outputs ? { outputs } : {}), inputs));
    expect(call({ x: { dtype: 'float32', shape: [5, 3] } })).toMatch(/shape: input "x" does not fit/);
    expect(call({ x: { dtype: 'int32', shape: [5, 2] } })).toMatch(/dtype: input "x" is int32/);
    expect(call({})).toMatch(/usage: input "x" of the imported model is missing/);
    expect(call({ z: { dtype: 'float32', shape: [5, 2] } })).toMatch(/unknown input "z"/);
    expect(call({ x: { dtype: 'float32', shape: [5, 2] } }, ['flatt'])).toMatch(
      /unknown tensor "flatt" \(did you mean "flat"/,
    );
  });

  test('damaged anywhere: a typed error or a model, nothing else', () => {
    const whole = classifier();
    const specs = { x: { dtype: 'float32', shape: [5, 2] } } as const;
    const survive = (bytes: Uint8Array): void => {
      try {
        const part = importOnnx(bytes);
        trace((s, i) => part(s, i), specs);
      } catch (e) {
        if (!isBowError(e)) throw e;
      }
    };
    for (let n = 0; n < whole.length; n += 3) survive(whole.subarray(0, n));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (flips) => {
          const bytes = whole.slice();
          for (const [at, value] of flips) bytes[at] = value;
          survive(bytes);
        },
      ),
      { numRuns: 1500, seed: 71 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), survive), { numRuns: 500, seed: 73 });
  });
});

test('damaged models of many operators: a typed error or a model, never more', () => {
  const rng = new Rng(79);
  for (const c of ownNodeCases) {
    const whole = modelOf(c, new Set(c.in_names.filter((name) => name !== '')));
    for (let run = 0; run < 200; run++) {
      const bytes = whole.slice();
      for (let flips = 1 + rng.int(4); flips > 0; flips--) bytes[rng.int(bytes.length)] = rng.int(256);
      try {
        const part = importOnnx(bytes);
        trace((s) => part(s, {}), {});
      } catch (e) {
        if (!isBowError(e)) throw e;
      }
    }
  }
});

test.each([
  ['Range', [0, 2 ** 40, 1]],
  ['ConstantOfShape', [2 ** 50]],
  ['ConstantOfShape', [2 ** 20, 2 ** 20]],
  ['OneHot', [3, 2 ** 40]],
  ['Expand', [1, 2 ** 45]],
  ['Tile', [1, 2 ** 45]],
])('%s of a size out of all proportion is refused', (opType, values) => {
  const names = values.map((_, i) => `c${i}`);
  const scalar = (name: string, v: number): Init<TensorProto> => ({
    name,
    dims: [],
    dataType: 7,
    int64Data: [BigInt(v)],
  });
  const list = opType === 'ConstantOfShape' ? [ints('c0', values)] : opType === 'Range' ? names.map((n, i) => scalar(n, values[i]!)) : [ints('c0', [values[0]!]), ints('c1', [values[1]!])]; // biome-ignore format: one line
  const onOff = opType === 'OneHot' ? [ints('v', [0, 1])] : [];
  const input = [...list, ...onOff].map((t) => t.name as string);
  const bytes = file([{ opType, input, output: ['y'] }], { initializer: [...list, ...onOff] as never, output: [{ name: 'y' }] as never }); // biome-ignore format: one line
  const started = process.memoryUsage().rss;
  expect(refusal(() => trace((s) => importOnnx(bytes)(s, {}), {}))).toMatch(
    /out of proportion|no shape to compute with/,
  );
  expect(process.memoryUsage().rss - started).toBeLessThan(2 ** 27);
});

test('float64 traces compute the file in float64', () => {
  const { outputs } = trace(
    (s, i) => importOnnx(classifier())(s, i),
    { x: { dtype: 'float64', shape: [5, 2] } },
    { dtype: 'float64' },
  );
  expect((outputs.get('y') as F).dtype).toBe('float64');
});
