import fc from 'fast-check';
import { test } from 'vitest';
import { isBowError } from '../base/index.ts';
import { fuzzRuns } from '../base/testing/fuzz.ts';
import { parseCsv, tableReader } from './index.ts';

const ends = ['\n', '\r\n', '\r'];
const cell = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.constantFrom('a', ' ', ',', ';', '\t', '|', '"', '\n', '\r', 'é', '猫') }),
  fc.constantFrom('', 'red', '5" pipe', 'a\r\nb', '\r', '\n', '""'),
);
/** Cells as the parser gives them: NUL is refused, and a byte order mark before a line feed stands for a carriage return. */
const clean = cell.map((c) => c.replaceAll('\0', '').replaceAll('\ufeff', ''));

const table = fc.record({
  separator: fc.constantFrom(',', ';', '\t', '|'),
  columns: fc.integer({ min: 1, max: 5 }),
  rows: fc.array(fc.array(clean, { minLength: 5, maxLength: 5 }), { maxLength: 12 }),
  quoteAll: fc.boolean(),
  rowEnds: fc.array(fc.constantFrom(...ends), { minLength: 14, maxLength: 14 }),
  lastEnd: fc.boolean(),
  cuts: fc.array(fc.nat(60), { maxLength: 20 }),
});

function written(
  o: { separator: string; quoteAll: boolean; rowEnds: string[]; lastEnd: boolean },
  grid: string[][],
): string {
  const needs = (c: string): boolean => o.quoteAll || /^\s|\s$|["\r\n]/.test(c) || c.includes(o.separator);
  const lines = grid.map((r) => r.map((c) => (needs(c) ? `"${c.replaceAll('"', '""')}"` : c)).join(o.separator));
  return lines.map((l, i) => (i < lines.length - 1 || o.lastEnd ? `${l}${o.rowEnds[i]}` : l)).join('');
}

test('a table is read as it was written: each separator, each line end and all of them, in one part and in many', () => {
  fc.assert(
    fc.property(table, (o) => {
      const names = ['text', 'id', 'label', 'note', 'x'].slice(0, o.columns);
      const grid = o.rows.map((r) => r.slice(0, o.columns)).filter((r) => r.some((c) => c.trim() !== ''));
      const text = written(o, [names, ...grid]);
      const whole = tableReader('t', { separator: o.separator });
      same([...whole.push(text), ...whole.end()], grid);
      const parts = tableReader('t', { separator: o.separator });
      const found = [];
      let at = 0;
      for (const cut of o.cuts) {
        found.push(...parts.push(text.slice(at, at + cut)));
        at += cut;
      }
      same([...found, ...parts.push(text.slice(at)), ...parts.end()], grid);
    }),
    { numRuns: fuzzRuns(1000) },
  );
});

function same(found: readonly { readonly cells: readonly string[] }[], grid: string[][]): void {
  const [a, b] = [JSON.stringify(found.map((r) => r.cells)), JSON.stringify(grid)];
  if (a !== b) throw new Error(`${a} is not ${b}`);
}

test('the separator that is found is the one that was written, where the values do not speak for another', () => {
  fc.assert(
    fc.property(table, fc.constantFrom('', '\ufeff'), (o, mark) => {
      const names = ['text', 'id', 'label', 'note', 'x'].slice(0, Math.max(2, o.columns));
      const grid = o.rows.map((r) => r.slice(0, names.length)).filter((r) => r.some((c) => c.trim() !== ''));
      const found = parseCsv(mark + written(o, [names, ...grid]), 't').map((r) => ({ cells: Object.values(r.values) }));
      same(found, grid);
    }),
    { numRuns: fuzzRuns(1000) },
  );
});

test('any text is a table or a typed error', () => {
  const anything = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom('a', ',', ';', '"', '\n', '\r', ' ', '\ufeff', '\0') }),
  );
  fc.assert(
    fc.property(anything, (text) => {
      try {
        parseCsv(text, 't');
      } catch (e) {
        if (!isBowError(e)) throw e;
      }
    }),
    { numRuns: fuzzRuns(3000) },
  );
});
