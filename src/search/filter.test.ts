import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkFilter, type Fields, type Filter, fieldTypes, matches, parseFilter } from './index.ts';
import { anyFields, anyFilter, filterText } from './testing/any-filter.ts';

const passes = (source: string, fields: Fields): boolean => matches(parseFilter(source), fields);

test.each([
  ['style=noto and size>3', { style: 'noto', size: 4 }, { style: 'noto', size: 3 }],
  ['style != noto', { style: 'twemoji' }, {}],
  ['not style = noto', {}, { style: 'noto' }],
  ['a = 1 or b = 2 and c = 3', { a: 1 }, { b: 2, c: 4 }],
  ['(a = 1 or b = 2) and c = 3', { a: 1, c: 3 }, { a: 1 }],
  ['group in ("Food & Drink", Flags)', { group: 'Food & Drink' }, { group: 'Food' }],
  ['size not in (1, 2)', { size: 3 }, { size: 2 }],
  ['animated', { animated: true }, { animated: false }],
  ['not animated', { animated: false }, { animated: true }],
  ['animated = false', { animated: false }, {}],
  ["name >= 'm'", { name: 'n' }, { name: 'l' }],
  ['label = "7"', { label: '7' }, { label: 7 }],
  ['label = 7', { label: 7 }, { label: '7' }],
  ['x <= -1.5e3', { x: -1500 }, { x: -1499 }],
  ['"odd name" == "a \\"b\\""', { 'odd name': 'a "b"' }, {}],
  ['NOT a = x OR b = y', { a: 'x', b: 'y' }, { a: 'x' }],
  ['concept = 1f39f', { concept: '1f39f' }, { concept: '1f39' }],
  ['id = red/cube-01.png', { id: 'red/cube-01.png' }, { id: 'red' }],
] as [string, Fields, Fields][])('%s', (source, yes, no) => {
  expect([passes(source, yes), passes(source, no)]).toEqual([true, false]);
});

test.each([
  ['', 1, 'a field'],
  ['a =', 4, 'a value'],
  ['a = 1 b = 2', 7, '"and" or "or"'],
  ['(a = 1', 7, '")"'],
  ['a in 3', 6, '"("'],
  ['a in (1 2)', 9, '"," or ")"'],
  ['= 3', 1, 'a field'],
  ['a = 1 and', 10, 'a field'],
  ['a > true', 5, 'a number or a text'],
  ['a = "open', 5, 'a field, a value or a sign'],
  ['a ; b', 3, 'a field, a value or a sign'],
  [`${'('.repeat(300)}a${')'.repeat(300)}`, 201, 'a condition less deep'],
])('%s goes wrong at character %i', (source, at, wanted) => {
  const error = (() => {
    try {
      return parseFilter(source);
    } catch (e) {
      return e;
    }
  })();
  expect(error).toMatchObject({ code: 'usage', place: `character ${at} of ${source}` });
  expect(String(error)).toContain(wanted);
});

/** What a condition means, said again in plain JavaScript. */
function plain(f: Filter, r: Fields): boolean {
  if (f.kind === 'not') return plain(f.part, r) === false;
  if (f.kind !== 'in' && f.kind !== 'compare') {
    const parts = f.parts.map((p) => plain(p, r));
    return f.kind === 'and' ? !parts.includes(false) : parts.includes(true);
  }
  const x = new Map(Object.entries(r)).get(f.field);
  if (f.kind === 'in') {
    const same = f.values.filter((v) => typeof v === typeof x);
    return same.length > 0 && same.some((v) => v === x) !== f.not;
  }
  if (x === undefined || typeof x !== typeof f.value) return false;
  const points = (s: unknown): string =>
    Array.from(String(s), (c) => c.codePointAt(0)!.toString(16).padStart(6, '0')).join('');
  const [a, b] = typeof x === 'string' ? [points(x), points(f.value)] : [Number(x), Number(f.value)];
  return { '=': a === b, '!=': a !== b, '<': a < b, '<=': a <= b, '>': a > b, '>=': a >= b }[f.sign];
}

test('any condition: written and read it is the same, and it means what plain JavaScript says', () => {
  fc.assert(
    fc.property(anyFilter, fc.array(anyFields, { minLength: 7, maxLength: 7 }), (filter, records) => {
      const read = parseFilter(filterText(filter));
      for (const r of records) {
        expect(matches(read, r)).toBe(plain(filter, r));
        expect(matches(filter, r)).toBe(plain(filter, r));
      }
    }),
    { numRuns: 300, seed: 11 },
  );
});

test('conditions that can never hold are reported', () => {
  const types = fieldTypes([{ style: 'noto', size: 3 }, { label: '7', mixed: 1 }, { mixed: 'a' }]);
  const check = (source: string): void => checkFilter(parseFilter(source), types);
  check('style = noto and not (size > 3 or mixed = 3 or mixed = x)');
  expect(() => check('stile = noto')).toThrow(/unknown field "stile" \(did you mean "style"\?\)/);
  expect(() => check('size in (3, big)')).toThrow(/size holds number, "big" is a text/);
  expect(() => check('label = 7')).toThrow(expect.objectContaining({ code: 'usage', hint: 'quote it: label = "7"' }));
  expect(() => check('size')).toThrow(/size holds number, true is a truth/);
});
