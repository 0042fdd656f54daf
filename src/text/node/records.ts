/** Documents that are records: values of JSON, rows of tables. */
import { BowError, isBowError, isRecord, parseJson, unknownName } from '../../base/index.ts';
import { textDecoder } from '../encodings.ts';
import { type TableReader, type TableRow, tableReader, twoColumns } from '../tables.ts';
import { asUtf8, chunks, lines } from './lines.ts';
import type { DocumentOptions, SourceDocument } from './source-document.ts';

/**
 * Documents of JSON: an array of records or texts, an object that holds such a list, or a record a line. Lines are streamed; the other forms are read whole.
 * Errors `data` with line and column for what is not JSON, with the record for what lacks a text.
 */
export async function* jsonDocuments(path: string, o: DocumentOptions): AsyncGenerator<SourceDocument> {
  const decoder = textDecoder();
  let first: { value: unknown; line: number } | undefined;
  let whole: string[] | undefined; // the lines of a text that is one value
  let streaming = false;
  let n = 0; // lines
  let records = 0;
  let size = 0;
  for await (const line of lines(path, o)) {
    n++;
    const at = n;
    const text = decoder.decode(asUtf8(line, o, () => `${path}:${at}`));
    if (whole) {
      size += text.length + 1;
      if (size > longestValue) throw tooLong(path);
      whole.push(text);
    } else if (text.trim() === '') continue;
    else if (streaming) yield fromRecord(parseJson(text, path, { line: n }), `${path}:${n}`, ++records, o);
    else if (first) {
      streaming = true;
      yield fromRecord(first.value, `${path}:${first.line}`, ++records, o);
      yield fromRecord(parseJson(text, path, { line: n }), `${path}:${n}`, ++records, o);
    } else {
      const value = /^\s*\[/.test(text) ? undefined : wholeValue(text);
      if (value === undefined) {
        whole = [...Array<string>(n - 1).fill(''), text];
        size = n + text.length;
      } else first = { value, line: n };
    }
  }
  if (whole) yield* fromValue(parseJson(whole.join('\n'), path), path, o);
  else if (first && !streaming) yield* fromValue(first.value, path, o);
}

/** Characters of the longest string. */
const longestValue = 2 ** 29 - 24;

function tooLong(path: string): BowError {
  return new BowError('data', 'JSON of one value is too long for one string', {
    place: path,
    hint: 'write it as JSONL, a record a line (jq -c ".[]"): that is read line by line',
  });
}

/** The value of a text that is JSON by itself. */
function wholeValue(text: string): unknown {
  try {
    return parseJson(text, '');
  } catch (e) {
    if (isBowError(e)) return undefined;
    throw e;
  }
}

/** Names that lists of records usually have, in the order in which they are looked for. */
const listNames = ['data', 'rows', 'records', 'documents', 'items', 'examples', 'texts'];

/** The documents of one value: a list, an object that holds one, or a single record. */
function* fromValue(value: unknown, path: string, o: DocumentOptions): Generator<SourceDocument> {
  const list = listIn(value, path, o);
  for (const [i, record] of list.entries()) yield fromRecord(record, `${path}, record ${i + 1}`, i + 1, o);
}

function listIn(value: unknown, path: string, o: DocumentOptions): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (!isRecord(value) || typeof value[o.field ?? 'text'] === 'string') return [value];
  const lists = Object.keys(value).filter((key) => isList(value[key], key));
  const named = listNames.find((name) => Array.isArray(value[name]));
  // an answer without records, whose other lists are something else
  if (
    named !== undefined &&
    (value[named] as unknown[]).length === 0 &&
    !lists.some((name) => listNames.includes(name))
  )
    return [];
  if (lists.length === 0) return [value];
  const key = lists.length === 1 ? lists[0] : listNames.find((name) => lists.includes(name));
  if (key === undefined)
    throw new BowError('data', 'a JSON object with several lists of records', {
      place: path,
      detail: { lists: lists.slice(0, 20) },
      hint: 'give the one that is meant: jq .name file.json',
    });
  const others = lists.filter((name) => name !== key);
  if (others.length > 0) o.onNotice?.(`records are those of "${key}"; left out: "${others.join('", "')}"`);
  return value[key] as readonly unknown[];
}

const isList = (value: unknown, key: string): boolean =>
  Array.isArray(value) &&
  value.length > 0 &&
  (value.every(isRecord) || (listNames.includes(key) && value.every((v) => typeof v === 'string')));

/** The document in a value of JSON: a record with the field of the text, or the text itself. */
function fromRecord(record: unknown, place: string, n: number, o: DocumentOptions): SourceDocument {
  if (typeof record === 'string' && o.labelField === undefined) return { id: String(n), text: record };
  if (!isRecord(record))
    throw new BowError('data', 'a record that is not a JSON object', {
      place,
      hint: 'records look like {"id": 1, "text": "…"}',
    });
  const field = o.field ?? 'text';
  const text = ownValue(record, field);
  if (typeof text !== 'string') {
    if (text === undefined) throw noField(field, '--field', Object.keys(record), place);
    throw new BowError('data', `the field "${field}" holds ${kindOf(text)} where a text is needed`, {
      place,
      hint: 'name another field with --field',
    });
  }
  const id = o.idField === undefined ? (ownValue(record, 'id') ?? '') : needed(record, o.idField, '--id-field', place);
  const label = o.labelField === undefined ? undefined : needed(record, o.labelField, '--label-field', place);
  return {
    id: id === '' ? String(n) : scalar(id, o.idField ?? 'id', place),
    text,
    ...(label === undefined ? {} : { label: scalar(label, o.labelField!, place) }),
  };
}

