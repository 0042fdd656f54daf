import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { type DocumentOptions, lines, readDocuments } from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-documents-'));
afterAll(() => rm(folder, { recursive: true }));

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

/** The documents of an input, as [id, text] or [id, text, label]. */
async function documents(path: string, o: DocumentOptions = {}): Promise<string[][]> {
  const found: string[][] = [];
  for await (const d of readDocuments(path, o))
    found.push([d.id, Buffer.from(d.text).toString(), ...(d.label === undefined ? [] : [d.label])]);
  return found;
}

const read = async (name: string, content: string | Uint8Array, o: DocumentOptions = {}): Promise<string[][]> =>
  documents(await put(name, content), o);

const utf16 = (text: string, big = false): Buffer => {
  const bytes = Buffer.from(`\ufeff${text}`, 'utf16le');
  return big ? bytes.swap16() : bytes;
};

const three = [
  ['7', 'red'],
  ['8', 'grün'],
  ['9', 'blue'],
];
const records = '[{"id": 7, "text": "red"}, {"id": 8, "text": "grün"}, {"id": 9, "text": "blue"}]';
const recordLines = '{"id": 7, "text": "red"}\n{"id": 8, "text": "grün"}\n{"id": 9, "text": "blue"}\n';
const pretty = JSON.stringify(JSON.parse(records), null, 2);

test.each([
  ['an array', 'a.json', records],
  ['an array over lines', 'b.json', pretty],
  ['an array under another name', 'c.jsonl', pretty],
  ['lines', 'd.jsonl', recordLines],
  ['lines under another name', 'e.json', recordLines],
  ['lines that end in carriage returns', 'f.jsonl', recordLines.replaceAll('\n', '\r')],
  ['empty lines between', 'g.ndjson', `\n\n${recordLines.replaceAll('\n', '\r\n\r\n')}`],
  ['an object that holds the list', 'h.json', `{"version": 1, "data": ${pretty}}`],
  ['the only list of an object', 'i.json', `{"posts": ${records}, "tags": ["a"]}`],
  ['gzip', 'j.json.gz', gzipSync(pretty)],
  ['UTF-16', 'k.json', utf16(pretty)],
  ['UTF-16, the other order', 'l.jsonl', utf16(recordLines, true)],
  ['a byte order mark', 'm.json', `\ufeff${records}`],
  ['a table', 'n.csv', 'id;text\r\n7;red\r\n8;"grün"\r\n9;blue'],
  ['a table in UTF-16', 'o.csv', utf16('id\ttext\r7\tred\r8\tgrün\r9\tblue\r')],
  ['a table in UTF-16, the other order, gzip', 'p.csv.gz', gzipSync(utf16('id|text\n7|red\n8|grün\n9|blue\n', true))],
  ['tabs', 'q.tsv', '\ufefftext\tid\nred\t7\ngrün\t8\nblue\t9\n'],
])('%s', async (_, name, content) => {
  expect(await read(name, content)).toEqual(three);
});

test('one record, texts alone, and lists that are left out', async () => {
  expect(await read('one.json', '{"text": "red", "tags": [{}]}')).toEqual([['1', 'red']]);
  expect(await read('one.jsonl', '{"text": "red"}')).toEqual([['1', 'red']]);
  expect(await read('texts.json', '["red", "blue"]')).toEqual([
    ['1', 'red'],
    ['2', 'blue'],
  ]);
  const notices: string[] = [];
  const two = '{"data": [{"text": "red"}], "errors": [{"code": 3}]}';
  expect(await read('two.json', two, { onNotice: (t) => notices.push(t) })).toEqual([['1', 'red']]);
  expect(notices).toEqual(['records are those of "data"; left out: "errors"']);
});

test('ids above 2^53 keep their digits, in every form', async () => {
  const ids = [
    ['732822797798539267', 'red'],
    ['732822797798539264', 'blue'],
  ];
  const lines = '{"id": 732822797798539267, "text": "red"}\n{"id": 732822797798539264, "text": "blue"}\n';
  expect(await read('posts.jsonl', lines)).toEqual(ids);
  expect(await read('posts.json', `[${lines.trim().replace('\n', ',')}]`)).toEqual(ids);
  expect(await read('posts.csv', 'text,id\nred,732822797798539267\nblue,732822797798539264\n')).toEqual(ids);
});

