import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { captionedImages, tabletopData } from './index.ts';

test('the room builds for a browser, without Node; a fingerprint is the same there', async () => {
  const { outputFiles } = await build({
    entryPoints: ['src/kinds/index.ts'],
    ...{ bundle: true, write: false, platform: 'browser', format: 'esm', target: 'es2022', logLevel: 'silent' },
    external: ['module'], // MuJoCo's own file asks for it in Node only
  });
  const text = outputFiles[0]!.text;
  expect(text).not.toMatch(/\b(?:from|import)\s*\(?["']node:/);
  const built = (await import(
    `data:text/javascript;base64,${Buffer.from(text).toString('base64')}`
  )) as typeof import('./index.ts');
  const rng = new Rng(7);
  const pixels = Uint8Array.from({ length: 2 * 48 }, () => rng.int(256));
  const pairs = { count: 2, width: 4, height: 4, pixels, captions: [['a'], ['b']] };
  const data = tabletopData(pairs, undefined, { shift: 1 });
  expect(await built.captionedImages.fingerprint(data)).toBe(await captionedImages.fingerprint(data));
  expect(built.captionedImages.fromFlags({ data: 'photos' }, { smoke: false, under: false }).data).toEqual({
    source: 'pictures',
    path: 'photos',
  });
});
