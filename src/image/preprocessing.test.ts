import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  clipPreprocessing,
  fitImage,
  geometryKey,
  type ImagePreprocessing,
  imageBatch,
  preprocessingFromHuggingFace,
  preprocessingFromOpenClip,
  preprocessingToHuggingFace,
  preprocessingToOpenClip,
  squareGeometry,
  targetSize,
  withTargetSize,
} from './index.ts';

type Reference = {
  name: string;
  settings: object;
  error?: string;
  images: {
    from: [number, number][];
    shape: number[];
    sum: number;
    squares: number;
    values: number[];
    mask?: number[];
  }[];
};
const { cases } = JSON.parse(readFileSync(resolve('src/image/testing/transformers/prepared.json'), 'utf8')) as {
  cases: Reference[];
};

const made = (width: number, height: number) => ({
  width,
  height,
  data: Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * i * 7 + 13 * i) % 256),
});
const read = (settings: unknown, size?: number) =>
  preprocessingFromHuggingFace(
    { 'preprocessor_config.json': settings },
    { place: 'folder', ...(size ? { size: { width: size, height: size } } : {}) },
  );

describe('every setting gives transformers’ values or an error', () => {
  test.each(cases.filter((c) => !c.error))('$name', ({ settings, images }) => {
    const p = read(settings);
    for (const { from, shape, sum, squares, values, mask } of images) {
      const batch = imageBatch(
        from.map(([w, h]) => made(w, h)),
        p,
      );
      expect(batch.shape).toEqual(shape);
      expect(batch.data.reduce((s, v) => s + v, 0) / batch.data.length).toBeCloseTo(sum / batch.data.length, 5);
      const ratio = batch.data.reduce((s, v) => s + v * v, 0) / squares;
      expect(ratio).toBeCloseTo(1, 5);
      const step = Math.max(1, Math.floor(batch.data.length / 23));
      values.forEach((v, i) => expect(batch.data[i * step]).toBeCloseTo(v, 4));
      if (!mask) continue;
      const plane = shape[2]! * shape[3]!;
      expect(mask.map((_, i) => batch.mask!.subarray(i * plane, (i + 1) * plane).reduce((s, v) => s + v, 0))).toEqual(
        mask,
      );
      expect(batch.sizes.map((s) => s.width * s.height)).toEqual(mask);
    }
  });
  test.each(cases.filter((c) => c.error))('refused: $name', ({ settings }) => {
    expect(() => read(settings)).toThrow(expect.objectContaining({ code: 'checkpoint' }));
  });
});

const clip = clipPreprocessing(224);
const published = { do_center_crop: true, crop_size: 224, do_normalize: true, do_resize: true, resample: 3, size: 224 };

