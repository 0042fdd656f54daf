import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import type { LoadedImages } from '../../data/index.ts';
import { CLIP_MEAN, CLIP_STD, squareGeometry } from '../../image/index.ts';
import { parseRecipe } from '../../train/index.ts';
import {
  captionedImageBatches,
  captionedImageSources,
  captionedImages,
  captionedImagesData,
  dataInMemory,
  type FlagValues,
  type ImageSetData,
  imageSetData,
  tabletopData,
  texts,
  vocabularySize,
} from '../index.ts';

const none = { smoke: false, under: false };

/** A recipe's `data` with the defaults filled in. */
function recipeOf(keys: object): ImageSetData {
  const data = captionedImagesData.parse({ source: 'pictures', path: 'somewhere', ...keys });
  if (data.source !== 'pictures') throw new Error('another source');
  return data;
}

const names = ['red', 'green', 'blue', 'red', 'pink'];

/** Five noisy images of 6 pixels; the last has no label. */
function decoded(seed: number, captions: readonly (readonly string[])[] = names.map(() => [])): LoadedImages {
  const rng = new Rng(seed);
  return {
    count: 5,
    width: 6,
    height: 6,
    pixels: Uint8Array.from({ length: 5 * 108 }, () => rng.int(256)),
    captions,
    ids: names.map((_, i) => `${seed}/${i}`),
    labels: names.map((n, i) => (i === 4 ? undefined : n)),
    fields: names.map((n) => ({ concept: n })),
    skipped: [],
  };
}

/** The first images alone. */
const some = (p: LoadedImages, count: number): LoadedImages => ({
  ...p,
  count,
  pixels: p.pixels.slice(0, count * 108),
  captions: p.captions.slice(0, count),
  ids: p.ids.slice(0, count),
  labels: p.labels.slice(0, count),
  fields: p.fields.slice(0, count),
});

const captions = names.map((n) => [n, `a ${n} image`]);
const inputs = {
  size: 6,
  context: 2,
  tokens: (list: readonly string[]) => Int32Array.from(list.flatMap((t) => [t.length, 0])),
  normalisation: { mean: CLIP_MEAN, std: CLIP_STD },
};

describe('flags', () => {
  const from = (f: FlagValues, o: object = {}) => captionedImages.fromFlags(f, { ...none, ...o }).data;

  test('decide the keys that were given, and no others', () => {
    expect(from({})).toEqual({});
    expect(from({ size: '32', pictures: '9' })).toEqual({ pictures: 9, size: 32 });
    expect(from({ data: 'photos', validation: '.25', splitBy: 'scene' })).toEqual({
      source: 'pictures',
      path: 'photos',
      validation: 0.25,
      splitBy: 'scene',
    });
    expect(from({ data: 'photos', validation: '2024' }, { smoke: true })).toMatchObject({
      validation: 2024, // a share above 1 is refused by the schema
      limit: 96,
      gallery: 24,
    });
    expect(from({}, { smoke: true })).toEqual({ pictures: 96, validation: 24 });
    expect(from({ data: 'photos', validation: 'others/' })).toMatchObject({ validation: 'others/' });
  });

  test.each<[FlagValues, RegExp]>([
    [{ validation: '0.1' }, /--validation needs --data/],
    [{ captions: 'text' }, /--captions needs --data/],
    [{ data: 'photos', pictures: '9' }, /--pictures is for the tabletop/],
    [{ size: 'large' }, /--size needs a number, not "large"/],
  ])('%o is refused', (f, message) => {
    expect(() => from(f)).toThrow(message);
  });

  test('a preset whose keys the tabletop does not have asks for images', () => {
    const preset = { name: 'icons', data: { distinct: 'concept' } };
    expect(() => from({}, { preset })).toThrow(/--preset icons is for images of your own/);
    expect(from({}, { preset, under: true })).toEqual({});
    expect(from({}, { preset: { name: 'other', data: { shift: 1 } } })).toEqual({});
  });

  test('a recipe takes the schema, and the model the size of the images', () => {
    const recipe = parseRecipe({ system: 'x', data: { size: 48 } }, { data: captionedImages.schema });
    expect(recipe.data).toMatchObject({ source: 'tabletop', pictures: 8192, shift: 2, size: 48 });
    expect(captionedImages.imageSize?.(recipe.data)).toBe(48);
    expect(captionedImages.imageSize?.({})).toBeUndefined();
  });

  test('texts: the corpus is an argument', () => {
    expect(texts.fromFlags({ corpus: 'a.txt', format: 'lines' }, none).data).toEqual({
      path: 'a.txt',
      format: 'lines',
      field: 'text',
      idField: null,
      encoding: 'utf-8',
      decodeError: 'strict',
    });
    expect(() => texts.fromFlags({ corpus: 'a.txt', format: 'pdf' }, none)).toThrow(/unknown format "pdf"/);
  });
});

