import { existsSync } from 'node:fs';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { exactIndex, parseFilter } from './index.ts';

const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

/** The room's public face as one script for a browser; building fails when it reaches for Node. */
async function bundle(): Promise<string> {
  const o = { bundle: true, write: false, platform: 'browser', format: 'iife', globalName: 'search' } as const;
  return (await build({ entryPoints: ['src/search/index.ts'], logLevel: 'silent', ...o })).outputFiles[0]!.text;
}

test('the room builds for a browser, without Node', async () => {
  expect(await bundle()).not.toContain('node:');
});

test.skipIf(!browser)('in Chromium: the same hits to the last bit (skipped where no Chromium is)', async () => {
  const rng = new Rng('browser');
  const [width, n] = [13, 211];
  const rows = {
    ids: Array.from({ length: n }, (_, i) => `p${i}`),
    vectors: Float32Array.from({ length: n * width }, () => rng.normal()),
    fields: Array.from({ length: n }, (_, i) => ({ n: i })),
  };
  const queries = Float32Array.from({ length: 5 * width }, () => rng.normal());
  const index = exactIndex(width);
  await index.add(rows);
  const here = await index.search(queries, { k: 7, filter: parseFilter('n > 20') });
  const chrome = await chromium.launch({ executablePath: browser!, args: ['--no-sandbox'] });
  try {
    const page = await chrome.newPage();
    await page.addScriptTag({ content: await bundle() });
    const there = await page.evaluate(
      async ({ width, ids, fields, vectors, queries }) => {
        const { search } = globalThis as unknown as { search: typeof import('./index.ts') };
        const index = search.exactIndex(width);
        await index.add({ ids, fields, vectors: Float32Array.from(vectors) });
        return index.search(Float32Array.from(queries), { k: 7, filter: search.parseFilter('n > 20') });
      },
      { width, ids: rows.ids, fields: rows.fields, vectors: [...rows.vectors], queries: [...queries] },
    );
    expect(there).toEqual(here);
  } finally {
    await chrome.close();
  }
});
