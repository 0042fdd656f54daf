import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { compile, grad, type Init, ndarray, type Scope, Store, type Tensor } from './index.ts';

const normal =
  (std: number): Init =>
  (out, _shape, rng) => {
    for (let i = 0; i < out.length; i++) out[i] = std * rng.normal();
  };

function mlp(s: Scope, x: Tensor<'float32'>): Tensor {
  const h = x
    .matmul(s.param('in', [2, 17], normal(1)))
    .add(s.param('bias', [17], normal(1)))
    .tanh();
  return h.matmul(s.param('out', [17, 1], normal(0.3)));
}

test('a training step is one run: loss falls, the state moves on, equal seeds give equal bits', async () => {
  const rng = new Rng(3);
  const n = 53;
  const x = ndarray(
    'float32',
    [n, 2],
    Float32Array.from({ length: n * 2 }, () => rng.uniform(-1, 1)),
  );
  const y = ndarray(
    'float32',
    [n, 1],
    Float32Array.from({ length: n }, (_, i) => x.data[2 * i]! * x.data[2 * i + 1]!),
  );
  const run = async (): Promise<number[]> => {
    const step = compile(
      (s, { x, y }) => {
        const loss = mlp(s, x as Tensor<'float32'>)
          .sub(y!)
          .square()
          .mean();
        const params = s.trainable();
        const gradients = grad(loss, [...params.values()]);
        [...params].forEach(([path, p], i) => s.update(path, p.sub(gradients[i]!.mul(0.1))));
        return { loss };
      },
      { store: new Store(5), threads: 1 },
    );
    const losses: number[] = [];
    for (let i = 0; i < 400; i++) losses.push((await step.run({ x, y })).loss!.data[0] as number);
    await step.close();
    return losses;
  };
  const [a, b] = [await run(), await run()];
  expect(a).toEqual(b);
  expect(a.at(-1)).toBeLessThan(0.1 * a[0]!);
});

test('an output with the name of an input or a parameter is refused while the graph is built', async () => {
  const x = ndarray('float32', [3], [1, 2, 3]);
  await expect(compile((_, inputs) => ({ x: inputs['x']!.mul(2) })).run({ x })).rejects.toThrow(
    /"x" is the name of an input/,
  );
  const named = compile((s, inputs) => ({ scale: inputs['x']!.mul(s.param('scale', [], normal(1))) }));
  await expect(named.run({ x })).rejects.toThrow(/"scale" is the name of a parameter/);
});

test('a frozen program gives the same values from weights of its own; it cannot change state', async () => {
  const rng = new Rng(5);
  const x = ndarray(
    'float32',
    [7, 2],
    Float32Array.from({ length: 14 }, () => rng.normal()),
  );
  const model = (s: Scope, { x }: Record<string, Tensor>): Record<string, Tensor> => ({
    y: mlp(s, x as Tensor<'float32'>),
  });
  const store = new Store(3);
  const plain = compile(model, { store });
  const frozen = compile(model, { store, frozen: true });
  const [a, b] = [await plain.run({ x }), await frozen.run({ x })];
  a['y']!.data.forEach((v, i) => expect(b['y']!.data[i]).toBeCloseTo(Number(v), 6));
  const before = Array.from(b['y']!.data as Float32Array);
  store.set('out', ndarray('float32', [17, 1], new Float32Array(17)));
  expect([...((await plain.run({ x }))['y']!.data as Float32Array)]).toEqual(new Array(7).fill(0));
  expect([...((await frozen.run({ x }))['y']!.data as Float32Array)]).toEqual(before);
  const changing = compile(
    (s, { x }) => {
      s.update('seen', s.buffer('seen', [], (out) => void out.fill(0)).add(1));
      return { y: x!.add(1) };
    },
    { frozen: true },
  );
  await expect(changing.run({ x })).rejects.toThrow(/cannot change its state/);
  for (const p of [plain, frozen]) await p.close();
});
