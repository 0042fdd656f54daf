/** Sets of images with what is said about each: what a set is before it is decoded, and after. */
import { BowError } from '../base/index.ts';
import type { ImageSize } from '../image/index.ts';

/** One image of a set, not yet decoded. */
export type ImageRecord = {
  /** Stable inside the set: relative path, WebDataset key, COCO id. Splits are hashed from it. */
  readonly id: string;
  /** For messages: the file, or archive and member. */
  readonly place: string;
  /** May be empty; the first is the plainest. */
  readonly captions: readonly string[];
  /** Class name, where the set has classes. */
  readonly label?: string;
  /** What else is known (concept, style, group …), for filters and splits. Lists are joined by ", ". */
  readonly fields: Readonly<Record<string, string | number | boolean>>;
  /** Path, when the image is a file of its own. */
  readonly file?: string;
  /** The encoded bytes. Error `data` when they are unavailable. */
  read(): Promise<Uint8Array>;
};

export type ImageSetFormat = 'folder' | 'classes' | 'coco' | 'webdataset' | 'parquet';

export type RecordOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Called for what is no image and is passed over: files that say nothing about an image, annotations for images that are not listed, … */
  readonly onNote?: ((note: SkippedImage) => void) | undefined;
};

/** A set that can be iterated any number of times, in the same order. */
export type ImageSet = {
  readonly format: ImageSetFormat;
  readonly path: string;
  records(o?: RecordOptions): AsyncIterable<ImageRecord>;
};

/** Images of one size, each with one or more captions. */
export type ImageTextPairs = ImageSize & {
  readonly count: number;
  /** [count × height × width × 3], rows from the top, 0 to 255. */
  readonly pixels: Uint8Array;
  /** What the images were fitted for (`geometryKey`), where they come from larger ones. */
  readonly fitted?: string | undefined;
  /** For every image what is said about it; the first caption is the plainest. */
  readonly captions: readonly (readonly string[])[];
};

/** One image of a set; a model that sees images as `fitted` says takes it as it is. */
export type LoadedImage = ImageSize & { readonly data: Uint8Array; readonly fitted?: string };

/** An image that was left out, or something else of a set that was passed over, and why. */
export type SkippedImage = { readonly place: string; readonly reason: string };

/** A set decoded into memory, all images of one size. */
export type LoadedImages = ImageTextPairs & {
  readonly ids: readonly string[];
  readonly labels: readonly (string | undefined)[];
  readonly fields: readonly ImageRecord['fields'][];
  readonly skipped: readonly SkippedImage[];
};

/** One image of a set as its own view: [height × width × 3]. */
export function imageOf(pairs: Omit<ImageTextPairs, 'captions'>, index: number): LoadedImage {
  const { width, height, pixels, fitted } = pairs;
  const bytes = 3 * width * height;
  const data = pixels.subarray(index * bytes, (index + 1) * bytes);
  return fitted === undefined ? { width, height, data } : { width, height, data, fitted };
}

/** Room for RGB images, count × height × width × 3 zeros; error `data` when there is not so much memory. */
export function allocatePixels(count: number, { width, height }: ImageSize, place: string): Uint8Array<ArrayBuffer> {
  const bytes = count * 3 * width * height;
  try {
    return new Uint8Array(bytes);
  } catch (e) {
    throw new BowError('data', `${count} images of ${width}×${height} pixels do not fit into memory`, {
      place,
      detail: { GiB: Number((bytes / 2 ** 30).toFixed(1)) },
      hint: 'fewer or smaller images',
      cause: e,
    });
  }
}
