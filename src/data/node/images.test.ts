import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ImageRecord, type ImageSet, imageOf, splitOf } from '../index.ts';
import { plainPng, writeFiles } from '../testing/image-fixtures.ts';
import { loadImages, openImages, writeWebDataset } from './index.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'bow2bot-pictures-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const red = plainPng([255, 0, 0]);
const blue = plainPng([0, 0, 255]);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const none = { size: 3, cache: false } as const;

async function recordsOf(set: ImageSet): Promise<ImageRecord[]> {
  const records: ImageRecord[] = [];
  for await (const r of set.records()) records.push(r);
  return records;
}

test('folder with metadata.jsonl: captions, fields, class, several rows for one file', async () => {
  const at = join(root, 'jsonl');
  await writeFiles(at, {
    'b/red.png': red,
    'blue.png': blue,
    'notes.md': 'not an image',
    '.hidden.png': red,
    'metadata.jsonl': [
      '{"file_name": "blue.png", "text": "a blue field", "group": "cold", "n": 7, "label": "sea"}',
      '{"file_name": "b/red.png", "text": "a red field", "group": "warm"}',
      '',
      '{"file_name": "b/red.png", "text": "red all over", "group": "warm"}',
    ].join('\n'),
  });
  const set = await openImages(at);
  expect(set.format).toBe('folder');
  const records = await recordsOf(set);
  expect(records.map((r) => [r.id, r.captions, r.fields, r.label])).toEqual([
    ['b/red.png', ['a red field', 'red all over'], { group: 'warm' }, undefined],
    ['blue.png', ['a blue field'], { group: 'cold', n: 7, label: 'sea' }, 'sea'],
  ]);
  const loaded = await loadImages(set, none);
  expect([loaded.count, loaded.width, loaded.height, loaded.pixels.length]).toEqual([2, 3, 3, 54]);
  expect([...imageOf(loaded, 1).data.subarray(0, 3)]).toEqual([0, 0, 255]);
  expect([loaded.ids, loaded.labels, loaded.skipped]).toEqual([['b/red.png', 'blue.png'], [undefined, 'sea'], []]);
});

test('texts beside the images, and metadata in inner folders', async () => {
  const at = join(root, 'beside');
  await writeFiles(at, {
    'x.jpg': red,
    'x.txt': 'first\n\n second \nfirst',
    'x.json': '{"caption": "third", "style": "flat", "keywords": ["a", "b"], "nested": {"a": 1}}',
    'train/y.png': blue,
    'train/metadata.csv': 'file_name,caption,label\ny.png,"blue, ""deep""\nand wide",sea\n',
  });
  const [y, x] = await recordsOf(await openImages(at));
  expect([y!.id, y!.captions, y!.label]).toEqual(['train/y.png', ['blue, "deep"\nand wide'], 'sea']);
  expect([x!.captions, x!.fields]).toEqual([['first', 'second', 'third'], { style: 'flat', keywords: 'a, b' }]);
});

test('hidden files are skipped, links to files followed, duplicate ids left out', async () => {
  const at = join(root, 'odd');
  await writeFiles(at, { 'B.PNG': blue, '__MACOSX/B.PNG': red, '.cache/c.png': red, 'no-extension': red });
  await symlink(join(at, 'no-extension'), join(at, 'link.jpeg'));
  await symlink(at, join(at, 'circle'));
  expect((await recordsOf(await openImages(at))).map((r) => r.id)).toEqual(['B.PNG', 'link.jpeg']);
  const twice = join(root, 'twice');
  const images = [1, 2, 1].map((id) => ({ id, file_name: `${id}.png` }));
  await writeFiles(twice, {
    'captions_x.json': JSON.stringify({ images, annotations: [] }),
    '1.png': red,
    '2.png': blue,
  });
  const { ids, skipped } = await loadImages(await openImages(twice), none);
  expect([ids, skipped.map((s) => s.reason)]).toEqual([['1', '2'], ['duplicate id "1"']]);
});

test('class folders: the innermost folder is the class', async () => {
  const at = join(root, 'classes');
  await writeFiles(at, { 'train/cat/1.png': red, 'train/dog/1.png': blue, 'test/cat/2.png': red });
  const set = await openImages(at);
  expect(set.format).toBe('classes');
  const records = await recordsOf(set);
  expect(records.map((r) => [r.id, r.label, r.fields['folder']])).toEqual([
    ['test/cat/2.png', 'cat', 'test'],
    ['train/cat/1.png', 'cat', 'train'],
    ['train/dog/1.png', 'dog', 'train'],
  ]);
});

test('WebDataset: texts, classes by name and number, keys that come again in another shard', async () => {
  const at = join(root, 'wds');
  const sample = (key: string, parts: Record<string, Uint8Array>) => ({ key, parts: { png: red, ...parts } });
  const samples = [
    sample('0', { txt: bytesOf('one\ntwo'), cls: bytesOf('1\n') }),
    sample('1', { json: bytesOf('{"caption": "three", "style": "flat"}'), cls: bytesOf('bird') }),
    sample('0', { jpg: bytesOf('no image') }),
    { key: '2', parts: { txt: bytesOf('alone') } },
  ];
  await writeWebDataset(at, samples, { samplesPerShard: 2 });
  await writeFiles(at, { 'classnames.txt': 'cat\ndog\n' });
  const set = await openImages(at);
  const records = await recordsOf(set);
  expect(records.map((r) => [r.id, r.captions, r.label, r.fields])).toEqual([
    ['0', ['one', 'two'], 'dog', {}],
    ['1', ['three'], 'bird', { style: 'flat' }],
    ['shard-000001.tar/0', [], undefined, {}],
    ['2', ['alone'], undefined, {}],
  ]);
  const loaded = await loadImages(set, none);
  expect(loaded.count).toBe(2);
  expect(loaded.skipped.map((s) => s.reason)).toEqual([
    'several images of a sample, of which jpg is read',
    expect.stringMatching(/not an image/),
    'a sample without an image: its parts are txt',
  ]);
  expect(loaded.skipped[1]!.place).toMatch(/shard-000001\.tar\/0\.jpg$/);
});

