/** Tables as text: comma, semicolon or tab separated, quoted as RFC 4180 says (newlines and doubled quotes inside quotes). */
import { BowError } from '../base/index.ts';

/** A row by column name, and the line it begins on. */
export type CsvRow = { readonly line: number; readonly values: Readonly<Record<string, string>> };

/** Reads a table whose first row names the columns. Error `data` with the line for open quotes and rows that do not fit. */
export function parseCsv(text: string, place: string): CsvRow[] {
  const separator = separatorOf(text);
  let header: readonly string[] | undefined;
  const rows: CsvRow[] = [];
  for (const { line, cells } of records(text, separator, place)) {
    if (cells.every((c) => c.trim() === '')) continue; // an empty line; spreadsheets write its separators
    if (!header) {
      header = cells.map((c) => c.trim());
      continue;
    }
    if (cells.length > header.length)
      throw new BowError('data', `a row of ${cells.length} values under ${header.length} columns`, {
        place: `${place}:${line}`,
        hint: 'values that hold the separator need quotes',
      });
    rows.push({ line, values: Object.fromEntries(header.map((name, i) => [name, cells[i] ?? ''])) });
  }
  return rows;
}

/** The separator that the first line holds most of; comma when it has none. */
function separatorOf(text: string): string {
  const first = text.split(/\r?\n/, 1)[0]!.replace(/"[^"]*"/g, '');
  const count = (c: string): number => first.split(c).length;
  return [',', '\t', ';'].reduce((best, c) => (count(c) > count(best) ? c : best));
}

function* records(text: string, separator: string, place: string): Generator<{ line: number; cells: string[] }> {
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const start = line;
    const cells: string[] = [];
    for (let more = true; more; ) {
      let cell = '';
      if (text[at] === '"') {
        const quoted = quotedCell(text, at, `${place}:${start}`);
        cell = quoted.cell;
        line += cell.split('\n').length - 1;
        at = quoted.end;
      }
      const end = cellEnd(text, at, separator);
      cells.push(cell + text.slice(at, end).replace(/\r$/, ''));
      more = text[end] === separator;
      at = end + 1;
    }
    line++;
    yield { line: start, cells };
  }
}

function cellEnd(text: string, from: number, separator: string): number {
  let at = from;
  while (at < text.length && text[at] !== separator && text[at] !== '\n') at++;
  return at;
}

/** The content of quotes that open at `from`, and the place after the closing one. */
function quotedCell(text: string, from: number, place: string): { cell: string; end: number } {
  let cell = '';
  for (let at = from + 1; ; ) {
    const close = text.indexOf('"', at);
    if (close < 0) throw new BowError('data', 'quotes that open and never close', { place });
    cell += text.slice(at, close);
    if (text[close + 1] !== '"') return { cell, end: close + 1 };
    cell += '"';
    at = close + 2;
  }
}
