/** Which kind of image set lies at a path. */
import { basename, dirname } from 'node:path';
import { BowError } from '../../base/index.ts';
import { isFile } from '../../base/node/index.ts';
import type { ImageSet, ImageSetFormat, SkippedImage } from '../images.ts';
import { cocoImages } from './coco.ts';
import { classFolder, imageFolder } from './image-folder.ts';
import { parquetContent, parquetImages } from './image-parquet.ts';
import { folderKind } from './image-set-kinds.ts';
import { imageShards } from './image-shards.ts';
import { isParquet } from './parquet.ts';
import { isShard } from './webdataset.ts';

export type OpenImagesOptions = {
  /** Instead of what the path looks like. */
  readonly format?: ImageSetFormat | undefined;
  /** Column or key of the captions, where it has none of the usual names. */
  readonly captions?: string | undefined;
};

/** Opens an image set; nothing is decoded yet. Error `data` when there is nothing at the path, or nothing that looks like images. */
export async function openImages(path: string, o: OpenImagesOptions = {}): Promise<ImageSet> {
  if (await isFile(path)) {
    const format = o.format ?? (await formatOfFile(path));
    if (format === 'folder') return imageFolder(dirname(path), { ...o, metadata: basename(path) });
    return format === undefined ? nothingHere(path) : setAt(path, format, [], o);
  }
  const kind = await folderKind(path);
  const format = o.format ?? kind.format;
  return format === undefined ? nothingHere(path) : noting(setAt(path, format, kind.tables, o), kind.notes(format));
}

function nothingHere(path: string): never {
  throw new BowError('data', 'nothing here looks like a set of images', {
    place: path,
    hint: 'a folder of images, metadata.jsonl, .csv or .parquet, COCO .json, WebDataset .tar, .parquet',
  });
}

function setAt(path: string, format: ImageSetFormat, tables: readonly string[], o: OpenImagesOptions): ImageSet {
  switch (format) {
    case 'coco':
      return cocoImages(path);
    case 'parquet':
      return parquetImages(path, o);
    case 'webdataset':
      return imageShards(path, o);
    case 'classes':
      return classFolder(path, o);
    case 'folder':
      return imageFolder(path, { ...o, tables });
  }
}

/** The set, which also tells what was found in its folder and is passed over. */
function noting(set: ImageSet, notes: readonly SkippedImage[]): ImageSet {
  return {
    ...set,
    async *records(o = {}) {
      for (const note of notes) o.onNote?.(note);
      yield* set.records(o);
    },
  };
}

async function formatOfFile(path: string): Promise<ImageSetFormat | undefined> {
  if (isShard(path)) return 'webdataset';
  if (/\.(jsonl|csv)$/i.test(path)) return 'folder';
  if (isParquet(path)) return (await parquetContent(path)) === 'list' ? 'folder' : 'parquet';
  return /\.json$/i.test(path) ? 'coco' : undefined;
}
