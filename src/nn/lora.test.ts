import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { compile, type F, type NdArray, ndarray, type Scope, Store } from '../engine/index.ts';
import { adamW, linear, mergeLora, minimize, mlp, withLora } from './index.ts';
import { difference } from './testing/evaluate.ts';

const [b, d, hidden] = [11, 5, 7];
const model = (s: Scope, x: F): F => linear(s.at('head'), mlp(s.at('body'), x, { hidden }), 3, { layout: 'in-out' });
const lora = { layers: ['body/fc*', 'head'], rank: 2, alpha: 6, train: ['body/fc2/bias'] };

function data(seed: number): { x: NdArray<'float32'>; y: NdArray<'float32'> } {
  const rng = new Rng(seed);
  const draw = (n: number): Float32Array => Float32Array.from({ length: n }, () => rng.normal());
  return { x: ndarray('float32', [b, d], draw(b * d)), y: ndarray('float32', [b, 3], draw(b * 3)) };
}

async function output(store: Store, x: NdArray<'float32'>, adapted: boolean): Promise<number[]> {
  const run = compile((s, { x }: { x: F }) => ({ y: model(adapted ? withLora(s, lora) : s, x) }), {
    store,
    threads: 1,
  });
  const y = Array.from((await run.run({ x }))['y']!.data as Float32Array);
  await run.close();
  return y;
}

test('trains the adapters alone, starts at the base model, and merges into plain weights', async () => {
  const { x, y } = data(4);
  const store = new Store(2);
  const base = await output(store, x, false);
  expect(await output(store, x, true)).toEqual(base); // B is zero
  const before = new Map([...store.entries()].map(([path, a]) => [path, Array.from(a.data as Float32Array)]));

  const train = compile(
    (s, { x, y, lr }: { x: F; y: F; lr: F<''> }) => {
      const loss = model(withLora(s, lora), x).sub(y).square().mean();
      return { loss, ...minimize(s, loss, adamW(), { lr }) };
    },
    { store, threads: 1 },
  );
  const losses: number[] = [];
  for (let i = 0; i < 60; i++)
    losses.push(Number((await train.run({ x, y, lr: ndarray('float32', [], [0.02]) }))['loss']!.data[0]));
  await train.close();
  expect(losses.at(-1)).toBeLessThan(0.6 * losses[0]!);

  const moved = [...before].filter(([path, a]) => difference(store.get(path).data as Float32Array, a) > 0);
  const factors = ['body/fc1', 'body/fc2', 'head'].flatMap((l) => [`${l}/lora_A/weight`, `${l}/lora_B/weight`]);
  expect(moved.map(([path]) => path).sort()).toEqual([...factors, 'body/fc2/bias'].sort());
  const moments = [...store.entries('state')].filter(([path]) => path.startsWith('optimizer/m/'));
  expect(moments.length).toBe(moved.length); // frozen parameters have no optimiser state

  const merged = new Store();
  const layout = (layer: string): 'out-in' | 'in-out' => (layer === 'head' ? 'in-out' : 'out-in');
  for (const [path, a] of mergeLora(store, { alpha: 6, layout })) merged.set(path, a);
  expect([...merged.entries()].map(([path]) => path).filter((path) => path.includes('lora'))).toEqual([]);
  const adapted = await output(store, x, true);
  expect(difference(await output(merged, x, false), adapted)).toBeLessThan(1e-6);
  expect(difference(base, adapted)).toBeGreaterThan(0.1);
});

test('patterns that match nothing are named', async () => {
  const run = compile((s, i) => ({ y: model(withLora(s, { layers: ['body/fc3'], rank: 1 }), i['x'] as F) }));
  await expect(run.run({ x: data(1).x })).rejects.toThrow(/LoRA pattern "body\/fc3" matches nothing/);
  expect(() => mergeLora(new Store())).toThrow(/nothing to merge/);
});
