import { expect, test } from 'vitest';
import { constantSchedule, cosineSchedule, linearSchedule, stepSchedule, warmUp, warmUpCosine } from './index.ts';

test('values by hand', () => {
  expect([0, 5].map(constantSchedule(3))).toEqual([3, 3]);
  expect([0, 1, 2, 4, 9].map(linearSchedule(8, 0, 4))).toEqual([8, 6, 4, 0, 0]);
  expect([0, 2, 4, 9].map((i) => cosineSchedule(6, 2, 4)(i))).toEqual([6, expect.closeTo(4, 12), 2, 2]);
  expect([0, 2, 3, 4, 5, 6].map(stepSchedule(8, 0.5, [3, 5]))).toEqual([8, 8, 4, 4, 2, 2]);
  expect([0, 1, 2, 3, 4].map(warmUp(4, linearSchedule(8, 0, 8)))).toEqual([2, 4, 6, 8, 8]);
});

test('warm-up and cosine meet at the peak and end at the final value', () => {
  const lr = warmUpCosine(1e-3, { warmUp: 10, total: 110, final: 1e-5 });
  expect(lr(0)).toBeCloseTo(1e-4, 12);
  expect([lr(9), lr(10)]).toEqual([1e-3, 1e-3]);
  expect(lr(60)).toBeCloseTo((1e-3 + 1e-5) / 2, 12);
  expect(lr(110)).toBeCloseTo(1e-5, 12);
  for (let i = 10; i < 109; i++) expect(lr(i + 1)).toBeLessThan(lr(i));
});

test('no steps is an error', () => {
  expect(() => warmUpCosine(1, { warmUp: 10, total: 10 })).toThrow(/at least one step/);
});
