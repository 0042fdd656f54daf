/** Sets of every layout with something odd in them: the reading that says most wins, and what it passes over is named. */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ByteWriter, parquetWrite } from 'hyparquet-writer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { plainPng, writeFiles } from '../testing/image-fixtures.ts';
import { inspectImages, openImages } from './index.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'bow2bot-kinds-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const png = plainPng([9, 99, 199], 3, 2);
type Files = Readonly<Record<string, string | Uint8Array>>;
let made = 0;

async function folderOf(files: Files): Promise<string> {
  const at = join(root, `${made++}`);
  await writeFiles(at, files);
  return at;
}

/** What inspection says: format, images with caption and class, what is skipped and noted, with paths inside the folder. */
async function said(files: Files, inner = ''): Promise<Record<string, unknown>> {
  const at = await folderOf(files);
  const set = await openImages(join(at, inner));
  const { format, notes, skipped } = await inspectImages(set);
  const images: unknown[] = [];
  for await (const r of set.records()) images.push([r.id, r.label ?? '', ...r.captions].join(' | '));
  const line = (s: { place: string; reason: string }): string => `${s.place.slice(at.length + 1)}: ${s.reason}`;
  return { format, images, skipped: skipped.map(line), notes: notes.map(line) };
}

const coco = (images: object[], more: object = {}): string => JSON.stringify({ images, annotations: [], ...more });
const captioned = (names: readonly string[]): string =>
  coco(
    names.map((file_name, id) => ({ id, file_name })),
    { annotations: names.map((_, i) => ({ image_id: i, caption: `caption ${i}` })) },
  );

test('classes: the first folder below the root, with strays, texts beside and empty folders named', async () => {
  const { format, images, skipped, notes } = await said({
    'cat/in/1.png': png,
    'cat/2.png': png,
    'cat/2.txt': 'a cat',
    'dog/in/3.png': png,
    'dog/boxes_3.txt': '1 2 3 4',
    'overview.png': png,
    'README.txt': 'about it',
  });
  expect({ format, images, skipped, notes }).toEqual({
    format: 'classes',
    images: ['cat/2.png | cat | a cat', 'cat/in/1.png | cat', 'dog/in/3.png | dog', 'overview.png | '],
    skipped: ['overview.png: it lies in no class folder and nothing is said about it'],
    notes: ['dog/boxes_3.txt: a .txt file that belongs to no image by its name'],
  });
});

test('classes below splits; a split without classes has none, one with a single class has it', async () => {
  const tiny = await said({
    'set/train/n1/images/a.png': png,
    'set/train/n2/images/b.png': png,
    'set/val/images/c.png': png,
    'set/test/n1/d.png': png,
  });
  expect(tiny['images']).toEqual([
    'set/test/n1/d.png | n1',
    'set/train/n1/images/a.png | n1',
    'set/train/n2/images/b.png | n2',
    'set/val/images/c.png | ',
  ]);
  const none = await said({
    'train/images/a.png': png,
    'valid/images/b.png': png,
    'train/labels/a.txt': '0 .5 .5 .1 .1',
  });
  expect([none['format'], none['notes']]).toEqual([
    'folder',
    ['train/labels/a.txt: a .txt file that belongs to no image by its name'],
  ]);
});

