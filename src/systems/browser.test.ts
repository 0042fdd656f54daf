import { expect, test } from 'vitest';
import { bundleForBrowser, chromiumPath, openPage } from '../base/testing/node/chromium.ts';
import { encodeSafetensors } from '../hub/index.ts';
import { clipSystem } from './clip/index.ts';
import { tinyClip } from './clip/testing/tiny-clip.ts';
import * as here from './testing/clip-page.ts';

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

test.skipIf(!chromiumPath)(
  'in Chromium: CLIP is opened from memory, and trained, as in Node (skipped where no Chromium is)',
  { timeout: 90_000 },
  async () => {
    const model = await tinyClip();
    const content = clipSystem.content(model);
    const asked = {
      settings: content.files,
      weights: [...encodeSafetensors(content.tensors)],
      texts: ['a red cube', 'a blue ball', 'red red red red red red red red red red'],
    };
    const page = await openPage<typeof here>('src/systems/testing/clip-page.ts');
    try {
      expectClose(await page.call('encode', asked), await here.encode(asked));
      const [found, wanted] = [await page.call('learn'), await here.learn()];
      expect(found.bits).toEqual(wanted.bits);
      expect(wanted.numbers['losses']).toHaveLength(5);
      for (const [name, values] of Object.entries(wanted.numbers)) expectClose(found.numbers[name]!, values);
    } finally {
      await page.close();
    }
  },
);

/** WebAssembly and a processor's own instructions add in other orders. */
function expectClose(found: readonly number[], wanted: readonly number[]): void {
  expect(found).toHaveLength(wanted.length);
  const gaps = wanted.map((x, i) => Math.abs(found[i]! - x));
  expect(Math.max(...gaps)).toBeLessThan(1e-5);
}
