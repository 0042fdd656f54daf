import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson } from './index.ts';

test('whole numbers beyond 2^53 keep their digits; all others are what JSON.parse makes of them', () => {
  const text =
    '{"id": 732822797798539267, "small": 9007199254740991, "ids": [-9007199254740993, 12345678901234567890123]}';
  expect(parseJson(text, 'x')).toEqual({
    id: 732822797798539267n,
    small: 9007199254740991,
    ids: [-9007199254740993n, 12345678901234567890123n],
  });
  expect(parseJson('732822797798539267', 'x')).toBe(732822797798539267n);
  const others = '[1.2345678901234567, 12345678901234567e3, 1e30, "732822797798539267", "a: 732822797798539267 "]';
  expect(parseJson(others, 'x')).toEqual(JSON.parse(others));
});

test('values are those of JSON.parse whichever way they are read', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      const [big] = parseJson(`[9007199254740993, ${text}]`, 'x') as unknown[];
      expect(big).toBe(9007199254740993n);
      expect(parseJson(text, 'x')).toEqual(JSON.parse(text));
      expect((parseJson(`[9007199254740993, ${text}]`, 'x') as unknown[])[1]).toEqual(JSON.parse(text));
    }),
  );
  const twice = '{"a": 1, "a": 2, "b": 9007199254740993, "__proto__": {"c": 1}}';
  expect(parseJson(twice, 'x')).toEqual({ ...(JSON.parse(twice) as object), b: 9007199254740993n });
});

test('a byte order mark is passed over', () => {
  expect(parseJson('\ufeff[1]', 'x')).toEqual([1]);
});

test.each([
  ['', 'not JSON: JSON value expected but reached end of input (at file:1:1)'],
  ['{"a": 1,\n "b" 2}', `not JSON: Colon ':' expected after property name but got '2' (at file:2:6)`],
  ['[1,\r\n2,\r\n3', "not JSON: Array item or end of array ']' expected but reached end of input (at file:3:2)"],
  ['{"a": NaN}', "not JSON: Object value expected after ':' (at file:1:7)"],
  ['{"id": 9007199254740993, }', `not JSON: Quoted object key expected but got '}' (at file:1:26)`],
  ['"a\u001bb"', "not JSON: Invalid character '\\u001b' (at file:1:3)"],
  ['{"a": 1} {"a": 2}', "not JSON: Expected end of input but got '{' (at file:1:10)"],
])('%j is refused with its place', (text, message) => {
  expect(() => parseJson(text, 'file')).toThrow(expect.objectContaining({ code: 'data', message }));
});

test('lines are counted from where the text lies, and the code is the caller’s', () => {
  const thrown = expect.objectContaining({ code: 'checkpoint', place: 'rows.jsonl:17:2' });
  expect(() => parseJson('{', 'rows.jsonl', { line: 17, code: 'checkpoint' })).toThrow(thrown);
  expect(() => parseJson(`${'['.repeat(1e5)}9007199254740993`, 'x')).toThrow(/not JSON: nested too deeply/);
});
