import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { encodeImageRecords } from '../../data/node/encode-image-records.ts';
import { clipPreprocessing, encodePng, fitImage, type ImageFit, squareGeometry } from '../../image/index.ts';
import { decodeImage } from '../../image/node/index.ts';
import { loadModel, saveModel } from '../node/index.ts';
import { clipSystem } from './index.ts';
import { openClip } from './open.ts';
import { tinyClip, tinyConfig } from './testing/tiny-clip.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-preprocessing-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const wide = { width: 23, height: 11, data: Uint8Array.from({ length: 759 }, (_, i) => (7 * i * i) % 251) };

test.each<[ImageFit, 'huggingface' | 'open-clip']>([
  ['stretch', 'huggingface'],
  ['stretch', 'open-clip'],
  ['pad', 'huggingface'],
  ['pad', 'open-clip'],
])('%s is kept by a folder of %s, and every image is seen so', async (fit, naming) => {
  const path = join(folder, `${fit}-${naming}`);
  const model = await tinyClip();
  const pixels = clipPreprocessing(tinyConfig.visual.size, fit);
  await saveModel(clipSystem, path, { ...model, parts: { ...model.parts, pixels } }, { layout: naming });
  const system = openClip(await loadModel(clipSystem, path), { threads: 1 });
  const { size } = tinyConfig.visual;
  const { fitted: _, ...seen } = fitImage(wide, squareGeometry(size, fit));
  const expected = (await system.encodeImages([seen])) as { data: Float32Array };
  expect(await system.encodeImages([wide])).toEqual(expected);
  const cut = fitImage(wide, squareGeometry(size));
  const { fitted: _mark, ...middle } = cut;
  expect(await system.encodeImages([middle])).not.toEqual(expected);
  const file = join(folder, 'wide.png');
  await writeFile(file, encodePng({ ...wide, channels: 3 }));
  const record = { id: 'wide', place: file, captions: [], fields: {}, read: () => readFile(file) };
  for await (const { vectors } of encodeImageRecords(system, [record])) expect(vectors).toEqual(expected);
  await system.close();
});

test('processor_config.json is read, and images of another size than the model’s are refused', async () => {
  const path = join(folder, 'processor');
  await saveModel(clipSystem, path, await tinyClip());
  const settings = { image_processor: { do_center_crop: false, size: [10, 10], image_mean: 0.5, image_std: 0.25 } };
  await writeFile(join(path, 'processor_config.json'), JSON.stringify(settings));
  const { shape, mean, std } = (await loadModel(clipSystem, path)).parts.pixels;
  expect([shape, mean, std]).toEqual([squareGeometry(10, 'stretch').shape, [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]]);
  expect((await loadModel(clipSystem, path, { size: 15 })).parts.pixels.shape).toEqual(
    squareGeometry(15, 'stretch').shape,
  );
  settings.image_processor.size = [12, 12];
  await writeFile(join(path, 'processor_config.json'), JSON.stringify(settings));
  await expect(loadModel(clipSystem, path)).rejects.toThrow(
    'images are prepared for 12×12 pixels, the model takes 10×10',
  );
});

const cases = resolve('../shared/cases');
const said = existsSync(cases) ? '' : ' (skipped: the folder of cases is not there)';

/** What transformers 5.18 gives for the same folder. */
type Reference = { readonly probabilities?: Record<string, number>; readonly error?: string };

test
  .skipIf(said)
  .each([
    'control',
    'size-list',
    'rescale-factor',
    'processor-config-json',
    'longest-edge',
    'added-tokens',
    'vocab-json-order',
  ])(`published settings, as transformers obeys or refuses them: %s${said}`, async (name) => {
  const at = join(cases, `clip-${name}`);
  const { probabilities, error } = JSON.parse(await readFile(join(at, 'transformers.json'), 'utf8')) as Reference;
  if (error)
    return void (await expect(loadModel(clipSystem, join(at, 'model'))).rejects.toThrow(/size\.longest_edge 32/));
  const system = openClip(await loadModel(clipSystem, join(at, 'model')), { threads: 1 });
  const image = await decodeImage(await readFile(join(at, 'picture.png')));
  const texts = Object.keys(probabilities!);
  const scores = await system.scorePairs(texts.map((text) => ({ text, image })));
  await system.close();
  const exp = Array.from(scores, (s) => Math.exp(system.scale * s));
  const sum = exp.reduce((a, b) => a + b, 0);
  texts.forEach((text, i) => expect(exp[i]! / sum).toBeCloseTo(probabilities![text]!, 2));
});