test('folders: parts are no classes, boxes no captions, tables that nothing reads are named', async () => {
  const parts = await said({ '00000/a.png': png, '00000/a.txt': 'one', '00001/b.png': png, '00001/b.caption': 'two' });
  expect(parts).toMatchObject({ format: 'folder', images: ['00000/a.png |  | one', '00001/b.png |  | two'] });
  expect(parts['notes']).toEqual([
    ': 2 folders (00000, 00001) are not taken for classes; the format "classes" takes them',
  ]);
  const odd = await said({
    'a.png': png,
    'a.txt': '0 0.5 0.5 0.25 0.25\n1 0.1 0.2 .3 1e-3\n',
    'b.png': png,
    'b.txt': '',
    'c.png': png,
    'c.json': '["one", "two"]',
    'labels.csv': 'file_name,label\na.png,x\n',
    'more.txt': 'x',
    'metadata.csv': 'file_name,TEXT\n',
  });
  expect(odd).toMatchObject({ format: 'folder', images: ['a.png | ', 'b.png | ', 'c.png |  | one | two'] });
  expect(odd['notes']).toEqual([
    'labels.csv: a .csv file that is passed over: call it metadata.csv, or name it as the set, if it is about the images',
    'more.txt: a .txt file that belongs to no image by its name',
    'metadata.csv: a table without rows: it says nothing about any image',
    'a.txt: numbers of boxes, as YOLO writes them, and no caption',
    'b.txt: an empty text beside an image',
  ]);
});

test('metadata: names in another case, captions under other names, links to nothing, carriage returns', async () => {
  const lines = ['A.PNG', 'b.png'].map((file_name, i) => JSON.stringify({ file_name, TEXT: `text ${i}` }));
  const at = await folderOf({ 'a.png': png, 'b.png': png, 'metadata.jsonl': lines.join('\r') });
  await symlink(join(at, 'nowhere'), join(at, 'c.png'));
  const { captions, notes, skipped } = await inspectImages(await openImages(at));
  expect([captions.total, skipped.length, notes.map((n) => n.reason)]).toEqual([2, 0, ['a link to nothing']]);
});

/** A table of texts, as pandas writes one. */
function table(columns: Readonly<Record<string, readonly string[]>>): Uint8Array {
  const writer = new ByteWriter();
  const names = Object.keys(columns);
  const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' } as const;
  parquetWrite({
    writer,
    schema: [{ name: 'root', num_children: names.length }, ...names.map((name) => ({ name, ...text }))],
    columnData: names.map((name) => ({ name, data: [...columns[name]!] })),
  });
  return new Uint8Array(writer.getBuffer());
}

test('Parquet tables that list images: metadata.parquet, other names, the table itself; those that do not are passed over', async () => {
  const rows = table({ file_name: ['a.png', 'b.png'], text: ['one', 'two'] });
  const images = { 'a.png': png, 'b.png': png };
  const expected = { format: 'folder', images: ['a.png |  | one', 'b.png |  | two'], skipped: [], notes: [] };
  expect(await said({ ...images, 'metadata.parquet': rows })).toEqual(expected);
  expect(await said({ ...images, 'list.parquet': rows })).toEqual(expected);
  expect(await said({ ...images, 'list.parquet': rows }, 'list.parquet')).toEqual(expected);
  const other = await said({ ...images, 'a.txt': 'one', '0.parquet': table({ key: ['a'], url: ['b'] }) });
  expect(other).toMatchObject({ format: 'folder', images: ['a.png |  | one', 'b.png | '] });
  expect(other['notes']).toEqual([expect.stringMatching(/^0.parquet: a .parquet file that is passed over/)]);
});

test('COCO: found by content under any name, captions before instances, splits beside each other, ids told apart', async () => {
  const boxes = {
    annotations: [{ image_id: 0, category_id: 3 }],
    categories: [{ id: 3, name: 'cat' }],
  };
  const roboflow = await said({
    'train/_annotations.coco.json': coco([{ id: 0, file_name: '0.png' }], boxes),
    'train/0.png': png,
    'valid/_annotations.coco.json': coco([{ id: 0, file_name: '0.png' }], boxes),
    'valid/0.png': png,
  });
  expect(roboflow).toMatchObject({
    format: 'coco',
    images: ['0 | cat', 'valid/_annotations.coco/0 | cat'],
    skipped: [],
  });
  const both = await said({
    'annotations/captions_x.json': captioned(['0.png']),
    'annotations/instances_x.json': coco([{ id: 0, file_name: '0.png' }], boxes),
    'x/0.png': png,
    'x/1.png': png,
  });
  expect(both).toMatchObject({ format: 'coco', images: ['0 |  | caption 0'] });
  expect(both['notes']).toEqual([
    'annotations/instances_x.json: COCO JSON that is passed over, since captions (captions_x.json) are read: name this file to read it',
    'x/1.png: an image that is not listed in the annotations',
  ]);
  const away = await said({
    'captions_a.json': captioned(['a.png']),
    'captions_b.json': captioned(['b.png']),
    'b.png': png,
  });
  expect(away).toMatchObject({ images: ['0 |  | caption 0'] });
  expect(away['notes']).toEqual(['captions_a.json: the images of this file are not beside it']);
});

