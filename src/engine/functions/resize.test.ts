import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type F, newTrace, type ResizeOptions, resize, resizeWeights, type Tensor } from '../index.ts';
import { check } from '../testing/check.ts';
import { errorAgainstTorch, type TorchCase } from '../testing/torch/torch.ts';

const option = fc.record({
  method: fc.constantFrom('linear' as const, 'cubic' as const),
  alignCorners: fc.boolean(),
  antialias: fc.boolean(),
});
const size = fc.integer({ min: 1, max: 7 });

test('value and gradient over one and two axes', async () => {
  await fc.assert(
    fc.asyncProperty(size, size, fc.array(size, { minLength: 1, maxLength: 2 }), option, async (y, x, sizes, o) => {
      await check(([t]) => resize(t as F, sizes, o), [{ shape: [2, 3, y, x] }], { tolerance: 1e-5, step: 0.1 });
    }),
    { numRuns: 20, seed: 43 },
  );
});

test('a constant stays constant, an equal size stays as it is', () => {
  fc.assert(
    fc.property(size, size, option, (n, m, o) => {
      const weights = resizeWeights(n, m, o);
      for (let i = 0; i < m; i++) expect(weights.slice(i * n, (i + 1) * n).reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    }),
    { seed: 47 },
  );
  const x = newTrace().graph.input('x', 'float32', [3, 5, 7]) as F;
  for (const method of ['linear', 'cubic'] as const)
    for (const antialias of [false, true]) expect(resize(x, [5, 7], { method, antialias })).toBe(x);
});

test.each<[TorchCase, number[], ResizeOptions]>([
  ['linear 1d', [11], {}],
  ['bilinear up', [5, 7], {}],
  ['bilinear aligned', [7, 1], { alignCorners: true }],
  ['bilinear down', [3, 2], {}],
  ['bilinear antialias', [3, 7], { antialias: true }],
  ['bicubic up', [7, 11], { method: 'cubic' }],
  ['bicubic aligned', [7, 11], { method: 'cubic', alignCorners: true }],
  ['bicubic down', [5, 3], { method: 'cubic' }],
  ['bicubic antialias', [3, 7], { method: 'cubic', antialias: true }],
  ['bicubic scale', [7, 11], { method: 'cubic', ratio: [5 / 7.1, 7 / 11.1] }],
])('%s equals PyTorch', (name, sizes, o) => {
  expect(errorAgainstTorch(name, ([x]: readonly Tensor<'float64'>[]) => resize(x!, sizes, o))).toBeLessThan(1e-8);
});

test('errors say what does not fit', () => {
  const x = newTrace().graph.input('x', 'float32', [5, 7]) as F;
  expect(() => resize(x, [0, 3])).toThrow(/cannot make 0 positions of 5/);
  expect(() => resize(x, [2, 3, 5])).toThrow(/at most 2 axes/);
  expect(() => resize(x, [2, 3], { ratio: [1] })).toThrow(/one size \(and ratio\)/);
});
