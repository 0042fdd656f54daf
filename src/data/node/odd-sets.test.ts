/** Sets as other systems and people write them: what used to be skipped silently, or misread. */
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { textOf } from '../../text/index.ts';
import type { ImageRecord } from '../index.ts';
import { plainPng, writeFiles } from '../testing/image-fixtures.ts';
import { inspectImages, loadImages, openImages, writeWebDataset } from './index.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'bow2bot-odd-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const red = plainPng([255, 0, 0]);
const none = { size: 3, cache: false } as const;

async function recordsAt(path: string): Promise<ImageRecord[]> {
  const records: ImageRecord[] = [];
  for await (const r of (await openImages(path)).records()) records.push(r);
  return records;
}

test('names in capitals: texts beside images, metadata, archives', async () => {
  const [beside, rows, shard] = ['CAPS', 'ROWS', 'TARS'].map((n) => join(root, n)) as [string, string, string];
  await writeFiles(beside, { 'A.PNG': red, 'A.TXT': 'a tower', 'x/B.PNG': red, 'y/C.PNG': red });
  expect((await recordsAt(beside)).map((r) => r.captions)).toEqual([['a tower'], [], []]);
  await writeFiles(rows, { 'A.PNG': red, 'METADATA.CSV': 'file_name,text\r\nA.PNG,a bridge\r\n' });
  expect((await recordsAt(rows)).map((r) => r.captions)).toEqual([['a bridge']]);
  const tar = await packTar([{ header: { name: 'a.png', size: red.length }, body: red }]);
  await writeFiles(shard, { 'S.TAR': tar });
  expect((await recordsAt(shard)).map((r) => r.id)).toEqual(['a']);
});

test('a compressed archive is known by its bytes, whatever its name', async () => {
  const tar = await packTar([{ header: { name: 'a.png', size: red.length }, body: red }]);
  await writeFiles(join(root, 'packed'), { 'a.tar': gzipSync(tar), 'b.tar.gz': tar });
  const ids = await recordsAt(join(root, 'packed'));
  expect(ids.map((r) => r.id)).toEqual(['a', 'b.tar.gz/a']);
});

test('accents written as one sign find files that have them as two', async () => {
  const at = join(root, 'accents');
  await writeFiles(at, { 'e\u0301.png': red, 'metadata.csv': 'file_name,text\n\u00e9.png,an accent\n' });
  expect((await recordsAt(at)).map((r) => [r.id, r.captions])).toEqual([['e\u0301.png', ['an accent']]]);
});

test('rows may name their images by whole paths', async () => {
  const at = join(root, 'whole');
  await writeFiles(at, { 'in/a.png': red, 'in/metadata.csv': `file_name,text\n${join(at, 'in/a.png')},a hill\n` });
  expect((await recordsAt(at)).map((r) => [r.id, r.captions])).toEqual([['in/a.png', ['a hill']]]);
});

test('folders behind links count, once each; circles end', async () => {
  const at = join(root, 'linked');
  await writeFiles(join(root, 'elsewhere'), { 'a.png': red, 'in/b.png': red });
  await writeFiles(at, { 'z/c.png': red });
  await symlink(join(root, 'elsewhere'), join(at, 'far'));
  await symlink(join(root, 'elsewhere'), join(at, 'far-again'));
  await symlink(at, join(root, 'elsewhere', 'back'));
  await symlink(join(at, 'z'), join(at, 'a-link'));
  await symlink(root, join(at, 'up'));
  await symlink(join(root, 'nowhere'), join(at, 'dead'));
  expect((await recordsAt(at)).map((r) => r.id)).toEqual(['far/a.png', 'far/in/b.png', 'z/c.png']);
});

