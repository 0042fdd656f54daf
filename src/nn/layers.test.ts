import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { type B, causalMask, type F, type I, ndarray, type Scope, type Tensor, trace } from '../engine/index.ts';
import {
  attention,
  bagOfTokens,
  block,
  combineMasks,
  embedding,
  learnedPositions,
  linear,
  mlp,
  paddingMask,
  patchEmbedding,
  prefixMask,
  relativeBias,
  relativeBucket,
  sinusoid,
  sinusoids,
  sinusoids2d,
  textTokens,
  textTransformer,
  transformer,
  vit,
  vitTokens,
} from './index.ts';
import { difference, evaluate, type Packed } from './testing/evaluate.ts';

const draw = (shape: readonly number[], seed = 1): Packed => {
  const rng = new Rng(seed);
  return { shape, data: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()) };
};
const eye = (n: number): Packed => ({
  shape: [n, n],
  data: Array.from({ length: n * n }, (_, i) => Number(i % (n + 1) === 0)),
});
const ints = (shape: readonly number[], data: readonly number[]) => ndarray('int32', shape, data);

test('linear by hand, in both layouts', async () => {
  const x = { shape: [2, 2], data: [1, 2, 3, 4] };
  const fill = {
    'a/weight': { shape: [3, 2], data: [1, 0, 0, 1, 1, 1] },
    'a/bias': { shape: [3], data: [10, 20, 30] },
  };
  const a = await evaluate((s, i) => ({ y: linear(s.at('a'), i['x'] as F, 3) }), { x }, { fill });
  expect(a['y']).toEqual([11, 22, 33, 13, 24, 37]);
  const inOut = { 'a/weight': { shape: [2, 3], data: [1, 0, 1, 0, 1, 1] } };
  const b = await evaluate(
    (s, i) => ({ y: linear(s.at('a'), i['x'] as F, 3, { layout: 'in-out', bias: false }) }),
    { x },
    { fill: inOut },
  );
  expect(b['y']).toEqual([1, 2, 3, 3, 4, 7]);
});

test('embedding looks up rows', async () => {
  const fill = { 'e/weight': { shape: [3, 2], data: [1, 2, 3, 4, 5, 6] } };
  const y = await evaluate(
    (s, i) => ({ y: embedding(s.at('e'), i['x'] as I, { size: 3, width: 2 }) }),
    { x: ints([1, 4], [2, 0, 0, 1]) },
    { fill },
  );
  expect(y['y']).toEqual([5, 6, 1, 2, 1, 2, 3, 4]);
});

test('attention with zero queries averages the values that the mask leaves', async () => {
  const [q, kv] = [draw([2, 3, 6], 1), draw([2, 5, 6], 2)];
  const zero = { shape: [6, 6], data: new Array<number>(36).fill(0) };
  const fill = { 'q/weight': zero, 'v/weight': eye(6), 'out/weight': eye(6) };
  const keep = ints([2, 5], [1, 1, 0, 0, 0, 0, 1, 1, 1, 0]);
  const found = await evaluate(
    (s, i) => ({ y: attention(s, i['q'] as F, i['kv'] as F, { heads: 2, mask: paddingMask(i['keep'] as I) }) }),
    { q, kv, keep },
    { fill, taps: ['weights'] },
  );
  const average = (b: number, rows: readonly number[]): number[] =>
    Array.from({ length: 6 }, (_, k) => rows.reduce((a, m) => a + kv.data[(b * 5 + m) * 6 + k]!, 0) / rows.length);
  const [first, second] = [average(0, [0, 1]), average(1, [1, 2, 3])];
  expect(difference(found['y']!, [...first, ...first, ...first, ...second, ...second, ...second])).toBeLessThan(1e-6);
  expect(found['weights']!.slice(0, 5)).toEqual([0.5, 0.5, 0, 0, 0]);
});

