import { expect, test } from 'vitest';
import { chromiumPath, openPage } from '../base/testing/node/chromium.ts';
import * as here from './testing/web-page.ts';

test.skipIf(!chromiumPath)(
  'in Chromium: overlapping programs, noise and 16-bit weights are as in Node (skipped where no Chromium is)',
  { timeout: 60_000 },
  async () => {
    const page = await openPage<typeof here>('src/engine/testing/web-page.ts');
    try {
      expect(await page.call('noise')).toEqual(await here.noise());
      expect(await page.call('overlapping')).toEqual(await here.overlapping());
      for (const half of ['float16', 'bfloat16'] as const) {
        const wanted = await here.halves(half);
        const found = await page.call('halves', half);
        expect(found).toHaveLength(14);
        found.forEach((value, i) => {
          expect(value).toBeCloseTo(wanted[i]!, 5);
        });
      }
    } finally {
      await page.close();
    }
  },
);
