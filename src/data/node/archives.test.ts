/** Tar archives as writers leave them, and as transfers do. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { packTar, type TarEntry } from 'modern-tar';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SkippedImage } from '../index.ts';
import { writeFiles } from '../testing/image-fixtures.ts';
import { openImages, readWebDataset, type WebSample } from './index.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'bow2bot-tar-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const body = (n: number): Uint8Array => new Uint8Array(n).fill(7);
const file = (name: string, size = 3): TarEntry => ({ header: { name, size }, body: body(size) });

async function read(bytes: Uint8Array): Promise<{ samples: string[]; notes: string[] }> {
  const path = join(root, 'a.tar');
  await writeFile(path, bytes);
  const samples: WebSample[] = [];
  const notes: SkippedImage[] = [];
  for await (const s of readWebDataset(path, { onNote: (n) => notes.push(n) })) samples.push(s);
  return { samples: samples.map((s) => `${s.key}: ${Object.keys(s.parts)}`), notes: notes.map((n) => n.reason) };
}

test('an archive that ends right behind a member is read and noted; one that breaks off inside is an error', async () => {
  const whole = await packTar([file('a.png', 700), file('a.txt', 100), file('b.png', 700)]);
  const both = ['a: png,txt', 'b: png'];
  const end = 3 * 512 + 1024 + 512 + 1024;
  expect(await read(whole)).toEqual({ samples: both, notes: [] });
  for (const cut of [end, end + 512, 3 * 512 + 1024 + 512 + 700])
    expect(await read(whole.subarray(0, cut))).toEqual({
      samples: both,
      notes: ['an archive without the mark of its end: perhaps members are missing'],
    });
  expect((await read(gzipSync(whole.subarray(0, end)))).samples).toEqual(both);
  for (const cut of [end - 1024, end - 400, 600, 100])
    await expect(read(whole.subarray(0, cut))).rejects.toMatchObject({ code: 'data' });
  await expect(read(gzipSync(whole).subarray(0, 60))).rejects.toMatchObject({ code: 'data' });
});

test('long names, dots before names, links, folders and members that come again', async () => {
  const long = `${'deep/'.repeat(60)}c`;
  const entries: TarEntry[] = [
    { header: { name: './', type: 'directory', size: 0 } },
    file('./a.png'),
    file('a.txt'),
    file('a.txt', 4),
    { header: { name: 'a.json', type: 'link', linkname: 'b.json', size: 0 } },
    file(`${long}.png`),
    file(`${long}.txt`),
  ];
  expect(await read(await packTar(entries))).toEqual({
    samples: ['a: png,txt', `${long}: png,txt`],
    notes: ['a member that comes again: the last one counts', 'a link in the archive, which holds no bytes'],
  });
});

test('samples whose parts do not lie side by side are an error, and so are other packings', async () => {
  await expect(read(await packTar([file('a.png'), file('b.png'), file('a.txt')]))).rejects.toMatchObject({
    code: 'data',
    message: expect.stringContaining('the parts of sample "a" do not lie side by side'),
    hint: 'pack it in the order of names: tar --sort=name',
  });
  expect((await read(await packTar([file('a.png'), file('b.png'), file('a.png')]))).samples).toHaveLength(3);
  await expect(read(Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0]))).rejects.toThrow(/packed by zstd/);
  const huge = await packTar([file('a.png')]);
  huge.set([0x80, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0], 124); // 2^60 bytes
  await expect(read(huge)).rejects.toMatchObject({ code: 'data' });
});

test('shards at any depth, with the same keys; a damaged one is named', async () => {
  const at = join(root, 'nested');
  const tar = await packTar([file('0.png')]);
  await writeFiles(at, { 'train/0.tar': tar, 'val/0.tar': tar });
  const ids: string[] = [];
  for await (const r of (await openImages(at)).records()) ids.push(r.id);
  expect(ids).toEqual(['0', 'val/0.tar/0']);
  await writeFiles(at, { 'train/1.tar': tar.subarray(0, 513) });
  const all = async (): Promise<void> => {
    for await (const _ of (await openImages(at)).records());
  };
  await expect(all()).rejects.toMatchObject({ code: 'data', place: join(at, 'train/1.tar') });
});

test('archives put together, and files with holes', async () => {
  const one = await packTar([file('a.png')]);
  await expect(read(Buffer.concat([one, one]))).rejects.toThrow(/something follows the mark of its end/);
  const pax = { 'GNU.sparse.major': '1', 'GNU.sparse.name': 'a.png' };
  const holes = await packTar([
    { header: { name: 'GNUSparseFile.1/a.png', size: 3, pax }, body: body(3) },
    file('b.png'),
  ]);
  expect(await read(holes)).toEqual({
    samples: ['b: png'],
    notes: ['a file with holes (tar --sparse), which is not read'],
  });
});
