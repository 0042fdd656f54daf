/**
 * Parquet files as Hugging Face publishes data sets: a column `image` of struct { bytes, path }, or of plain bytes. Names of numbered
 * classes come from the Hugging Face features in the file's metadata (key `huggingface`).
 */
import { basename, dirname, join, relative, sep } from 'node:path';
import type { SchemaTree } from 'hyparquet';
import { BowError, throwIfAborted } from '../../base/index.ts';
import { filesUnder, isFile } from '../../base/node/index.ts';
import { textsOfRow } from '../image-texts.ts';
import type { ImageRecord, ImageSet } from '../images.ts';
import { bytesOf, pathInside } from './image-files.ts';
import { fileKeys } from './metadata-rows.ts';
import { noteTally } from './notes.ts';
import { asText, isParquet, openParquet, type ParquetFile, type ParquetRow } from './parquet.ts';

type Table = {
  readonly file: ParquetFile;
  /** Column of the images, further ones of images, and the ones that say something about them. */
  readonly image: string;
  readonly others: readonly string[];
  readonly texts: readonly string[];
  readonly names: Readonly<Record<string, readonly string[]>>;
};

/** Columns that may identify a row. */
const idKeys = ['id', 'image_id', '__key__', 'key', 'file_name', 'filename'];
const byteColumns = ['image', 'img', 'picture', 'photo', 'jpg', 'png', 'bytes', 'image_bytes'];

/**
 * A parquet file, or a folder of them, as a set. Only the texts are read until somebody asks for an image; then the images of its row group are,
 * so memory is that of one row group. Ids: a column for them, else file (with its folders where several have one name) and row; an id that comes again is distinguished by its row.
 */
export function parquetImages(path: string, o: { captions?: string | undefined } = {}): ImageSet {
  return {
    format: 'parquet',
    path,
    async *records({ signal, onNote } = {}) {
      const seen = new Set<string>();
      const notes = noteTally(onNote);
      const files = await imageTables(path);
      const named = files.map((f) => basename(f.path));
      for (const file of files) {
        const table = tableOf(file);
        const within = relative(path, file.path).replaceAll(sep, '/') || basename(path);
        const own = basename(file.path);
        const name = named.indexOf(own) === named.lastIndexOf(own) ? own : within; // de/train-0.parquet, fr/train-0.parquet
        if (table.others.length > 0)
          notes.add(
            `further columns of images, of which ${table.image} is read: ${table.others.join(', ')}`,
            file.path,
          );
        for await (const { row, at, bytes } of rowsOf(table, signal)) {
          const wished = idOf(row);
          const id = wished === undefined || seen.has(wished) ? `${name}:${at}` : wished;
          seen.add(id);
          const place = `${file.path}:${at}`;
          const split = /(?:^|\/)(train|test|validation|val|dev)(?=[-_./])/.exec(within)?.[1];
          const texts = textsOfRow(split === undefined ? row : { split, ...row }, { ...o, names: table.names });
          yield { id, place, ...texts, read: () => imageBytes(bytes, dirname(file.path), place) } satisfies ImageRecord;
        }
      }
      notes.flush();
    },
  };
}

/** The file at a path; in a folder those that hold images, at any depth, in the order of their names. */
async function imageTables(path: string): Promise<ParquetFile[]> {
  if (await isFile(path)) return [await openParquet(path)];
  const files: ParquetFile[] = [];
  for (const name of (await filesUnder(path)).filter(isParquet)) files.push(await openParquet(join(path, name)));
  const holding = files.filter((f) => imageColumn(f) !== undefined);
  return holding.length > 0 ? holding : files;
}

/** What a table is in a set: it holds images, it lists files of images, or neither. Error `data` for a damaged file. */
export async function parquetContent(path: string): Promise<'images' | 'list' | 'other'> {
  const file = await openParquet(path);
  if (imageColumn(file) !== undefined) return 'images';
  const names = file.columns.map((c) => c.element.name);
  return names.some((n) => fileKeys.includes(n) || n.endsWith('_file_name')) ? 'list' : 'other';
}

function imageColumn(file: ParquetFile): string | undefined {
  return file.columns.find(holdsImages)?.element.name;
}

function holdsImages({ element: e, children }: SchemaTree): boolean {
  if (children.some((c) => c.element.name === 'bytes')) return true;
  const isText = e.converted_type === 'UTF8' || e.logical_type?.type === 'STRING';
  return e.type === 'BYTE_ARRAY' && byteColumns.includes(e.name) && !isText;
}

function tableOf(file: ParquetFile): Table {
  const names = file.columns.map((c) => c.element.name);
  const image = imageColumn(file);
  if (image === undefined)
    throw new BowError('data', 'no column holds images', {
      place: file.path,
      detail: { columns: names },
      hint: 'a column image of struct { bytes, path }, or a column file_name with the paths of images',
    });
  const texts = file.columns.filter((c) => !holdsImages(c)).map((c) => c.element.name);
  const others = names.filter((n) => n !== image && !texts.includes(n));
  return { file, image, others, texts, names: classNames(file.metadata.get('huggingface')) };
}

type Entry = { readonly row: ParquetRow; readonly at: number; readonly bytes: () => Promise<unknown> };

/** Rows with their texts, row group by row group; `bytes` reads the images of the group once for all its rows. */
async function* rowsOf({ file, image, texts }: Table, signal: AbortSignal | undefined): AsyncGenerator<Entry> {
  let start = 0;
  for (const [group, count] of file.groups.entries()) {
    throwIfAborted(signal, file.path);
    const rows = texts.length > 0 ? await file.rows(group, texts) : Array.from({ length: count }, () => ({}));
    let images: Promise<ParquetRow[]> | undefined;
    for (const [i, row] of rows.entries()) {
      const bytes = async (): Promise<unknown> => {
        images ??= file.rows(group, [image]);
        return (await images)[i]?.[image];
      };
      yield { row: asText(row), at: start + i, bytes };
    }
    start += count;
  }
}

/** The bytes of a cell: its own, or of the file it names. */
async function imageBytes(cell: () => Promise<unknown>, folder: string, place: string): Promise<Uint8Array> {
  const value = await cell();
  if (value instanceof Uint8Array) return value;
  const { bytes, path } = (value ?? {}) as { bytes?: unknown; path?: unknown };
  if (bytes instanceof Uint8Array) return bytes;
  if (typeof path === 'string' && path !== '') return bytesOf(pathInside(folder, path, place));
  throw new BowError('data', 'a row without an image', { place });
}

function idOf(row: ParquetRow): string | undefined {
  const value = idKeys.map((k) => row[k]).find((v) => ['string', 'number', 'bigint'].includes(typeof v) && v !== '');
  return value === undefined ? undefined : String(value);
}

/** `names` of the ClassLabel features, and of lists of them. A file without or with unreadable features has none. */
function classNames(text: string | undefined): Record<string, readonly string[]> {
  if (text === undefined) return {};
  try {
    const { info } = JSON.parse(text) as { info?: { features?: Record<string, unknown> } };
    // a list of classes is { feature } (Sequence, List), or in older files a list of one
    const one = (f: unknown): { names?: unknown; feature?: unknown } => (Array.isArray(f) ? f[0] : f) ?? {};
    return Object.fromEntries(
      Object.entries(info?.features ?? {}).flatMap(([key, f]) => {
        const { names } = one(one(f).feature ?? f);
        return Array.isArray(names) ? [[key, names.map(String)]] : [];
      }),
    );
  } catch {
    return {};
  }
}
