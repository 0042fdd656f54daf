import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type F, gemm, newTrace } from '../index.ts';
import { check } from '../testing/check.ts';

/** Batch axes of two operands that broadcast: common sizes, some set to 1 or cut off at the front. */
const batches = fc
  .tuple(
    fc.array(fc.constantFrom(2, 3), { maxLength: 2 }),
    fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    fc.nat(2),
    fc.nat(2),
  )
  .map(([dims, flags, i, j]) => {
    const left = dims.map((d, k) => (flags[k] ? d : 1)).slice(Math.min(i, dims.length));
    const right = dims.map((d, k) => (flags[k + 2] ? d : 1)).slice(Math.min(j, dims.length));
    return [left, right] as const;
  });

const size = fc.constantFrom(1, 2, 3, 5);

describe('matmul', () => {
  test('value and gradient with broadcasting batch axes', async () => {
    await fc.assert(
      fc.asyncProperty(batches, size, size, size, fc.nat(1000), async ([p, q], m, k, n, seed) => {
        const operands = [{ shape: [...p, m, k] }, { shape: [...q, k, n] }];
        await check(([a, b]) => a!.matmul(b!), operands, { seed, tolerance: 1e-4 });
      }),
      { numRuns: 20, seed: 31 },
    );
  });

  test('transposed operands', async () => {
    await check(([a, b]) => a!.mT.matmul(b!.mT), [{ shape: [3, 5, 2] }, { shape: [7, 5] }]);
  });

  test('integers and vectors are refused', () => {
    const { graph } = newTrace();
    const a = graph.input('a', 'int32', [3, 5]);
    expect(() => a.matmul(graph.input('b', 'int32', [5, 2]))).toThrow(/needs a floating type/);
    expect(() => graph.input('c', 'float32', [3]).matmul(graph.input('d', 'float32', [3, 1]))).toThrow(/two axes/);
  });
});

describe('gemm', () => {
  test.each([
    [false, false, [2, 3], [3, 5]],
    [true, false, [3, 2], [3, 5]],
    [false, true, [2, 3], [5, 3]],
    [true, true, [3, 2], [5, 3]],
  ])('transA %s, transB %s: value and gradient', async (transA, transB, p, q) => {
    for (const third of [undefined, [], [5], [2, 1], [2, 5]]) {
      const shapes = third ? [p, q, third] : [p, q];
      await check(
        ([a, b, c]) => gemm(a as F, b as F, c as F | undefined, { transA, transB, alpha: 0.5, beta: -1.5 }),
        shapes.map((shape) => ({ shape })),
        { tolerance: 1e-4 },
      );
    }
  });

  test('a third operand that would widen the product is refused', () => {
    const { graph } = newTrace();
    const [a, b] = [graph.input('a', 'float32', [2, 3]), graph.input('b', 'float32', [3, 1])] as F[];
    expect(() => gemm(a!, b!, graph.input('c', 'float32', [2, 5]) as F)).toThrow(/does not broadcast to \[2, 1\]/);
  });
});