describe('keys of Hugging Face’s files', () => {
  test('nothing said, and the published file of openai/clip-vit-base-patch32', () => {
    for (const json of [undefined, null, {}, published]) expect(read(json)).toEqual(clip);
    expect(read({}, 32)).toEqual({ ...clip, ...squareGeometry(32) }); // the model’s size, where nothing is said
  });

  test('image_processor in processor_config.json comes first', () => {
    const half = { image_mean: 0.5, image_std: 0.5 };
    const inner = { 'processor_config.json': { image_processor: half }, 'preprocessor_config.json': published };
    const outer = { 'processor_config.json': { processor_class: 'CLIPProcessor' }, 'preprocessor_config.json': half };
    for (const files of [inner, outer])
      expect(preprocessingFromHuggingFace(files, { place: 'f' }).mean).toEqual([0.5, 0.5, 0.5]);
  });

  test.each<[string, object]>([
    ['resample 7', { resample: 7 }],
    ['do_resize false', { do_resize: false }],
    ['do_center_crop false', { do_center_crop: false }],
    ['do_center_crop "yes"', { do_center_crop: 'yes' }],
    ['crop_size 256', { size: 224, crop_size: 256 }],
    ['size.longest_edge 448', { size: { shortest_edge: 224, longest_edge: 448 } }],
    ['size.max_height 224', { size: { max_height: 224, max_width: 224 } }],
    ['crop_size.shortest_edge 224', { crop_size: { shortest_edge: 224 } }],
    ['size [1,2,3]', { size: [1, 2, 3] }],
    ['size 0', { size: 0 }],
    ['size 1000000000', { size: 1e9 }],
    ['rescale_factor 0', { rescale_factor: 0 }],
    ['rescale_factor "1/255"', { rescale_factor: '1/255' }],
    ['crop_pct 0.9', { crop_pct: 0.9 }],
    ['image_maen (did you mean "image_mean"?) 1', { image_maen: 1 }],
    ['do_flip_channel_order true', { do_flip_channel_order: true }],
    ['pad_size 9', { do_pad: true, pad_size: 9 }],
    ['size_divisor 32', { size: 40, crop_size: 40, size_divisor: 32 }],
    ['image_processor_type "DetrImageProcessor"', { image_processor_type: 'DetrImageProcessor' }],
    ['fill [0,0,256]', { fit: 'pad', fill: [0, 0, 256] }],
    ['do_pad false', { image_processor_type: 'ViltImageProcessor', do_pad: false }],
  ])('refused: %s', (message, json) => {
    expect(() => read(json)).toThrow(`unknown image preprocessing: ${message} (at folder: preprocessor_config.json)`);
  });

  test('other refusals: statistics, another size than the model’s, no object', () => {
    for (const bad of [[1, 2], [0.5, 0.5, '0.5'], [Number.NaN, 1, 1], 'x'])
      expect(() => read({ image_mean: bad })).toThrow(/mean and deviation/);
    expect(() => read({ image_std: [1, 1, 0] })).toThrow(/above 0/);
    expect(() => read(published, 336)).toThrow('images are prepared for 224×224 pixels, the model takes 336×336');
    expect(() => read([])).toThrow(/not an object/);
    expect(read({ do_flip_channel_order: false, do_pad: false, do_convert_rgb: null })).toEqual(clip); // steps that are off
  });
});

describe('keys of open_clip', () => {
  const open = (json: unknown, size?: number) =>
    preprocessingFromOpenClip(json, { place: 'f', ...(size ? { size: { width: size, height: size } } : {}) });
  test.each<[object | undefined, Partial<ImagePreprocessing>]>([
    [undefined, clip],
    [{ size: [224, 224], mode: 'RGB', interpolation: 'bicubic', resize_mode: 'shortest', fill_color: 0 }, clip],
    [{ interpolation: 'random' }, clip],
    [{ interpolation: 'bilinear' }, { ...clip, resample: 'bilinear' }],
    [{ resize_mode: 'squash' }, { ...clip, ...squareGeometry(224, 'stretch') }],
    [
      { resize_mode: 'longest', fill_color: 255 },
      { ...clip, ...squareGeometry(224, 'pad') },
    ],
    [
      { size: [48, 64], resize_mode: 'longest' },
      { ...clip, shape: { kind: 'fixed', width: 64, height: 48, fit: 'pad', fill: [0, 0, 0] } },
    ],
  ])('%j', (json, wanted) => expect(open(json)).toEqual(wanted));

  test.each<[string, object]>([
    ['interpolation "lanczos"', { interpolation: 'lanczos' }],
    ['resize_mode "other"', { resize_mode: 'other' }],
    ['mode "L"', { mode: 'L' }],
    ['size [48,64]', { size: [48, 64] }],
    ['fillcolor (did you mean "fill_color"?) 3', { fillcolor: 3 }],
  ])('refused: %s', (message, json) => {
    expect(() => open(json)).toThrow(`unknown image preprocessing: ${message}`);
  });
  test('the model’s size decides', () =>
    expect(targetSize(open({ size: 224 }, 96))).toEqual({ width: 96, height: 96 }));
});

