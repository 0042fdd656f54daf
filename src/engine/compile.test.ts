import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import {
  compile,
  type F,
  grad,
  type Init,
  type NdArray,
  ndarray,
  type Scope,
  Store,
  softmax,
  type Tensor,
} from './index.ts';

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

test('an output may have the name of an input, of a parameter and of an updated state', async () => {
  const x = ndarray('float32', [3], [1, 2, 3]);
  const two: Init = (out) => void out.fill(2);
  const named = compile((s, inputs) => {
    const scale = s.param('scale', [], two);
    const count = s.state('count', [], two);
    s.update(count, count.add(1));
    return { x: inputs['x']!.mul(10), scale: inputs['x']!.mul(scale), count };
  });
  for (const count of [2, 3]) {
    const out = await named.run({ x });
    expect(Object.fromEntries(Object.entries(out).map(([name, a]) => [name, [...(a.data as Float32Array)]]))).toEqual({
      x: [10, 20, 30],
      scale: [2, 4, 6],
      count: [count],
    });
  }
  await named.close();
});

test('inputs are known by name, whatever their order; those that nobody asks for or that are missing are named', async () => {
  const [x, y] = [ndarray('float32', [3], [1, 2, 3]), ndarray('float32', [3], [4, 5, 6])];
  const sum = compile((_s, { x, y }) => ({ z: y!.add(x!) }));
  await sum.run({ x, y });
  await sum.run({ y, x });
  expect(sum.programs).toBe(1);
  await expect(sum.run({ x, y, w: y })).rejects.toThrow(/unknown input "w"/);
  await expect(sum.run({ x, yy: y })).rejects.toThrow(/unknown input "yy" \(did you mean "y"\?\)/);
  await expect(sum.run({ x })).rejects.toThrow(/input "y" is missing/);
  await sum.close();

  const optional = compile((_s, { x, mask }) => ({ z: mask ? x!.mul(mask) : x! }));
  expect([...((await optional.run({ x })).z!.data as Float32Array)]).toEqual([1, 2, 3]);
  expect([...((await optional.run({ x, mask: y })).z!.data as Float32Array)]).toEqual([4, 10, 18]);
  await expect(optional.run({ x, mosk: y })).rejects.toThrow(/unknown input "mosk" \(did you mean "mask"\?\)/);
  const rest = compile((_s, { x, ...others }) => ({ z: x!, n: x!.mul(Object.keys(others).length) }));
  expect([...((await rest.run({ x, y })).n!.data as Float32Array)]).toEqual([1, 2, 3]);
  for (const c of [optional, rest]) await c.close();
});

test('an input that is no array with shape and type is named, before anything is traced', async () => {
  const twice = compile((_s, { x }) => ({ y: x!.mul(2) }));
  const wrong: unknown = JSON.parse('{ "x": [1, 2] }');
  await expect(twice.run(wrong as Parameters<typeof twice.run>[0])).rejects.toThrow(
    /^input "x" must be values with shape and type, got the array \[1, 2\]/,
  );
  expect((await twice.run({ x: ndarray('float32', [1], [3]) }))['y']?.data[0]).toBe(6);
});

test('two layers in one scope and noise without a stream are errors that show the way', async () => {
  const x = ndarray('float32', [1, 2], [1, 2]);
  const zeros = (out: { fill(v: number): unknown }): void => void out.fill(0);
  const layers = compile((s, { x }: { x: F<'b i'> }) => ({
    y: x.add(s.param('w', [2], zeros)).add(s.param('w', [1], zeros)),
  }));
  await expect(layers.run({ x })).rejects.toMatchObject({
    hint: expect.stringContaining("s.at('hidden')"),
    detail: { first: [2], second: [1] },
  });
  const noisy = compile((s, { x }: { x: F<'b i'> }) => ({ y: x.add(s.noise('n', [2], 'normal')) }));
  await expect(noisy.run({ x })).rejects.toMatchObject({ hint: expect.stringContaining('new Rng(seed)') });
  const draw = async (rng: Rng): Promise<unknown> => (await noisy.run({ x }, { rng })).y.data;
  expect(await draw(new Rng(1))).toEqual(await draw(new Rng(1)));
  expect(await draw(new Rng(1).split(0))).not.toEqual(await draw(new Rng(1).split(1)));
});

test('a missing input that meets a check of arguments is named, and so is an input of another type', async () => {
  const x = ndarray('float32', [2, 3], [1, 2, 3, 4, 5, 6]);
  const ids = ndarray('int64', [2, 3], [1, 2, 3, 4, 5, 6]);
  type In = { x: F<'b i'>; y: F<'b i'>; scale?: F };
  const model = compile((_: Scope, { x, y, scale }: In) => ({ z: softmax(x).mT.matmul(scale ? y.mul(scale) : y) }));
  const run = (given: Record<string, NdArray>): Promise<unknown> => Reflect.apply(model.run, model, [given]); // as JavaScript calls it
  await expect(run({ x })).rejects.toThrow(/^input "y" or input "scale" is missing: MatMul: .* got undefined/);
  const dtype = (message: RegExp): object => ({ code: 'dtype', message: expect.stringMatching(message) });
  await expect(run({ x: ids, y: x })).rejects.toMatchObject(dtype(/^Softmax: .* got int64; "x" is int64/));
  await expect(run({ x, y: ids })).rejects.toMatchObject(dtype(/types differ, float32 and int64; "y" is int64/));
  await model.close();
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