test.each([
  ['bad.jsonl', '{"text": "a"}\n\n{"text": nope}\n', {}, /not JSON.*bad\.jsonl:3:10/],
  ['bad.json', '[{"text": "a"},\n {"text": }]', {}, /not JSON.*bad\.json:2:11/],
  ['null.jsonl', '{"text": "a"}\n{"text": null}\n', {}, /"text" holds null where a text is needed.*null\.jsonl:2/],
  ['list.jsonl', '{"text": "a", "id": [1]}\n', {}, /"id" holds a list/],
  ['number.json', '[{"text": "a"}, 7]', {}, /not a JSON object.*record 2/],
  ['lists.json', '{"a": [{"text": "x"}], "b": [{"text": "y"}]}', {}, /several lists of records/],
  ['field.jsonl', '{"body": "a"}\n', { field: 'bdy' }, /no field "bdy" \(did you mean "body"\?\)/],
  ['columns.csv', 'id,Text\n1,a\n', {}, /no column "text" \(did you mean "Text"\?\)/],
  ['header.csv', 'id,body\n', {}, /no column "text"/],
  ['rows.csv', 'id,text\n', {}, /holds no texts/],
  ['empty.txt', '', {}, /holds no texts/],
  ['label.csv', 'text,label\na,x\nb,\n', { labelField: 'label' }, /a row without a label.*label\.csv:3/],
  ['ragged.csv', 'id,text\n1,a\n2,b,c\n', {}, /3 values under 2 columns.*ragged\.csv:3/],
  ['json.txt', '{"text": "a"}\n{"text": "b"}\n', {}, /looks like JSON/],
  ['array.txt', '[\n{"text": "a"}]\n', {}, /looks like JSON/],
  ['nul.txt', `${'a\n'.repeat(9000)}\0`, {}, /not text: it holds NUL bytes/],
  ['zip.csv', 'PK\u0003\u0004abc', {}, /not text: a zip archive/],
  ['zstd.jsonl', Buffer.from('28b52ffd00', 'hex'), {}, /zstd/],
  ['bz.txt', Buffer.from('BZh91AY&SYabc'), {}, /bzip2/],
  ['twice.txt.gz', gzipSync(gzipSync('a')), {}, /a gzip file inside a gzip file/],
  ['table.parquet', Buffer.from('PAR1\u0015\u0004\u0015'), {}, /a Parquet file/],
  ['unmarked.csv', Buffer.from('id,text\n1,a\n', 'utf16le'), {}, /NUL bytes/],
  ['cut.csv', utf16('id,text\n1,a\n').subarray(0, -1), {}, /not utf-16le/],
])('%s is refused', async (name, content, o, message) => {
  await expect(read(name, content, o)).rejects.toThrow(message);
  await expect(read(name, content, o)).rejects.toMatchObject({ name: 'BowError' });
});

test('bytes of another encoding: an error with the line, or read as one says', async () => {
  const table = Buffer.from('id,text\n1,red\n2,caf\xe9 \x80\n', 'latin1');
  const json = Buffer.from('{"id": 1, "text": "red"}\n{"id": 2, "text": "caf\xe9 \x80"}\n', 'latin1');
  for (const [name, content] of [
    ['c.csv', table],
    ['c.jsonl', json],
  ] as const) {
    await expect(read(name, content)).rejects.toThrow(new RegExp(`not UTF-8.*${name}:${name === 'c.csv' ? 3 : 2}`));
    const second = async (o: DocumentOptions): Promise<string | undefined> => (await read(name, content, o))[1]?.[1];
    expect(await second({ encoding: 'windows-1252' })).toBe('café €');
    expect(await second({ decodeError: 'replace' })).toBe('caf\ufffd \ufffd');
    expect(await second({ decodeError: 'ignore' })).toBe('caf ');
  }
  const text = Buffer.from('red\ncaf\xe9\n', 'latin1');
  await expect(read('c.txt', text)).rejects.toThrow(/not UTF-8.*c\.txt:2/);
  expect(await read('c.txt', text, { decodeError: 'ignore' })).toEqual([
    ['1', 'red'],
    ['2', 'caf'],
  ]);
  expect(await read('c.txt', text, { encoding: 'latin1' })).toEqual([
    ['1', 'red'],
    ['2', 'café'],
  ]);
  await expect(read('c.txt', text, { encoding: 'windows1252' })).rejects.toThrow(/did you mean "windows-1252"/);
  await expect(read('c.txt', text, { decodeError: 'skip' as 'ignore' })).rejects.toMatchObject({ code: 'usage' });
});

test('lines end in a line feed, a carriage return or both, wherever the parts of a stream are cut', async () => {
  const path = await put('ends.txt', `${'x'.repeat(262_143)}\r\nb\rc\n\n${'y'.repeat(300_000)}\r\r\nz`);
  const found: string[] = [];
  for await (const line of lines(path)) found.push(Buffer.from(line).toString());
  expect(found.map((l) => l.length)).toEqual([262_143, 1, 1, 0, 300_000, 0, 1]);
});

test('short rows are read and named', async () => {
  const notices: string[] = [];
  expect(await read('short.csv', 'text,a,b\nred,1,2\nblue\n', { onNotice: (t) => notices.push(t) })).toHaveLength(2);
  expect(notices).toEqual(['1 row has fewer values than columns, the first in line 3']);
});