describe('out and in again', () => {
  const fixed = { kind: 'fixed', width: 12, height: 12 } as const;
  const numbers = { mean: [0.5, 0.4, 0.3], std: [0.1, 0.2, 0.3] };
  const all: Record<string, ImagePreprocessing> = {
    crop: { shape: { ...fixed, fit: 'crop' }, resample: 'bicubic', ...numbers },
    'a smaller cut': {
      shape: { ...fixed, height: 9, fit: 'crop', resized: { width: 16, height: 16 } },
      resample: 'bilinear',
      ...numbers,
      rescale: 1 / 127.5,
    },
    'a stretched rectangle': { shape: { ...fixed, width: 20, fit: 'stretch' }, resample: 'lanczos', ...numbers },
    'stretched, then cut': {
      shape: { ...fixed, fit: 'stretch', resized: { width: 20, height: 16 } },
      resample: 'bicubic',
      ...numbers,
    },
    'padded with white': { shape: { ...fixed, fit: 'pad' }, resample: 'bicubic', ...numbers },
    'padded with a colour': { shape: { ...fixed, fit: 'pad', fill: [7, 7, 7] }, resample: 'bicubic', ...numbers },
    'padded as LLaVA does': {
      shape: { ...fixed, fit: 'pad-before', fill: [127, 102, 76] },
      resample: 'bicubic',
      ...numbers,
    },
    ViLT: { shape: { kind: 'shorter', shorter: 384, longest: 639, multiple: 32 }, resample: 'bicubic', ...numbers },
  };
  test.each(Object.entries(all))('%s', (name, p) => {
    const json = JSON.parse(JSON.stringify(preprocessingToHuggingFace(p))) as unknown;
    expect(read(json)).toEqual(p);
    if (!['crop', 'padded with white', 'padded with a colour'].includes(name))
      return void expect(() => preprocessingToOpenClip(p)).toThrow(/has no word for/);
    expect(preprocessingFromOpenClip(preprocessingToOpenClip(p), { place: 'f', size: fixed })).toEqual(p);
  });
});

test('fitted images stay as they are, raw ones of the same size do not', () => {
  const p: ImagePreprocessing = {
    ...clip,
    shape: { kind: 'fixed', width: 8, height: 8, fit: 'crop', resized: { width: 12, height: 12 } },
  };
  const fitted = fitImage(made(30, 20), p);
  expect([fitted.width, fitted.height, fitted.fitted]).toEqual([8, 8, geometryKey(p)]);
  expect(fitImage(fitted, p)).toEqual(fitted);
  const { fitted: _, ...raw } = fitted;
  expect(fitImage(raw, p).data).not.toEqual(fitted.data);
  expect(imageBatch([fitted], p)).toEqual(imageBatch([made(30, 20)], p));
  expect(() => fitImage({ width: 3, height: 2, data: new Uint8Array(17) }, p)).toThrow(/3×2 with 17 values/);
});

test('a wide image: cut, padded, stretched, and padded before it is resized', () => {
  const red = { width: 8, height: 4, data: Uint8Array.from({ length: 96 }, (_, i) => (i % 3 === 0 ? 200 : 0)) };
  const column = (fit: 'crop' | 'pad' | 'pad-before' | 'stretch'): number[] => {
    const { data } = fitImage(red, squareGeometry(4, fit));
    return [0, 1, 2, 3].map((y) => data[12 * y + 1]!); // green of the first column
  };
  expect([column('crop'), column('stretch'), column('pad')]).toEqual([
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [255, 0, 0, 255],
  ]);
  expect(column('pad-before').map((g) => (g > 127 ? 1 : 0))).toEqual([1, 0, 0, 1]);
  expect(column('pad-before')).not.toEqual(column('pad')); // the filter reaches across the border
});

test('ViLT’s sizes: the shorter side, the longest, multiples', () => {
  const g = { shape: { kind: 'shorter', shorter: 384, longest: 639, multiple: 32 }, resample: 'bicubic' } as const;
  const size = (width: number, height: number) => Object.values(targetSize(g, { width, height }));
  expect([size(640, 480), size(480, 640), size(1000, 300), size(384, 384)]).toEqual([
    [512, 384],
    [384, 512],
    [608, 192],
    [384, 384],
  ]);
  expect(size(9000, 100)).toEqual([608, 32]); // not 0
  expect(() => targetSize(g)).toThrow(/there is no one size/);
});

test('for images of another size what is cut away keeps its share', () => {
  const p: ImagePreprocessing = {
    ...clip,
    shape: { kind: 'fixed', width: 224, height: 224, fit: 'crop', resized: { width: 256, height: 256 } },
  };
  const double = { width: 448, height: 448 };
  expect(withTargetSize(p, double).shape).toEqual({ ...p.shape, ...double, resized: { width: 512, height: 512 } });
  expect(withTargetSize(clip, double)).toEqual({ ...clip, ...squareGeometry(448) });
});
