/** Parquet files on disk: the one door through which they are read. */
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { BowError, isBowError } from '../../base/index.ts';
import { fileError } from '../../base/node/index.ts';
import { type CheckedColumn, checkedGroups, checkedPages, checkValues, type Page } from './parquet-checks.ts';
import { openPage } from './parquet-codecs.ts';

export type ParquetRow = Readonly<Record<string, unknown>>;

export type ParquetFile = {
  readonly path: string;
  /** Columns at the top, with those inside them. */
  readonly columns: readonly SchemaTree[];
  /** Key–value metadata of the file. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Rows of each row group. */
  readonly groups: readonly number[];
  /**
   * The rows of a row group, of some columns or all; numbers of 64 bits are bigints, text that is not marked as such is bytes. Error `data` for
   * damaged files, and for such as say more values than their bytes can hold.
   */
  rows(group: number, columns?: readonly string[]): Promise<ParquetRow[]>;
};

/** True for the name of a Parquet file. */
export const isParquet = (name: string): boolean => /\.parquet$/i.test(name);

/** Opens a file; its metadata are read and checked. Error `data`. */
export function openParquet(path: string): Promise<ParquetFile> {
  return typed(path, async () => {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const schema = parquetSchema(metadata);
    const groups = checkedGroups(metadata, schema, file.byteLength);
    const rows = metadata.row_groups.map((g) => Number(g.num_rows));
    const read = async (group: number, columns?: readonly string[]): Promise<ParquetRow[]> => {
      const chunks = groups[group]!;
      // every chunk has a codec of its own, through which its pages are checked when they are open
      const pages = chunks.map((): Map<number, Page> => new Map());
      const compressors = Object.fromEntries(chunks.map((c, i) => [`chunk ${i}`, pageOpener(c, () => pages[i]!)]));
      const own = metadata.row_groups[group]!.columns.map((chunk, i) => ({
        ...chunk,
        meta_data: { ...chunk.meta_data!, codec: `chunk ${i}` as never },
      }));
      return (await parquetReadObjects({
        file: checkedFile(file, chunks, pages),
        metadata: { ...metadata, row_groups: [{ ...metadata.row_groups[group]!, columns: own }] },
        compressors: compressors as never,
        utf8: false,
        ...(columns ? { columns: [...columns] } : {}),
      })) as ParquetRow[];
    };
    return {
      path,
      columns: schema.children,
      metadata: new Map((metadata.key_value_metadata ?? []).map((kv) => [kv.key, kv.value ?? ''])),
      groups: rows,
      rows: (group, columns) => typed(path, () => read(group, columns)),
    };
  });
}

/** All rows of a file. Error `data`. */
export async function parquetRows(path: string): Promise<ParquetRow[]> {
  const file = await openParquet(path);
  const rows: ParquetRow[] = [];
  for (const group of file.groups.keys()) for (const row of await file.rows(group)) rows.push(row);
  return rows;
}

/** Text that a writer has not marked as such comes as bytes; bytes that are no text are left out. */
export function asText(row: ParquetRow): ParquetRow {
  return Object.fromEntries(Object.entries(row).map(([k, v]) => [k, v instanceof Uint8Array ? utf8(v) : v]));
}

const utf8Decoder = new TextDecoder('utf-8', { fatal: true });

function utf8(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return utf8Decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function pageOpener(c: CheckedColumn, pages: () => ReadonlyMap<number, Page>) {
  return (input: Uint8Array, length: number): Uint8Array => {
    const page = pages().get(input.byteOffset);
    if (!page) throw new Error('a page that is not in its chunk');
    const bytes = openPage(c.meta.codec, input, length);
    if (bytes.length === length) checkValues(c, page.header, bytes);
    return bytes;
  };
}

/** The file, with every chunk that is read checked before it is handed on. */
function checkedFile(file: AsyncBuffer, chunks: readonly CheckedColumn[], pages: Map<number, Page>[]): AsyncBuffer {
  return {
    byteLength: file.byteLength,
    async slice(start, end) {
      const buffer = await file.slice(start, end);
      for (const [i, c] of chunks.entries())
        if (c.start >= start && c.end <= start + buffer.byteLength)
          pages[i] = checkedPages(c, new Uint8Array(buffer, c.start - start, c.end - c.start));
      return buffer;
    },
  };
}

async function typed<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (e) {
    if (isBowError(e)) throw e;
    if ((e as { syscall?: string }).syscall) throw fileError(e, path);
    throw new BowError('data', `not a readable parquet file: ${(e as Error).message}`, { place: path, cause: e });
  }
}
