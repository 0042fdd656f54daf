/** Captioned images from disk, or drawn: the loader of the kind. */
import { availableParallelism } from 'node:os';
import { BowError } from '../../base/index.ts';
import type { ImageSet, LoadedImages, TabletopPairs } from '../../data/index.ts';
import { type LoadImagesOptions, loadImages, openImages, parallelTabletopPairs } from '../../data/node/index.ts';
import { type ImageGeometry, squareGeometry } from '../../image/index.ts';
import type { Json } from '../../train/index.ts';
import { type CaptionedImages, type ImageNeeds, imageSetData, tabletopData } from '../captioned-images/data.ts';
import { captionedImagesData, type ImageSetData, type TabletopData } from '../captioned-images/recipe.ts';
import type { LoadOptions } from '../kind.ts';

/** Errors: `data` for a set without captions or without anything to evaluate on, `config` for fields that are not there, those of `openImages` and `loadImages`. */
export async function loadCaptionedImages(json: Json, needs: ImageNeeds, o: LoadOptions): Promise<CaptionedImages> {
  const data = captionedImagesData.parse(json);
  if (data.source === 'tabletop') {
    const { train, validation } = await tabletopSides(data, needs, o);
    return tabletopData(train, validation, data);
  }
  const geometry = geometryOf(data, needs);
  return imageSetData({ ...(await bothSides(data, geometry, o)), geometry }, data);
}

/** Both sides of the tabletop, drawn on two threads; no two held-out images are described alike. */
export async function tabletopSides(
  data: TabletopData,
  { size }: ImageNeeds,
  o: LoadOptions,
): Promise<{ train: TabletopPairs; validation: TabletopPairs }> {
  const { seed, single } = data;
  const common = { size, seed, single, workers: 2, signal: o.signal, onProgress: o.onProgress };
  const train = await parallelTabletopPairs({ ...common, count: data.pictures });
  const held = { count: data.validation, split: 'validation', distinct: true } as const;
  return { train, validation: await parallelTabletopPairs({ ...common, ...held }) };
}

/** What is taken of an image: what the recipe says, else what the checkpoint was trained on, else its middle square. */
export function geometryOf({ fit }: ImageSetData, { size, geometry }: ImageNeeds): ImageGeometry {
  return (fit === null ? geometry : undefined) ?? squareGeometry(size, fit ?? undefined);
}

/** Both sides of a set of images, decoded. */
export async function bothSides(
  data: ImageSetData,
  geometry: ImageGeometry,
  o: LoadOptions,
): Promise<{ train: LoadedImages; validation: LoadedImages | undefined }> {
  const { path, validation: held, seed, limit } = data;
  const workers = Math.min(8, availableParallelism());
  const common = { geometry, seed, workers, signal: o.signal, onProgress: o.onProgress };
  const options = { format: data.format ?? undefined, captions: data.captions ?? undefined };
  const set = await openImages(path, options);
  const division = typeof held === 'number' && held > 0 ? { validation: held, splitBy: data.splitBy ?? undefined } : {};
  const split = 'validation' in division ? 'train' : 'all';
  const train = await loadImages(set, { ...common, ...division, split, limit: limit ?? undefined });
  if (held === 0) return { train, validation: undefined };
  const rest = { ...common, ...division, limit: data.gallery };
  const validation =
    typeof held === 'number'
      ? await heldOut(set, { ...rest, split: 'validation' })
      : await loadImages(await openImages(held, options), rest);
  return { train, validation };
}

/** The held-out side of a set. A small set may have nothing there, which is reported with ways out. */
async function heldOut(set: ImageSet, o: LoadImagesOptions): Promise<LoadedImages> {
  try {
    return await loadImages(set, o);
  } catch (e) {
    if (!(e instanceof BowError) || !e.message.startsWith('no image can be read for validation')) throw e;
    if (Number(e.detail['skipped']) > 0) throw e; // some are, and none of them can be read
    throw new BowError('data', `none of the images is held out at a share of ${o.validation}`, {
      place: set.path,
      hint: 'a larger share (--validation 0.3), a path of other images, or 0 for no evaluation',
      cause: e,
    });
  }
}
