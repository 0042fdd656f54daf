/** Sets of images with what is said about each: what a set is before it is decoded, and after. */

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

/** A set that can be iterated any number of times, in the same order. */
export type ImageSet = {
  readonly format: ImageSetFormat;
  readonly path: string;
  records(o?: { signal?: AbortSignal | undefined }): AsyncIterable<ImageRecord>;
};

/** Square images of one size, each with one or more captions. */
export type ImageTextPairs = {
  readonly count: number;
  /** Width and height in pixels. */
  readonly size: number;
  /** [count × size × size × 3], rows from the top, 0 to 255. */
  readonly pixels: Uint8Array;
  /** For every image what is said about it; the first caption is the plainest. */
  readonly captions: readonly (readonly string[])[];
};

/** An image that was left out, and why. */
export type SkippedImage = { readonly place: string; readonly reason: string };

/** A set decoded into memory as squares of one size. */
export type LoadedImages = ImageTextPairs & {
  readonly ids: readonly string[];
  readonly labels: readonly (string | undefined)[];
  readonly fields: readonly ImageRecord['fields'][];
  readonly skipped: readonly SkippedImage[];
};

/** One image of a set as its own view: [size × size × 3]. */
export function imageOf(pairs: ImageTextPairs, index: number): { width: number; height: number; data: Uint8Array } {
  const bytes = 3 * pairs.size * pairs.size;
  return { width: pairs.size, height: pairs.size, data: pairs.pixels.subarray(index * bytes, (index + 1) * bytes) };
}
