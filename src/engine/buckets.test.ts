import { expect, test } from 'vitest';
import { bucketLength, compile, type I, ndarray, padAxis, where } from './index.ts';

test('buckets are few and waste little', () => {
  const buckets = new Set<number>();
  for (let n = 1; n <= 512; n++) {
    const bucket = bucketLength(n);
    buckets.add(bucket);
    expect(bucket).toBeGreaterThanOrEqual(n);
    if (n > 8) expect(n / bucket).toBeGreaterThan(2 / 3);
  }
  expect([...buckets]).toEqual([8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]);
  expect(new Set(Array.from({ length: 77 }, (_, i) => bucketLength(i + 1, { max: 77 })))).toEqual(
    new Set([8, 12, 16, 24, 32, 48, 64, 77]),
  );
  expect(bucketLength(3, { min: 1 })).toBe(3);
  expect(() => bucketLength(78, { max: 77 })).toThrow(/beyond the longest, 77/);
  expect(() => bucketLength(1.5)).toThrow(/not a length/);
});

test('padding goes behind the values of an axis', () => {
  const a = ndarray('int64', [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
  expect(padAxis(a, 1, 3, 9)).toEqual(ndarray('int64', [2, 3, 2], [1, 2, 3, 4, 9, 9, 5, 6, 7, 8, 9, 9]));
  expect(padAxis(a, -1, 3)).toEqual(ndarray('int64', [2, 2, 3], [1, 2, 0, 3, 4, 0, 5, 6, 0, 7, 8, 0]));
  expect(padAxis(a, 0, 2)).toBe(a);
  expect(() => padAxis(a, 0, 1)).toThrow(/cannot be padded to 1/);
});

test('a text of any length runs in one of few programs, its padding masked', async () => {
  const mean = compile(
    (_s, { tokens }) => {
      const real = tokens!.greater(0);
      const x = where(real, tokens as I, 0).to('float32');
      return { y: x.sum(1).div(real.to('float32').sum(1)) };
    },
    { threads: 1 },
  );
  for (let n = 1; n <= 40; n++) {
    const tokens = ndarray(
      'int32',
      [1, n],
      Array.from({ length: n }, (_, i) => i + 1),
    );
    const { y } = await mean.run({ tokens: padAxis(tokens, 1, bucketLength(n)) });
    expect(y!.data[0]).toBeCloseTo((n + 1) / 2, 4);
  }
  expect(mean.programs).toBe(6);
  await mean.close();
});
