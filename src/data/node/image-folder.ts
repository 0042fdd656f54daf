/**
 * Folders of images: with `metadata.jsonl`, `.csv` or `.parquet` (the `imagefolder` layout of Hugging Face datasets: a column `file_name`, relative to
 * the metadata file), with texts beside the images (`a.jpg`, `a.txt`), with both, with neither, or with one folder per class.
 */
import { isAbsolute, join, posix, relative, resolve, sep } from 'node:path';
import { BowError, throwIfAborted } from '../../base/index.ts';
import { filesUnder } from '../../base/node/index.ts';
import { textOf } from '../../text/index.ts';
import { type ImageTexts, looksLikeBoxes, textsOfParts, textsOfRow } from '../image-texts.ts';
import type { ImageRecord, ImageSet } from '../images.ts';
import { classFolders, notClasses } from './class-folders.ts';
import { bytesOf, filesIn, folderOf, isImage, pathInside, stemOf } from './image-files.ts';
import { fileColumn, isMetadata, metadataRows } from './metadata-rows.ts';
import { type NoteTally, noteTally } from './notes.ts';
import { spellings } from './spellings.ts';

type Named = { readonly place: string; readonly texts: ImageTexts };

export type FolderOptions = {
  /** Column of the captions, unless it has one of the usual names. */
  readonly captions?: string | undefined;
  /** This table (`.jsonl`, `.csv`, `.parquet`) in the folder is the set: the images that it names, and no others. */
  readonly metadata?: string;
  /** Further tables in the folder that say something about its images. */
  readonly tables?: readonly string[];
};

/** A folder of images as a set. Rows for one file are taken together: their captions are all captions of that image. */
export function imageFolder(path: string, o: FolderOptions = {}): ImageSet {
  return {
    format: 'folder',
    path: o.metadata === undefined ? path : join(path, o.metadata),
    async *records({ signal, onNote } = {}) {
      const notes = noteTally(onNote);
      const listed = o.metadata === undefined ? undefined : await readMetadata(path, [o.metadata], notes, o.captions);
      const files = listed ? await filesIn(path, foldersOf(listed.keys())) : await filesUnder(path, { signal });
      const tables = [...files.filter(isMetadata), ...(o.tables ?? [])];
      const said = listed ?? (await readMetadata(path, tables, notes, o.captions));
      const named = asSpelled(said, files);
      const present = new Set(files);
      const all = new Set([...(listed ? [] : files.filter(isImage)), ...named.keys()]);
      let labelled = false;
      for (const id of [...all].sort((a, b) => (a < b ? -1 : 1))) {
        throwIfAborted(signal, path);
        const record = present.has(id)
          ? await fileRecord(path, id, present, notes, { ...o, named: named.get(id) })
          : missing(path, id, named.get(id)!);
        labelled ||= record.label !== undefined;
        yield record;
      }
      const left = notClasses(files.filter(isImage), 'the format "classes" takes them');
      if (!labelled && !listed && left !== undefined) notes.add(left, path);
      notes.flush();
    },
  };
}

/**
 * A folder of class folders (`cat/1.jpg`, `dog/2.jpg`, or `train/cat/1.jpg`): the first folder below the root is the class (`classFolders`). Texts
 * beside an image are its captions. Images in no class folder that nothing is said about are left out.
 */
export function classFolder(path: string, o: Pick<FolderOptions, 'captions'> = {}): ImageSet {
  return {
    format: 'classes',
    path,
    async *records({ signal, onNote } = {}) {
      const notes = noteTally(onNote);
      const files = await filesUnder(path, { signal });
      const images = files.filter(isImage);
      const present = new Set(files);
      const classes = classFolders(images);
      for (const id of images) {
        throwIfAborted(signal, path);
        // one class for all teaches nothing, but whoever asks for classes gets the folders that there are
        const found = classes.of(id) ?? (classes.names.length < 2 ? firstFolder(id) : undefined);
        const record = await fileRecord(path, id, present, notes, { ...o, ...(found ? { inClass: found } : {}) });
        const nothing = record.label === undefined && record.captions.length === 0;
        yield nothing && record.file !== undefined ? withoutClass(record) : record;
      }
      notes.flush();
    },
  };
}

type InClass = { readonly label: string; readonly rest: readonly string[] };

function firstFolder(id: string): InClass | undefined {
  const [label, ...rest] = folderOf(id).split('/');
  return label ? { label, rest } : undefined;
}

function withoutClass({ file: _, ...record }: ImageRecord): ImageRecord {
  const why = new BowError('data', 'it lies in no class folder and nothing is said about it', { place: record.place });
  return { ...record, read: () => Promise.reject(why) };
}

