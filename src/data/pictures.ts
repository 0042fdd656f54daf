/** Sets of pictures with what is said about each: what a set is before it is decoded, and after. */

/** One picture of a set, not yet decoded. */
export type PictureRecord = {
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
  /** Path, when the picture is a file of its own. */
  readonly file?: string;
  /** The encoded bytes. Error `data` when they cannot be had. */
  read(): Promise<Uint8Array>;
};

export type PictureSetFormat = 'folder' | 'classes' | 'coco' | 'webdataset' | 'parquet';

/** A set that can be gone through any number of times, in the same order. */
export type PictureSet = {
  readonly format: PictureSetFormat;
  readonly path: string;
  records(o?: { signal?: AbortSignal | undefined }): AsyncIterable<PictureRecord>;
};

/** Square pictures of one size, each with one or more sentences. */
export type PicturePairs = {
  readonly count: number;
  /** Width and height in pixels. */
  readonly size: number;
  /** [count × size × size × 3], rows from the top, 0 to 255. */
  readonly pixels: Uint8Array;
  /** For every picture what is said about it; the first sentence is the plainest. */
  readonly captions: readonly (readonly string[])[];
};

/** A picture that was left out, and why. */
export type SkippedPicture = { readonly place: string; readonly reason: string };

/** A set decoded into memory as squares of one size. */
export type LoadedPictures = PicturePairs & {
  readonly ids: readonly string[];
  readonly labels: readonly (string | undefined)[];
  readonly fields: readonly PictureRecord['fields'][];
  readonly skipped: readonly SkippedPicture[];
};

/** One picture of a set as its own view: [size × size × 3]. */
export function pictureOf(pairs: PicturePairs, index: number): { width: number; height: number; data: Uint8Array } {
  const bytes = 3 * pairs.size * pairs.size;
  return { width: pairs.size, height: pairs.size, data: pairs.pixels.subarray(index * bytes, (index + 1) * bytes) };
}
