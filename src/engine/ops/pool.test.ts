import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import {
  adaptiveAveragePool,
  averagePool1d,
  averagePool2d,
  customGradient,
  globalAveragePool,
  grad,
  maxPool1d,
  maxPool2d,
  newTrace,
  type Tensor,
} from '../index.ts';
import { check, type Operand } from '../testing/check.ts';
import { errorAgainstTorch, type TorchCase } from '../testing/torch/torch.ts';

const small = (n: number): fc.Arbitrary<number> => fc.integer({ min: 1, max: n });
type Pair = readonly [number, number];

/** A geometry over `rank` axes in which every window sees at least one place. */
const geometry = (rank: number) => {
  const axis = fc
    .record({
      kernel: small(3),
      stride: small(3),
      dilation: small(2),
      more: fc.nat(4),
      before: fc.nat(2),
      after: fc.nat(2),
    })
    .map((a) => ({
      ...a,
      size: a.dilation * (a.kernel - 1) + 1 + a.more,
      padding: [Math.min(a.before, a.kernel - 1), Math.min(a.after, a.kernel - 1)] as Pair,
    }));
  return fc.record({
    b: small(3),
    c: small(3),
    axes: fc.array(axis, { minLength: rank, maxLength: rank }),
    seed: fc.nat(1000),
  });
};

/** Distinct values far apart, so that no step of a central difference changes which is largest. */
function distinct(shape: readonly number[], seed: number): Operand {
  const n = shape.reduce((a, b) => a * b, 1);
  const order = new Rng(seed).shuffle(Array.from({ length: n }, (_, i) => i));
  return { shape, values: order.map((v) => v / 8 - n / 16) };
}

describe.each([1, 2])('%i-D', (rank) => {
  test('maxima: value and gradient', async () => {
    const fn = rank === 1 ? maxPool1d : maxPool2d;
    await fc.assert(
      fc.asyncProperty(geometry(rank), async ({ b, c, axes, seed }) => {
        const [size, stride, dilation] = (['kernel', 'stride', 'dilation'] as const).map((k) => axes.map((a) => a[k]));
        const o = { stride: stride!, dilation: dilation!, padding: axes.map((a) => a.padding) };
        const x = distinct([b, c, ...axes.map((a) => a.size)], seed);
        await check(([x]) => fn(x as Tensor<'float32'>, size!, o), [x], { seed, tolerance: 1e-5, step: 1e-2 });
      }),
      { numRuns: 12, seed: 29 },
    );
  });

  test('means: value and gradient, counting the padding or not', async () => {
    const fn = rank === 1 ? averagePool1d : averagePool2d;
    await fc.assert(
      fc.asyncProperty(geometry(rank), fc.boolean(), async ({ b, c, axes, seed }, countPadding) => {
        const [size, stride] = (['kernel', 'stride'] as const).map((k) => axes.map((a) => a[k]));
        const o = { stride: stride!, padding: axes.map((a) => a.padding), countPadding };
        const x = { shape: [b, c, ...axes.map((a) => a.size)] };
        await check(([x]) => fn(x as Tensor<'float32'>, size!, o), [x], { seed, tolerance: 1e-5, step: 0.1 });
      }),
      { numRuns: 12, seed: 31 },
    );
  });
});

test('means of bins and of everything: value and gradient', async () => {
  for (const sizes of [[3], [7, 2], [11, 13]]) {
    const fn = ([x]: readonly Tensor[]): Tensor => adaptiveAveragePool(x as Tensor<'float32'>, sizes);
    await check(fn, [{ shape: [2, 3, 5, 7] }], { tolerance: 1e-5, step: 0.1 });
  }
  await check(([x]) => globalAveragePool(x as Tensor<'float32'>), [{ shape: [2, 3, 5, 7] }], { tolerance: 1e-5 });
});

test.each<[TorchCase, (x: Tensor<'float64'>) => Tensor]>([
  ['avg_pool1d', (x) => averagePool1d(x, 3, { stride: 2, padding: 1 })],
  ['avg_pool2d', (x) => averagePool2d(x, [3, 2], { stride: [2, 1], padding: 1 })],
  ['avg_pool2d inside', (x) => averagePool2d(x, [3, 2], { stride: [2, 1], padding: 1, countPadding: false })],
  ['max_pool1d', (x) => maxPool1d(x, 3, { stride: 2, padding: 1, dilation: 2 })],
  ['max_pool2d', (x) => maxPool2d(x, 3, { stride: [2, 1], padding: [1, 0], dilation: [1, 2] })],
  [
    'max_pool2d ties',
    (x) =>
      maxPool2d(
        customGradient(x.floor(), [x], (g) => [g]),
        3,
        { stride: 1, padding: 1 },
      ),
  ],
  ['adaptive_avg_pool1d', (x) => adaptiveAveragePool(x, [3])],
  ['adaptive_avg_pool2d', (x) => adaptiveAveragePool(x, [3, 7])],
])('%s equals PyTorch', (name, fn) => {
  expect(errorAgainstTorch(name, ([x]) => fn(x!))).toBeLessThan(1e-8);
});

test('of equals the first gets the gradient, in onnxruntime too', async () => {
  const fn = ([x, w]: readonly Tensor[]): Tensor =>
    grad(maxPool2d(x!.asFloat(), 3, { stride: 1, padding: 1 }).mul(w!.asFloat()).sum(), [x!])[0]!;
  const shape = [2, 3, 5, 7];
  const values = Array.from({ length: 210 }, (_, i) => (i * 17) % 3);
  await check(fn, [{ shape, values }, { shape }], { gradient: false, tolerance: 1e-6 });
});

test('errors say what does not fit', () => {
  const x = newTrace().graph.input('x', 'float32', [2, 3, 7, 5]) as Tensor<'float32'>;
  expect(() => maxPool2d(x, 6)).toThrow(/a window of 6 does not fit into 5/);
  expect(() => averagePool2d(x, 2, { padding: 2 })).toThrow(/window 0 of spatial axis 0 lies in the padding/);
  expect(() => maxPool1d(x, 2)).toThrow(/1-D pooling needs an operand with 3 axes/);
  expect(() => adaptiveAveragePool(x, [1, 2, 3, 5, 7])).toThrow(/5 sizes for 4 axes/);
});
