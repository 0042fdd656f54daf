import { expect, test } from 'vitest';
import { chromiumPath, openPage } from '../base/testing/node/chromium.ts';
import { referenceFile } from './testing/reference-file.ts';

test.skipIf(!chromiumPath)(
  'in Chromium: a Blob is read, written and refused like in Node (skipped where no Chromium is)',
  async () => {
    const page = await openPage<typeof import('./testing/blob-page.ts')>('src/hub/testing/blob-page.ts');
    try {
      const seen = await page.call('readBlob', [...referenceFile()]);
      expect(seen.half).toEqual([1, -0.333251953125, 65504]);
      expect(seen.again).toEqual([...referenceFile()]);
      expect(seen.refused).toEqual(['checkpoint', 'picked']);
    } finally {
      await page.close();
    }
  },
);
