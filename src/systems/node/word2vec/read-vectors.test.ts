import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import type { BowError } from '../../../base/index.ts';
import type { KeyedVectors } from '../../word2vec/vectors.ts';
import { type ReadVectorsOptions, readVectors } from './read-vectors.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-vectors-'));
afterAll(() => rm(folder, { recursive: true }));

async function read(content: string | Uint8Array, o: ReadVectorsOptions = {}, name = 'vectors'): Promise<KeyedVectors> {
  await writeFile(join(folder, name), content);
  return await readVectors(join(folder, name), o);
}

const words = ['king', 'naïve', '你好', 'New York'];
const rows = [
  [1, -2.5, 3],
  [0.1, 0, 1e-7],
  [-1, 2, 0.25],
  [4, 5, 6],
];
const text = (o: { gap?: string; end?: string; header?: string } = {}): string => {
  const { gap = ' ', end = '\n', header = `4${gap}3` } = o;
  const lines = words.map((w, i) => [w, ...rows[i]!].join(gap));
  return `${[...(header === '' ? [] : [header]), ...lines].join(end)}${end}`;
};
const binary = (feed: string): Buffer =>
  Buffer.concat([
    Buffer.from('4 3\n'),
    ...words.flatMap((w, i) => [
      Buffer.from(`${w.replace(' ', '_')} `),
      Buffer.from(Float32Array.from(rows[i]!).buffer),
      Buffer.from(feed),
    ]),
  ]);

test.each<[string, string | Uint8Array]>([
  ['text', text()],
  ['no first line, as GloVe', text({ header: '' })],
  ['tabs', text({ gap: '\t' })],
  ['several blanks', text({ gap: '   ' })],
  ['blanks around the sizes', text({ header: '  4 \t 3  ' })],
  ['blanks before line ends, as word2vec.c', text({ end: ' \n' })],
  ['carriage returns', text({ end: '\r\n' })],
  ['a byte order mark', `\ufeff${text()}`],
  ['text, gzip', gzipSync(text())],
  ['binary of word2vec.c', binary('\n')],
  ['binary of gensim', binary('')],
  ['binary, gzip', gzipSync(binary('\n'))],
])('%s, under any name', async (_, content) => {
  for (const name of ['a.bin', 'a.txt', 'a.vec.gz', 'a.model', 'glove']) {
    const kv = await read(content, {}, name);
    expect(kv.words.map((w) => w.replace('_', ' '))).toEqual(words);
    expect(kv.vectors).toEqual(Float32Array.from(rows.flat()));
  }
});

test('numbers that are not finite, words that come twice, and what follows are read or passed over with a word', async () => {
  const warnings: string[] = [];
  const onWarning = (t: string): unknown => warnings.push(t);
  const kv = await read('3 2\na inf -Infinity\na 1 1\nb nan 2e-3\nc 1 1\n', { onWarning });
  expect([kv.words, [...kv.vectors.map((x) => Math.fround(x))]]).toEqual([
    ['a', 'b'],
    [Infinity, -Infinity, NaN, Math.fround(2e-3)],
  ]);
  expect(warnings.join('\n')).toMatch(/counts 3 words; what follows.*\n1 word occurred twice.*\n2 vectors hold/);
});

test.each<[string, string | Uint8Array, RegExp]>([
  ['a short line', '2 3\na 1 2 3\nb 1 2\n', /a line of 2 numbers where 3 are needed.*vectors:3/],
  ['a short line without a header', 'a 1 2 3\nb 1 2\n', /a line of 2 numbers where 3 are needed.*vectors:2/],
  ['a word for a number', '2 3\na 1 2 3\nb 1 two 3\n', /"two" is not a number.*vectors:3/],
  ['fewer words', '3 2\na 1 2\nb 1 2\n', /ends after 2 of 3 words/],
  ['no vectors', '', /not word vectors/],
  ['prose', 'It was a dark and stormy night\n', /neither "<words> <width>" nor a word and its numbers/],
  ['sizes that do not fit', '999999999 300\nx ', /does not fit in the file/],
  ['a zip', 'PK\u0003\u0004', /a zip archive/],
  ['an array of NumPy', Buffer.from('\x93NUMPY\x01\0', 'latin1'), /array of NumPy/],
  ['a pickle, as gensim saves', Buffer.from([0x80, 4, 0x95, 0, 0]), /a pickle of Python/],
  ['a model of fastText', Buffer.from([0xba, 0x16, 0x4f, 0x2f, 12, 0]), /a model of fastText/],
  ['UTF-16', Buffer.from('\ufeff2 2\n', 'utf16le'), /UTF-16/],
  ['gzip that is cut', gzipSync(text()).subarray(0, 60), /gzip data is damaged/],
])('%s is refused', async (_, content, message) => {
  await expect(read(content)).rejects.toThrow(message);
});

test('what a terminal would obey is not in the message', async () => {
  const error = await read('\u001b[31m\u009b\u0007 x\n').then(
    () => undefined,
    (e: BowError) => e,
  );
  expect(/\p{Cc}/u.test(error!.format().replaceAll('\n', ''))).toBe(false);
});

test.each([
  ['carriage returns alone', '2 3\rking 1 2 3\rqueen 4 5 6\r', 'a carriage return inside a line'],
  ['decimal commas', '2 3\nking 0,1 0,2 0,3\nqueen 1,0 2,0 3,0\n', '"0,1" is not a number'],
  ['hexadecimal numbers', '2 3\nking 0x10 2 3\nqueen 1 2 3\n', '"0x10" is not a number'],
])('%s in a text are an error', async (_, content, message) => {
  await expect(read(content)).rejects.toMatchObject({
    code: 'checkpoint',
    message: expect.stringContaining(message),
  });
});

test.each([
  ['a width too small', Float32Array, 2],
  ['floats of 8 bytes', Float64Array, 3],
] as const)('binary vectors of %s are an error, not words of bytes', async (_, Numbers, width) => {
  const rows = ['king', 'queen'].flatMap((word) => [
    Buffer.from(`${word} `),
    Buffer.from(Numbers.from([0.1, 0.2, 0.3]).buffer),
    Buffer.from('\n'),
  ]);
  await expect(read(Buffer.concat([Buffer.from(`2 ${width}\n`), ...rows]))).rejects.toMatchObject({
    message: expect.stringContaining('word 2 holds bytes of numbers'),
  });
});

test('what is odd and read is said: words that are not UTF-8, lines of more numbers; blank lines and indents are nothing', async () => {
  const warnings: string[] = [];
  const content = Buffer.from('\n  zw\xf6lf 1 2 3\n\nb 1 2 3 4\n\n', 'latin1');
  const found = await read(content.subarray(1), { noHeader: true, onWarning: (w) => warnings.push(w) });
  expect(found.words).toEqual(['zw\ufffdlf', 'b 1']);
  expect(warnings).toEqual([
    '1 word is not UTF-8; what is not became U+FFFD',
    '1 line has more than 3 numbers, the first is line 3; those before the last 3 were taken for a part of the word',
  ]);
});
