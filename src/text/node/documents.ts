/** Documents from what people have: a folder of texts, JSONL, CSV or TSV, plain lines, standard input, each plain or gzip. */
import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { BowError, parseJson } from '../../base/index.ts';
import { fileError } from '../../base/node/index.ts';
import { parseCsv } from './csv.ts';
import { chunks, lines } from './lines.ts';

/** One document of a collection. `text` may be bytes, which the vectorisers read without making a string. */
export type SourceDocument = { readonly id: string; readonly text: string | Uint8Array; readonly label?: string };

/** How to read an input. */
export type DocumentOptions = {
  /** Default: from the name (.jsonl, .csv, .tsv), a folder is read file by file, everything else line by line. */
  readonly format?: 'folder' | 'jsonl' | 'csv' | 'tsv' | 'lines';
  /** Field or column of the text. Default 'text'. */
  readonly field?: string;
  /** Field or column of the id. Default 'id' where there is one, else the number of the record from 1. */
  readonly idField?: string;
  /** Field or column of the label, for classifiers. */
  readonly labelField?: string;
  readonly signal?: AbortSignal | undefined;
};

/** What an input will be read as. Error `data` when there is no such file. */
export async function inputFormat(
  path: string,
  o: DocumentOptions = {},
): Promise<NonNullable<DocumentOptions['format']>> {
  if (o.format) return o.format;
  if (path === '-') return 'lines';
  try {
    if ((await stat(path)).isDirectory()) return 'folder';
  } catch (e) {
    throw fileError(e, path);
  }
  const ending = /\.(jsonl|ndjson|csv|tsv)(\.gz)?$/i.exec(path)?.[1]?.toLowerCase();
  return ending === undefined ? 'lines' : ending === 'ndjson' ? 'jsonl' : (ending as 'jsonl' | 'csv' | 'tsv');
}

/** Streams the documents of an input. Errors `data` with file and record for what cannot be read. */
export async function* readDocuments(path: string, o: DocumentOptions = {}): AsyncGenerator<SourceDocument> {
  const format = await inputFormat(path, o);
  if (format === 'folder') yield* readFolder(path, o);
  else if (format === 'jsonl') yield* readJsonl(path, o);
  else if (format === 'lines') yield* readLines(path, o);
  else yield* readTable(path, format === 'tsv' ? '\t' : ',', o);
}

async function* readFolder(folder: string, o: DocumentOptions): AsyncGenerator<SourceDocument> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((f) => f.isFile() && !f.name.startsWith('.'))
    .map((f) => join(f.parentPath, f.name))
    .sort();
  if (files.length === 0) throw new BowError('data', 'the folder holds no files', { place: folder });
  for (const file of files) {
    const parts: Buffer[] = [];
    for await (const c of chunks(file, o)) parts.push(c);
    const id = relative(folder, file);
    // the folder of a file is its class, as in the usual layout of text collections
    yield { id, text: Buffer.concat(parts), ...(o.labelField !== undefined ? { label: id.split(/[\\/]/)[0]! } : {}) };
  }
}

async function* readLines(path: string, o: DocumentOptions): AsyncGenerator<SourceDocument> {
  let n = 0;
  for await (const line of lines(path, o)) yield { id: String(++n), text: line };
}

async function* readJsonl(path: string, o: DocumentOptions): AsyncGenerator<SourceDocument> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let n = 0;
  for await (const line of lines(path, o)) {
    n++;
    if (line.length === 0) continue;
    let text: string;
    try {
      text = decoder.decode(line);
    } catch (e) {
      throw new BowError('data', 'not UTF-8 text', { place: `${path}:${n}`, cause: e });
    }
    yield pick(parseJson(text, path, { line: n }) as Record<string, unknown>, n, path, o);
  }
}

async function* readTable(path: string, separator: string, o: DocumentOptions): AsyncGenerator<SourceDocument> {
  let header: readonly string[] | undefined;
  let n = 0;
  for await (const row of parseCsv(chunks(path, o), separator, path)) {
    if (!header) {
      header = row;
      continue;
    }
    n++;
    const h = header;
    if (row.length !== h.length) {
      throw new BowError('data', `a row of ${row.length} fields under a header of ${h.length}`, {
        place: `${path}, record ${n}`,
      });
    }
    yield pick(Object.fromEntries(row.map((v, i) => [h[i]!, v])), n, path, o);
  }
}

/** The document in a record. */
function pick(record: Record<string, unknown>, n: number, path: string, o: DocumentOptions): SourceDocument {
  const field = o.field ?? 'text';
  const text = typeof record === 'object' && record !== null ? record[field] : undefined;
  if (typeof text !== 'string') {
    throw new BowError('data', `record ${n} has no text in the field "${field}"`, {
      place: path,
      detail: { fields: typeof record === 'object' && record !== null ? Object.keys(record).slice(0, 20) : [] },
      hint: 'name the field with --field',
    });
  }
  const id = record[o.idField ?? 'id'];
  if (id === undefined && o.idField)
    throw new BowError('data', `record ${n} has no field "${o.idField}"`, { place: path });
  const label = o.labelField === undefined ? undefined : record[o.labelField];
  if (o.labelField !== undefined && label === undefined) {
    throw new BowError('data', `record ${n} has no label in the field "${o.labelField}"`, {
      place: path,
      hint: 'name the field with --label-field',
    });
  }
  return {
    id: id === undefined ? String(n) : String(id),
    text,
    ...(label === undefined ? {} : { label: String(label) }),
  };
}