test('a folder: every text, at any depth; what is not text, and files without a class, are left out and named', async () => {
  const png = Buffer.from('89504e470d0a1a0a00', 'hex');
  await put('set/pos/a.txt', 'good');
  await put('set/pos/deep/b.txt', utf16('fine'));
  await put('set/neg/c.txt.gz', gzipSync('bad'));
  await put('set/neg/plot.png', png);
  await put('set/list.txt', 'https://example.org');
  await put('set/.git/config', 'hidden');
  await symlink(join(folder, 'set/pos/a.txt'), join(folder, 'set/neg/link.txt'));
  const notices: string[] = [];
  const onNotice = (t: string): unknown => notices.push(t);
  expect(await documents(join(folder, 'set'), { onNotice })).toEqual([
    ['list.txt', 'https://example.org'],
    ['neg/c.txt.gz', 'bad'],
    ['neg/link.txt', 'good'],
    ['pos/a.txt', 'good'],
    ['pos/deep/b.txt', 'fine'],
  ]);
  expect(notices.splice(0)).toEqual(['1 file left out (not text): neg/plot.png']);
  expect((await documents(join(folder, 'set'), { labelField: 'label', onNotice })).map((d) => d[2])).toEqual([
    ...['neg', 'neg', 'pos', 'pos'],
  ]);
  expect(notices[1]).toBe('1 file left out (beside the folders of the classes, so without a label): list.txt');
  await put('images/a.png', png);
  await expect(documents(join(folder, 'images'))).rejects.toThrow(/holds no texts/);
  await put('tables/a.csv', 'text\nred\n');
  await expect(documents(join(folder, 'tables'))).rejects.toThrow(/holds a table, not texts/);
});

test('fields of what has none are refused', async () => {
  await expect(read('l.txt', 'a\n', { field: 'body' })).rejects.toThrow(/--field names a field.*lines of text/);
  await expect(documents(join(folder, 'set'), { idField: 'x' })).rejects.toThrow(/--id-field.*a folder of texts/);
  await expect(read('l.txt', 'a\n', { labelField: 'label' })).rejects.toThrow(/lines of text have no labels/);
});

test('a list of records that is there and empty is not replaced by another list', async () => {
  await expect(read('none.json', '{"data": [], "errors": [{"text": "oops"}]}')).rejects.toMatchObject({
    message: expect.stringContaining('it holds no texts'),
  });
  expect(await read('list.json', '{"texts": ["red", "blue"]}')).toEqual([
    ['1', 'red'],
    ['2', 'blue'],
  ]);
});

test('fields are those of the record, and what they hold is said', async () => {
  const line = '{"text": "red", "label": null, "n": 1e999, "none": "", "__proto__": {"body": "x"}}';
  const error = (o: DocumentOptions) => expect(read('one.jsonl', line, o)).rejects;
  await error({ field: 'toString' }).toMatchObject({ message: expect.stringContaining('no field "toString"') });
  await error({ field: 'body' }).toMatchObject({ message: expect.stringContaining('no field "body"') });
  await error({ labelField: 'constructor' }).toMatchObject({
    message: expect.stringContaining('no field "constructor"'),
  });
  await error({ labelField: 'label' }).toMatchObject({
    message: expect.stringContaining('the field "label" holds null'),
  });
  await error({ labelField: 'none' }).toMatchObject({ message: expect.stringContaining('the field "none" is empty') });
  await error({ idField: 'n' }).toMatchObject({ message: expect.stringContaining('a number above') });
});

test('records are numbered as records, whatever lines lie between', async () => {
  expect(await read('gaps.jsonl', '\n{"text": "red"}\n\n{"text": "blue"}\n')).toEqual([
    ['1', 'red'],
    ['2', 'blue'],
  ]);
});

test('rows without any value are named, those at the end apart', async () => {
  const notices: string[] = [];
  const rows = await read('gaps.csv', 'text\nred\n""\nblue\n\n\n', { onNotice: (n) => notices.push(n) });
  expect(rows).toEqual([
    ['1', 'red'],
    ['2', 'blue'],
  ]);
  expect(notices).toEqual(['1 row without any value passed over and not numbered, the first in line 3']);
});

test('two columns of one name matter where they are asked for', async () => {
  expect(await read('two.csv', 'a,a,text\n1,2,red\n')).toEqual([['1', 'red']]);
  await expect(read('two.csv', 'text,text\n1,2\n')).rejects.toMatchObject({
    message: expect.stringContaining('two columns are called "text"'),
  });
});

test.each(['\n{"text": "red"}', '["red", "blue"]', '[ { "text": "red" } ]'])(
  '%j in a file of lines is JSON',
  async (json) => {
    await expect(read('lines.txt', json)).rejects.toMatchObject({
      message: expect.stringContaining('this looks like JSON'),
    });
  },
);

test('what a folder holds and cannot be read is named: links to nothing, names that are not UTF-8; a new line in a name is read', async () => {
  const odd = join(folder, 'odd');
  await put('odd/a/new\nline.txt', 'red');
  await symlink('nowhere', join(odd, 'a', 'link'));
  await writeFile(Buffer.concat([Buffer.from(join(odd, 'a', 'x')), Buffer.from([0xff])]), 'blue').catch(
    () => undefined,
  ); // not on every system
  const notices: string[] = [];
  expect(await documents(odd, { onNotice: (n) => notices.push(n) })).toEqual([['a/new\nline.txt', 'red']]);
  expect(notices[0]).toContain('a link to nothing');
  await put('flat/a.txt', 'red');
  await expect(documents(join(folder, 'flat'), { labelField: 'label' })).rejects.toMatchObject({
    message: expect.stringContaining('no folders of classes'),
  });
});