test.each([
  ['backslashes', 'images\\p0.png', 'images/p0.png'],
  ['an absolute path', '/home/me/set/images/p0.png', 'images/p0.png'],
  ['a path of Windows', 'C:\\data\\images\\p0.png', 'images/p0.png'],
  ['an address', 'https://example.org/d/p%200.png?size=3', 'img/p 0.png'],
  ['an address in a bucket', 's3://bucket/a/b/p0.png', 'p0.png'],
  ['Label Studio’s', '/data/local-files/?d=images/p0.png', 'images/p0.png'],
  ['accents taken apart', 'e\u0301.png', '\u00e9.png'],
  ['another case', 'P0.PNG', 'in/p0.png'],
  ['percent signs', '100%.png', '100%.png'],
  ['a dot', './p0.png', 'images/p0.png'],
])('COCO finds images named by %s', async (_, name, file) => {
  const { images, skipped } = await said({ 'result.json': captioned([name]), [file]: png });
  expect([images, skipped]).toEqual([['0 |  | caption 0'], []]);
});

test('COCO: what annotations lack is counted; twins, other sets and folders with the same names are named', async () => {
  const odd = {
    annotations: [
      { image_id: 0, caption: 'one' },
      { image_id: 0, caption: ' ' },
      { image_id: 7, caption: 'x' },
      { image_id: 8, caption: 'x' },
      { image_id: 0, category_id: 5 },
      'nothing',
    ],
  };
  const { notes } = await said({ 'captions.json': coco([{ id: 0, file_name: 'a.png' }], odd), 'a.png': png });
  expect(notes).toEqual([
    'captions.json: 1 entries of "annotations" that are no objects (first: 5)',
    'captions.json: 1 captions without a text (first: image_id 0)',
    'captions.json: 2 annotations for images that are not listed (first: image_id 7)',
    'captions.json: 1 annotations of a category that has no name (first: category_id 5)',
  ]);
  const twins = await said({
    'captions.json': captioned(['https://a.org/1/p.png', 'https://a.org/2/p.png']),
    'p.png': png,
  });
  expect(twins['skipped']).toEqual([
    'captions.json: "https://a.org/2/p.png" leads to the same file as "https://a.org/1/p.png"',
  ]);
  const several = await said({ 'captions_x.json': captioned(['0.png']), 'a/0.png': png, 'b/0.png': png });
  expect(several['notes']).toContainEqual(expect.stringMatching(/several folders, taken from "a" and not from "b"/));
  const at = await folderOf({ 'birds/captions_x.json': captioned(['0.png']), 'cars/0.png': png });
  await expect(inspectImages(await openImages(join(at, 'birds')))).rejects.toMatchObject({
    code: 'data',
    message: expect.stringContaining('the images are not beside it'),
  });
});

test('archives and tables among images: what is left aside is named', async () => {
  const { format, notes } = await said({
    'data.parquet': table({ key: ['a'] }),
    'cat/a.png': png,
    'dog/b.png': png,
    'old.zip': 'x',
  });
  expect([format, notes]).toEqual([
    'classes',
    [
      expect.stringMatching(/^data.parquet: a .parquet file that is passed over/),
      'old.zip: a .zip file that is passed over',
    ],
  ]);
});
