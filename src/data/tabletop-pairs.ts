/** Images of the tabletop with what can be said about each, made on the spot: nothing is downloaded and nothing is stored. */
import { BowError, type OnProgress, throwIfAborted } from '../base/index.ts';
import { type CaptionSample, captionSamples, type Quality, type Scene, type Split } from '../world/index.ts';
import { allocatePixels, type ImageTextPairs, imageOf } from './images.ts';

/** What is known of one image beside its pixels: the scene, questions with answers, phrases that refer to single objects, boxes. */
export type TabletopSample = Omit<CaptionSample, 'image' | 'width' | 'height'>;

/** {@link ImageTextPairs} with the scenes behind the images and all that was said of them. */
export type TabletopPairs = ImageTextPairs & {
  readonly scenes: readonly Scene[];
  readonly samples: readonly TabletopSample[];
};

/** The samples as `captionSamples` gives them, with views of the images. */
export function tabletopSamples(pairs: TabletopPairs): CaptionSample[] {
  return pairs.samples.map((sample, i) => {
    const { width, height, data } = imageOf(pairs, i);
    return { ...sample, width, height, image: data };
  });
}

export type TabletopOptions = {
  readonly count: number;
  readonly size: number;
  readonly seed?: number | string;
  readonly split?: Split;
  readonly quality?: Quality;
  /** Scenes of one object alone. */
  readonly single?: boolean;
  /** Leaves out images whose plainest caption occurred before, so that no two images of a gallery are described alike. */
  readonly distinct?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** Makes `count` images of a split. The same options give the same images; in Node `parallelTabletopPairs` makes them on several threads. */
export const tabletopPairs = (o: TabletopOptions): Promise<TabletopPairs> => collectPairs(o, captionSamples);

/** Puts samples together until there are enough. */
export async function collectPairs(
  o: TabletopOptions,
  samplesOf: (o: Parameters<typeof captionSamples>[0]) => AsyncGenerator<CaptionSample>,
): Promise<TabletopPairs> {
  const { count, size, seed = 0, split = 'train', quality = 'fast', single = false } = o;
  const bytes = 3 * size * size;
  const pixels = allocatePixels(count, { width: size, height: size }, 'tabletop');
  const [captions, samples]: [string[][], TabletopSample[]] = [[], []];
  const seen = new Set<string>();
  const options = { size, seed, split, quality, single, ...(o.signal ? { signal: o.signal } : {}) };
  const limit = o.distinct ? 8 * count + 64 : count;
  for await (const sample of samplesOf({ ...options, count: limit })) {
    throwIfAborted(o.signal, 'tabletop images');
    const plain = sample.captions[0] ?? sample.caption;
    if (o.distinct && seen.has(plain)) continue;
    seen.add(plain);
    pixels.set(sample.image, captions.length * bytes);
    captions.push(sample.captions.length > 0 ? [...sample.captions] : [sample.caption]);
    samples.push(withoutImage(sample));
    o.onProgress?.({ task: `images (${split})`, done: captions.length, total: count, unit: 'images' });
    if (captions.length === count) {
      const scenes = samples.map((x) => x.scene);
      return { count, width: size, height: size, pixels, captions, scenes, samples };
    }
  }
  throw new BowError('data', `only ${captions.length} of ${count} images are described differently`);
}

function withoutImage({ image: _, width: _w, height: _h, ...rest }: CaptionSample): TabletopSample {
  return rest;
}
