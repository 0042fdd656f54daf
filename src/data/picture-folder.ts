/**
 * Folders of pictures: with `metadata.jsonl` or `metadata.csv` (the `imagefolder` layout of Hugging Face datasets: a column `file_name`, relative to
 * the metadata file), with texts beside the pictures (`a.jpg`, `a.txt`), with both, with neither, or with a folder a class.
 */
import { join, posix } from 'node:path';
import { BowError, throwIfAborted, unknownName } from '../base/index.ts';
import { parseCsv } from './csv.ts';
import { bytesOf, filesUnder, folderOf, isPicture, pathInside, stemOf } from './picture-files.ts';
import { type PictureTexts, textsOfParts, textsOfRow } from './picture-texts.ts';
import type { PictureRecord, PictureSet } from './pictures.ts';
import { jsonOf, textOf } from './text-bytes.ts';

type Row = { readonly place: string; readonly values: Readonly<Record<string, unknown>> };
type Named = { readonly place: string; readonly texts: PictureTexts };

/** Columns that name the picture's file. */
const fileKeys = ['file_name', 'filename', 'file', 'image', 'image_path', 'filepath', 'path'];
const isMetadata = (path: string): boolean => /(^|\/)metadata\.(jsonl|csv)$/.test(path);

export type FolderOptions = {
  /** Column of the captions, unless it has one of the usual names. */
  readonly captions?: string | undefined;
  /** This metadata file (`.jsonl`, `.csv`) in the folder, instead of those called metadata. */
  readonly metadata?: string;
};

/** A folder of pictures as a set. Rows for one file are taken together: their captions are all captions of that picture. */
export function pictureFolder(path: string, o: FolderOptions = {}): PictureSet {
  return {
    format: 'folder',
    path,
    async *records({ signal } = {}) {
      const files = await filesUnder(path, { signal });
      const metadata = o.metadata === undefined ? files.filter(isMetadata) : [o.metadata];
      const named = await readMetadata(path, metadata, o.captions);
      const present = new Set(files);
      const all = new Set([...files.filter(isPicture), ...named.keys()]);
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
export function classFolder(path: string): PictureSet {
  return {
    format: 'classes',
    path,
    async *records({ signal } = {}) {
      for (const id of (await filesUnder(path, { signal })).filter(isPicture)) {
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
): Promise<PictureRecord> {
  const file = join(folder, id);
  const beside = await textsBeside(folder, id, present, o).catch((e: unknown) => e as Error);
  if (beside instanceof Error)
    return { id, place: file, file, captions: [], fields: {}, read: () => Promise.reject(beside) };
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

/** What the files `a.txt`, `a.json` and `a.cls` beside `a.jpg` say. */
async function textsBeside(
  folder: string,
  id: string,
  present: ReadonlySet<string>,
  o: FolderOptions,
): Promise<PictureTexts> {
  const stem = stemOf(id);
  const parts: Record<string, Uint8Array> = {};
  for (const extension of ['txt', 'json', 'cls'])
    if (present.has(`${stem}.${extension}`)) parts[extension] = await bytesOf(join(folder, `${stem}.${extension}`));
  return textsOfParts(parts, join(folder, stem), o);
}

/** A record for a row whose file is not there, or not allowed: it is named when someone wants the picture. */
function missing(folder: string, id: string, named: Named): PictureRecord {
  const read = async (): Promise<Uint8Array> => {
    pathInside(folder, id, named.place);
    throw new BowError('data', `${JSON.stringify(id)} is named here and not in the folder`, { place: named.place });
  };
  return { id, place: named.place, ...named.texts, read };
}

/** What the metadata files say, by the picture's path relative to the folder. */
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
      const id = posix.join(folderOf(file), name.replaceAll('\\', '/'));
      const texts = textsOfRow(rest, { captions });
      const before = named.get(id);
      named.set(id, before ? { place: before.place, texts: joined(before.texts, texts) } : { place: at, texts });
    }
  }
  return named;
}

function joined(a: PictureTexts, b: PictureTexts): PictureTexts {
  return { ...b, ...a, captions: [...new Set([...a.captions, ...b.captions])], fields: { ...b.fields, ...a.fields } };
}

function parseRows(text: string, place: string): Row[] {
  if (place.endsWith('.csv'))
    return parseCsv(text, place).map(({ line, values }) => ({ place: `${place}:${line}`, values }));
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const at = `${place}:${i + 1}`;
    const values = jsonOf(line, at);
    if (typeof values !== 'object' || values === null || Array.isArray(values))
      throw new BowError('data', 'a line that is no JSON object', { place: at });
    return [{ place: at, values: values as Record<string, unknown> }];
  });
}

/** The column that names the files. */
function fileColumn(rows: readonly Row[], place: string): string {
  const columns = Object.keys(rows[0]?.values ?? {});
  const key = fileKeys.find((k) => columns.includes(k)) ?? columns.find((k) => k.endsWith('_file_name'));
  if (key !== undefined || rows.length === 0) return key ?? '';
  throw new BowError('data', 'no column names the pictures', { place, detail: { columns }, hint: 'call it file_name' });
}

function checkColumn(rows: readonly Row[], captions: string, place: string): void {
  if (rows.length === 0 || rows.some((r) => captions in r.values)) return;
  throw new BowError('data', unknownName('column', captions, Object.keys(rows[0]!.values)), { place });
}
