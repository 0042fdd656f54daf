import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { compile, type F, type NdArray, ndarray, type Scope, Store } from '../engine/index.ts';
import {
  accumulate,
  adamW,
  chain,
  clipByGlobalNorm,
  ema,
  freeze,
  initialise,
  layerDecay,
  linear,
  minimize,
  normal,
  type Optimizer,
  sgd,
  zeros,
} from './index.ts';
import { difference } from './testing/evaluate.ts';

const scalar = (v: number): NdArray => ndarray('float32', [], [v]);
const regression = (s: Scope, x: F, y: F): F =>
  linear(s.at('b'), linear(s.at('a'), x, 5).tanh(), 2)
    .sub(y)
    .square()
    .mean();

function batch(seed: number, b: number): { x: NdArray; y: NdArray } {
  const rng = new Rng(seed);
  const draw = (n: number): Float32Array => Float32Array.from({ length: n }, () => rng.normal());
  return { x: ndarray('float32', [b, 3], draw(3 * b)), y: ndarray('float32', [b, 2], draw(2 * b)) };
}

const half = (a: NdArray, k: number): NdArray => {
  const [b, d] = a.shape as [number, number];
  return ndarray(a.dtype, [b / 2, d], (a.data as Float32Array).slice((k * b * d) / 2, ((k + 1) * b * d) / 2));
};

/** Weights after some steps, as one list in order of their names. */
function weights(store: Store, ...kinds: ('param' | 'buffer' | 'state')[]): number[] {
  return [...store.entries(...kinds)]
    .sort(([p], [q]) => (p < q ? -1 : 1))
    .flatMap(([, a]) => Array.from(a.data, Number));
}

function trainer(store: Store, optimizer: Optimizer, wrap: (s: Scope) => Scope = (s) => s, microBatches = 1) {
  return compile(
    (s, { x, y, lr }) => {
      const loss = regression(wrap(s), x as F, y as F);
      return { loss, ...minimize(s, loss, optimizer, { lr: lr!, microBatches }) };
    },
    { store, threads: 1 },
  );
}

test('rates fall towards the input, layer by layer', () => {
  const paths = [
    'a/patch',
    'a/norm_pre/bias',
    'a/blocks/0/ln/bias',
    'a/blocks/2/ln/bias',
    'a/norm/bias',
    'b/blocks/0/x',
    'head',
    'ab/x',
  ];
  const factor = layerDecay(0.5, paths);
  expect(paths.map(factor)).toEqual([1 / 16, 1 / 16, 1 / 8, 1 / 2, 1, 1 / 2, 1, 1]);
});

test('two micro-batches are one batch: accumulated gradients give the same steps', async () => {
  const optimizer = chain(clipByGlobalNorm(0.5), adamW({ weightDecay: 0.1 }));
  const [whole, parts] = [new Store(1), new Store(1)];
  const one = trainer(whole, optimizer);
  const first = compile(
    (s, { x, y, keep }) => {
      const loss = regression(s, x as F, y as F);
      accumulate(s, loss, { keep: keep! });
      return { loss };
    },
    { store: parts, threads: 1 },
  );
  const last = trainer(parts, optimizer, (s) => s, 2);
  for (let i = 0; i < 4; i++) {
    const { x, y } = batch(i, 14);
    await one.run({ x, y, lr: scalar(0.05) });
    await first.run({ x: half(x, 0), y: half(y, 0), keep: scalar(0) });
    await last.run({ x: half(x, 1), y: half(y, 1), lr: scalar(0.05) });
  }
  for (const c of [one, first, last]) await c.close();
  expect(difference(weights(parts, 'param'), weights(whole, 'param'))).toBeLessThan(1e-5);
});

test('a run taken up from stored tensors resumes bit for bit', async () => {
  const optimizer = chain(clipByGlobalNorm(1), adamW(), ema(0.9, { warmUp: true }));
  const straight = new Store(3);
  const a = trainer(straight, optimizer);
  for (let i = 0; i < 6; i++) await a.run({ ...batch(i, 7), lr: scalar(0.03) });
  await a.close();

  const before = new Store(3);
  const b = trainer(before, optimizer);
  for (let i = 0; i < 3; i++) await b.run({ ...batch(i, 7), lr: scalar(0.03) });
  const after = new Store(999); // another seed: everything must come from what is stored
  for (const [path, array, kind] of before.entries())
    after.set(path, { ...array, data: (array.data as Float32Array).slice() }, kind);
  await b.close();
  const c = trainer(after, optimizer);
  for (let i = 3; i < 6; i++) await c.run({ ...batch(i, 7), lr: scalar(0.03) });
  await c.close();
  expect(weights(after)).toEqual(weights(straight));
});