test('what cannot be read is named and left out; nothing at all is an error', async () => {
  const at = join(root, 'bad');
  await writeFiles(at, {
    'cut.png': red.subarray(0, 40),
    'empty.png': new Uint8Array(),
    'fine.png': blue,
    'text.jpg': 'hello, I am a text with the wrong name',
    'metadata.jsonl': [
      { file_name: 'fine.png', text: '  ' },
      { file_name: 'gone.png', text: 'gone' },
      { file_name: '../jsonl/blue.png', text: 'outside' },
      { file_name: '/etc/hostname', text: 'outside too' },
    ]
      .map((r) => JSON.stringify(r))
      .join('\n'),
  });
  const set = await openImages(at);
  const loaded = await loadImages(set, none);
  expect([loaded.ids, loaded.captions]).toEqual([['fine.png'], [[]]]);
  const reasons = loaded.skipped.map((s) => `${s.place.slice(at.length + 1)}: ${s.reason}`);
  expect(reasons).toEqual([
    expect.stringMatching(/^metadata.jsonl:3: .*points outside the folder/),
    expect.stringMatching(/^metadata.jsonl:4: .*etc\/hostname/),
    expect.stringMatching(/^cut.png: a png image that cannot be decoded/),
    expect.stringMatching(/^empty.png: an empty file/),
    expect.stringMatching(/^metadata.jsonl:2: .*listed here but is not in the folder/),
    expect.stringMatching(/^text.jpg: not an image/),
  ]);
  await expect(loadImages(set, { ...none, needCaptions: true })).rejects.toMatchObject({
    code: 'data',
    detail: { skipped: 7 },
  });
});

test('a text beside an image that cannot be read costs that image only', async () => {
  const at = join(root, 'texts-bad');
  const latin = Uint8Array.from([0x68, 0xf6, 0x68, 0x65]);
  await writeFiles(at, { 'a.png': red, 'a.txt': latin, 'b.png': red, 'b.json': '{', 'c.png': blue, 'c.txt': 'höhe' });
  const { captions, skipped } = await loadImages(await openImages(at), none);
  expect([captions, skipped.map((s) => s.reason)]).toEqual([
    [['höhe']],
    [expect.stringMatching(/not UTF-8.*a\.txt/), expect.stringMatching(/not JSON.*b\.json/)],
  ]);
});

test('splits: stable when images come, a field keeps its images together, the share is kept', async () => {
  const ids = Array.from({ length: 2003 }, (_, i) => `picture-${i}`);
  const held = ids.filter((id) => splitOf(id) === 'validation').length;
  expect(Math.abs(held / ids.length - 0.1)).toBeLessThan(0.02);
  expect(ids.filter((id) => splitOf(id, { seed: 1 }) !== splitOf(id)).length).toBeGreaterThan(200);
  expect(() => splitOf('a', { validation: 3 })).toThrow(/share of 3/);
  const at = join(root, 'split');
  const rows = Array.from({ length: 41 }, (_, i) => ({ file_name: `${i}.png`, text: `t${i}`, scene: `s${i % 13}` }));
  await writeFiles(at, Object.fromEntries(rows.map((r, i) => [r.file_name, plainPng([i, 0, 0], 3, 3)])));
  await writeFiles(at, { 'metadata.jsonl': rows.map((r) => JSON.stringify(r)).join('\n') });
  const set = await openImages(at);
  const [train, held2] = await Promise.all(
    (['train', 'validation'] as const).map((split) =>
      loadImages(set, { ...none, split, splitBy: 'scene', validation: 0.4 }),
    ),
  );
  expect(train!.count + held2!.count).toBe(41);
  const scenes = new Set(train!.fields.map((f) => f['scene']));
  expect(held2!.fields.some((f) => scenes.has(f['scene']))).toBe(false);
  const some = await loadImages(set, { ...none, limit: 11 });
  expect(some.count).toBe(11);
  expect(some.ids).not.toEqual(rows.slice(0, 11).map((r) => r.file_name));
  some.ids.forEach((id, i) => {
    expect(`${imageOf(some, i).data[0]}.png`).toBe(id);
  });
  await expect(loadImages(set, { ...none, splitBy: 'nothing' })).rejects.toThrow(/no image has the field/);
});

test('paths without images, and columns that are not there, are typed errors', async () => {
  await expect(openImages(join(root, 'nowhere'))).rejects.toThrow(/no such file/);
  await writeFiles(join(root, 'texts'), { 'a.txt': 'a' });
  await expect(openImages(join(root, 'texts'))).rejects.toThrow(/nothing here looks like/);
  const wrong = await openImages(join(root, 'jsonl'), { captions: 'txet' });
  await expect(recordsOf(wrong)).rejects.toThrow(/unknown column "txet" \(did you mean "text"\?\)/);
  await writeFiles(join(root, 'jsonl-bad'), { 'a.png': red, 'metadata.jsonl': '{"file_name": "a.png"}\n{' });
  await expect(recordsOf(await openImages(join(root, 'jsonl-bad')))).rejects.toThrow(/not JSON.*metadata.jsonl:2/);
});
