/**
 * Parquet files with images inside, as the hub keeps data sets: a column `image` of struct { bytes, path }, or of plain bytes. Names of numbered
 * classes come from the Hugging Face features in the file's metadata (key `huggingface`).
 */
import { basename, dirname, join } from 'node:path';
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { BowError, isBowError, throwIfAborted } from '../../base/index.ts';
import { fileError, filesUnder, isFile } from '../../base/node/index.ts';
import { textsOfRow } from '../image-texts.ts';
import type { ImageRecord, ImageSet } from '../images.ts';
import { bytesOf, pathInside } from './image-files.ts';

type Row = Readonly<Record<string, unknown>>;
type Table = {
  readonly path: string;
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  /** Column of the images, and the ones that say something about them. */
  readonly image: string;
  readonly texts: readonly string[];
  readonly names: Readonly<Record<string, readonly string[]>>;
};

/** hyparquet-compressors 1.1.2 refuses LZ4 blocks of nothing, which a column of nulls has for its dictionary. */
const codecs: typeof compressors = Object.fromEntries(
  Object.entries(compressors).map(([name, open]) => [
    name,
    (input: Uint8Array, length: number) => (length === 0 ? new Uint8Array(0) : open(input, length)),
  ]),
);

/** Columns that may identify a row. */
const idKeys = ['id', 'image_id', '__key__', 'key', 'file_name', 'filename'];
const byteColumns = ['image', 'img', 'picture', 'photo', 'jpg', 'png', 'bytes', 'image_bytes'];

/**
 * A parquet file, or a folder of them, as a set. Only the texts are read until somebody asks for an image; then the images of its row group are,
 * so memory is that of one row group. Ids: a column for them, else file and row; an id that comes again is distinguished by its row.
 */
export function parquetImages(path: string, o: { captions?: string | undefined } = {}): ImageSet {
  return {
    format: 'parquet',
    path,
    async *records({ signal } = {}) {
      const seen = new Set<string>();
      for (const file of await parquetFiles(path)) {
        const table = await openTable(file);
        for await (const { row, at, bytes } of rowsOf(table, signal)) {
          const wished = idOf(row);
          const id = wished === undefined || seen.has(wished) ? `${basename(file)}:${at}` : wished;
          seen.add(id);
          const place = `${file}:${at}`;
          const split = /^(train|test|validation|val|dev)(?=[-_.])/.exec(basename(file))?.[0];
          const texts = textsOfRow(split === undefined ? row : { split, ...row }, { ...o, names: table.names });
          yield { id, place, ...texts, read: () => imageBytes(bytes, dirname(file), place) } satisfies ImageRecord;
        }
      }
    },
  };
}

/** The parquet files of a path, at any depth, in the order of their names. */
export async function parquetFiles(path: string): Promise<string[]> {
  if (await isFile(path)) return [path];
  return (await filesUnder(path)).filter(isParquet).map((f) => join(path, f));
}

/** True for the name of a parquet file. */
export const isParquet = (name: string): boolean => /\.parquet$/i.test(name);

async function openTable(path: string): Promise<Table> {
  return typed(path, async () => {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const columns = parquetSchema(metadata).children;
    const holdsImages = (c: (typeof columns)[number]): boolean =>
      c.children.some((x) => x.element.name === 'bytes') ||
      (c.element.type === 'BYTE_ARRAY' && byteColumns.includes(c.element.name) && c.element.converted_type !== 'UTF8');
    const names = columns.map((c) => c.element.name);
    const image = columns.find(holdsImages)?.element.name;
    if (image === undefined)
      throw new BowError('data', 'no column holds images', {
        place: path,
        detail: { columns: names },
        hint: 'a column image of struct { bytes, path }',
      });
    const texts = columns.filter((c) => !holdsImages(c)).map((c) => c.element.name);
    return { path, file, metadata, image, texts, names: classNames(metadata) };
  });
}

type Entry = { readonly row: Row; readonly at: number; readonly bytes: () => Promise<unknown> };

/** Rows with their texts, row group by row group; `bytes` reads the images of the group once for all its rows. */
async function* rowsOf(t: Table, signal: AbortSignal | undefined): AsyncGenerator<Entry> {
  let start = 0;
  for (const group of t.metadata.row_groups) {
    throwIfAborted(signal, t.path);
    const [rowStart, rowEnd] = [start, start + Number(group.num_rows)];
    start = rowEnd;
    const read = (columns: readonly string[]): Promise<Row[]> =>
      typed(t.path, () => {
        const { file, metadata } = t;
        const part = { columns: [...columns], rowStart, rowEnd, utf8: false };
        return parquetReadObjects({ file, metadata, compressors: codecs, ...part }) as Promise<Row[]>;
      });
    const rows = t.texts.length > 0 ? await read(t.texts) : Array.from({ length: rowEnd - rowStart }, () => ({}));
    let images: Promise<Row[]> | undefined;
    for (const [i, row] of rows.entries()) {
      const bytes = async (): Promise<unknown> => {
        images ??= read([t.image]);
        return (await images)[i]?.[t.image];
      };
      yield { row: asText(row), at: rowStart + i, bytes };
    }
  }
}

/** Text that a writer has not marked as such comes as bytes. */
function asText(row: Row): Row {
  const text = (v: unknown): unknown => (v instanceof Uint8Array ? new TextDecoder().decode(v) : v);
  return Object.fromEntries(Object.entries(row).map(([k, v]) => [k, text(v)]));
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

function idOf(row: Row): string | undefined {
  const value = idKeys.map((k) => row[k]).find((v) => ['string', 'number', 'bigint'].includes(typeof v) && v !== '');
  return value === undefined ? undefined : String(value);
}

/** `names` of the ClassLabel features. A file without or with unreadable features has none. */
function classNames(metadata: FileMetaData): Record<string, readonly string[]> {
  const text = metadata.key_value_metadata?.find((kv) => kv.key === 'huggingface')?.value;
  if (text === undefined) return {};
  try {
    const { info } = JSON.parse(text) as { info?: { features?: Record<string, { names?: unknown } | null> } };
    const named = Object.entries(info?.features ?? {}).filter(([, f]) => Array.isArray(f?.names));
    return Object.fromEntries(named.map(([k, f]) => [k, (f!.names as unknown[]).map(String)]));
  } catch {
    return {};
  }
}

async function typed<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (e) {
    if (isBowError(e)) throw e;
    if ((e as { code?: string }).code) throw fileError(e, path);
    throw new BowError('data', `not a readable parquet file: ${(e as Error).message}`, {
      place: path,
      cause: e,
    });
  }
}
