import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build, type Metafile } from 'esbuild';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { chromiumPath } from '../engine/testing/node/chromium.ts';

/** A page that trains the twins, stops in the middle, goes on from memory, and says whether the result is that of one run. */
const page = `
  import * as ort from '#ort';
  import { memoryStorage, parseRecipe, train } from './index.ts';
  import { twins } from './testing/twins.ts';
  ort.env.wasm.wasmPaths = '/ort/';
  globalThis.trainTwins = async () => {
    const recipe = (steps) => parseRecipe({ system: 'twins', steps, batchSize: 4, threads: 1, schedule: { name: 'constant' } });
    const storage = memoryStorage();
    const whole = await train(twins(), recipe(6), { device: 'cpu' });
    await train(twins(), recipe(3), { storage, device: 'cpu' });
    const rest = await train(twins(), recipe(6), { storage, resume: true, device: 'cpu' });
    const paths = [...whole.store.entries()].map(([path]) => path);
    const same = paths.every((path) => String(whole.store.get(path).data) === String(rest.store.get(path).data));
    return { step: rest.step, loss: rest.metrics['eval/loss'], same, lines: storage.log.length };
  };
`;

async function bundle(contents: string): Promise<{ text: string; metafile: Metafile }> {
  const result = await build({
    stdin: { contents, resolveDir: 'src/train', loader: 'ts' },
    ...{ bundle: true, write: false, platform: 'browser', format: 'esm', metafile: true, target: 'es2022' },
    external: ['node:*'],
    logLevel: 'silent',
  });
  return { text: result.outputFiles[0]!.text, metafile: result.metafile };
}

test('the room builds for a browser: nothing that is loaded reaches for Node', async () => {
  const { metafile } = await bundle(`export * from './index.ts'`);
  const loaded = Object.entries(metafile.inputs).flatMap(([file, { imports }]) =>
    imports.filter((i) => /^node:/.test(i.path) && i.kind !== 'dynamic-import').map((i) => `${file}: ${i.path}`),
  );
  expect(loaded).toEqual([]);
  expect(
    Object.keys(metafile.inputs).filter((file) => /\/node\//.test(file) && !file.includes('node_modules')),
  ).toEqual([]);
});

test.skipIf(!chromiumPath)(
  'in Chromium: trains, stops, goes on from memory with the same bits (skipped where no Chromium is)',
  async () => {
    const { text } = await bundle(page);
    const server = createServer(async (request, response) => {
      const path = request.url ?? '/';
      const js = path.endsWith('.wasm') ? 'application/wasm' : 'text/javascript';
      if (path === '/page.js') response.setHeader('Content-Type', 'text/javascript').end(text);
      else if (/^\/ort\/[\w.-]+$/.test(path))
        response
          .setHeader('Content-Type', js)
          .end(await readFile(`node_modules/onnxruntime-web/dist/${path.slice(5)}`));
      else response.setHeader('Content-Type', 'text/html').end('<script type="module" src="/page.js"></script>');
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const chrome = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] });
    try {
      const tab = await chrome.newPage();
      await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await tab.waitForFunction(() => 'trainTwins' in globalThis);
      const result = await tab.evaluate(() =>
        (globalThis as unknown as { trainTwins: () => Promise<Record<string, unknown>> }).trainTwins(),
      );
      expect(result).toMatchObject({ step: 6, same: true, loss: expect.any(Number) });
    } finally {
      await chrome.close();
      server.close();
    }
  },
);
