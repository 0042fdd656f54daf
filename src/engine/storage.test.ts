import { describe, expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import {
  compile,
  exportOnnx,
  type F,
  type Half,
  type Init,
  type NdArray,
  narrowed,
  ndarray,
  type Scope,
  Store,
  trace,
  valueAndGrad,
  widened,
} from './index.ts';

const normal: Init = (out, _shape, rng) => {
  for (let i = 0; i < out.length; i++) out[i] = rng.normal();
};

/** Two layers, the second with its weight turned; `base/**` is what may be kept in 16 bits. */
function model(s: Scope, { x }: { x: F<'b i'> }): { y: F } {
  const base = s.at('base');
  const h = x
    .matmul(base.param('in', [13, 29], normal))
    .add(base.param('bias', [29], normal))
    .tanh();
  return { y: h.matmul(base.param('out', [7, 29], normal).mT).mul(s.param('scale', [7], normal)) };
}
const rng = new Rng(4);
const x = ndarray(
  'float32',
  [5, 13],
  Float32Array.from({ length: 65 }, () => rng.normal()),
);

/** Results of the model with weights that are rounded to a type, kept in float32. */
async function rounded(half: Half, names: readonly string[]): Promise<Store> {
  const [plain, store] = [new Store(2), new Store(2)];
  const c = compile(model, { store: plain, threads: 1 });
  await c.program({ x });
  await c.close();
  for (const [path, a] of plain.entries()) store.set(path, names.includes(path) ? widened(narrowed(a, half)) : a);
  return store;
}

async function gradients(store: Store): Promise<Record<string, NdArray>> {
  const loss = valueAndGrad((s, inputs: { x: F<'b i'> }) => {
    const frozen = s.with({ spec: (d) => (d.path.startsWith('base/') ? { ...d, kind: 'buffer' } : d) });
    return model(frozen, { x: inputs.x.mul(s.param('gain', [13], normal)) })
      .y.square()
      .mean();
  });
  const c = compile(loss, { store, threads: 1 });
  const out = await c.run({ x });
  await c.close();
  return out;
}

describe.each(['float16', 'bfloat16'] as const)('weights kept as %s', (half) => {
  const paths = ['base/in', 'base/bias', 'base/out'];

  test('are computed with as the float32 values that they round to', async () => {
    const store = new Store(2, { storage: { 'base/**': half } });
    const [c, wanted] = [
      compile(model, { store, threads: 1 }),
      compile(model, { store: await rounded(half, paths), threads: 1 }),
    ];
    expect(await c.run({ x })).toEqual(await wanted.run({ x }));
    for (const path of paths) expect(store.get(path)).toMatchObject({ dtype: half, data: expect.any(Uint16Array) });
    expect(store.get('scale').dtype).toBe('float32');
    for (const p of [c, wanted]) await p.close();
  });

  test('pass gradients on to what is trained', async () => {
    const store = new Store(2, { storage: { 'base/**': half } });
    const found = await gradients(store);
    expect(Object.keys(found)).toEqual(['loss', 'gradient/gain', 'gradient/scale']);
    expect(found).toEqual(await gradients(await rounded(half, paths)));
  });

  test('are not trained and not updated', async () => {
    const store = new Store(2, { storage: { 'base/in': half } });
    const c = compile(
      valueAndGrad((s, i: { x: F<'b i'> }) => model(s, i).y.sum()),
      { store, threads: 1 },
    );
    const error = {
      code: 'dtype',
      message: expect.stringContaining(`"base/in" is kept as ${half}, which cannot be trained`),
    };
    await expect(c.run({ x })).rejects.toMatchObject(error);
    const update = compile(
      (s) => {
        s.update('base/in', s.param('base/in', [13, 29], normal).mul(2));
        return {};
      },
      { store, threads: 1 },
    );
    await expect(update.run({})).rejects.toMatchObject(error);
  });

  test('are rounded when they are set, and exported as they are', async () => {
    const store = new Store(2, { storage: { 'base/**': half } });
    store.set('base/bias', ndarray('float32', [29], new Float32Array(29).fill(1 + 2 ** -9)));
    expect(widened(store.get('base/bias')).data[0]).toBe(half === 'float16' ? 1 + 2 ** -9 : 1);
    const plain = compile(model, { store, threads: 1 });
    const { y } = await plain.run({ x });
    const bytes = exportOnnx(model, { store, inputs: { x } });
    const wide = exportOnnx(model, { store: await rounded(half, paths), inputs: { x } });
    expect(bytes.length).toBeLessThan(0.65 * wide.length);
    const ort = await import('#ort');
    const session = await ort.InferenceSession.create(bytes);
    const out = await session.run({ x: new ort.Tensor('float32', x.data, x.shape) });
    (out['y']!.data as Float32Array).forEach((u, i) => {
      expect(u).toBeCloseTo(y.data[i]!, 4);
    });
    await session.release();
    await plain.close();
  });
});

test('rules have exceptions, and the state of a training is not narrowed', async () => {
  const store = new Store(2, { storage: { 'base/b*': 'float32', '**': 'float16' } });
  const count = compile(
    (s, i: { x: F<'b i'> }) => {
      const steps = s.state('steps', [], () => {});
      s.update(steps, steps.add(1));
      return model(s, i);
    },
    { store, threads: 1 },
  );
  for (let i = 0; i < 2; i++) await count.run({ x });
  expect([...store.entries()].map(([path, a]) => `${path} ${a.dtype}`)).toEqual([
    'steps float32',
    'base/in float16',
    'base/bias float32',
    'base/out float16',
    'scale float16',
  ]);
  expect(store.get('steps').data[0]).toBe(2);
  await count.close();
});

test('a graph does not compute in a type of storage', async () => {
  for (const dtype of ['float16', 'bfloat16'] as const) {
    const error = { code: 'dtype', hint: expect.stringContaining(`storage: { '**': '${dtype}' }`) };
    await expect(compile(model, { dtype }).run({ x })).rejects.toMatchObject(error);
  }
});

test('16-bit weights given to a store are taken as they are', () => {
  const store = new Store();
  store.set('base/in', narrowed(ndarray('float32', [13, 29], new Float32Array(377).fill(0.1)), 'bfloat16'));
  const { trace: t } = trace(model, { x }, { storage: (path) => store.storageOf(path) });
  expect(t.graph.inputs.get('base/in')!.dtype).toBe('bfloat16');
  expect(t.graph.inputs.get('base/out')!.dtype).toBe('float32');
});
