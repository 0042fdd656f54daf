import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeFakeNpm, writeIconPackages } from '../../testing/icon-packages.ts';
import { readWebDataset } from '../webdataset.ts';
import { type IconConcept, plainCode } from './concepts.ts';
import { heldOutThings, thingsToTrain } from './held-out.ts';
import { squeezed } from './match-icons.ts';
import { renderIcons } from './render-icons.ts';

let folder = '';
let npm = '';
let calls = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-icons-'));
  await writeIconPackages(join(folder, 'registry'));
  [npm, calls] = [join(folder, 'npm.cjs'), join(folder, 'calls')];
  await writeFakeNpm(npm, join(folder, 'registry'), calls);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type About = { caption: string; style: string; concept: string };
type Sample = { key: string; about: About; pixels: ReturnType<typeof decode> };

async function read(path: string): Promise<Sample[]> {
  const out: Sample[] = [];
  for await (const { key, parts } of readWebDataset(path))
    out.push({ key, about: JSON.parse(new TextDecoder().decode(parts['json'])), pixels: decode(parts['png']!) });
  return out;
}

test('drawings are found by code points and by old and new names, and one style is held out', async () => {
  const out = join(folder, 'a');
  const report = await renderIcons(out, { cache: join(folder, 'cache'), npm, size: 19, heldOut: 0 });
  expect(report.styles).toEqual({ noto: 2, twemoji: 3, openmoji: 1, emojione: 2, fxemoji: 1, 'emojione-v1': 2 });
  expect([report.concepts, report.unseen]).toEqual([4, 0]);
  expect(report.skipped).toEqual([{ place: 'openmoji/broken', reason: expect.any(String) }]);
  const train = await read(join(out, 'train'));
  expect(train.map((s) => s.key)).toEqual([
    'noto-1f534',
    'noto-1f332',
    'twemoji-1f534',
    'twemoji-1f1e6-1f1fd',
    'twemoji-30-20e3',
    'openmoji-1f534',
    'emojione-1f534',
    'emojione-1f1e6-1f1fd',
    'fxemoji-1f332',
  ]);
  const validation = await read(join(out, 'validation'));
  expect(validation.map((s) => [s.key, s.about.caption])).toEqual([
    ['emojione-v1-1f534', 'red ball'],
    ['emojione-v1-1f332', 'evergreen tree'],
  ]);
  expect(train[7]!.about).toEqual({
    caption: 'flag: Åland Islands',
    keywords: ['AX', 'flag'],
    group: 'Flags',
    subgroup: '',
    style: 'emojione',
    concept: '1f1e6-1f1fd',
    licence: 'CC0-1.0',
  });
});

test('things are held out by hash, and no keyword of another thing is the name of one', async () => {
  const out = join(folder, 'held');
  const report = await renderIcons(out, {
    cache: join(folder, 'cache'),
    npm,
    size: 8,
    validation: ['noto', 'twemoji'],
  });
  expect([report.concepts, report.unseen]).toEqual([4, 1]); // by hash: the keycap
  expect(report.styles).toEqual({ noto: 2, twemoji: 3, openmoji: 1, emojione: 2, 'emojione-v1': 2, fxemoji: 1 });
  const things = async (part: string) => new Set((await read(join(out, part))).map((s) => s.about.concept));
  expect(await things('train')).toEqual(new Set(['1f534', '1f332', '1f1e6-1f1fd']));
  expect(await things('validation')).toEqual(new Set(['1f534', '1f332', '1f1e6-1f1fd', '30-20e3']));

  const thing = (id: string, caption: string, keywords: string[]): IconConcept => ({
    id,
    caption,
    keywords,
    group: '',
    subgroup: '',
  });
  const some = Array.from({ length: 997 }, (_, i) => thing(i.toString(16), `thing ${i}`, []));
  const held = heldOutThings(some, 0.2);
  expect(held.size / some.length).toBeCloseTo(0.2, 1);
  expect(heldOutThings(some.slice(0, 501), 0.2)).toEqual(
    new Set([...held].filter((id) => Number.parseInt(id, 16) < 501)),
  );
  const cats = [thing('a', 'cat', []), thing('b', 'cat face', ['Cat', 'pet']), thing('c', 'Cat', ['pet'])];
  expect(thingsToTrain(cats, new Set(['a', 'c']))).toEqual([thing('b', 'cat face', ['pet'])]);
  const twins = some.map((c) => ({ ...c, caption: 'one name' }));
  expect(heldOutThings(twins, 0.01).size).toBe(twins.length); // things of one name are on one side
});

