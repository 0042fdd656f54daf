import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { compile, type F, type I, logSoftmax, type NdArray, ndarray, Store } from '../engine/index.ts';
import {
  adamW,
  chain,
  clipByGlobalNorm,
  linear,
  minimize,
  type TextOptions,
  textTokens,
  tiedLogits,
  vit,
  warmUpCosine,
} from './index.ts';

/** Mean cross-entropy; targets are one-hot rows, zero rows count nothing. */
function crossEntropy(logits: F, target: F): F<''> {
  return logSoftmax(logits, -1).mul(target).sum().neg().div(target.sum());
}

const SIZE = 16;

/** A picture with a horizontal, vertical or diagonal stripe, or a dot, somewhere, with noise. */
function picture(rng: Rng, kind: number): number[] {
  const [at, sign] = [2 + rng.int(SIZE - 4), rng.int(2)];
  return Array.from({ length: SIZE * SIZE }, (_, i) => {
    const [y, x] = [Math.floor(i / SIZE), i % SIZE];
    const on = [y === at, x === at, (sign ? x + y : x - y + SIZE) % SIZE === at, (y - at) ** 2 + (x - at) ** 2 < 5];
    return (on[kind] ? 1 : 0) + 0.3 * rng.normal();
  });
}

function pictures(rng: Rng, b: number): { kinds: number[]; image: NdArray; target: NdArray } {
  const kinds = Array.from({ length: b }, () => rng.int(4));
  const image = ndarray(
    'float32',
    [b, 1, SIZE, SIZE],
    kinds.flatMap((k) => picture(rng, k)),
  );
  const target = ndarray(
    'float32',
    [b, 4],
    kinds.flatMap((k) => [0, 1, 2, 3].map((c) => Number(c === k))),
  );
  return { kinds, image, target };
}

function argmax(row: ArrayLike<number>): number {
  return Array.from(row).reduce((best, v, i, all) => (v > all[best]! ? i : best), 0);
}

test('a small ViT tells stripes of three directions and dots apart, 95 % of new pictures', async () => {
  const store = new Store(11);
  const optimizer = chain(clipByGlobalNorm(1), adamW({ weightDecay: 0.05 }));
  const o = { patch: 4, width: 32, depth: 2, heads: 2 };
  const train = compile(
    (s, { image, target, lr }) => {
      const loss = crossEntropy(linear(s.at('head'), vit(s.at('vit'), image as F, o), 4), target as F);
      return { loss, ...minimize(s, loss, optimizer, { lr: lr! }) };
    },
    { store, training: true, threads: 1 },
  );
  const [rng, steps] = [new Rng(3), 250];
  const schedule = warmUpCosine(3e-3, { warmUp: 20, total: steps });
  for (let i = 0; i < steps; i++) {
    const { image, target } = pictures(rng, 32);
    await train.run({ image, target, lr: ndarray('float32', [], [schedule(i)]) });
  }
  await train.close();
  const classify = compile((s, { image }) => ({ y: linear(s.at('head'), vit(s.at('vit'), image as F, o), 4) }), {
    store,
    threads: 1,
  });
  const { kinds, image } = pictures(new Rng(99), 200);
  const logits = (await classify.run({ image }))['y']!.data as Float32Array;
  await classify.close();
  const right = kinds.filter((k, i) => argmax(logits.subarray(4 * i, 4 * i + 4)) === k).length;
  expect(right / 200).toBeGreaterThan(0.95);
});

test('a causal transformer learns to write a word backwards', async () => {
  const [letters, length] = [7, 5];
  const n = 2 * length; // word, separator, reversed word without its last letter
  const o: TextOptions = { vocabulary: letters + 1, context: n, width: 32, depth: 2, heads: 2 };
  const batch = (rng: Rng, b: number): { words: number[][]; tokens: NdArray; target: NdArray } => {
    const words = Array.from({ length: b }, () => Array.from({ length }, () => rng.int(letters)));
    const tokens = words.flatMap((w) => [...w, letters, ...w.toReversed().slice(0, -1)]);
    const target = words.flatMap((w) =>
      Array.from({ length: n }, (_, at) =>
        Array.from({ length: letters + 1 }, (_, v) => Number(at >= length && w[n - 1 - at] === v)),
      ).flat(),
    );
    return {
      words,
      tokens: ndarray('int32', [b, n], tokens),
      target: ndarray('float32', [b, n, letters + 1], target),
    };
  };
  const store = new Store(5);
  const model = (s: Parameters<typeof textTokens>[0], tokens: I): F =>
    tiedLogits(s, textTokens(s, tokens, o), o.vocabulary);
  const train = compile(
    (s, { tokens, target, lr }) => {
      const loss = crossEntropy(model(s, tokens as I), target as F);
      return { loss, ...minimize(s, loss, chain(clipByGlobalNorm(1), adamW()), { lr: lr! }) };
    },
    { store, training: true, threads: 1 },
  );
  const rng = new Rng(17);
  const schedule = warmUpCosine(5e-3, { warmUp: 30, total: 500 });
  for (let i = 0; i < 500; i++) {
    const { tokens, target } = batch(rng, 32);
    await train.run({ tokens, target, lr: ndarray('float32', [], [schedule(i)]) });
  }
  await train.close();
  const { words, tokens } = batch(new Rng(1234), 100);
  const run = compile((s, { tokens }) => ({ y: model(s, tokens as I) }), { store, threads: 1 });
  const y = (await run.run({ tokens }))['y']!.data as Float32Array;
  await run.close();
  const v = o.vocabulary;
  const right = words.filter((w, i) =>
    w.every((_, k) => argmax(y.subarray((i * n + length + k) * v, (i * n + length + k + 1) * v)) === w[length - 1 - k]),
  ).length;
  expect(right).toBeGreaterThanOrEqual(97); // of 100 whole words
});
