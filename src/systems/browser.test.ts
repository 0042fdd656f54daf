import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleForBrowser, chromiumPath, openPage, type Page } from '../base/testing/node/chromium.ts';
import { encodeSafetensors } from '../hub/index.ts';
import { clipSystem } from './clip/index.ts';
import { tinyClip } from './clip/testing/tiny-clip.ts';
import { saveTfIdf } from './node/index.ts';
import * as here from './testing/systems-page.ts';
import { fitTfIdf } from './tf-idf.ts';

const rooms = [
  ...['base', 'engine', 'nn', 'text', 'image', 'hub', 'world', 'search', 'data'],
  ...['capabilities', 'evaluate', 'train', 'kinds', 'systems'],
];

test('every room that runs in a browser bundles for one, without Node', async () => {
  const bundles = await Promise.all(rooms.map((room) => bundleForBrowser(`src/${room}/index.ts`)));
  const sizes = rooms.map((room, i) => `${room} ${Math.round(bundles[i]!.code.length / 1024)} KiB`).join(', ');
  // MuJoCo's own file asks for `module`, where it finds Node only.
  const builtins = bundles
    .flatMap((b) => b.builtins)
    .filter((use) => !/@mujoco\/mujoco\/mujoco\.js: module$/.test(use));
  expect(builtins, sizes).toEqual([]);
  expect(
    bundles.flatMap((b) => b.files).filter((file) => /\/node\//.test(file)),
    sizes,
  ).toEqual([]);
});

describe.skipIf(!chromiumPath)('in Chromium (skipped where there is none)', () => {
  let page: Page<typeof here>;
  beforeAll(async () => {
    page = await openPage('src/systems/testing/systems-page.ts');
  }, 60_000);
  afterAll(() => page.close());

  test('CLIP opens from memory and encodes as in Node', { timeout: 60_000 }, async () => {
    const content = clipSystem.content(await tinyClip());
    const asked = {
      settings: content.files,
      weights: [...encodeSafetensors(content.tensors)],
      texts: ['a red cube', 'a blue ball', 'red red red red red red red red red red'],
    };
    expectClose(await page.call('encode', asked), await here.encode(asked));
  });

  test('CLIP learns: data, initial values and batches bit for bit, losses within 1e-5', {
    timeout: 60_000,
  }, async () => {
    const [found, wanted] = [await page.call('learn'), await here.learn()];
    expect(found.bits).toEqual(wanted.bits);
    expect(wanted.numbers['losses']).toHaveLength(5);
    for (const [name, values] of Object.entries(wanted.numbers)) expectClose(found.numbers[name]!, values);
  });

  test('TF-IDF is fitted, opens from memory, and ranks with the same bits', async () => {
    const documents = ['the red cube is left of the bowl', 'a blue ball', 'the bowl', 'Blöcke, 12 of them, and a ball'];
    const folder = await mkdtemp(join(tmpdir(), 'bow2bot-words-'));
    try {
      await saveTfIdf(join(folder, 'model'), fitTfIdf(documents, {}, { kind: 'bm25' }));
      const files: Record<string, number[]> = {};
      for (const name of await readdir(join(folder, 'model'))) files[name] = [...(await readFile(join(folder, 'model', name)))]; // biome-ignore format: one line
      const asked = { files, documents, query: 'a ball left of the bowl' };
      expect(await page.call('words', asked)).toEqual(await here.words(asked));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** WebAssembly and a processor's own instructions add in other orders. */
function expectClose(found: readonly number[], wanted: readonly number[]): void {
  expect(found).toHaveLength(wanted.length);
  const gaps = wanted.map((x, i) => Math.abs(found[i]! - x));
  expect(Math.max(...gaps)).toBeLessThan(1e-5);
}
