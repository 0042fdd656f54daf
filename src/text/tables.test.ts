import { expect, test } from 'vitest';
import { parseCsv, tableReader } from './index.ts';

const rows = (text: string): unknown => parseCsv(text, 'table').map((r) => r.values);

test.each([
  ['commas', 'id,text\n1,red cube\n2,blue bowl\n'],
  ['semicolons', 'id;text\n1;red cube\n2;blue bowl'],
  ['tabs', 'id\ttext\n1\tred cube\n2\tblue bowl\n'],
  ['bars', 'id|text\n1|red cube\n2|blue bowl\n'],
  ['carriage returns', 'id,text\r1,red cube\r2,blue bowl\r'],
  ['both', 'id,text\r\n1,red cube\r\n2,blue bowl\r\n'],
  ['some of each', 'id,text\r\n1,red cube\r2,blue bowl\n'],
  ['a byte order mark', '\ufeffid,text\n1,red cube\n2,blue bowl\n'],
  ['quotes', '"id","text"\r\n"1","red cube"\r"2","blue bowl"\n'],
  ['blanks behind quotes', '"id" ,"text" \n1,"red cube"  \n2,blue bowl'],
  ['separators at the end', 'id,text,,\n1,red cube,,\n2,blue bowl\n'],
  ['empty lines', '\n\nid,text\n\n1,red cube\n,\n2,blue bowl\n\n'],
  ['a line for Excel', 'sep=;\r\nid;text\r\n1;red cube\r\n2;blue bowl\r\n'],
  ['an index without a name, as pandas writes it', ',id,text\n0,1,red cube\n1,2,blue bowl\n'],
])('%s', (_, text) => {
  const expected = [
    { id: '1', text: 'red cube' },
    { id: '2', text: 'blue bowl' },
  ];
  expect(rows(text)).toEqual(expected);
});

test('values keep what they hold: separators, quotes, line ends of every kind', () => {
  const text = '"a, ""b""\r\nc\rd\ne\r"';
  for (const end of ['\n', '\r\n', '\r']) {
    expect(rows(`x,text${end}1,${text}${end}2,${text}${end}`)).toEqual([
      { x: '1', text: 'a, "b"\r\nc\rd\ne\r' },
      { x: '2', text: 'a, "b"\r\nc\rd\ne\r' },
    ]);
  }
  expect(rows('a;b\n1,5;it is 5" long')).toEqual([{ a: '1,5', b: 'it is 5" long' }]);
});

test('the separator is what cuts the rows like the header', () => {
  expect(rows('id;text, as said\n1;red, blue\n2;green')).toEqual([
    { id: '1', 'text, as said': 'red, blue' },
    { id: '2', 'text, as said': 'green' },
  ]);
  expect(rows('text\nred\nblue')).toEqual([{ text: 'red' }, { text: 'blue' }]);
});

test('lines are counted through values that hold some', () => {
  expect(parseCsv('a,b\r\n"x\r\ny",1\r\n\r\nz,2\r\n', 't').map((r) => r.line)).toEqual([2, 5]);
  expect(parseCsv('a,b\r"x\ry",1\r\rz,2\r', 't').map((r) => r.line)).toEqual([2, 5]);
});

test.each([
  ['a,b\n1,2\n3,4,5\n', 'a row of 3 values under 2 columns (at t:3)'],
  ['a,b\n1,2\n"3,4\n5,6\n', 'quotes that open and never close (at t:3)'],
  ['a,b\n"1"x,2\n3,4\n', 'text behind closing quotes (at t:2)'],
  ['a,b,a\n1,2,3\n', 'two columns are called "a" (at t)'],
  ['a,b\n1,2\0\n', 'the text holds NUL characters (at t:1)'],
])('%j is refused', (text, message) => {
  expect(() => parseCsv(text, 't')).toThrow(expect.objectContaining({ code: 'data', message }));
});

test('rows that are too short are filled and counted', () => {
  const reader = tableReader('t');
  const found = [...reader.push('a,b,c\n1\n2,3,4\n5,6\n'), ...reader.end()];
  expect(found.map((r) => r.cells)).toEqual([
    ['1', '', ''],
    ['2', '3', '4'],
    ['5', '6', ''],
  ]);
  expect(reader.short).toEqual({ count: 2, first: 2 });
});

test('a quote that stays open does not make reading slow', () => {
  const reader = tableReader('t', { separator: ',' });
  reader.push('a,b\n1,"open\n');
  const started = performance.now();
  for (let i = 0; i < 20_000; i++) reader.push('some text, and more of it in every part\n');
  expect(() => reader.end()).toThrow(/never close.*t:2/);
  expect(performance.now() - started).toBeLessThan(5000);
});
