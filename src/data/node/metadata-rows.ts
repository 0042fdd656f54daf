/** Tables that tell about the images of a folder: `metadata.jsonl`, `.csv` and `.parquet`, and lists under other names. */
import { BowError, isRecord, parseJson, unknownName } from '../../base/index.ts';
import { parseCsv, textOf } from '../../text/index.ts';
import { bytesOf } from './image-files.ts';
import { asText, isParquet, parquetRows } from './parquet.ts';

export type MetadataRow = { readonly place: string; readonly values: Readonly<Record<string, unknown>> };

/** Columns that name the image's file. */
export const fileKeys: readonly string[] = [
  'file_name',
  'filename',
  'file',
  'image',
  'image_name',
  'image_path',
  'filepath',
  'path',
];

/** True for files that tell about the images of their folder and of those inside. */
export const isMetadata = (path: string): boolean => /(^|\/)metadata\.(jsonl|csv|parquet)$/i.test(path);

/** The rows of a table, each with its line or number. Error `data` for what cannot be read, or has no column `captions` where one is wished. */
export async function metadataRows(file: string, captions?: string): Promise<MetadataRow[]> {
  const rows = isParquet(file)
    ? (await parquetRows(file)).map((row, i) => ({ place: `${file}:${i}`, values: asText(row) }))
    : textRows(textOf(await bytesOf(file), file), file);
  if (captions !== undefined && rows.length > 0 && !rows.some((r) => captions in r.values))
    throw new BowError('data', unknownName('column', captions, Object.keys(rows[0]!.values)), { place: file });
  return rows;
}

function textRows(text: string, file: string): MetadataRow[] {
  if (/\.csv$/i.test(file))
    return parseCsv(text, file).map(({ line, values }) => ({ place: `${file}:${line}`, values }));
  return text.split(/\r\n?|\n/).flatMap((line, i) => {
    if (line.trim() === '') return [];
    const values = parseJson(line, file, { line: i + 1 });
    if (!isRecord(values))
      throw new BowError('data', 'a line that is not a JSON object', { place: `${file}:${i + 1}` });
    return [{ place: `${file}:${i + 1}`, values }];
  });
}

/** The column that names the files. */
export function fileColumn(rows: readonly MetadataRow[], place: string): string {
  const columns = Object.keys(rows[0]?.values ?? {});
  const key = fileKeys.find((k) => columns.includes(k)) ?? columns.find((k) => k.endsWith('_file_name'));
  if (key !== undefined || rows.length === 0) return key ?? '';
  throw new BowError('data', 'no column names the images', { place, detail: { columns }, hint: 'call it file_name' });
}
