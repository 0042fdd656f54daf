import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { causalMask, compile, type F, grad, type I, ndarray, type Scope, Store, type Tensor } from '../engine/index.ts';
import {
  attention,
  batchNorm,
  block,
  conv1d,
  conv2d,
  groupNorm,
  layerNorm,
  linear,
  paddingMask,
  patchEmbedding,
  residualTower,
  rmsNorm,
  textTransformer,
  vit,
} from './index.ts';
import { difference, evaluate, type Packed } from './testing/evaluate.ts';

type Case = Record<'params' | 'inputs' | 'gradients', Record<string, Packed>> & Record<'weight' | 'output', Packed>;
const fixtures = JSON.parse(readFileSync(new URL('testing/torch.json', import.meta.url), 'utf8')) as {
  layers: Record<string, Case>;
};

type Inputs = { x: F; from?: F; keep?: I; tokens?: I };
const encoder = (order: 'pre' | 'post') => (s: Scope, i: Inputs) =>
  block(s, i.x, { heads: 2, hidden: 13, order, projection: 'fused' });
const decoder = (order: 'pre' | 'post') => (s: Scope, i: Inputs) => {
  const mask = causalMask(i.x, 5);
  const o = { heads: 2, hidden: 13, order, projection: 'fused', activation: 'relu', mask } as const;
  return block(s, i.x, { ...o, cross: { from: i.from! } });
};

const text = { vocabulary: 11, context: 7, width: 6, depth: 2, heads: 3, hidden: 13, projection: 'fused' } as const;

const layers: Record<string, (s: Scope, i: Inputs) => Tensor> = {
  linear: (s, i) => linear(s, i.x, 11),
  layerNorm: (s, i) => layerNorm(s, i.x),
  rmsNorm: (s, i) => rmsNorm(s, i.x),
  patchEmbedding: (s, i) => patchEmbedding(s, i.x, { patch: 2, width: 5 }),
  groupNorm: (s, i) => groupNorm(s, i.x, 2),
  batchNorm: (s, i) => batchNorm(s, i.x),
  conv2d: (s, i) => conv2d(s, i.x, 6, { kernel: [3, 1], stride: 2, padding: 1, groups: 2 }),
  conv1d: (s, i) => conv1d(s, i.x, 3, { kernel: 3, dilation: 2, bias: false }),
  causalAttention: (s, i) => attention(s, i.x, i.x, { heads: 2, projection: 'fused', mask: causalMask(i.x, 5) }),
  crossAttention: (s, i) => attention(s, i.x, i.from!, { heads: 3, projection: 'fused', mask: paddingMask(i.keep!) }),
  vit: (s, i) =>
    vit(s, i.x, { patch: 2, width: 6, depth: 2, heads: 2, hidden: 13, preNorm: true, projection: 'fused' }),
  textTransformer: (s, i) => textTransformer(s, i.tokens!, text),
  residualTower: (s, i) => residualTower(s, i.x, { patch: 3, stages: [4, 5], depth: 2 }),
  preNormEncoder: encoder('pre'),
  postNormEncoder: encoder('post'),
  preNormDecoder: decoder('pre'),
  postNormDecoder: decoder('post'),
};

test.each(Object.keys(fixtures.layers))('%s equals PyTorch: value and every gradient', async (name) => {
  const c = fixtures.layers[name]!;
  const inputs = Object.fromEntries(
    Object.entries(c.inputs).map(([k, v]) => [
      k,
      ['keep', 'tokens'].includes(k) ? ndarray('int32', v.shape, v.data) : v,
    ]),
  );
  const found = await evaluate(
    (s, i) => {
      const y = layers[name]!(s, i as unknown as Inputs);
      const params = s.trainable();
      const gradients = grad(y.mul(i['w']!).sum(), [...params.values()]);
      return { y, ...Object.fromEntries([...params.keys()].map((path, k) => [`g/${path}`, gradients[k]!])) };
    },
    { ...inputs, w: c.weight },
    { fill: c.params, training: true },
  );
  expect(difference(found['y']!, c.output.data)).toBeLessThan(2e-6);
  expect(Object.keys(found).length).toBe(1 + Object.keys(c.gradients).length);
  for (const [path, g] of Object.entries(c.gradients))
    expect([path, difference(found[`g/${path}`]!, g.data) < 1e-5]).toEqual([path, true]);
});

test('batch norm keeps running statistics while training, and uses them afterwards', async () => {
  const c = fixtures.layers['batchNorm']!;
  const store = new Store();
  const x = ndarray('float32', c.inputs['x']!.shape, c.inputs['x']!.data);
  const program = (training: boolean) =>
    compile((s, i) => ({ y: batchNorm(s, i['x'] as F) }), { store, training, threads: 1 });
  const [train, use] = [program(true), program(false)];
  for (let i = 0; i < 150; i++) await train.run({ x }); // the running statistics come to those of the batch: 0.9¹⁵⁰ is 1e-7
  const trained = Array.from((await train.run({ x }))['y']!.data, Number);
  const used = Array.from((await use.run({ x }))['y']!.data, Number);
  await Promise.all([train.close(), use.close()]);
  const n = 3 * 5 * 2; // running variances are unbiased: n/(n − 1) of the batch's
  expect(
    difference(
      used,
      trained.map((v) => v * Math.sqrt((n - 1) / n)),
    ),
  ).toBeLessThan(1e-4);
});
