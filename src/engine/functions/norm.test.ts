import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  batchNorm,
  type F,
  groupNorm,
  instanceNorm,
  layerNorm,
  type NormOptions,
  newTrace,
  rmsNorm,
  type Tensor,
} from '../index.ts';
import { check, type Operand } from '../testing/check.ts';
import { errorAgainstTorch, type TorchCase } from '../testing/torch/torch.ts';

/** Shapes [b c …] with at least four values a channel, so that no variance is almost 0. */
const shape = fc
  .tuple(
    fc.constantFrom(2, 3),
    fc.constantFrom(2, 4, 6),
    fc.array(fc.constantFrom(2, 3, 5), { minLength: 1, maxLength: 2 }),
  )
  .map(([b, c, places]) => [b, c, ...places]);

type Norm = (x: F, o: NormOptions) => Tensor;
const norms: [string, Norm, channelAxis: number][] = [
  ['layerNorm', (x, o) => layerNorm(x, o), -1],
  ['groupNorm', (x, o) => groupNorm(x, 2, o), 1],
  ['instanceNorm', (x, o) => instanceNorm(x, { ...o, epsilon: 0.1 }), 1],
];

describe('scale and shift are optional', () => {
  test.each(norms)('%s: value and gradients', async (_name, fn, axis) => {
    await fc.assert(
      fc.asyncProperty(shape, fc.boolean(), fc.nat(1000), async (dims, affine, seed) => {
        const c = { shape: [dims.at(axis)!] };
        const operands: Operand[] = affine ? [{ shape: dims }, c, c] : [{ shape: dims }];
        const o = { seed, step: 1e-3 };
        await check(
          ([x, scale, shift]) => fn(x as F, { scale: scale as F, shift: shift as F, epsilon: 0.01 }),
          operands,
          o,
        );
      }),
      { numRuns: 6, seed: 37 },
    );
  });

  test('rmsNorm: value and gradients', async () => {
    await check(([x, scale]) => rmsNorm(x as F, { scale: scale as F }), [{ shape: [2, 3, 7] }, { shape: [7] }], {
      step: 1e-3,
    });
    await check(([x]) => rmsNorm(x as F), [{ shape: [5, 7] }], { step: 1e-3 });
  });
});

describe('batchNorm', () => {
  test.each([true, false])('value and gradients, training %s', async (training) => {
    await fc.assert(
      fc.asyncProperty(shape, fc.nat(1000), async (dims, seed) => {
        const c = [dims[1]!];
        const operands = [{ shape: dims }, { shape: c }, { shape: c }, { shape: c }, { shape: c, low: 0.3 }];
        const fn = ([x, scale, shift, mean, variance]: readonly Tensor[]): Tensor =>
          batchNorm(x as F, {
            scale: scale as F,
            shift: shift as F,
            mean: mean as F,
            variance: variance as F,
            training,
          }).y;
        await check(fn, operands, { seed, step: 1e-3 });
      }),
      { numRuns: 6, seed: 41 },
    );
  });

  test('running statistics move by the momentum', async () => {
    const operands = [{ shape: [5, 3, 7] }, { shape: [3] }, { shape: [3], low: 0.3 }];
    const fn = ([x, mean, variance]: readonly Tensor[]): Tensor[] => {
      const r = batchNorm(x as F, { mean: mean as F, variance: variance as F, training: true, momentum: 0.3 });
      return [r.y, r.mean, r.variance];
    };
    await check(fn, operands, { gradient: false, tolerance: 1e-5 });
  });
});

const options = ([, scale, shift]: readonly Tensor<'float64'>[]): NormOptions => ({ scale, shift });
const running = ([, , , mean, variance]: readonly Tensor<'float64'>[]): { mean: F; variance: F } => ({
  mean: mean!.stopGradient(),
  variance: variance!.square().add(1).stopGradient(),
});

test.each<[TorchCase, (x: readonly Tensor<'float64'>[]) => Tensor | Tensor[]]>([
  ['layer_norm', (x) => layerNorm(x[0]!, { ...options(x), epsilon: 1e-6 })],
  ['rms_norm', (x) => rmsNorm(x[0]!, { scale: x[1] })],
  ['group_norm', (x) => groupNorm(x[0]!, 3, options(x))],
  ['instance_norm', (x) => instanceNorm(x[0]!, options(x))],
  [
    'batch_norm training',
    (x) => {
      const r = batchNorm(x[0]!, { ...options(x), ...running(x), training: true });
      return [r.y, r.mean, r.variance];
    },
  ],
  ['batch_norm inference', (x) => batchNorm(x[0]!, { ...options(x), ...running(x), training: false }).y],
])('%s equals PyTorch', (name, fn) => {
  expect(errorAgainstTorch(name, fn)).toBeLessThan(1e-8);
});

test('errors say what does not fit', () => {
  const { graph } = newTrace();
  const x = graph.input('x', 'float32', [2, 6, 7]) as F;
  const c = graph.input('c', 'float32', [7]) as F;
  expect(() => groupNorm(x, 4)).toThrow(/4 groups do not divide 6 channels/);
  expect(() => groupNorm(x, 3, { shift: c })).toThrow(/shift must be \[6\]/);
  expect(() => batchNorm(x, { mean: c, variance: c, training: false })).toThrow(/mean must be \[6\]/);
  const one = graph.input('one', 'float32', [1, 7]) as F;
  expect(() => batchNorm(one, { mean: c, variance: c, training: true })).toThrow(/one value a channel has no variance/);
  expect(() => instanceNorm(c)).toThrow(/needs batch and channels/);
});
