import { expect, test } from 'vitest';
import { chromiumPath, openPage } from '../base/testing/node/chromium.ts';
import { hits } from './testing/hits-page.ts';

test.skipIf(!chromiumPath)('in Chromium: the same hits to the last bit (skipped where no Chromium is)', async () => {
  const page = await openPage<typeof import('./testing/hits-page.ts')>('src/search/testing/hits-page.ts');
  try {
    expect(await page.call('hits')).toEqual(await hits());
  } finally {
    await page.close();
  }
});
