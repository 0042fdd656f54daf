/** Images to evaluate systems on: what is said about them, and what a system makes of them, computed once however many benchmarks need it. */
import { BowError } from '../base/index.ts';
import type { CallOptions, EncodesImages, OpenSystem, RgbImage, Vectors } from '../capabilities/index.ts';
import { type ImageTextPairs, imageOf, type SkippedImage } from '../data/index.ts';

/** A test set. */
export type ImageTest = {
  readonly count: number;
  readonly captions: ImageTextPairs['captions'];
  /** Class of each image, where it has one. */
  readonly labels: readonly (string | undefined)[];
  /** The images as small squares, for reports and controls. */
  readonly small: ImageTextPairs;
  readonly skipped: readonly SkippedImage[];
  /** Row i is image i. */
  encode(system: OpenSystem & EncodesImages, o?: CallOptions): Promise<Vectors>;
};

/** All images of a set, as systems take them. */
export function imagesOf(pairs: ImageTextPairs): RgbImage[] {
  return pairs.captions.map((_, i) => imageOf(pairs, i));
}

/** Images that are in memory already. */
export function memoryTest(pairs: ImageTextPairs & { readonly labels?: readonly (string | undefined)[] }): ImageTest {
  return {
    count: pairs.count,
    captions: pairs.captions,
    labels: pairs.labels ?? pairs.captions.map(() => undefined),
    small: pairs,
    skipped: [],
    encode: onceForEach((system, o) => system.encodeImages(imagesOf(pairs), o)),
  };
}

/** The images of these rows as a test of their own; the whole test's images are encoded once for both. */
export function partOfTest(test: ImageTest, rows: readonly number[]): ImageTest {
  const pick = <T>(list: readonly T[]): T[] => rows.map((i) => list[i]!);
  const { width, height, pixels } = test.small;
  const each = 3 * width * height;
  const bytes = new Uint8Array(rows.length * each);
  rows.forEach((from, to) => void bytes.set(pixels.subarray(from * each, (from + 1) * each), to * each));
  const captions = pick(test.captions);
  return {
    count: rows.length,
    captions,
    labels: pick(test.labels),
    small: { width, height, count: rows.length, captions, pixels: bytes },
    skipped: [],
    encode: async (system, o) => pickRows(await test.encode(system, o), rows),
  };
}

function pickRows(x: Vectors, rows: readonly number[]): Vectors {
  if ('indptr' in x) throw new BowError('usage', 'sparse vectors of images');
  const data = new Float32Array(rows.length * x.width);
  rows.forEach((from, to) => void data.set(x.data.subarray(from * x.width, (from + 1) * x.width), to * x.width));
  return { rows: rows.length, width: x.width, data };
}

type Encode = (system: OpenSystem & EncodesImages, o?: CallOptions) => Promise<Vectors>;

/** Encodes once for each system, however many benchmarks ask; again only after a failure. */
export function onceForEach(encode: Encode): Encode {
  const known = new WeakMap<OpenSystem, Promise<Vectors>>();
  return (system, o) => {
    const found = known.get(system) ?? encode(system, o);
    known.set(system, found);
    found.catch(() => known.delete(system));
    return found;
  };
}