async function fileRecord(
  folder: string,
  id: string,
  present: ReadonlySet<string>,
  notes: NoteTally,
  o: FolderOptions & { readonly named?: Named | undefined; readonly inClass?: InClass },
): Promise<ImageRecord> {
  const file = join(folder, id);
  const { named, inClass } = o;
  const beside = await textsBeside(folder, id, present, notes, o).catch((e: unknown) => e as Error);
  if (beside instanceof Error) return { id, place: file, captions: [], fields: {}, read: () => Promise.reject(beside) }; // no `file`: it must not come from a cache
  const captions = [...new Set([...(named?.texts.captions ?? []), ...beside.captions])];
  const label = named?.texts.label ?? beside.label ?? inClass?.label;
  const folders = inClass && {
    label: inClass.label,
    ...(inClass.rest.length > 0 ? { folder: inClass.rest.join('/') } : {}),
  };
  const fields = { ...folders, ...beside.fields, ...named?.texts.fields };
  return {
    id,
    place: file,
    file,
    captions,
    fields,
    ...(label === undefined ? {} : { label }),
    read: () => bytesOf(file),
  };
}

/** The files beside an image that may say something about it: `a.txt`, `a.caption`, `a.json`, `a.cls`, or as cameras write, `A.TXT`. */
export function textNames(stem: string): string[] {
  return ['txt', 'caption', 'json', 'cls'].flatMap((e) => [`${stem}.${e.toUpperCase()}`, `${stem}.${e}`]);
}

/** What the files beside an image say. */
async function textsBeside(
  folder: string,
  id: string,
  present: ReadonlySet<string>,
  notes: NoteTally,
  o: FolderOptions,
): Promise<ImageTexts> {
  const stem = stemOf(id);
  const parts: Record<string, Uint8Array> = {};
  for (const name of textNames(stem)) {
    if (!present.has(name)) continue;
    const extension = name.slice(stem.length + 1).toLowerCase();
    const place = join(folder, name);
    const bytes = await bytesOf(place);
    if (bytes.length === 0 && extension !== 'json') notes.add('an empty text beside an image', place);
    else if (extension === 'txt' && looksLikeBoxes(textOf(bytes, place)))
      notes.add('numbers of boxes, as YOLO writes them, and no caption', place);
    else parts[extension] = bytes;
  }
  return textsOfParts(parts, join(folder, stem), o);
}

/** A record for a row whose file is not there, or not allowed: it is named when someone wants the image. */
function missing(folder: string, id: string, named: Named): ImageRecord {
  const read = async (): Promise<Uint8Array> => {
    pathInside(folder, id, named.place);
    throw new BowError('data', `${JSON.stringify(id)} is listed here but is not in the folder`, { place: named.place });
  };
  return { id, place: named.place, ...named.texts, read };
}

/** What the metadata files say, by the image's path relative to the folder. */
async function readMetadata(
  folder: string,
  files: readonly string[],
  notes: NoteTally,
  captions?: string,
): Promise<Map<string, Named>> {
  const named = new Map<string, Named>();
  for (const file of files) {
    const place = join(folder, file);
    const rows = await metadataRows(place, captions);
    if (rows.length === 0) notes.add('a table without rows: it says nothing about any image', place);
    const key = fileColumn(rows, place);
    for (const { place: at, values } of rows) {
      const { [key]: name, ...rest } = values;
      if (typeof name !== 'string' || name === '') throw new BowError('data', `a row without ${key}`, { place: at });
      const id = idOf(folder, file, name);
      const texts = textsOfRow(rest, { captions });
      const before = named.get(id);
      named.set(id, before ? { place: before.place, texts: joined(before.texts, texts) } : { place: at, texts });
    }
  }
  return named;
}

/** The path of an image relative to the folder, from how its row names it; what lies outside keeps its name. */
function idOf(folder: string, metadata: string, name: string): string {
  if (!isAbsolute(name)) return posix.join(folderOf(metadata), name.replaceAll('\\', '/'));
  const path = relative(resolve(folder), name).replaceAll(sep, '/');
  return path.startsWith('..') ? name : path;
}

/** Folders of some ids that lie inside the set's. */
function foldersOf(ids: Iterable<string>): Set<string> {
  return new Set([...ids].filter((id) => !id.startsWith('..') && !isAbsolute(id)).map(folderOf));
}

/** Rows by the names that their files really have. */
function asSpelled(named: ReadonlyMap<string, Named>, files: readonly string[]): Map<string, Named> {
  const find = spellings(files);
  const out = new Map<string, Named>();
  for (const [id, said] of named) {
    const spelled = find(id) ?? id;
    const before = out.get(spelled);
    out.set(spelled, before ? { place: before.place, texts: joined(before.texts, said.texts) } : said);
  }
  return out;
}

function joined(a: ImageTexts, b: ImageTexts): ImageTexts {
  return { ...b, ...a, captions: [...new Set([...a.captions, ...b.captions])], fields: { ...b.fields, ...a.fields } };
}