test('images are RGB on white, as large as asked for, and what is not square is centred', async () => {
  const flag = (await read(join(folder, 'a', 'train')))[7]!.pixels;
  expect([flag.width, flag.height, flag.channels]).toEqual([19, 19, 3]);
  const at = (x: number, y: number): number[] => [...flag.data.slice(3 * (19 * y + x), 3 * (19 * y + x) + 3)];
  expect([at(9, 9), at(9, 1), at(9, 17)]).toEqual([
    [0x33, 0x33, 255],
    [255, 255, 255],
    [255, 255, 255],
  ]);
});

test('a second run needs no npm and gives the same bytes', async () => {
  const again = join(folder, 'b');
  await renderIcons(again, { cache: join(folder, 'cache'), npm: join(folder, 'no-such-npm'), size: 19, heldOut: 0 });
  for (const file of ['train/icons-000000.tar', 'validation/icons-000000.tar', 'LICENCES.md'])
    expect(Buffer.compare(await readFile(join(folder, 'a', file)), await readFile(join(again, file))), file).toBe(0);
  const lines = (await readFile(calls, 'utf8')).trim().split('\n');
  expect(lines.length).toBe(1);
  expect(lines[0]).toContain('--ignore-scripts');
  expect((await readdir(join(folder, 'cache'))).filter((f) => f.startsWith('.'))).toEqual([]);
});

test('a package that is damaged in the cache is fetched again', async () => {
  await writeFile(join(folder, 'cache', '@iconify-json+noto@1.2.9', 'package.json'), '{');
  await renderIcons(join(folder, 'c'), { cache: join(folder, 'cache'), npm, size: 8 });
  expect((await readFile(calls, 'utf8')).trim().split('\n').length).toBe(2);
});

test('the licence page names every style that was used and no other', async () => {
  const out = join(folder, 'd');
  const report = await renderIcons(out, {
    cache: join(folder, 'cache'),
    npm,
    styles: ['noto'],
    validation: ['emojione'],
  });
  expect(report).toMatchObject({ styles: { noto: 2, emojione: 2 }, concepts: 3, unseen: 1 });
  const page = await readFile(join(out, 'LICENCES.md'), 'utf8');
  expect(page).toContain('| noto | Set noto | Ours | CC0-1.0 | @iconify-json/noto@1.2.9 |');
  expect(page).toContain('| emojione | ');
  expect(page).not.toContain('twemoji');
});

test('without npm, with an npm that fails, and for wrong options there are typed errors', async () => {
  const cache = join(folder, 'empty');
  const out = join(folder, 'e');
  await expect(renderIcons(out, { cache, npm: join(folder, 'no-such-npm') })).rejects.toMatchObject({
    code: 'download',
    message: expect.stringContaining('npm was not found'),
  });
  const failing = join(folder, 'failing.cjs');
  await writeFile(failing, `#!${process.execPath}\nconsole.error('npm error code ENOTFOUND');process.exit(1);`, {
    mode: 0o755,
  });
  await expect(renderIcons(out, { cache, npm: failing })).rejects.toMatchObject({
    code: 'download',
    detail: { npm: ['npm error code ENOTFOUND'] },
  });
  expect(await readdir(cache)).toEqual([]);
  const usage = { code: 'usage' };
  await expect(renderIcons(out, { cache, styles: ['nota'] })).rejects.toThrow(/did you mean "noto"/);
  await expect(renderIcons(out, { cache, styles: ['noto'], validation: ['noto'] })).rejects.toMatchObject(usage);
  await expect(renderIcons(out, { cache, size: 4.5 })).rejects.toMatchObject(usage);
  await expect(renderIcons(out, { cache, heldOut: 1 })).rejects.toMatchObject(usage);
  await expect(renderIcons(out, { cache, heldOut: Number.NaN })).rejects.toMatchObject(usage);
  await expect(renderIcons(out, { cache, heldOut: 0.1, validation: [] })).rejects.toThrow(/no style is there/);
  const signal = AbortSignal.abort();
  await expect(renderIcons(out, { cache, npm, signal })).rejects.toMatchObject({ code: 'aborted' });
});

test('names and code points of different writings are one', () => {
  expect(plainCode('0030-FE0F-20E3')).toBe('30-20e3');
  expect(squeezed('flag-for-aland-islands')).toBe(squeezed('flag: Åland Islands'));
  expect(squeezed('keycap: #')).not.toBe(squeezed('keycap: *'));
});