describe('images of one’s own', () => {
  const sides = (train: LoadedImages, validation?: LoadedImages) => ({
    ...{ train, validation, geometry: squareGeometry(train.width) },
  });

  test('class names become captions; what has neither is left out; images of a class are positives of each other', () => {
    const data = imageSetData(sides(decoded(1), decoded(2)), recipeOf({ templates: ['one {}', '{}'] }));
    expect(data.train.captions.slice(0, 2)).toEqual([
      ['one red', 'red'],
      ['one green', 'green'],
    ]);
    expect([data.train.count, data.validation?.count, data.captionsFromLabels]).toEqual([4, 4, true]);
    expect(Array.from(data.train.positives!)).toEqual([0, 1, 2, 0]);
    expect(data.skipped.map((s) => s.place).sort()).toEqual(['1/4', '2/4']);
    expect(captionedImages.benchmarks(data).map((b) => b.headline)).toEqual(['zero_shot_top1']);
    expect(captionedImages.summary(data)).toMatch(/^4 images to train on, 4 to evaluate on, 2 left out\n/);
    expect(captionedImages.report(data)).toMatchObject({ train: 4, validation: 4 });
  });

  test('the held-out side is shuffled whole: pixels, captions and labels move together', () => {
    const own = decoded(2, captions);
    const { validation } = imageSetData(sides(decoded(1, captions), own), recipeOf({ seed: 3 }));
    const order = Array.from({ length: 5 }, (_, row) => {
      const pixels = validation!.pixels.subarray(row * 108, (row + 1) * 108);
      return names.findIndex((_, i) => Buffer.compare(pixels, own.pixels.subarray(i * 108, (i + 1) * 108)) === 0);
    });
    expect(order).not.toEqual([0, 1, 2, 3, 4]);
    expect(validation!.captions).toEqual(order.map((i) => captions[i]));
    expect(validation!.labels).toEqual(order.map((i) => own.labels[i]));
  });

  test('captions of their own: retrieval, and names where every thing comes once in a batch', () => {
    const data = imageSetData(sides(decoded(1, captions), decoded(2, captions)), recipeOf({ distinct: 'concept' }));
    expect(Array.from(data.train.distinct!)).toEqual([0, 1, 2, 0, 3]);
    expect(data.train.positives).toBeUndefined();
    const list = captionedImages.benchmarks(data);
    expect(list.map((b) => [b.id, b.headline])).toEqual([
      ['validation', 'text_to_image_R@1'],
      ['names', 'image_to_name_R@1'],
    ]);
    expect(list[1]!.chance).toBe(1 / 4);
    expect([...captionedImages.texts(data)].slice(0, 2)).toEqual(['red', 'a red image']);
    const few = imageSetData(
      sides(some(decoded(1, captions), 2), decoded(2, captions)),
      recipeOf({ distinct: 'concept' }),
    );
    expect(captionedImages.benchmarks(few).map((b) => [b.id, b.headline, b.chance])).toEqual([
      ['validation', 'text_to_image_R@1', 1 / 5],
      ['names', 'image_to_name_R@1', 1 / 4],
      ['seen', 'seen_text_to_image_R@1', 1 / 3],
      ['unseen', 'unseen_text_to_image_R@1', 1 / 2],
    ]);
  });

  test('nothing to tell apart, or a field that no image has, is an error', () => {
    expect(() =>
      imageSetData(
        sides(
          decoded(
            1,
            names.map(() => ['the same']),
          ),
        ),
        recipeOf({}),
      ),
    ).toThrow(/all images have the same text/);
    expect(() => imageSetData(sides(decoded(1, captions)), recipeOf({ positives: 'colour' }))).toThrow(
      /no image has the field "colour"/,
    );
  });

  test('a vocabulary is as large as asked for, else what the captions and the variant are worth', () => {
    const data = imageSetData(sides(decoded(1, captions)), recipeOf({}));
    expect([vocabularySize(data, 49408), vocabularySize(data, 1024)]).toEqual([4096, 1024]);
    expect(vocabularySize({ ...data, vocabulary: 600 }, 49408)).toBe(600);
    expect(vocabularySize(tabletopData(data.train, data.train, { shift: 2 }), 49408)).toBe(1024);
  });

  test('the fingerprint changes with a pixel, a caption, a group', async () => {
    const of = (p: LoadedImages, keys = {}) =>
      captionedImages.fingerprint(imageSetData(sides(p), recipeOf({ ...keys })));
    const first = await of(decoded(1, captions));
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await of(decoded(1, captions))).toBe(first);
    const pixels = decoded(1).pixels.slice();
    pixels[7]!++;
    const others = [
      await of({ ...decoded(1, captions), pixels }),
      await of(decoded(1, captions.with(2, ['blue']))),
      await of(decoded(1, captions), { distinct: 'concept' }),
      await of(decoded(1, captions), { positives: 'label' }),
    ];
    expect(new Set([first, ...others]).size).toBe(5);
  });

  test('data in memory is given for its own kind alone', async () => {
    const data = imageSetData(sides(decoded(1, captions)), recipeOf({}));
    const load = dataInMemory(captionedImages, data);
    expect(await load(captionedImages, {}, { size: 6 }, {})).toBe(data);
    await expect(load({ ...captionedImages, id: 'other' }, {}, { size: 6 }, {})).rejects.toThrow(
      /"other" is asked for/,
    );
  });
});

