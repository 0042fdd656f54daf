import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { bundleForBrowser } from '../base/testing/node/chromium.ts';
import { captionedImages, tabletopData } from './index.ts';

test('the bundle for a browser fingerprints data and reads flags as the modules do', async () => {
  const { code } = await bundleForBrowser('src/kinds/index.ts');
  const built = (await import(
    `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`
  )) as typeof import('./index.ts');
  const rng = new Rng(7);
  const pixels = Uint8Array.from({ length: 2 * 48 }, () => rng.int(256));
  const pairs = { count: 2, width: 4, height: 4, pixels, captions: [['a'], ['b']] };
  const data = tabletopData(pairs, undefined, { shift: 1 });
  expect(await built.captionedImages.fingerprint(data)).toBe(await captionedImages.fingerprint(data));
  expect(built.captionedImages.fromFlags({ data: 'photos' }, { smoke: false, under: false }).data).toEqual({
    source: 'pictures',
    path: 'photos',
  });
});
