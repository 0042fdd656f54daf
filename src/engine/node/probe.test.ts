import { expect, test } from 'vitest';
import { probeInProcess } from './index.ts';

test('a probe that takes too long is said to have given no answer, not to have been killed', async () => {
  const { works, why } = await probeInProcess('cpu', { timeoutMs: 1 });
  expect(works).toBe(false);
  expect(why).toMatch(/^the probe gave no answer within 0\.001 s/);
});
