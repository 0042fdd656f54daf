/** What lies in a folder, which of it is read as an image set, and what is then passed over. */
import { basename, join } from 'node:path';
import { filesUnder } from '../../base/node/index.ts';
import type { ImageSetFormat, SkippedImage } from '../images.ts';
import { classFolders } from './class-folders.ts';
import { cocoFiles, jsonFiles } from './coco.ts';
import { isImage, stemOf } from './image-files.ts';
import { textNames } from './image-folder.ts';
import { parquetContent } from './image-parquet.ts';
import { isMetadata } from './metadata-rows.ts';
import { notesOf } from './notes.ts';
import { isParquet } from './parquet.ts';
import { isShard } from './webdataset.ts';

export type FolderKind = {
  /** Undefined where nothing looks like images. */
  readonly format: ImageSetFormat | undefined;
  /** Parquet tables that list images of the folder. */
  readonly tables: readonly string[];
  /** What the reading in a format passes over. */
  notes(format: ImageSetFormat): SkippedImage[];
};

type Found = {
  readonly files: readonly string[];
  readonly images: readonly string[];
  readonly shards: readonly string[];
  readonly metadata: readonly string[];
  /** Texts that belong to an image by their names. */
  readonly beside: ReadonlySet<string>;
  readonly coco: ReturnType<typeof cocoFiles>;
  readonly parquet: Readonly<Record<'images' | 'list' | 'other', string[]>>;
};

/** Looks through a folder. The reading that says most about the images is taken; what it passes over is named by `notes`. */
export async function folderKind(path: string): Promise<FolderKind> {
  const odd: SkippedImage[] = [];
  const files = await filesUnder(path, { onNote: (n) => odd.push(n) });
  const images = files.filter(isImage);
  const all = new Set(files);
  const parquet: Record<'images' | 'list' | 'other', string[]> = { images: [], list: [], other: [] };
  for (const f of files.filter((f) => isParquet(f) && !isMetadata(f)))
    parquet[await parquetContent(join(path, f))].push(f);
  const found: Found = {
    files,
    images,
    shards: files.filter(isShard),
    metadata: files.filter(isMetadata),
    beside: new Set(images.flatMap((i) => textNames(stemOf(i)).filter((name) => all.has(name)))),
    coco: cocoFiles(await jsonFiles(path, files)),
    parquet,
  };
  return {
    format: formatOf(found),
    tables: parquet.list,
    notes: (format) => [...leftNotes(path, found, format), ...odd],
  };
}

function formatOf({ images, shards, metadata, beside, coco, parquet }: Found): ImageSetFormat | undefined {
  if (shards.length > 0) return 'webdataset';
  if (metadata.length > 0) return 'folder';
  if (coco.read.length > 0) return 'coco';
  if (parquet.images.length > 0) return 'parquet';
  if (images.length === 0) return parquet.other.length > 0 ? 'parquet' : undefined;
  if (parquet.list.length > 0) return 'folder';
  const classes = classFolders(images);
  const areClasses = classes.names.length > 1 && 2 * classes.count >= images.length;
  return areClasses && !(beside.size > 0 && classes.names.every(isPart)) ? 'classes' : 'folder';
}

/** Numbered parts of a set, as img2dataset writes them, are no classes. */
const isPart = (name: string): boolean => /^\d+$|^(part|shard|chunk|batch)[-_]?\d+$|^(?=.*\d)[\da-f]{2,}$/i.test(name);

/** Files that often say something about images, and are named when nothing reads them. */
const telling =
  /\.(txt|caption|cls|json|jsonl|ndjson|csv|tsv|xml|ya?ml|xlsx?|parquet|arrow|feather|npy|npz|mat|h5|hdf5|tfrecord|zip|7z|rar|tar|tgz|gz|bz2|zst|xz)$/i;
const aboutTheSet = /^(readme|licen[cs]e|notice|changelog|copying|credits|requirements|classnames|dataset_infos?)\b/i;

function leftNotes(path: string, found: Found, format: ImageSetFormat): SkippedImage[] {
  const { read, left, kind } = found.coco;
  const used: Readonly<Record<ImageSetFormat, Iterable<string>>> = {
    folder: [...found.images, ...found.metadata, ...found.parquet.list, ...found.beside],
    classes: [...found.images, ...found.beside],
    coco: [...found.images, ...read.map((f) => relativeTo(path, f)), ...left.map((f) => relativeTo(path, f.file))],
    webdataset: found.shards,
    parquet: found.parquet.images,
  };
  const known = new Set(used[format]);
  const rest = found.files.filter((f) => !known.has(f) && !aboutTheSet.test(basename(f)));
  const byExtension = new Map<string, string[]>();
  for (const f of rest.filter((f) => telling.test(f) && !isImage(f))) {
    const extension = f.slice(f.lastIndexOf('.')).toLowerCase();
    byExtension.set(extension, [...(byExtension.get(extension) ?? []), join(path, f)]);
  }
  return [
    ...left
      .filter(() => format === 'coco')
      .map((l) => ({
        place: l.file,
        reason: `COCO JSON that is passed over, since ${kind} ${read.length > 1 ? `(${read.length} files)` : `(${basename(read[0] ?? '')})`} are read: name this file to read it`,
      })),
    ...notesOf(
      format === 'parquet'
        ? 'an image that is read only where a table names it'
        : `an image outside what is read as ${format}`,
      rest.filter(isImage).map((f) => join(path, f)),
    ),
    ...[...byExtension].flatMap(([extension, places]) => notesOf(passedOver(extension), places)),
  ];
}

function passedOver(extension: string): string {
  if (/^\.(txt|caption|cls)$/.test(extension)) return `a ${extension} file that belongs to no image by its name`;
  if (/^\.(csv|jsonl|parquet)$/.test(extension))
    return `a ${extension} file that is passed over: call it metadata${extension}, or name it as the set, if it is about the images`;
  return `a ${extension} file that is passed over`;
}

const relativeTo = (folder: string, path: string): string => path.slice(join(folder, '/').length);