/** A field of the record itself: objects inherit some, such as toString. */
const ownValue = (record: Readonly<Record<string, unknown>>, field: string): unknown =>
  Object.hasOwn(record, field) ? record[field] : undefined;

function needed(record: Readonly<Record<string, unknown>>, field: string, flag: string, place: string): unknown {
  const value = ownValue(record, field);
  if (value === undefined) throw noField(field, flag, Object.keys(record), place);
  if (value === '') throw new BowError('data', `the field "${field}" is empty`, { place });
  return value;
}

/** An id or a label as text, whole numbers with the digits that were written. */
function scalar(value: unknown, field: string, place: string): string {
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY)
    throw new BowError('data', `the field "${field}" holds a number above 1.8e308`, {
      place,
      hint: 'write it as text',
    });
  if (['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return String(value);
  throw new BowError('data', `the field "${field}" holds ${kindOf(value)} where a text or a number is needed`, {
    place,
  });
}

const kindOf = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`;

function noField(field: string, flag: string, known: readonly string[], place: string): BowError {
  return new BowError('data', unknownName('field', field, known).replace('unknown field', 'no field'), {
    place,
    detail: { fields: known.slice(0, 20) },
    hint: `name the field with ${flag}`,
  });
}

/** Documents of a table, streamed. `separator`: found where none is given. Errors `data` with the line. */
export async function* tableDocuments(
  path: string,
  separator: string | undefined,
  o: DocumentOptions,
): AsyncGenerator<SourceDocument> {
  const reader = tableReader(path, separator === undefined ? {} : { separator });
  const decoder = textDecoder(o.decodeError === undefined ? {} : { decodeError: o.decodeError });
  let pick: ((row: TableRow, n: number) => SourceDocument) | undefined;
  let n = 0;
  const documents = function* (rows: readonly TableRow[]): Generator<SourceDocument> {
    for (const row of rows) {
      pick ??= picker(reader, path, o);
      yield pick(row, ++n);
    }
  };
  for await (const chunk of chunks(path, o)) yield* documents(reader.push(decoded(decoder, chunk, reader, path, o)));
  yield* documents([...reader.push(decoded(decoder, undefined, reader, path, o)), ...reader.end()]);
  if (reader.columns.length > 0) picker(reader, path, o); // a table of a header alone may still lack the columns
  const { count, first } = reader.short;
  if (count > 0)
    o.onNotice?.(
      `${count} ${count === 1 ? 'row has' : 'rows have'} fewer values than columns, the first in line ${first}`,
    );
  const { blank } = reader;
  if (blank.count > 0)
    o.onNotice?.(
      `${blank.count} ${blank.count === 1 ? 'row' : 'rows'} without any value passed over and not numbered, the first in line ${blank.first}`,
    );
}

function decoded(
  decoder: TextDecoder,
  chunk: Uint8Array | undefined,
  reader: TableReader,
  path: string,
  o: DocumentOptions,
): string {
  try {
    const text = decoder.decode(chunk, { stream: chunk !== undefined });
    return o.decodeError === 'ignore' ? text.replaceAll('\ufffd', '') : text;
  } catch {
    const bytes = chunk ?? new Uint8Array();
    let line = reader.line;
    const good = new TextDecoder().decode(bytes).split('\ufffd', 1)[0]!;
    line += good.split(/\r\n?|\n/).length - 1;
    throw new BowError('data', 'the text is not UTF-8', {
      place: `${path}:${line}`,
      hint: 'name its encoding (--encoding windows-1252), or --decode-error replace; iconv converts files',
    });
  }
}

/** How a row becomes a document. Error `data` for columns that are not there. */
function picker(reader: TableReader, path: string, o: DocumentOptions): (row: TableRow, n: number) => SourceDocument {
  const { columns, separator } = reader;
  const column = (name: string, flag: string): number => {
    const at = columns.indexOf(name);
    if (at !== columns.lastIndexOf(name)) throw twoColumns(name, path);
    if (at >= 0) return at;
    throw new BowError('data', unknownName('column', name, columns).replace('unknown column', 'no column'), {
      place: path,
      detail: {
        columns: columns.filter((c) => c !== '').slice(0, 20),
        separator: separator === '\t' ? 'tab' : separator,
      },
      hint: `name the column with ${flag}`,
    });
  };
  const text = column(o.field ?? 'text', '--field');
  const id =
    o.idField === undefined
      ? columns.includes('id')
        ? column('id', '--id-field')
        : -1
      : column(o.idField, '--id-field');
  const label = o.labelField === undefined ? -1 : column(o.labelField, '--label-field');
  return ({ line, cells }, n) => {
    if (o.idField !== undefined && cells[id] === '')
      throw new BowError('data', 'a row without an id', { place: `${path}:${line}` });
    if (label >= 0 && cells[label] === '')
      throw new BowError('data', 'a row without a label', { place: `${path}:${line}` });
    return {
      id: id < 0 || cells[id] === '' ? String(n) : cells[id]!,
      text: cells[text]!,
      ...(label < 0 ? {} : { label: cells[label]! }),
    };
  };
}
