import { describe, test } from 'vitest';
import { gather, type I } from '../index.ts';
import { check } from '../testing/check.ts';

describe('gather', () => {
  test('rows of a table; the gradient adds up at repeated rows', async () => {
    for (const dtype of ['int32', 'int64'] as const) {
      await check(
        ([table, i]) => gather(table!, i as I),
        [{ shape: [5, 3] }, { shape: [2, 7], dtype, low: 0, high: 5 }],
        { seed: dtype, tolerance: 1e-5 },
      );
    }
    await check(
      ([table, i]) => gather(table!, i as I),
      [{ shape: [5, 2, 3] }, { shape: [], dtype: 'int64', low: 0, high: 5 }],
    );
  });
});
