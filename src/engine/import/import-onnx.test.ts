import type { TensorProto } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
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
import { classifier, file, type Init, input, weight } from '../testing/onnx-files.ts';

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

  test('empty levels of names, which no path may have, become "_"', () => {
    const names = ['/a/w', 'a//w', 'a/_/w', 'b/'];
    const nodes = names.map((name, i) => ({ opType: 'Identity', input: [name], output: [`y${i}`] }));
    const initializer = names.map((name, i) => weight(name, [1], [i]));
    const output = names.map((_, i) => ({ name: `y${i}` }));
    const part = importOnnx(file(nodes, { initializer: initializer as never, output: output as never }));
    const { trace: tr } = trace((s) => part(s, {}), {});
    const found = [...tr.params].map(([path, { spec }]): [string, number] => {
      const out = new Float32Array(1);
      spec.init(out, spec.shape, new Rng(1));
      return [path, out[0]!];
    });
    expect(new Map(found)).toEqual(new Map(Object.entries({ '/a/w': 0, 'a/_/w_': 1, 'a/_/w': 2, 'b/_': 3 })));
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

test('float64 traces compute the file in float64', () => {
  const { outputs } = trace(
    (s, i) => importOnnx(classifier())(s, i),
    { x: { dtype: 'float64', shape: [5, 2] } },
    { dtype: 'float64' },
  );
  expect((outputs.get('y') as F).dtype).toBe('float64');
});
