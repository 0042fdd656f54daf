/** Documents from what people have: a folder of texts, JSON, CSV or TSV, plain lines, standard input, each plain or gzip. */
import { stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { BowError, isBowError } from '../../base/index.ts';
import { fileError, filesUnder, isFile } from '../../base/node/index.ts';
import { asUtf8, binaryFile, chunks, lines } from './lines.ts';
import { jsonDocuments, tableDocuments } from './records.ts';
import type { DocumentFormat, DocumentOptions, SourceDocument } from './source-document.ts';

const byEnding: Readonly<Record<string, DocumentFormat>> = {
  json: 'json',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  csv: 'csv',
  tsv: 'tsv',
};

const tableEnding = /\.(json|jsonl|ndjson|csv|tsv)(\.gz)?$/i;

/** What an input will be read as. Error `data` when there is no such file. */
export async function inputFormat(path: string, o: DocumentOptions = {}): Promise<DocumentFormat> {
  if (o.format) return o.format;
  if (path === '-') return 'lines';
  try {
    if ((await stat(path)).isDirectory()) return 'folder';
  } catch (e) {
    throw fileError(e, path);
  }
  return byEnding[tableEnding.exec(path)?.[1]?.toLowerCase() ?? ''] ?? 'lines';
}

/**
 * Streams the documents of an input. Errors `data` with file and line (or record) for what cannot be read, and for an input without any document; `usage` for
 * an unknown encoding.
 */
export async function* readDocuments(path: string, o: DocumentOptions = {}): AsyncGenerator<SourceDocument> {
  const format = await inputFormat(path, o);
  if (format === 'folder' || format === 'lines') refuseFields(format, path, o);
  let any = false;
  for await (const d of documentsOf(format, path, o)) {
    any = true;
    yield d;
  }
  if (!any) throw new BowError('data', 'it holds no texts', { place: path });
}

/** Neither lines nor files have fields. */
function refuseFields(format: 'folder' | 'lines', path: string, o: DocumentOptions): void {
  const given = (o.field ?? 'text') !== 'text' ? '--field' : o.idField !== undefined ? '--id-field' : undefined;
  const what = format === 'lines' ? 'lines of text' : 'a folder of texts';
  if (given !== undefined)
    throw new BowError('usage', `${given} names a field of JSON or a column of a table; this is read as ${what}`, {
      place: path,
      hint: '--format says what it is: json, csv or tsv',
    });
  if (format === 'lines' && o.labelField !== undefined)
    throw new BowError('data', 'lines of text have no labels', {
      place: path,
      hint: 'give JSON or CSV with a column of labels (--format json, csv or tsv), or a folder for each class',
    });
}

function documentsOf(format: DocumentFormat, path: string, o: DocumentOptions): AsyncGenerator<SourceDocument> {
  if (format === 'folder') return readFolder(path, o);
  if (format === 'json' || format === 'jsonl') return jsonDocuments(path, o);
  if (format === 'lines') return readLines(path, o);
  return tableDocuments(path, format === 'tsv' ? '\t' : undefined, o);
}

/** Every file is a document; what is not text is left out and named. */
async function* readFolder(folder: string, o: DocumentOptions): AsyncGenerator<SourceDocument> {
  const all = await filesUnder(folder, {
    signal: o.signal,
    onNote: ({ place, reason }) => o.onNotice?.(`${place}: ${reason}`),
  });
  const lost = new Set<string>(); // bytes of a name that are not UTF-8 come as U+FFFD, under which nothing can be opened
  for (const name of all) if (name.includes('\ufffd') && !(await isFile(join(folder, name)))) lost.add(name);
  leftOut(o, [...lost], 'their names are not UTF-8');
  const files = all.filter((name) => !lost.has(name));
  if (o.labelField !== undefined && files.length > 0 && !files.some((id) => id.includes('/')))
    throw new BowError('data', 'the folder holds no folders of classes', {
      place: folder,
      hint: 'a folder for each class, its texts inside',
    });
  if (files.length === 0) throw new BowError('data', 'the folder holds no files', { place: folder });
  const tables = files.filter((f) => tableEnding.test(f));
  if (tables.length === files.length)
    throw new BowError('data', `the folder holds ${tables.length === 1 ? 'a table' : 'tables'}, not texts`, {
      place: folder,
      detail: { files: tables.slice(0, 8) },
      hint: `name the file: ${join(folder, tables[0]!)}`,
    });
  const binary: string[] = [];
  const unlabelled: string[] = [];
  for (const id of files) {
    // the first folder is the class, as in the usual layout of text collections; a file beside the classes has none
    const label = id.includes('/') ? id.slice(0, id.indexOf('/')) : undefined;
    if (o.labelField !== undefined && label === undefined) {
      unlabelled.push(id);
      continue;
    }
    const text = await textOfFile(join(folder, id), o);
    if (text === undefined) binary.push(id);
    else yield { id, text, ...(o.labelField === undefined || label === undefined ? {} : { label }) };
  }
  leftOut(o, binary, 'not text');
  leftOut(o, unlabelled, 'beside the folders of the classes, so without a label');
}

/** The bytes of a file in UTF-8; undefined where it is not text. */
async function textOfFile(path: string, o: DocumentOptions): Promise<Uint8Array | undefined> {
  const parts: Buffer[] = [];
  try {
    for await (const c of chunks(path, o)) parts.push(c);
  } catch (e) {
    if (isBowError(e) && e.message.startsWith(binaryFile)) return undefined;
    throw e;
  }
  return asUtf8(Buffer.concat(parts), o, () => path);
}

/** Says which files are left out: `3 files left out (not text): a.png, b.png and 1 more`. */
function leftOut(o: DocumentOptions, names: readonly string[], why: string): void {
  if (names.length === 0) return;
  const shown = names.slice(0, 5).join(', ');
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  o.onNotice?.(`${names.length} ${names.length === 1 ? 'file' : 'files'} left out (${why}): ${shown}${more}`);
}

async function* readLines(path: string, o: DocumentOptions): AsyncGenerator<SourceDocument> {
  let n = 0;
  let blank = true;
  for await (const line of lines(path, o)) {
    n++;
    if (blank && o.format === undefined) {
      refuseJson(line, path);
      blank = line.every((b) => b === 32 || b === 9);
    }
    yield { id: String(n), text: asUtf8(line, o, () => `${path}:${n}`) };
  }
}

/** JSON under a name that does not say so would give its keys as words. */
function refuseJson(line: Uint8Array, path: string): void {
  const text = Buffer.from(line).toString().trim();
  const looks = text === '[' || text === '{' || /^\[\s*\{\s*"/.test(text) || isJsonOfTexts(text);
  if (looks)
    throw new BowError('data', 'this looks like JSON and not like lines of text', {
      place: path,
      detail: { ending: path === '-' ? 'standard input' : extname(path) },
      hint: '--format json reads it; --format lines takes the lines as they are',
    });
}

/** An object, or a list of strings. */
function isJsonOfTexts(text: string): boolean {
  if (!/^(?:\{|\[)\s*"/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
