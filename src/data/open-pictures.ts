/** Which kind of picture set lies at a path. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { BowError } from '../base/index.ts';
import { fileError } from '../base/node/index.ts';
import { cocoFiles, cocoPictures } from './coco.ts';
import { filesUnder, folderOf, isPicture, stemOf } from './picture-files.ts';
import { classFolder, isMetadata, pictureFolder, textNames } from './picture-folder.ts';
import { isParquet, parquetPictures } from './picture-parquet.ts';
import { pictureShards } from './picture-shards.ts';
import type { PictureSet, PictureSetFormat } from './pictures.ts';
import { isShard } from './webdataset.ts';

export type OpenPicturesOptions = {
  /** Instead of what the path looks like. */
  readonly format?: PictureSetFormat | undefined;
  /** Column or key of the captions, where it has none of the usual names. */
  readonly captions?: string | undefined;
};

/** Opens a picture set; nothing is decoded yet. Error `data` when there is nothing at the path, or nothing that looks like pictures. */
export async function openPictures(path: string, o: OpenPicturesOptions = {}): Promise<PictureSet> {
  const found = await formatOf(path);
  const format = o.format ?? found;
  const isFile = found !== undefined && !(await isFolder(path));
  switch (format) {
    case 'coco':
      return cocoPictures(path);
    case 'parquet':
      return parquetPictures(path, o);
    case 'webdataset':
      return pictureShards(path, o);
    case 'classes':
      return classFolder(path);
    case 'folder':
      return isFile ? pictureFolder(dirname(path), { ...o, metadata: basename(path) }) : pictureFolder(path, o);
    default:
      throw new BowError('data', 'nothing here looks like a set of pictures', {
        place: path,
        hint: 'a folder of pictures, metadata.jsonl or .csv, COCO .json, WebDataset .tar, .parquet',
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

async function formatOf(path: string): Promise<PictureSetFormat | undefined> {
  if (!(await isFolder(path))) return formatOfFile(path);
  const top = await readdir(path);
  if (top.some((f) => formatOfFile(f) === 'webdataset')) return 'webdataset';
  const files = await filesUnder(path);
  if (files.some(isMetadata)) return 'folder';
  if ((await cocoFiles(path)).length > 0) return 'coco';
  if (files.some(isParquet)) return 'parquet';
  const pictures = files.filter(isPicture);
  if (pictures.length === 0) return undefined;
  const all = new Set(files);
  const texts = pictures.some((p) => textNames(stemOf(p)).some((name) => all.has(name)));
  const folders = new Set(pictures.map(folderOf));
  return !texts && !folders.has('') && folders.size > 1 ? 'classes' : 'folder';
}

function formatOfFile(name: string): PictureSetFormat | undefined {
  if (isShard(name)) return 'webdataset';
  if (/\.(jsonl|csv)$/i.test(name)) return 'folder';
  if (isParquet(name)) return 'parquet';
  return /\.json$/i.test(name) ? 'coco' : undefined;
}
