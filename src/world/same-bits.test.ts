import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { fingerprint } from './testing/same-bits.ts';

const browser = '/usr/bin/chromium';

async function bundle(): Promise<Uint8Array> {
  const made = await build({
    entryPoints: ['src/world/testing/same-bits.ts'],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    external: ['module', 'node:*', 'fs', 'path', 'url', 'crypto', 'worker_threads'],
    logLevel: 'silent',
  });
  return made.outputFiles[0]!.contents;
}

async function serve(files: Record<string, { type: string; body: Uint8Array | string }>): Promise<Server> {
  const server = createServer((request, response) => {
    const file = files[request.url ?? ''];
    response.writeHead(file ? 200 : 404, { 'content-type': file?.type ?? 'text/plain' });
    response.end(file?.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

test('two processes agree to the bit', async () => {
  // esbuild's bundle in a fresh process, so that nothing is shared with this one
  const script = `${new TextDecoder().decode(await bundle())}\nconst f = await fingerprint();\nconsole.log(JSON.stringify(f));`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-'], {
    input: withResolvedWasm(script),
    encoding: 'utf8',
    maxBuffer: 1e7,
  });
  expect(JSON.parse(out)).toEqual(await fingerprint());
});

/** A module from standard input has no folder; MuJoCo's glue code looks for its binary beside itself. */
function withResolvedWasm(script: string): string {
  const wasm = createRequire(import.meta.url).resolve('@mujoco/mujoco/mujoco.wasm');
  return script.replace('await fingerprint()', `await fingerprint({ wasmUrl: ${JSON.stringify(wasm)} })`);
}

test.skipIf(!existsSync(browser))(
  'Node and headless Chromium agree to the bit (skipped without /usr/bin/chromium)',
  async () => {
    const wasm = readFileSync(createRequire(import.meta.url).resolve('@mujoco/mujoco/mujoco.wasm'));
    const server = await serve({
      '/': { type: 'text/html', body: '<!doctype html><title>same bits</title>' },
      '/bundle.js': { type: 'text/javascript', body: await bundle() },
      '/mujoco.wasm': { type: 'application/wasm', body: wasm },
    });
    const instance = await chromium.launch({ executablePath: browser, args: ['--no-sandbox'] });
    try {
      const page = await instance.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      const there = await page.evaluate(`import('/bundle.js').then((m) => m.fingerprint({ wasmUrl: '/mujoco.wasm' }))`);
      expect(there).toEqual(await fingerprint());
    } finally {
      await instance.close();
      server.close();
    }
  },
  120_000,
);
