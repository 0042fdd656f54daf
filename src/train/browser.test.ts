import { expect, test } from 'vitest';
import { chromiumPath, openPage } from '../base/testing/node/chromium.ts';

test.skipIf(!chromiumPath)(
  'in Chromium: trains, stops, goes on from memory with the same bits (skipped where no Chromium is)',
  { timeout: 60_000 },
  async () => {
    const page = await openPage<typeof import('./testing/twins-page.ts')>('src/train/testing/twins-page.ts');
    try {
      expect(await page.call('trainTwins')).toEqual({ step: 6, loss: expect.any(Number), differing: [] });
    } finally {
      await page.close();
    }
  },
);
