/** Images to evaluate systems on: what is said about them, and what a system makes of them, computed once however many benchmarks need it. */
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
