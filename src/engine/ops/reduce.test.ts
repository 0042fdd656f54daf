import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type F, l2Normalize, logSoftmax, newTrace, softmax, standardize, type Tensor, variance } from '../index.ts';
import { check } from '../testing/check.ts';

const shape = fc.array(fc.constantFrom(1, 2, 3, 5), { minLength: 1, maxLength: 4 });

/** A shape with a choice of its axes, not empty. */
const reduction = shape.chain((dims) =>
  fc.tuple(fc.constant(dims), fc.subarray([...dims.keys()], { minLength: 1 }), fc.boolean(), fc.nat(1000)),
);

const reducers: [string, (x: Tensor, axes: number[], keep: boolean) => Tensor][] = [
  ['sum', (x, axes, keep) => x.sum(axes, { keep })],
  ['mean', (x, axes, keep) => x.mean(axes, { keep })],
  ['reduceMax', (x, axes, keep) => x.reduceMax(axes, { keep })],
  ['reduceMin', (x, axes, keep) => x.reduceMin(axes, { keep })],
  ['logSumExp', (x, axes, keep) => x.logSumExp(axes, { keep })],
  ['variance', (x, axes, keep) => variance(x as F, axes, { keep })],
];

describe('reductions', () => {
  test.each(reducers)('%s: value and gradient over any axes', async (_name, fn) => {
    await fc.assert(
      fc.asyncProperty(reduction, async ([dims, axes, keep, seed]) => {
        await check(([x]) => fn(x!, axes, keep), [{ shape: dims }], { seed, tolerance: 1e-4 });
      }),
      { numRuns: 8, seed: 23 },
    );
  });

  test('without axes all are reduced, negative axes count from the end', async () => {
    await check(([x]) => [x!.sum(), x!.mean(-1), x!.reduceMax([-2, 0])], [{ shape: [3, 5, 2] }]);
  });

  test('integers sum and compare exactly', async () => {
    const whole = { shape: [3, 7], dtype: 'int32', low: -9, high: 9 } as const;
    await check(([x]) => [x!.sum(1), x!.reduceMax(0), x!.reduceMin(0)], [whole], { gradient: false, tolerance: 0 });
  });

  test('an extreme attained twice shares its gradient', async () => {
    const { graph } = newTrace();
    const x = graph.input('x', 'float32', [3]);
    expect(x.reduceMax(0).shape).toEqual([]);
    await check(([x]) => x!.reduceMax(1), [{ shape: [2, 3], values: [1, 5, 4, 2, 0, 7] }]);
  });

  test('logSumExp stays finite where eˣ does not', async () => {
    await check(([x]) => x!.logSumExp(1), [{ shape: [2, 3], values: [500, 501, 502, -700, -701, -699] }], {
      tolerance: 1e-4,
    });
  });
});

const line = shape.chain((dims) => fc.tuple(fc.constant(dims), fc.nat(dims.length - 1), fc.nat(1000)));

const alongAxis: [string, (x: F, axis: number) => Tensor][] = [
  ['softmax', softmax],
  ['logSoftmax', logSoftmax],
  ['l2Normalize', (x, axis) => l2Normalize(x, { axis })],
];

describe('along one axis', () => {
  test.each(alongAxis)('%s: value and gradient', async (_name, fn) => {
    await fc.assert(
      fc.asyncProperty(line, async ([dims, axis, seed]) => {
        await check(([x]) => fn(x as F, axis), [{ shape: dims, low: 0.2, high: 2 }], { seed, tolerance: 1e-4 });
      }),
      { numRuns: 8, seed: 29 },
    );
  });
});

describe('standardize', () => {
  test.each([
    ['y', (x: F) => standardize(x, 1e-5).y],
    ['mean', (x: F) => standardize(x, 1e-5).mean],
    ['rstd', (x: F) => standardize(x, 1e-5).rstd],
    [
      'all three',
      (x: F) => {
        const { y, mean, rstd } = standardize(x, 1e-3);
        return [y, mean, rstd];
      },
    ],
  ] as const)('%s: value and gradient', async (_name, fn) => {
    await check(([x]) => fn(x as F) as Tensor, [{ shape: [3, 2, 7] }], { tolerance: 1e-4 });
    await check(([x]) => fn(x as F) as Tensor, [{ shape: [5, 11] }], { seed: 3, tolerance: 1e-4 });
  });
});
