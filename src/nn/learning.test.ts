import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { compile, type F, type I, type NdArray, ndarray, type Scope, Store } from '../engine/index.ts';
import {
  adamW,
  chain,
  clipByGlobalNorm,
  crossEntropy,
  linear,
  minimize,
  type TextOptions,
  textTokens,
  tiedLogits,
  vit,
  warmUpCosine,
} from './index.ts';

type Batch = { readonly x: NdArray; readonly target: NdArray };
type Model = (s: Scope, x: F & I) => F<'... v'>;

/** Trains a classifier of the last axis, then says where the largest logits are for a new batch. */
async function learn(
  model: Model,
  batch: (rng: Rng, b: number) => Batch,
  o: { steps: number; lr: number; test: number },
): Promise<{ found: number[]; wanted: number[] }> {
  const store = new Store(11);
  const optimizer = chain(clipByGlobalNorm(1), adamW({ weightDecay: 0.05 }));
  const train = compile(
    (s, { x, target, lr }) => {
      const loss = crossEntropy(model(s, x as F & I), target as I, { ignoreIndex: -1 });
      return { loss, ...minimize(s, loss, optimizer, { lr: lr! }) };
    },
    { store, training: true, threads: 1 },
  );
  const [rng, schedule] = [new Rng(3), warmUpCosine(o.lr, { warmUp: 25, total: o.steps })];
  for (let i = 0; i < o.steps; i++) await train.run({ ...batch(rng, 32), lr: ndarray('float32', [], [schedule(i)]) });
  await train.close();
  const use = compile((s, { x }) => ({ y: model(s, x as F & I) }), { store, threads: 1 });
  const { x, target } = batch(new Rng(99), o.test);
  const y = (await use.run({ x }))['y']!;
  await use.close();
  const v = y.shape.at(-1)!;
  const rows = Array.from({ length: y.data.length / v }, (_, i) => Array.from(y.data.slice(v * i, v * i + v), Number));
  return { found: rows.map((row) => row.indexOf(Math.max(...row))), wanted: Array.from(target.data, Number) };
}

const SIZE = 16;

/** An image with a horizontal, vertical or diagonal stripe, or a dot, somewhere, with noise. */
function image(rng: Rng, kind: number): number[] {
  const [at, sign] = [2 + rng.int(SIZE - 4), rng.int(2)];
  return Array.from({ length: SIZE * SIZE }, (_, i) => {
    const [y, x] = [Math.floor(i / SIZE), i % SIZE];
    const on = [y === at, x === at, (sign ? x + y : x - y + SIZE) % SIZE === at, (y - at) ** 2 + (x - at) ** 2 < 5];
    return (on[kind] ? 1 : 0) + 0.3 * rng.normal();
  });
}

test('a small ViT tells stripes of three directions and dots apart, 95 % of new images', async () => {
  const batch = (rng: Rng, b: number): Batch => {
    const kinds = Array.from({ length: b }, () => rng.int(4));
    const pixels = kinds.flatMap((k) => image(rng, k));
    return { x: ndarray('float32', [b, 1, SIZE, SIZE], pixels), target: ndarray('int32', [b], kinds) };
  };
  const model: Model = (s, x) =>
    linear(s.at('head'), vit(s.at('vit'), x, { patch: 4, width: 32, depth: 2, heads: 2 }), 4);
  const { found, wanted } = await learn(model, batch, { steps: 250, lr: 3e-3, test: 200 });
  expect(found.filter((k, i) => k === wanted[i]).length / 200).toBeGreaterThan(0.95);
});

test('a causal transformer learns to write a word backwards, 97 of 100 new words without a mistake', async () => {
  const [letters, length] = [7, 5];
  const n = 2 * length; // word, separator, word backwards without its last letter; only what comes after the separator counts
  const batch = (rng: Rng, b: number): Batch => {
    const words = Array.from({ length: b }, () => Array.from({ length }, () => rng.int(letters)));
    const tokens = words.flatMap((w) => [...w, letters, ...w.toReversed().slice(0, -1)]);
    const target = words.flatMap((w) => [...new Array<number>(length).fill(-1), ...w.toReversed()]);
    return { x: ndarray('int32', [b, n], tokens), target: ndarray('int32', [b, n], target) };
  };
  const o: TextOptions = { vocabulary: letters + 1, context: n, width: 32, depth: 2, heads: 2 };
  const model: Model = (s, x) => tiedLogits(s, textTokens(s, x, o), o.vocabulary);
  const { found, wanted } = await learn(model, batch, { steps: 500, lr: 5e-3, test: 100 });
  const wrong = new Set(found.flatMap((k, i) => (wanted[i] === -1 || k === wanted[i] ? [] : [Math.floor(i / n)])));
  expect(100 - wrong.size).toBeGreaterThanOrEqual(97);
});
