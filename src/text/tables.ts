/**
 * Tables as text (CSV, TSV and their kin), read by Papa Parse as RFC 4180 says: quoted values may hold separators, line ends and doubled quotes. A
 * stream is read part by part; rows may end in \n, \r\n, \r or some of each. Runs in Node and in the browser.
 */
import Papa from 'papaparse';
import { BowError, need, needRecord, needText } from '../base/index.ts';

/** A row by column name, and the line it begins on. */
export type CsvRow = { readonly line: number; readonly values: Readonly<Record<string, string>> };

/** A row as its values in the order of {@link TableReader.columns}, and the line it begins on. */
export type TableRow = { readonly line: number; readonly cells: readonly string[] };

/** Reads a table whose text comes in parts. */
export type TableReader = {
  /** The names of the columns, '' for one without; empty until the header has come. */
  readonly columns: readonly string[];
  readonly separator: string;
  /** The line that the next part of the text begins on. */
  readonly line: number;
  /** Rows with fewer values than there are columns (the values that lack are ''): how many, and the line of the first. */
  readonly short: { readonly count: number; readonly first: number };
  /** Rows without any value that others follow; they are passed over. */
  readonly blank: { readonly count: number; readonly first: number };
  /** The rows that end in what has come. Errors `data` as {@link tableReader} says. */
  push(text: string): TableRow[];
  /** The rows that are left. */
  end(): TableRow[];
};

const separators = [',', ';', '\t', '|'];

/** How much is looked at to find the separator. */
const sampleLength = 1 << 16;

/** A row this long is a quote that was never closed. */
const longestRow = 1 << 27;

/**
 * A reader of one table whose first row names the columns. `separator`: found from the header and the rows below it where none is given (of , ; tab and |), or
 * named by a first line `sep=;`. Rows without any value are passed over. Errors `data` with the line: quotes that never close or that stand in the middle of a
 * value, a row of more values than columns, NUL characters.
 */
export function tableReader(place: string, o: { readonly separator?: string } = {}): TableReader {
  needRecord('options of a table', o);
  const given: unknown = o.separator;
  const one = given === undefined || (typeof given === 'string' && given.length === 1);
  need(one, 'separator', 'one character', given);
  const short = { count: 0, first: 0 };
  const blank = { count: 0, first: 0 };
  const passed = { count: 0, first: 0 }; // blank rows that may be the end of the table
  let separator = o.separator ?? '';
  let columns: readonly string[] | undefined;
  let rest = '';
  let line = 1;
  let scanned = 0; // characters of `rest` that hold no whole row
  let held = ''; // a carriage return whose line feed may follow

  const read = (last: boolean): TableRow[] => {
    if (separator === '') {
      if (!last && rest.length < sampleLength) return [];
      const [said, named] = excelLine.exec(rest) ?? [''];
      rest = rest.slice(said.length);
      if (said !== '') line++;
      separator = named ?? separatorOf(rest, last);
    }
    if (!last && rest.length < 2 * scanned) return []; // one open quote must not cost a scan of everything for every part
    const { data, errors, meta } = parse(rest, separator, last);
    const rows: TableRow[] = [];
    const bad = errors.find((e) => last || e.row < data.length);
    for (const [i, raw] of data.entries()) {
      const at = line;
      line += lineEnds(raw);
      if (bad?.row === i) throw badQuotes(`${place}:${at}`, bad.code);
      const cells = restored(raw);
      if (cells.every(isBlank)) {
        if (columns && passed.count++ === 0) passed.first = at; // an empty line; spreadsheets write its separators
        continue;
      }
      if (passed.count > 0) {
        if (blank.count === 0) blank.first = passed.first;
        blank.count += passed.count;
        passed.count = 0;
      }
      if (columns) rows.push({ line: at, cells: fitted(cells, columns, `${place}:${at}`, short, at) });
      else columns = cells.map((c) => c.trim());
    }
    if (bad && bad.row >= data.length) throw badQuotes(`${place}:${line}`, bad.code);
    rest = rest.slice(meta.cursor);
    scanned = rest.length;
    if (rest.length > longestRow) throw badQuotes(`${place}:${line}`, 'MissingQuotes');
    return rows;
  };
  return {
    get columns() {
      return columns ?? [];
    },
    get separator() {
      return separator;
    },
    get line() {
      return line + rest.split('\n').length - 1;
    },
    short,
    blank,
    push: (text) => {
      needText('the text of a table', text);
      if (text.includes('\0'))
        throw new BowError('data', 'the text holds NUL characters', {
          place: `${place}:${line}`,
          hint: 'is it UTF-16 without its mark, or not text at all?',
        });
      const all = held + text;
      held = all.endsWith('\r') ? '\r' : '';
      rest += oneKindOfEnd(held === '' ? all : all.slice(0, -1));
      return read(false);
    },
    end: () => {
      rest += oneKindOfEnd(held);
      return read(true);
    },
  };
}