test('frozen parameters stay, and have neither gradients nor moments', async () => {
  const store = new Store(1);
  const step = trainer(store, adamW(), (s) => freeze(s, ['a/**']));
  await step.run({ ...batch(0, 7), lr: scalar(0.1) });
  const frozen = Array.from(store.get('a/weight').data as Float32Array);
  const trained = Array.from(store.get('b/weight').data as Float32Array);
  await step.run({ ...batch(1, 7), lr: scalar(0.1) });
  await step.close();
  expect(Array.from(store.get('a/weight').data as Float32Array)).toEqual(frozen);
  expect(difference(store.get('b/weight').data as Float32Array, trained)).toBeGreaterThan(0.01);
  expect([...store.entries('state')].map(([path]) => path).filter((path) => path.includes('/a/'))).toEqual([]);
  expect([...store.entries('buffer')].map(([path]) => path)).toEqual(['a/weight', 'a/bias']);
});

test('an average starts as a copy and follows by hand; a redirected scope computes with it', async () => {
  const store = new Store();
  store.set('w', ndarray('float32', [2], [1, 3]));
  const step = compile(
    (s, { lr }) => {
      const teacher = s.redirect((p) => `teacher/${p}`).param('w', [2], normal(1));
      const loss = s.param('w', [2], zeros).sum(); // the gradient is 1 everywhere
      const o = chain(sgd(), ema(0.75, { rename: (p) => `teacher/${p}` }));
      return { teacher, ...minimize(s, loss, o, { lr: lr! }) };
    },
    { store, threads: 1 },
  );
  const seen = async (): Promise<number[]> => Array.from((await step.run({ lr: scalar(1) }))['teacher']!.data, Number);
  expect(await seen()).toEqual([1, 3]);
  expect(await seen()).toEqual([0.75, 2.75]); // 1 + ¼(0 − 1)
  expect(await seen()).toEqual([0.3125, 2.3125]); // 0.75 + ¼(−1 − 0.75)
  await step.close();
});

test('the decay of an average may be an input, and starts low with a warm-up', async () => {
  for (const warmUp of [false, true]) {
    const store = new Store();
    store.set('w', ndarray('float32', [1], [2]));
    const step = compile(
      (s, { lr, decay }) => {
        const loss = s.param('w', [1], zeros).sum();
        return { loss, ...minimize(s, loss, chain(sgd(), ema(decay as F, { warmUp })), { lr: lr! }) };
      },
      { store, threads: 1 },
    );
    await step.run({ lr: scalar(1), decay: scalar(0.75) }); // w: 2 → 1; the first decay with a warm-up is 2/11
    await step.close();
    expect(Number(store.get('ema/w').data[0])).toBeCloseTo(warmUp ? 2 - 9 / 11 : 1.75, 6);
  }
});

test('initial values by path', async () => {
  const store = new Store(1);
  const run = compile(
    (s, { x }) => ({ y: linear(initialise(s, { 'a/bias': (out) => void out.fill(5) }).at('a'), x as F, 2) }),
    { store },
  );
  await run.run({ x: batch(0, 7).x });
  await run.close();
  expect([...(store.get('a/bias').data as Float32Array)]).toEqual([5, 5]);
});

test('a learning rate is a scalar input or a number, and nothing else', async () => {
  const learned = async (lr: number | NdArray): Promise<number[]> => {
    const store = new Store(1);
    const step = compile(
      (s, { x, y, lr: fed }) =>
        minimize(s, regression(s, x!.asFloat(), y!.asFloat()), sgd(), { lr: typeof lr === 'number' ? lr : fed! }),
      { store, threads: 1 },
    );
    await step.run({ ...batch(0, 7), ...(typeof lr === 'number' ? {} : { lr }) });
    await step.close();
    return Array.from(store.get('a/weight').data, Number);
  };
  expect(await learned(0.25)).toEqual(await learned(scalar(0.25)));
  await expect(learned(Number.NaN)).rejects.toThrow(/minimize: o\.lr must be .*NaN/);
  await expect(learned(ndarray('float32', [1], [0.1]))).rejects.toThrow(/minimize: o\.lr must be \[\], got 1 axes/);
});

test('rules that match nothing, losses of nothing and chains that set nothing are errors', async () => {
  const attempt = async (optimizer: Optimizer, wrap?: (s: Scope) => Scope): Promise<unknown> =>
    trainer(new Store(), optimizer, wrap).run({ ...batch(0, 7), lr: scalar(0.1) });
  await expect(attempt(adamW({ lrScale: { 'c/**': 0.1 } }))).rejects.toThrow(
    /learning-rate rule "c\/\*\*" matches nothing/,
  );
  await expect(attempt(adamW(), (s) => freeze(s, ['a/wieght']))).rejects.toThrow(/freeze pattern "a\/wieght"/);
  await expect(attempt(adamW(), (s) => freeze(s, ['**']))).rejects.toThrow(/nothing to train/);
  await expect(attempt(clipByGlobalNorm(1))).rejects.toThrow(/sets no parameter/);
  await expect(attempt(chain(ema(0.9), adamW()))).rejects.toThrow(/ema must follow/);
});
