/**
 * Folders of images: with `metadata.jsonl` or `metadata.csv` (the `imagefolder` layout of Hugging Face datasets: a column `file_name`, relative to
 * the metadata file), with texts beside the images (`a.jpg`, `a.txt`), with both, with neither, or with one folder per class.
 */
import { isAbsolute, join, posix, relative, resolve, sep } from 'node:path';
import { BowError, isRecord, parseJson, throwIfAborted, unknownName } from '../../base/index.ts';
import { filesUnder } from '../../base/node/index.ts';
import { parseCsv, textOf } from '../../text/index.ts';
import { type ImageTexts, textsOfParts, textsOfRow } from '../image-texts.ts';
import type { ImageRecord, ImageSet } from '../images.ts';
import { bytesOf, filesIn, folderOf, isImage, pathInside, stemOf } from './image-files.ts';

type Row = { readonly place: string; readonly values: Readonly<Record<string, unknown>> };
type Named = { readonly place: string; readonly texts: ImageTexts };

/** Columns that name the image's file. */
const fileKeys = ['file_name', 'filename', 'file', 'image', 'image_path', 'filepath', 'path'];
/** Files that tell about the images of their folder. */
export const isMetadata = (path: string): boolean => /(^|\/)metadata\.(jsonl|csv)$/i.test(path);

export type FolderOptions = {
  /** Column of the captions, unless it has one of the usual names. */
  readonly captions?: string | undefined;
  /** This metadata file (`.jsonl`, `.csv`) in the folder is the set: the images that it names, and no others. */
  readonly metadata?: string;
};

/** A folder of images as a set. Rows for one file are taken together: their captions are all captions of that image. */
export function imageFolder(path: string, o: FolderOptions = {}): ImageSet {
  return {
    format: 'folder',
    path: o.metadata === undefined ? path : join(path, o.metadata),
    async *records({ signal } = {}) {
      const listed = o.metadata === undefined ? undefined : await readMetadata(path, [o.metadata], o.captions);
      const files = listed ? await filesIn(path, foldersOf(listed.keys())) : await filesUnder(path, { signal });
      const said = listed ?? (await readMetadata(path, files.filter(isMetadata), o.captions));
      const named = asSpelled(said, files);
      const present = new Set(files);
      const all = new Set([...(listed ? [] : files.filter(isImage)), ...named.keys()]);
      for (const id of [...all].sort((a, b) => (a < b ? -1 : 1))) {
        throwIfAborted(signal, path);
        yield present.has(id)
          ? await fileRecord(path, id, present, named.get(id), o)
          : missing(path, id, named.get(id)!);
      }
    },
  };
}

/** A folder of class folders (`cat/1.jpg`, `dog/2.jpg`, or `train/cat/1.jpg`): the innermost folder is the class. */
export function classFolder(path: string): ImageSet {
  return {
    format: 'classes',
    path,
    async *records({ signal } = {}) {
      for (const id of (await filesUnder(path, { signal })).filter(isImage)) {
        throwIfAborted(signal, path);
        const folders = folderOf(id).split('/');
        const label = folders.pop() ?? '';
        const fields = folders.length > 0 ? { label, folder: folders.join('/') } : { label };
        const file = join(path, id);
        yield { id, place: file, file, captions: [], label, fields, read: () => bytesOf(file) };
      }
    },
  };
}

async function fileRecord(
  folder: string,
  id: string,
  present: ReadonlySet<string>,
  named: Named | undefined,
  o: FolderOptions,
): Promise<ImageRecord> {
  const file = join(folder, id);
  const beside = await textsBeside(folder, id, present, o).catch((e: unknown) => e as Error);
  if (beside instanceof Error) return { id, place: file, captions: [], fields: {}, read: () => Promise.reject(beside) }; // no `file`: it must not come from a cache
  const captions = [...new Set([...(named?.texts.captions ?? []), ...beside.captions])];
  const label = named?.texts.label ?? beside.label;
  const fields = { ...beside.fields, ...named?.texts.fields };
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

/** The files beside an image that may say something about it: `a.txt`, `a.json`, `a.cls`, or as cameras write, `A.TXT`. */
export function textNames(stem: string): string[] {
  return ['TXT', 'txt', 'JSON', 'json', 'CLS', 'cls'].map((extension) => `${stem}.${extension}`);
}

/** What the files `a.txt`, `a.json` and `a.cls` beside `a.jpg` say. */
async function textsBeside(
  folder: string,
  id: string,
  present: ReadonlySet<string>,
  o: FolderOptions,
): Promise<ImageTexts> {
  const stem = stemOf(id);
  const parts: Record<string, Uint8Array> = {};
  for (const name of textNames(stem))
    if (present.has(name)) parts[name.slice(stem.length + 1).toLowerCase()] = await bytesOf(join(folder, name));
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
async function readMetadata(folder: string, files: readonly string[], captions?: string): Promise<Map<string, Named>> {
  const named = new Map<string, Named>();
  for (const file of files) {
    const place = join(folder, file);
    const rows = parseRows(textOf(await bytesOf(place), place), place);
    if (captions !== undefined) checkColumn(rows, captions, place);
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

/** Rows by the names that their files really have: macOS takes accents apart (NFD), and most editors write them as one (NFC). */
function asSpelled(named: ReadonlyMap<string, Named>, files: readonly string[]): Map<string, Named> {
  const present = new Set(files);
  const byForm = new Map(files.map((f) => [f.normalize(), f]));
  const out = new Map<string, Named>();
  for (const [id, said] of named) {
    const spelled = present.has(id) ? id : (byForm.get(id.normalize()) ?? id);
    const before = out.get(spelled);
    out.set(spelled, before ? { place: before.place, texts: joined(before.texts, said.texts) } : said);
  }
  return out;
}

function joined(a: ImageTexts, b: ImageTexts): ImageTexts {
  return { ...b, ...a, captions: [...new Set([...a.captions, ...b.captions])], fields: { ...b.fields, ...a.fields } };
}

function parseRows(text: string, place: string): Row[] {
  if (/\.csv$/i.test(place))
    return parseCsv(text, place).map(({ line, values }) => ({ place: `${place}:${line}`, values }));
  return text.split(/\r\n?|\n/).flatMap((line, i) => {
    if (line.trim() === '') return [];
    const at = `${place}:${i + 1}`;
    const values = parseJson(line, place, { line: i + 1 });
    if (!isRecord(values)) throw new BowError('data', 'a line that is not a JSON object', { place: at });
    return [{ place: at, values }];
  });
}

/** The column that names the files. */
function fileColumn(rows: readonly Row[], place: string): string {
  const columns = Object.keys(rows[0]?.values ?? {});
  const key = fileKeys.find((k) => columns.includes(k)) ?? columns.find((k) => k.endsWith('_file_name'));
  if (key !== undefined || rows.length === 0) return key ?? '';
  throw new BowError('data', 'no column names the images', { place, detail: { columns }, hint: 'call it file_name' });
}

function checkColumn(rows: readonly Row[], captions: string, place: string): void {
  if (rows.length === 0 || rows.some((r) => captions in r.values)) return;
  throw new BowError('data', unknownName('column', captions, Object.keys(rows[0]!.values)), { place });
}