test('a list is the images that it names, and no others', async () => {
  const at = join(root, 'lists');
  await writeFiles(at, {
    'p/0.png': red,
    'p/0.txt': 'nought',
    'p/1.png': red,
    'p/2.png': red,
    'train.csv': 'file_name,text\np/0.png,zero\np/1.png,one\n',
    'rest.jsonl': '{"file_name": "p/2.png", "text": "two"}\n{"file_name": "q/3.png"}\n{"file_name": "../x.png"}\n',
  });
  const train = await openImages(join(at, 'train.csv'));
  expect(train.path).toBe(join(at, 'train.csv'));
  const { ids, captions } = await loadImages(train, none);
  expect([ids, captions]).toEqual([
    ['p/0.png', 'p/1.png'],
    [['zero', 'nought'], ['one']],
  ]);
  const rest = await loadImages(await openImages(join(at, 'rest.jsonl')), none);
  expect([rest.ids, rest.skipped.length]).toEqual([['p/2.png'], 2]);
});

test('photographs of telephones are named when they cannot be read; .jfif is JPEG', async () => {
  const at = join(root, 'phone');
  const heic = new TextEncoder().encode('\0\0\0\u0018ftypheic\0\0\0\0mif1heic');
  await writeFiles(at, { 'IMG_1.HEIC': heic, 'a.jfif': red });
  const { ids, skipped } = await loadImages(await openImages(at), none);
  expect([ids, skipped.map((s) => s.reason)]).toEqual([
    ['a.jfif'],
    ['a HEIC image, which is not supported: save it as JPEG'],
  ]);
});

test('an image whose text has become unreadable does not come from the cache without it', async () => {
  const [at, cache] = [join(root, 'text-then-not'), join(root, 'cache')];
  await writeFiles(at, { 'a.png': red, 'a.json': '{"caption": "a"}', 'b.png': red });
  expect((await loadImages(await openImages(at), { ...none, cache })).count).toBe(2);
  await writeFiles(at, { 'a.json': '{' });
  const { ids, skipped } = await loadImages(await openImages(at), { ...none, cache });
  expect([ids, skipped.length]).toEqual([['b.png'], 1]);
});

test('fewer shards than before leave none of the earlier ones, and touch no others', async () => {
  const at = join(root, 'shrunk');
  const samples = (n: number) => Array.from({ length: n }, (_, i) => ({ key: `${i}`, parts: { png: red } }));
  await writeFiles(at, { 'icons-a.tar': 'mine', 'other-000007.tar': 'mine' });
  await writeWebDataset(at, samples(5), { prefix: 'icons', samplesPerShard: 2 });
  await writeWebDataset(at, samples(3), { prefix: 'icons', samplesPerShard: 2 });
  expect((await readdir(at)).sort()).toEqual([
    'icons-000000.tar',
    'icons-000001.tar',
    'icons-a.tar',
    'other-000007.tar',
  ]);
  await writeWebDataset(at, [], { prefix: 'icons' });
  expect((await readdir(at)).sort()).toEqual(['icons-a.tar', 'other-000007.tar']);
});

test('a text longer than JavaScript can hold is a typed error', () => {
  expect(() => textOf(new Uint8Array(2 ** 29), 'metadata.jsonl')).toThrow(/too long for one string.*metadata\.jsonl/);
});

test('rows of separators alone, as spreadsheets leave them, are not rows', async () => {
  const at = join(root, 'sheet');
  await writeFiles(at, { 'a.png': red, 'metadata.csv': 'file_name;text;n\r\n;;\r\na.png;a lake;5\r\n; ;\r\n;;\r\n' });
  expect((await recordsAt(at)).map((r) => [r.id, r.captions, r.fields])).toEqual([['a.png', ['a lake'], { n: '5' }]]);
});

test('a set cannot be inspected as divided by a field that it does not have', async () => {
  const at = join(root, 'divided');
  await writeFiles(at, { 'a.png': red, 'metadata.csv': 'file_name,place\na.png,lake\n' });
  const set = await openImages(at);
  expect((await inspectImages(set, { splitBy: 'place' })).readable).toBe(1);
  await expect(inspectImages(set, { splitBy: 'plaec' })).rejects.toMatchObject({
    code: 'data',
    message: expect.stringContaining('no image has the field "plaec"'),
    detail: { fields: ['place'] },
  });
});

