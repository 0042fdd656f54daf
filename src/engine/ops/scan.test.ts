import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cumsum, newTrace } from '../index.ts';
import { interpret } from '../interpret.ts';
import { check } from '../testing/check.ts';

test('cumsum: value and gradient along any axis, both ways, with and without the element', async () => {
  const dims = fc.array(fc.constantFrom(1, 2, 3, 5), { minLength: 1, maxLength: 3 });
  const flags = fc.record({ exclusive: fc.boolean(), reverse: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(dims, fc.nat(2), flags, fc.nat(1000), async (shape, axis, o, seed) => {
      await check(([x]) => cumsum(x!, axis % shape.length, o), [{ shape }], { seed, tolerance: 1e-5, step: 0.1 });
    }),
    { numRuns: 12, seed: 53 },
  );
  await check(([x]) => cumsum(x!, -1), [{ shape: [3, 7], dtype: 'int64', low: -5, high: 5 }], { gradient: false });
});

test('cumsum by hand', () => {
  const { graph } = newTrace();
  const x = graph.input('x', 'float32', [4]);
  const ys = [{}, { exclusive: true }, { reverse: true }, { exclusive: true, reverse: true }].map((o) =>
    cumsum(x, 0, o),
  );
  const found = interpret(ys, { x: { shape: [4], data: Float64Array.of(1, 2, 3, 5) } }).map((r) => [...r.data]);
  expect(found).toEqual([
    [1, 3, 6, 11],
    [0, 1, 3, 6],
    [11, 10, 8, 5],
    [10, 8, 5, 0],
  ]);
});