describe('batches', () => {
  const open = { seed: 4, position: 0, batchSize: 5, slots: 1, signal: undefined } as const;
  const side = { ...decoded(3, captions) };

  test('normalised channels and first captions in evaluations, any caption in training, groups where there are positives', async () => {
    const source = captionedImageBatches({ ...side, positives: [0, 1, 2, 0, 3] }, inputs);
    for await (const { inputs: batch } of source.open({ ...open, mode: 'evaluate' })) {
      expect([batch['image']!.shape, batch['tokens']!.shape, batch['group']!.shape]).toEqual([
        [5, 3, 6, 6],
        [5, 2],
        [5],
      ]);
      expect(Number(batch['image']!.data[36])).toBeCloseTo((side.pixels[1]! / 255 - CLIP_MEAN[1]) / CLIP_STD[1], 5);
      expect(Array.from(batch['tokens']!.data as Int32Array)).toEqual([3, 0, 5, 0, 4, 0, 3, 0, 4, 0]);
      expect(Array.from(batch['group']!.data as Int32Array)).toEqual([0, 1, 2, 0, 3]);
    }
    const first = async (seed: number) =>
      (
        await source
          .open({ ...open, seed, mode: 'train' })
          [Symbol.asyncIterator]()
          .next()
      ).value;
    expect(await first(4)).toEqual(await first(4));
    expect(await first(4)).not.toEqual(await first(5));
  });

  test('both sides with the changes of the data; a training image is shifted, a held-out one is not', async () => {
    const data = { ...tabletopData(side, side, { shift: 2 }) };
    const still = captionedImageSources({ ...data, shift: 0 }, inputs);
    const moved = captionedImageSources(data, inputs);
    const pixels = async (s: typeof still, which: 'source' | 'validation') => {
      const mode = which === 'source' ? 'train' : 'evaluate';
      const { value } = await s[which]!.open({ ...open, mode })
        [Symbol.asyncIterator]()
        .next();
      return value.inputs.image.data as Float32Array;
    };
    expect(await pixels(moved, 'validation')).toEqual(await pixels(still, 'validation'));
    expect(await pixels(moved, 'source')).not.toEqual(await pixels(still, 'source'));
    expect(captionedImageSources({ ...data, validation: undefined }, inputs).validation).toBeUndefined();
  });

  test('what does not fit is refused before anything is trained', () => {
    expect(() => captionedImageBatches(side, { ...inputs, size: 7 })).toThrow(
      /images of 6×6 pixels for a model that sees 7×7/,
    );
    expect(() => captionedImageBatches({ ...side, captions: captions.with(1, []) }, inputs)).toThrow(
      /image 1 has no caption/,
    );
    expect(() => captionedImageBatches({ ...side, captions: captions.slice(1) }, inputs)).toThrow(
      /captions of 4 images/,
    );
    expect(() => captionedImageBatches({ ...side, distinct: [1, 2] }, inputs)).toThrow(/distinct of 2 images/);
  });
});