test('a limit of no images is a typed error', async () => {
  await writeFiles(join(root, 'limit'), { 'a.png': red });
  const set = await openImages(join(root, 'limit'));
  for (const limit of [0, -1, Number.NaN])
    await expect(loadImages(set, { ...none, limit })).rejects.toMatchObject({ code: 'config' });
});

async function notesAt(path: string): Promise<string[]> {
  const notes: string[] = [];
  for await (const _ of (await openImages(path)).records({ onNote: (n) => notes.push(n.reason) }));
  return notes;
}

test('splits with longer names are no classes; a class may be called train', async () => {
  const at = join(root, 'long-splits');
  const folders = ['seg_train/seg_train/sea', 'seg_train/seg_train/wood', 'seg_test/seg_test/sea'];
  await writeFiles(at, Object.fromEntries(folders.map((f) => [`${f}/1.png`, red])));
  expect((await recordsAt(at)).map((r) => r.label)).toEqual(['sea', 'sea', 'wood']);
  const vehicles = join(root, 'vehicles');
  await writeFiles(vehicles, { 'bus/1.png': red, 'car/1.png': red, 'train/1.png': red });
  expect((await recordsAt(vehicles)).map((r) => r.label)).toEqual(['bus', 'car', 'train']);
});

test('COCO names with a way out of the folder are looked for inside it; without names there is an error', async () => {
  const at = join(root, 'ways-out');
  const images = ['../../media/upload/1/a.png', '..\\..\\media\\upload\\1\\b.png'].map((file_name, id) => ({
    id,
    file_name,
  }));
  const annotations = [{ image_id: 1, caption: 'b' }];
  await writeFiles(at, { 'images/a.png': red, 'images/b.png': red, 'r.json': JSON.stringify({ images, annotations }) });
  expect((await recordsAt(at)).map((r) => r.file)).toEqual([join(at, 'images/a.png'), join(at, 'images/b.png')]);
  const unnamed = JSON.stringify({ images: [{ id: 1, file_name: 5 }], annotations });
  await writeFiles(join(root, 'unnamed'), { 'a.png': red, 'r.json': unnamed });
  await expect(recordsAt(join(root, 'unnamed'))).rejects.toThrow(/no entry of "images" names a file/);
});

test('Flickr30k: image_name, comment_number, comment', async () => {
  const rows = 'image_name| comment_number| comment\na.png| 0| A red square .\na.png| 1| Red .\n';
  await writeFiles(join(root, 'flickr'), { 'a.png': red, 'metadata.csv': rows });
  expect((await recordsAt(join(root, 'flickr')))[0]!.captions).toEqual(['A red square .', 'Red .']);
});

test('formats that are not decoded, and what is no image, are named', async () => {
  const at = join(root, 'other-formats');
  await writeFiles(at, {
    'a.png': red,
    'b.ppm': 'P6 1 1 255 abcdef',
    'c.jpg': 'version https://git-lfs.github.com/spec/v1\n',
    'd.jpg': '<!DOCTYPE html><html></html>',
  });
  const { skipped } = await loadImages(await openImages(at), none);
  expect(skipped.map((s) => s.reason)).toEqual([
    'a PNM image (PBM, PGM, PPM), which is not supported: save it as PNG',
    'not an image but a pointer of Git LFS: fetch the file by git lfs pull',
    'not an image but a page of HTML, as failed downloads leave it',
  ]);
});

test('archives: parts that are not read and folders that might be classes are named', async () => {
  const names = ['cat/1.png', 'cat/1.label', 'dog/2.png'];
  const tar = await packTar(names.map((name) => ({ header: { name, size: red.length }, body: red })));
  await writeFiles(join(root, 'tar-of-classes'), { 'a.tar': tar });
  expect(await notesAt(join(root, 'tar-of-classes'))).toEqual([
    'a part of a sample that is not read',
    '2 folders (cat, dog) are not taken for classes; they are where the archive is unpacked',
  ]);
});
