/** What the benchmarks of capabilities share: images of scenes, the blind control, shares with their intervals. */
import type { Metrics } from '../../base/index.ts';
import type { RgbImage } from '../../capabilities/index.ts';
import { type CaptionSample, wilson } from '../../world/index.ts';

/** Scenes of the tabletop with their images and all that can be said about them, as `captionSamples` makes them. */
export type Scenes = readonly CaptionSample[];

/** The image of a scene as systems take it. */
export const imageOfScene = ({ width, height, image }: CaptionSample): RgbImage => ({ width, height, data: image });

/** An image of the same size that shows nothing. */
export const greyImage = ({ width, height }: RgbImage): RgbImage => ({
  width,
  height,
  data: new Uint8Array(3 * width * height).fill(127),
});

/**
 * Measures twice: with the images, and with grey ones in their place. Metrics of the second are called `blind_*`: what a system has from the words
 * alone. Grey images of one size are one object.
 */
export async function besideBlind(measure: (see: (image: RgbImage) => RgbImage) => Promise<Metrics>): Promise<Metrics> {
  const seeing = await measure((image) => image);
  const greys = new Map<string, RgbImage>();
  const blind = await measure((image) => {
    const key = `${image.width}x${image.height}`;
    const grey = greys.get(key) ?? greyImage(image);
    greys.set(key, grey);
    return grey;
  });
  return { ...seeing, ...prefixed('blind', blind) };
}

/** Metrics under `<prefix>_<name>`. */
export function prefixed(prefix: string, metrics: Metrics): Metrics {
  return Object.fromEntries(Object.entries(metrics).map(([name, x]) => [`${prefix}_${name}`, x]));
}

export const mean = (x: readonly number[]): number => (x.length === 0 ? 0 : x.reduce((a, b) => a + b, 0) / x.length);

/** `name`: the mean of hits (1, 0, or a share of one for a tie), with Wilson's 95 % interval as `name_low` and `name_high`. */
export function shareOf(name: string, hits: readonly number[]): Metrics {
  const sum = hits.reduce((a, b) => a + b, 0);
  const [low, high] = wilson(sum, hits.length);
  return { [name]: sum / hits.length, [`${name}_low`]: low, [`${name}_high`]: high };
}

/** `name_<group>` for every group of items. */
export function sharesBy<T>(
  name: string,
  items: readonly T[],
  hits: readonly number[],
  group: (item: T) => string,
): Metrics {
  const lists = new Map<string, number[]>();
  items.forEach((item, i) => {
    const list = lists.get(group(item)) ?? [];
    lists.set(group(item), [...list, hits[i]!]);
  });
  return Object.fromEntries([...lists].map(([key, list]) => [`${name}_${key.replaceAll(' ', '_')}`, mean(list)]));
}