/** Reads a table in memory. Errors as {@link tableReader}, and for a column named twice. */
export function parseCsv(text: string, place: string): CsvRow[] {
  needText('the text of a table', text);
  const reader = tableReader(place);
  const rows = [...reader.push(text.startsWith('\ufeff') ? text.slice(1) : text), ...reader.end()];
  const twice = namedTwice(reader.columns);
  if (twice !== undefined) throw twoColumns(twice, place);
  const named = [...reader.columns.entries()].filter(([, name]) => name !== '');
  return rows.map(({ line, cells }) => ({ line, values: Object.fromEntries(named.map(([i, n]) => [n, cells[i]!])) }));
}

type Parsed = {
  readonly data: string[][];
  readonly errors: readonly { readonly code: string; readonly row: number }[];
  readonly meta: { readonly cursor: number };
};

/** Whole rows of a text; all of it where it is the last. */
function parse(text: string, delimiter: string, last: boolean, preview?: number): Parsed {
  const parser = new Papa.Parser({ delimiter, newline: '\n', ...(preview === undefined ? {} : { preview }) });
  return parser.parse(text, 0, !last) as Parsed;
}

/**
 * Rows end in a line feed for the parser, which passes over blanks between a closing quote and the end of a row, and a carriage return is one. One that
 * ends a row by itself is given a line feed and a mark that counts as a blank too, so that values get back what they held.
 */
const lone = '\ufeff\n';

function oneKindOfEnd(text: string): string {
  return text.includes('\r') ? text.replace(/\r(?!\n)/g, lone) : text;
}

/** The values of a row as they were written. */
function restored(raw: string[]): string[] {
  const last = raw.length - 1;
  const end = raw[last]!.at(-1);
  if (end === '\r' || end === '\ufeff') raw[last] = raw[last]!.slice(0, -1);
  return raw.map((cell) => (cell.includes(lone) ? cell.replaceAll(lone, '\r') : cell));
}

/** Line ends that a row takes: its own, and those inside its values. */
function lineEnds(raw: readonly string[]): number {
  let n = 1;
  for (const cell of raw) for (let at = cell.indexOf('\n'); at >= 0; at = cell.indexOf('\n', at + 1)) n++;
  return n;
}

const isBlank = (cell: string): boolean => cell.trim() === '';

/** The first name that two columns have. */
function namedTwice(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => name !== '' && seen.size === seen.add(name).size);
}

/** The error for a column that is asked for and there twice. */
export function twoColumns(name: string, place: string): BowError {
  return new BowError('data', `two columns are called "${name}"`, { place, hint: 'give one of them another name' });
}

/** A row as long as the header. */
function fitted(
  cells: string[],
  columns: readonly string[],
  place: string,
  short: { count: number; first: number },
  line: number,
): string[] {
  if (cells.length > columns.length) {
    if (!cells.slice(columns.length).every(isBlank))
      throw new BowError('data', `a row of ${cells.length} values under ${columns.length} columns`, {
        place,
        detail: { columns: columns.slice(0, 20) },
        hint: columns[0]!.startsWith('#')
          ? 'the first line names the columns: leave comments out'
          : 'values that hold the separator need quotes',
      });
    cells.length = columns.length;
  } else if (cells.length < columns.length) {
    if (short.count++ === 0) short.first = line;
    while (cells.length < columns.length) cells.push('');
  }
  return cells;
}

function badQuotes(place: string, code: string): BowError {
  const missing = code === 'MissingQuotes';
  return new BowError('data', missing ? 'quotes that open and never close' : 'text behind closing quotes', {
    place,
    hint: 'a value that holds quotes stands in quotes, its own doubled: "a ""b"" c"',
  });
}

/** A first line that names the separator for Excel. */
const excelLine = /^"?sep=(.)"?[\r\ufeff]?(?:\n|$)/;

/** The separator under which most rows are as long as the header, and of these the one with the longest header. */
function separatorOf(text: string, last: boolean): string {
  const sample = text.slice(0, sampleLength);
  const whole = last && sample.length === text.length;
  let best = ',';
  let most = 0;
  for (const separator of separators) {
    const rows = parse(sample, separator, whole, 200).data.filter((row) => !row.every(isBlank));
    const width = rows[0]?.length ?? 0;
    const fit = rows.filter((row) => row.length === width).length / rows.length;
    const score = width > 1 ? fit + width / 1e6 : 0;
    if (score > most) [best, most] = [separator, score];
  }
  return best;
}