test('a bias of the keys moves all scores of a query alike: without it the result is the same, and there is no such parameter', async () => {
  const x = draw([2, 5, 6]);
  const fill = Object.fromEntries(
    ['q', 'k', 'v', 'out'].flatMap((name, i) => [
      [`${name}/weight`, draw([6, 6], 10 + i)],
      [`${name}/bias`, draw([6], 20 + i)],
    ]),
  );
  const { 'k/bias': _, ...without } = fill;
  const run = (o: { keyBias?: boolean }, f: typeof fill) =>
    evaluate((s, i) => ({ y: attention(s, i['x'] as F, i['x'] as F, { heads: 3, ...o }) }), { x }, { fill: f });
  expect(difference((await run({ keyBias: false }, without))['y']!, (await run({}, fill))['y']!)).toBeLessThan(1e-6);
  const params = trace((s, i) => ({ y: attention(s, i['x'] as F, i['x'] as F, { heads: 3, keyBias: false }) }), {
    x: { dtype: 'float32', shape: [2, 5, 6] },
  }).trace.params;
  expect([...params.keys()]).not.toContain('k/bias');
  expect([...params.keys()]).toContain('v/bias');
});

test('attention to a position far ahead of all others copies its row; a row with nothing to see is uniform, not NaN', async () => {
  const kv = draw([1, 5, 6], 3);
  const chosen = 3;
  const bias = { shape: [2, 5], data: [0, 0, 0, 100, 0, -1e9, -1e9, -1e9, -1e9, -1e9] };
  const found = await evaluate(
    (s, i) => ({ y: attention(s, i['q'] as F, i['kv'] as F, { heads: 3, mask: i['bias'] as F }) }),
    { q: draw([1, 2, 6], 4), kv, bias },
    { fill: { 'v/weight': eye(6), 'out/weight': eye(6) } },
  );
  expect(difference(found['y']!.slice(0, 6), kv.data.slice(chosen * 6, chosen * 6 + 6))).toBeLessThan(1e-6);
  expect(found['y']!.every(Number.isFinite)).toBe(true);
});

test('grouped heads are the same as their keys and values repeated', async () => {
  const x = draw([2, 5, 12], 1);
  const [k, v] = [draw([6, 12], 2), draw([6, 12], 3)]; // two heads of 3
  const twice = (w: Packed): Packed => ({
    shape: [12, 12],
    data: [0, 0, 1, 1].flatMap((head) => w.data.slice(head * 36, head * 36 + 36)),
  });
  const rest = { 'q/weight': draw([12, 12], 4), 'out/weight': draw([12, 12], 5) };
  const run = (o: { heads: number; kvHeads?: number }, fill: Record<string, Packed>) =>
    evaluate((s, i) => ({ y: attention(s, i['x'] as F, i['x'] as F, o) }), { x }, { fill: { ...rest, ...fill } });
  const grouped = await run({ heads: 4, kvHeads: 2 }, { 'k/weight': k, 'v/weight': v });
  const plain = await run({ heads: 4 }, { 'k/weight': twice(k), 'v/weight': twice(v) });
  expect(difference(grouped['y']!, plain['y']!)).toBeLessThan(1e-6);
});

