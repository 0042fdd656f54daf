import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, openPage, type Page } from '../base/testing/node/chromium.ts';
import * as here from './testing/web-page.ts';

describe.skipIf(!chromiumPath)('in Chromium (skipped where there is none)', () => {
  let page: Page<typeof here>;
  beforeAll(async () => {
    page = await openPage('src/engine/testing/web-page.ts');
  }, 60_000);
  afterAll(() => page.close());

  test('programs that overlap queue, and noise is the same bit for bit', async () => {
    expect(await page.call('noise')).toEqual(await here.noise());
    expect(await page.call('overlapping')).toEqual(await here.overlapping());
  });

  test.each(['float16', 'bfloat16'] as const)('weights kept as %s, on WebAssembly and on a GPU', async (half) => {
    const wanted = await here.halves(half);
    expectClose(await page.call('halves', half), wanted);
    const { works, float16 } = await page.call('gpu');
    if (!works) return; // this Chromium has no software GPU
    const found = await page.call('halvesOnGpu', half);
    if (half === 'bfloat16' || float16) expectClose(found, wanted);
    else expect(found).toBe('backend');
  });
});

function expectClose(found: number[] | string, wanted: readonly number[]): void {
  expect(found).toEqual(wanted.map((x) => expect.closeTo(x, 5)));
}
