import { existsSync } from 'node:fs';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { referenceFile } from './testing/reference-file.ts';

const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

/** The room's public face as one script for a browser; building fails when it reaches for Node. */
async function bundle(): Promise<string> {
  const result = await build({
    entryPoints: ['src/hub/index.ts'],
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    globalName: 'hub',
    logLevel: 'silent',
  });
  return result.outputFiles[0]!.text;
}

test('the room builds for a browser, without Node', async () => {
  expect(await bundle()).not.toContain('node:');
});

test.skipIf(!browser)(
  'in Chromium: a Blob is read, written and refused like in Node (skipped where no Chromium is)',
  async () => {
    const chrome = await chromium.launch({ executablePath: browser!, args: ['--no-sandbox'] });
    try {
      const page = await chrome.newPage();
      await page.addScriptTag({ content: await bundle() });
      const seen = await page.evaluate(
        async (bytes) => {
          const { hub } = globalThis as unknown as { hub: typeof import('./index.ts') };
          const st = await hub.readSafetensors(new Blob([new Uint8Array(bytes)]), 'picked');
          const tensors = new Map(await Promise.all(st.names.map(async (n) => [n, await st.read(n)] as const)));
          const again = hub.encodeSafetensors(tensors, { metadata: st.metadata });
          const refused = await hub
            .readSafetensors(new Blob([new Uint8Array(bytes.slice(0, -1))]), 'picked')
            .catch((e) => [e.code, e.place]);
          return { half: [...(await st.readFloat32('half')).data], again: [...again], refused };
        },
        [...referenceFile()],
      );
      expect(seen.half).toEqual([1, -0.333251953125, 65504]);
      expect(seen.again).toEqual([...referenceFile()]);
      expect(seen.refused).toEqual(['checkpoint', 'picked']);
    } finally {
      await chrome.close();
    }
  },
);