test('masks by hand', async () => {
  const found = await evaluate(
    (_s, i) => {
      const like = i['x'] as F;
      const see = (m: Tensor): F =>
        combineMasks(like, m as B)!
          .greater(-1)
          .to('float32') as F;
      return {
        causal: see(causalMask(like, 2, 3)),
        prefix: see(prefixMask(like, 4, 2)),
        rows: see(prefixMask(like, 3, i['p'] as I)),
        both: combineMasks(like, causalMask(like, 3), paddingMask(i['keep'] as I))!
          .greater(-1)
          .to('float32'),
      };
    },
    { x: draw([1]), p: ints([2], [0, 3]), keep: ints([1, 3], [0, 1, 1]) },
  );
  expect(found['causal']).toEqual([1, 1, 0, 1, 1, 1]);
  expect(found['prefix']).toEqual([1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1]);
  expect(found['rows']).toEqual([1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
  expect(found['both']).toEqual([0, 0, 0, 0, 1, 0, 0, 1, 1]);
});

test('a gated MLP is activation(gate)·up', async () => {
  const fill = {
    'gate/weight': { shape: [2, 1], data: [1, -1] },
    'fc1/weight': { shape: [2, 1], data: [3, 5] },
    'fc2/weight': { shape: [1, 2], data: [1, 1] },
  };
  const y = await evaluate(
    (s, i) => ({ y: mlp(s, i['x'] as F, { hidden: 2, gated: true, activation: 'relu', bias: false }) }),
    { x: { shape: [2, 1], data: [2, -1] } },
    { fill },
  );
  expect(y['y']).toEqual([12, -5]); // relu(2)·6 + relu(−2)·10;  relu(−1)·(−3) + relu(1)·(−5)
});

test('layer scale 0 leaves the residual alone', async () => {
  const x = draw([2, 3, 8]);
  const y = await evaluate((s, i) => ({ y: block(s, i['x'] as F, { heads: 2, layerScale: 0 }) }), { x });
  expect(difference(y['y']!, x.data)).toBeLessThan(1e-7);
});

test('picking positions before the last block gives what picking afterwards gives', async () => {
  const x = draw([2, 5, 8]);
  const stack = (s: Scope, x: F, o: object): F =>
    transformer(s, x, { depth: 2, heads: 2, mask: causalMask(x, 5), ...o });
  const found = await evaluate(
    (s, i) => {
      const x = i['x'] as F;
      const mask = combineMasks(x, causalMask(x, 5))!;
      return {
        early: stack(s, x, { last: { pick: (t: F) => t.slice(1, 2, 4), mask: mask.slice(0, 2, 4) } }),
        late: stack(s, x, {}).slice(1, 2, 4),
      };
    },
    { x },
    { seed: 7 },
  );
  expect(difference(found['early']!, found['late']!)).toBeLessThan(1e-6);
});

test("a ViT's pooled vectors are its tokens', in every variant", async () => {
  const image = draw([2, 3, 8, 12]);
  const o = { patch: 4, width: 16, depth: 2, heads: 2, preNorm: true };
  const found = await evaluate(
    (s, i) => {
      const x = i['image'] as F;
      const bare = { ...o, classToken: false, positions: 'sinusoidal' } as const;
      return {
        class: vit(s.at('a'), x, o),
        tokens: vitTokens(s.at('a'), x, o).at(1, 0),
        mean: vit(s.at('a'), x, { ...o, pool: 'mean' }),
        patches: vitTokens(s.at('a'), x, o).slice(1, 1).mean(1),
        bare: vit(s.at('b'), x, { ...bare, pool: 'mean' }),
        bareTokens: vitTokens(s.at('b'), x, bare).mean(1),
      };
    },
    { image },
  );
  expect(difference(found['class']!, found['tokens']!)).toBeLessThan(1e-6);
  expect(difference(found['mean']!, found['patches']!)).toBeLessThan(1e-6);
  expect(difference(found['bare']!, found['bareTokens']!)).toBeLessThan(1e-6);
  expect(difference(found['class']!, found['mean']!)).toBeGreaterThan(0.01);
});

test('pooled text is the vector at the end-of-text token, the first of several', async () => {
  const tokens = ints([3, 5], [1, 9, 0, 0, 0, 1, 4, 2, 9, 9, 9, 3, 3, 3, 3]);
  const o = { vocabulary: 10, context: 6, width: 8, depth: 2, heads: 2 };
  const found = await evaluate(
    (s, i) => {
      const t = i['tokens'] as I;
      const all = textTokens(s, t, o);
      const at = (b: number, n: number): F => all.slice(0, b, b + 1).at(1, n);
      const padded = { ...o, mask: paddingMask(i['keep'] as I) };
      return {
        largest: textTransformer(s, t, o),
        named: textTransformer(s, t, { ...o, pool: { eot: 9 } }),
        first: textTransformer(s, t, { ...padded, causal: false, pool: 'first' }),
        firstOfAll: textTokens(s, t, { ...padded, causal: false }).at(1, 0),
        ...Object.fromEntries([at(0, 1), at(1, 3), at(2, 0)].map((v, k) => [`row${k}`, v])),
      };
    },
    { tokens, keep: ints([3, 5], [1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]) },
  );
  const rows = [0, 1, 2].flatMap((k) => found[`row${k}`]!);
  expect(difference(found['largest']!, rows)).toBeLessThan(1e-6);
  expect(difference(found['named']!, rows)).toBeLessThan(1e-6);
  expect(difference(found['first']!, found['firstOfAll']!)).toBeLessThan(1e-6);
});

test('a bag of tokens is the norm of the mean between the start and the first end, whatever the order', async () => {
  const rows = [1, 4, 2, 9, 3, 1, 2, 4, 9, 9, 1, 9, 4, 4, 2, 1, 4, 9, 0, 9];
  const table = draw([10, 8], 7);
  const o = { vocabulary: 10, width: 8 };
  const found = await evaluate(
    (s, i) => ({
      largest: bagOfTokens(s, i['tokens'] as I, { ...o, eot: 'largest' }),
      named: bagOfTokens(s, i['tokens'] as I, { ...o, eot: 9 }),
      idle: bagOfTokens(s, i['tokens'] as I, { ...o, eot: 9, dropout: 0.5 }), // drops in training alone
    }),
    { tokens: ints([4, 5], rows) },
    { fill: { 'tokens/weight': table } },
  );
  const vector = (...ids: number[]): number[] => {
    const mean = Array.from(
      { length: 8 },
      (_, k) => ids.reduce((sum, id) => sum + table.data[id * 8 + k]!, 0) / ids.length,
    );
    const middle = mean.reduce((a, b) => a + b) / 8;
    const spread = Math.sqrt(mean.reduce((a, b) => a + (b - middle) ** 2, 0) / 8 + 1e-5);
    return mean.map((v) => (v - middle) / spread);
  };
  const wanted = [...vector(4, 2), ...vector(2, 4), ...new Array<number>(8).fill(0), ...vector(4)];
  expect(difference(found['largest']!, wanted)).toBeLessThan(1e-5);
  expect(found['named']).toEqual(found['largest']);
  expect(found['idle']).toEqual(found['largest']);
});

test('sinusoids by hand', () => {
  const table = sinusoids(3, 4);
  const row = (p: number): number[] => [Math.sin(p), Math.cos(p), Math.sin(p / 100), Math.cos(p / 100)];
  expect([...table]).toEqual([0, 1, 2].flatMap(row).map((v) => expect.closeTo(v, 12)));
  const halves = sinusoids(2, 4, { layout: 'halves' });
  expect([...halves.subarray(4)]).toEqual(
    [Math.sin(1), Math.sin(0.01), Math.cos(1), Math.cos(0.01)].map((v) => expect.closeTo(v, 12)),
  );
  const grid = sinusoids2d(2, 3, 8); // row 1, column 2: sin x, cos x, sin y, cos y with frequencies 1 and 1/10000
  const [x, y] = [2, 1];
  const wanted = [
    Math.sin(x),
    Math.sin(x / 1e4),
    Math.cos(x),
    Math.cos(x / 1e4),
    Math.sin(y),
    Math.sin(y / 1e4),
    Math.cos(y),
    Math.cos(y / 1e4),
  ];
  expect([...grid.subarray(5 * 8)]).toEqual(wanted.map((v) => expect.closeTo(v, 12)));
});

test('a learned table may start as sinusoids', async () => {
  const o = { name: 'table', init: sinusoid };
  const { y } = await evaluate((s) => ({ y: learnedPositions(s, 3, 4, o) }), {});
  expect(difference(y!, sinusoids(3, 4))).toBeLessThan(1e-6);
});

test('noise acts while training only, in the places named, and depth rates rise in a line', () => {
  const o = { depth: 3, heads: 2, dropout: 0.1, attentionDropout: 0.1, hiddenDropout: 0.1, dropPath: 0.2 };
  const build = (training: boolean) =>
    trace(
      (s, i) => ({ y: transformer(s, i['x'] as F, o) }),
      { x: { dtype: 'float32', shape: [5, 3, 4] } },
      { training },
    );
  expect([...build(false).trace.noise.keys()]).toEqual([]);
  const noise = [...build(true).trace.noise.values()];
  const places = (block: number): string[] =>
    noise.flatMap((n) => (n.path.startsWith(`noise/${block}/`) ? [n.path.slice(8).replace('/keep', '')] : []));
  expect(places(0)).toEqual(['attn/weights', 'ln1/drop', 'mlp/hidden', 'ln2/drop']); // the first block's path rate is 0
  expect(places(2)).toEqual(['attn/weights', 'ln1/drop', 'ln1/path', 'mlp/hidden', 'ln2/drop', 'ln2/path']);
  expect(noise.find((n) => n.path === 'noise/2/ln1/path/keep')!.shape).toEqual([5, 1, 1]);
});

test("T5's buckets: exact near by, logarithmic further out, both directions or the past alone", async () => {
  const both = (d: number): number => relativeBucket(d, 32, 128, false);
  expect([0, -1, -7, -8, -15, -16, -1000].map(both)).toEqual([0, 1, 7, 8, 9, 10, 15]);
  expect([1, 7, 8, 1000].map(both)).toEqual([17, 23, 24, 31]);
  const past = (d: number): number => relativeBucket(d, 32, 128, true);
  expect([5, 0, -1, -15, -16, -1000].map(past)).toEqual([0, 0, 1, 15, 16, 31]);
  const fill = { weight: { shape: [4, 2], data: [0, 10, 1, 11, 2, 12, 3, 13] } };
  const found = await evaluate(
    (s) => ({ bias: relativeBias(s, 2, 3, { heads: 2, buckets: 4, maxDistance: 8 }) }),
    {},
    { fill },
  );
  // Distances −1 0 1 / −2 −1 0 with the last query at the last key; buckets 1 0 3 / 1 1 0
  expect(found['bias']).toEqual([1, 0, 3, 1, 1, 0, 11, 10, 13, 11, 11, 10]);
});

test('what does not fit is said while the graph is built', () => {
  const build =
    (fn: (s: Scope, x: F) => Tensor, shape: readonly number[]): (() => unknown) =>
    () =>
      trace((s, i) => ({ y: fn(s.at('here'), i['x'] as F) }), { x: { dtype: 'float32', shape } });
  expect(build((s, x) => attention(s, x, x, { heads: 5 }), [2, 3, 12])).toThrow(/do not fit 5 heads/);
  expect(build((s, x) => attention(s, x, x, { heads: 2 }), [3, 12])).toThrow(/x must be \[b n d\]/);
  expect(build((s, x) => patchEmbedding(s, x, { patch: 5, width: 4 }), [1, 3, 10, 12])).toThrow(
    /do not tile an image of 10×12/,
  );
  expect(
    build((s, x) => vit(s, x, { patch: 2, width: 4, depth: 1, heads: 1, classToken: false }), [1, 3, 4, 4]),
  ).toThrow(/needs a class token/);
  expect(
    build(
      (s, x) => textTokens(s, x.to('int32') as I, { vocabulary: 5, context: 3, width: 4, depth: 1, heads: 1 }),
      [1, 4],
    ),
  ).toThrow(/4 tokens do not fit a context of 3/);
  expect(() => sinusoids(2, 3)).toThrow(/even width/);
  expect(() => sinusoids2d(2, 2, 6)).toThrow(/8, 12, 16/);
});
