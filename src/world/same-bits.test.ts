import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { bundleForBrowser, chromiumPath, openPage } from '../base/testing/node/chromium.ts';
import { fingerprint } from './testing/same-bits.ts';

const script = 'src/world/testing/same-bits.ts';

test('two processes agree to the bit', async () => {
  // esbuild's bundle in a fresh process, so that nothing is shared with this one
  const { code } = await bundleForBrowser(script);
  const out = execFileSync(process.execPath, ['--input-type=module', '-'], {
    input: `${code}\nconsole.log(JSON.stringify(await fingerprint({ wasmUrl: ${JSON.stringify(wasmOfMujoco())} })));`,
    encoding: 'utf8',
    maxBuffer: 1e7,
  });
  expect(JSON.parse(out)).toEqual(await fingerprint());
});

/** A module from standard input has no folder; MuJoCo's glue code looks for its binary beside itself. */
function wasmOfMujoco(): string {
  return createRequire(import.meta.url).resolve('@mujoco/mujoco/mujoco.wasm');
}

test.skipIf(!chromiumPath)(
  'Node and headless Chromium agree to the bit (skipped where no Chromium is)',
  { timeout: 120_000 },
  async () => {
    const page = await openPage<typeof import('./testing/same-bits.ts')>(script);
    try {
      expect(await page.call('fingerprint')).toEqual(await fingerprint());
    } finally {
      await page.close();
    }
  },
);
