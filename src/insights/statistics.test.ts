import { expect, test } from 'vitest';
import { interval, paired, signed, studentT } from './statistics.ts';

test('intervals by hand', () => {
  // 2, 4, 9: mean 5, s² = (9 + 1 + 16) / 2 = 13, t(2) = 4.30265, half = 4.30265 · √(13/3)
  const { mean, half, low, high } = interval([2, 4, 9]);
  expect(mean).toBe(5);
  expect(half).toBeCloseTo(4.30265 * Math.sqrt(13 / 3), 10);
  expect([low, high]).toEqual([mean - half, mean + half]);
  expect(interval([7]).half).toBe(Number.POSITIVE_INFINITY);
  expect(interval([3, 3, 3]).half).toBe(0);
});

test('quantiles of Student’s t', () => {
  // R: qt(0.975, c(1, 4, 11, 13, 29, 1e6))
  const known = [12.7062, 2.776445, 2.200985, 2.160369, 2.04523, 1.959966];
  [1, 4, 11, 13, 29, 1e6].forEach((f, i) => expect(studentT(f)).toBeCloseTo(known[i]!, 3));
});

test('what two arms share falls out of their difference', () => {
  const [a, b] = [
    [10, 20, 30, 41],
    [9, 19, 29, 40],
  ];
  expect(interval(a!).low).toBeLessThan(interval(b!).high); // apart they overlap
  expect(paired(a!, b!)).toEqual({ mean: 1, half: 0, low: 1, high: 1 });
  expect(signed({ mean: -0.0314, half: 0.01, low: 0, high: 0 })).toBe('−0.031 ± 0.010');
  expect(signed(interval([0.25]))).toBe('+0.250');
});
