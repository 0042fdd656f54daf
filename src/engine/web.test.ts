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

  test('weights kept in 16 bits give what they give in Node, or are refused', async () => {
    expect(await page.call('halvesOn', 'cpu', 'bfloat16')).toBe('backend');
    const wanted = await here.halves('float16');
    expectClose(await page.call('halvesOn', 'cpu', 'float16'), wanted);
    const { works, float16 } = await page.call('gpu');
    if (!works) return; // this Chromium has no software GPU
    const found = await page.call('halvesOn', 'webgpu', 'float16');
    if (float16) expectClose(found, wanted);
    else expect(found).toBe('backend');
  });

  test('a loss and its gradients on a GPU are those of the CPU', { timeout: 60_000 }, async () => {
    if ((await page.call('gpu')).works) expectClose(await page.call('contrast', 'webgpu'), await here.contrast('cpu'));
  });
});

function expectClose(found: number[] | string, wanted: readonly number[]): void {
  expect(found).toEqual(wanted.map((x) => expect.closeTo(x, 5)));
}
