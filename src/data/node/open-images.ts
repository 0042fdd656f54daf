/** Which kind of image set lies at a path. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { BowError } from '../../base/index.ts';
import { fileError, filesUnder } from '../../base/node/index.ts';
import type { ImageSet, ImageSetFormat } from '../images.ts';
import { cocoFiles, cocoImages } from './coco.ts';
import { folderOf, isImage, stemOf } from './image-files.ts';
import { classFolder, imageFolder, isMetadata, textNames } from './image-folder.ts';
import { isParquet, parquetImages } from './image-parquet.ts';
import { imageShards } from './image-shards.ts';
import { isShard } from './webdataset.ts';

export type OpenImagesOptions = {
  /** Instead of what the path looks like. */
  readonly format?: ImageSetFormat | undefined;
  /** Column or key of the captions, where it has none of the usual names. */
  readonly captions?: string | undefined;
};

/** Opens an image set; nothing is decoded yet. Error `data` when there is nothing at the path, or nothing that looks like images. */
export async function openImages(path: string, o: OpenImagesOptions = {}): Promise<ImageSet> {
  const found = await formatOf(path);
  const format = o.format ?? found;
  const isFile = found !== undefined && !(await isFolder(path));
  switch (format) {
    case 'coco':
      return cocoImages(path);
    case 'parquet':
      return parquetImages(path, o);
    case 'webdataset':
      return imageShards(path, o);
    case 'classes':
      return classFolder(path);
    case 'folder':
      return isFile ? imageFolder(dirname(path), { ...o, metadata: basename(path) }) : imageFolder(path, o);
    default:
      throw new BowError('data', 'nothing here looks like a set of images', {
        place: path,
        hint: 'a folder of images, metadata.jsonl or .csv, COCO .json, WebDataset .tar, .parquet',
      });
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (e) {
    throw fileError(e, path);
  }
}

async function formatOf(path: string): Promise<ImageSetFormat | undefined> {
  if (!(await isFolder(path))) return formatOfFile(path);
  const top = await readdir(path);
  if (top.some((f) => formatOfFile(f) === 'webdataset')) return 'webdataset';
  const files = await filesUnder(path);
  if (files.some(isMetadata)) return 'folder';
  if ((await cocoFiles(path)).length > 0) return 'coco';
  if (files.some(isParquet)) return 'parquet';
  const images = files.filter(isImage);
  if (images.length === 0) return undefined;
  const all = new Set(files);
  const texts = images.some((p) => textNames(stemOf(p)).some((name) => all.has(name)));
  const folders = new Set(images.map(folderOf));
  return !texts && !folders.has('') && folders.size > 1 ? 'classes' : 'folder';
}

function formatOfFile(name: string): ImageSetFormat | undefined {
  if (isShard(name)) return 'webdataset';
  if (/\.(jsonl|csv)$/i.test(name)) return 'folder';
  if (isParquet(name)) return 'parquet';
  return /\.json$/i.test(name) ? 'coco' : undefined;
}
