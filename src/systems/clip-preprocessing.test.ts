import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { encodeImageRecords } from '../data/encode-image-records.ts';
import { CLIP_MEAN, CLIP_STD, encodePng, fitSquare, type SquareFit } from '../image/index.ts';
import { loadClip, saveClip } from './clip-folder.ts';
import { type ClipPixels, pixelsFromHuggingFace, pixelsFromOpenClip } from './clip-preprocessing.ts';
import { clipSystem } from './clip-system.ts';
import { tinyClip } from './testing/tiny-clip.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-preprocessing-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const clipPixels: ClipPixels = { mean: CLIP_MEAN, std: CLIP_STD };
/** What `openai/clip-vit-base-patch32` has, and the same as later versions of the class write it. */
const published = { do_center_crop: true, crop_size: 224, do_normalize: true, do_resize: true, resample: 3, size: 224 };
const square = { height: 336, width: 336 };

describe('Hugging Face', () => {
  test.each<[string, unknown, ClipPixels]>([
    ['nothing said', null, clipPixels],
    ['the published file', published, clipPixels],
    ['sides by name', { ...published, size: { shortest_edge: 336 }, crop_size: square }, clipPixels],
    ['two sides', { size: square, do_center_crop: false }, { ...clipPixels, fit: 'stretch' }],
    ['statistics', { image_mean: [0, 0.5, 1], image_std: [1, 2, 3] }, { mean: [0, 0.5, 1], std: [1, 2, 3] }],
  ])('%s', (_name, json, pixels) => {
    expect(pixelsFromHuggingFace(json, 'p.json')).toEqual(pixels);
  });

  test.each<[string, object]>([
    ['resample 2', { ...published, resample: 2 }],
    ['do_resize false', { do_resize: false }],
    ['do_center_crop false', { size: { shortest_edge: 224 }, do_center_crop: false }],
    ['do_center_crop false', { do_center_crop: false }],
    ['crop_size 224', { ...published, size: 256 }],
    ['size {"height":3,"width":5}', { size: { height: 3, width: 5 }, do_center_crop: false }],
  ])('refused: %s', (message, json) => {
    expect(() => pixelsFromHuggingFace(json, 'p.json')).toThrow(`unknown image preprocessing: ${message}`);
  });
});

describe('open_clip', () => {
  test.each<[object | undefined, SquareFit | undefined]>([
    [undefined, undefined],
    [{ size: [224, 224], mode: 'RGB', interpolation: 'bicubic', resize_mode: 'shortest', fill_color: 0 }, undefined],
    [{ resize_mode: 'squash' }, 'stretch'],
    [{ resize_mode: 'longest', fill_color: 255 }, 'pad'],
  ])('%j', (json, fit) => {
    expect(pixelsFromOpenClip(json, 'p.json')).toEqual({ ...clipPixels, ...(fit ? { fit } : {}) });
  });

  test.each<[string, object]>([
    ['interpolation "bilinear"', { interpolation: 'bilinear' }],
    ['fill_color 0', { resize_mode: 'longest' }],
    ['resize_mode "other"', { resize_mode: 'other' }],
  ])('refused: %s', (message, json) => {
    expect(() => pixelsFromOpenClip(json, 'p.json')).toThrow(`unknown image preprocessing: ${message}`);
  });
});

const wide = { width: 23, height: 11, data: Uint8Array.from({ length: 759 }, (_, i) => (7 * i * i) % 251) };

test.each<[SquareFit, 'huggingface' | 'open-clip']>([
  ['stretch', 'huggingface'],
  ['stretch', 'open-clip'],
  ['pad', 'huggingface'],
  ['pad', 'open-clip'],
])('%s is kept by a folder of %s, and every image is seen so', async (fit, naming) => {
  const path = join(folder, `${fit}-${naming}`);
  const model = await tinyClip();
  await saveClip(path, { ...model, pixels: { ...model.pixels, fit } }, { naming });
  const system = clipSystem(await loadClip(path), { threads: 1 });
  const size = system.imageSize!;
  const seen = { width: size, height: size, data: fitSquare(wide, size, fit) };
  const expected = (await system.encodeImages([seen])) as { data: Float32Array };
  expect(await system.encodeImages([wide])).toEqual(expected);
  const cut = { width: size, height: size, data: fitSquare(wide, size, 'crop') };
  expect(await system.encodeImages([cut])).not.toEqual(expected);
  const file = join(folder, 'wide.png');
  await writeFile(file, encodePng({ ...wide, channels: 3 }));
  const record = { id: 'wide', place: file, captions: [], fields: {}, read: () => readFile(file) };
  for await (const { vectors } of encodeImageRecords(system, [record])) expect(vectors).toEqual(expected);
  await system.close();
});
