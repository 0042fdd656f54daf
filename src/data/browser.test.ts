import { expect, test } from 'vitest';
import { bundleForBrowser } from '../base/testing/node/chromium.ts';
import { tabletopPairs } from './index.ts';

test("the bundle for a browser makes the same images as Node's modules", async () => {
  const { code } = await bundleForBrowser('src/data/index.ts');
  const url = `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`;
  const built = (await import(url)) as typeof import('./index.ts');
  const options = { count: 2, size: 16 };
  expect(await built.tabletopPairs(options)).toEqual(await tabletopPairs(options));
});
