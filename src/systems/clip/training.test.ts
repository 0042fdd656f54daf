import { expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import type { ImageTextPairs } from '../../data/index.ts';
import { CLIP_MEAN, CLIP_STD, clipPreprocessing, squareGeometry } from '../../image/index.ts';
import { type CaptionedImages, type CaptionedSide, captionedImageBatches } from '../../kinds/index.ts';
import { trainClipTokenizer } from '../../text/index.ts';
import { memoryStorage, parseRecipe, type TrainEvent, train } from '../../train/index.ts';
import { bindTraining } from '../define.ts';
import { type ClipConfig, variants } from './clip.ts';
import { clipSystem } from './index.ts';
import { clipTraining } from './training.ts';

const names = ['black', 'red', 'green', 'blue', 'yellow', 'white', 'pink'];
const shades = [
  [0, 0, 0],
  [220, 0, 0],
  [0, 200, 0],
  [0, 0, 230],
  [230, 230, 0],
  [255, 255, 255],
  [250, 150, 160],
] as const;

/** Noisy plain images: colour i with the captions of its name. */
function plainImages(size: number, seed: number): ImageTextPairs {
  const rng = new Rng(seed);
  const each = 3 * size * size;
  const pixels = new Uint8Array(names.length * each);
  shades.forEach((shade, i) => {
    for (let k = 0; k < each; k++) pixels[i * each + k] = Math.min(255, Math.max(0, shade[k % 3]! + 25 * rng.normal()));
  });
  return { count: names.length, width: size, height: size, pixels, captions: names.map((n) => [n, `a ${n} image`]) };
}

const tokenizer = trainClipTokenizer(
  names.map((n) => `a ${n} image a ${n}`),
  { vocabulary: 560 },
);
const config: ClipConfig = {
  ...variants.tiny,
  embed: 13,
  visual: { ...variants.tiny.visual, size: 10, patch: 5, width: 24, depth: 1, heads: 3, hidden: 31 },
  text: {
    ...variants.tiny.text,
    ...{ width: 24, depth: 1, heads: 2, hidden: 29, context: 11, vocabulary: tokenizer.vocabulary },
  },
};
const parts = { tokenizer, pad: tokenizer.endOfText, pixels: clipPreprocessing(10) };
const inputs = {
  ...{ size: 10, context: 11, shift: 1, normalisation: parts.pixels },
  tokens: (texts: readonly string[]) => tokenizer.rows(texts, 11, { pad: tokenizer.endOfText }),
};

/** Data without anything to evaluate by but the loss. */
function data(train: CaptionedSide, validation?: CaptionedSide): CaptionedImages {
  const rest = { captionsFromLabels: true, templates: [], vocabulary: null, vocabularyLimit: 560, skipped: [] };
  return { train, validation, geometry: squareGeometry(10), shift: 1, ...rest };
}

test('CLIP learns which caption belongs to which image', async () => {
  const task = await bindTraining(
    clipSystem.definition,
    clipTraining,
    { config, parts },
    data(plainImages(10, 1), plainImages(10, 2)),
  );
  const recipe = parseRecipe({ system: 'clip', steps: 130, batchSize: 7, optimizer: { lr: 3e-3 }, threads: 1 });
  const { metrics, store } = await train(task, recipe);
  expect(metrics['eval/accuracy']).toBe(1);
  expect(metrics['eval/loss']).toBeLessThan(0.5);
  expect(Number(store.get('logit_scale').data[0])).toBeLessThanOrEqual(Math.fround(Math.log(100)));
});

test('the towers of the variant icons learn in seconds, with smoothing and thicker strokes, and resume bit for bit', async () => {
  const small: ClipConfig = {
    ...variants.icons,
    embed: 13,
    visual: { ...variants.icons.visual, size: 10, patch: 5, stages: [17], width: 17 },
    text: { ...variants.icons.text, width: 23, context: 11, vocabulary: tokenizer.vocabulary },
  };
  const pairs = {
    ...data(plainImages(10, 1), plainImages(10, 2)),
    smoothing: 0.1,
    augment: { stroke: 0.5, colour: 0.1 },
  };
  const task = await bindTraining(clipSystem.definition, clipTraining, { config: small, parts }, pairs);
  const recipe = parseRecipe({ system: 'clip', steps: 120, batchSize: 7, optimizer: { lr: 3e-3 }, threads: 1 });
  const whole = await train(task, recipe);
  expect(whole.metrics['eval/accuracy']).toBe(1);
  const [storage, stop] = [memoryStorage(), new AbortController()];
  const onEvent = (e: TrainEvent): void => {
    if (e.type === 'step-end' && e.step === 47) stop.abort();
  };
  const first = train(task, recipe, { storage, signal: stop.signal, onEvent });
  await expect(first).rejects.toMatchObject({ code: 'aborted' });
  const rest = await train(task, recipe, { storage, resume: true });
  expect(rest.metrics).toEqual(whole.metrics);
  for (const [path, array] of whole.store.entries('param', 'buffer'))
    expect(rest.store.get(path).data, path).toEqual(array.data);
});

test('the temperature stays below 100 however hard it is pushed', async () => {
  const task = await bindTraining(clipSystem.definition, clipTraining, { config, parts }, data(plainImages(10, 1)));
  const recipe = parseRecipe({
    system: 'clip',
    steps: 40,
    batchSize: 7,
    optimizer: { lr: 1e-3, lrScale: { logit_scale: 1000 } },
    threads: 1,
  });
  const { store } = await train(task, recipe);
  expect(Number(store.get('logit_scale').data[0])).toBeLessThanOrEqual(Math.fround(Math.log(100)));
  expect(Number(store.get('logit_scale').data[0])).toBeGreaterThanOrEqual(0);
});

test('batches: normalised channels, first captions in evaluation, random ones while training', async () => {
  const pairs = plainImages(10, 3);
  const source = captionedImageBatches(pairs, inputs);
  const open = { seed: 4, position: 0, batchSize: 7, slots: 1, signal: undefined };
  for await (const batch of source.open({ ...open, mode: 'evaluate' })) {
    const { image, tokens } = batch.inputs;
    expect([image!.shape, tokens!.shape]).toEqual([
      [7, 3, 10, 10],
      [7, 11],
    ]);
    expect(image!.data[0]).toBeCloseTo((pairs.pixels[0]! / 255 - CLIP_MEAN[0]) / CLIP_STD[0], 5);
    expect(image!.data[100]).toBeCloseTo((pairs.pixels[1]! / 255 - CLIP_MEAN[1]) / CLIP_STD[1], 5);
    expect(Array.from(tokens!.data as Int32Array).slice(11, 22)).toEqual([
      ...tokenizer.rows(['red'], 11, { pad: tokenizer.endOfText }),
    ]);
  }
  const first = await source
    .open({ ...open, mode: 'train' })
    [Symbol.asyncIterator]()
    .next();
  const again = await source
    .open({ ...open, mode: 'train' })
    [Symbol.asyncIterator]()
    .next();
  expect(again.value).toEqual(first.value);
  expect(() => captionedImageBatches({ ...pairs, width: 9 }, inputs)).toThrow(/images of 9×/);
});

test('pairs that do not fit each other are refused before anything is trained', () => {
  const pairs = plainImages(10, 3);
  const [, ...others] = pairs.captions;
  expect(() => captionedImageBatches({ ...pairs, captions: [[], ...others] }, inputs)).toThrow(
    /image 0 has no caption/,
  );
  expect(() => captionedImageBatches({ ...pairs, captions: others }, inputs)).toThrow(
    /captions of 6 images, there are 7/,
  );
  expect(() => captionedImageBatches({ ...pairs, distinct: [1, 2] }, inputs)).toThrow(/distinct of 2 images/);
});

test('augmentation changes training images by the seed alone, and no others', async () => {
  const pairs = plainImages(10, 3);
  const first = async (mode: 'train' | 'evaluate', augment: object, seed = 4): Promise<number[]> => {
    const source = captionedImageBatches(pairs, { ...inputs, shift: 0, augment });
    const open = { seed, position: 0, batchSize: 7, slots: 1, signal: undefined, mode };
    const { value } = await source.open(open)[Symbol.asyncIterator]().next();
    return Array.from((value as { inputs: Record<string, { data: Float32Array }> }).inputs['image']!.data);
  };
  const strong = { rotate: 30, colour: 0.4 };
  expect(await first('train', strong)).toEqual(await first('train', strong));
  expect(await first('train', strong)).not.toEqual(await first('train', {}));
  expect(await first('train', strong)).not.toEqual(await first('train', strong, 5));
  expect(await first('evaluate', strong)).toEqual(await first('evaluate', {}));
});
