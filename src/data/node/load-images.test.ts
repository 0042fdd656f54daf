import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fitImage, imageBatch, squareGeometry } from '../../image/index.ts';
import { decodeImage } from '../../image/node/index.ts';
import { imageOf } from '../index.ts';
import { plainPng, writeFiles } from '../testing/image-fixtures.ts';
import { loadImages, openImages } from './index.ts';

let root = '';
let at = '';
let cache = '';
const size = 5;
const names = Array.from({ length: 37 }, (_, i) => `${String(i).padStart(2, '0')}.png`);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bow2bot-load-'));
  [at, cache] = [join(root, 'set'), join(root, 'cache')];
  await writeFiles(at, Object.fromEntries(names.map((n, i) => [n, plainPng([i, 2 * i, 255 - i], 13, 7 + (i % 5))])));
  await writeFile(join(at, '17.png'), 'broken');
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Files that the cache holds, with their sizes. */
async function kept(): Promise<number[]> {
  const files = (await readdir(cache, { recursive: true })).filter((f) => f.endsWith('.squares'));
  return Promise.all(files.map(async (f) => (await stat(join(cache, f))).size));
}

test('squares are the decoder’s and the resize’s own, on any number of threads, from the cache or not', async () => {
  const set = await openImages(at);
  for (const fit of ['crop', 'pad', 'stretch'] as const) {
    const plain = await loadImages(set, { size, fit, cache: false });
    expect([plain.count, plain.skipped.length]).toEqual([36, 1]);
    const bytes = await readFile(join(at, plain.ids[20]!));
    expect(imageOf(plain, 20).data).toEqual(fitImage(await decodeImage(bytes), squareGeometry(size, fit)).data);
    expect(await loadImages(set, { size, fit, workers: 3, cache })).toEqual(plain);
    expect(await loadImages(set, { size, fit, cache })).toEqual(plain);
  }
});

test('other shapes: what a preprocessing sees, kept apart from squares; models take it as it is', async () => {
  const set = await openImages(at);
  const geometry = { shape: { kind: 'fixed', width: 8, height: 3, fit: 'stretch' }, resample: 'bilinear' } as const;
  const wide = await loadImages(set, { geometry, cache });
  expect([wide.width, wide.height, wide.pixels.length]).toEqual([8, 3, 36 * 72]);
  const raw = await decodeImage(await readFile(join(at, wide.ids[20]!)));
  expect(imageOf(wide, 20)).toEqual(fitImage(raw, geometry));
  expect(await loadImages(set, { geometry, workers: 3, cache })).toEqual(wide);
  const cut = { shape: { ...squareGeometry(5).shape, resized: { width: 6, height: 6 } }, resample: 'bicubic' } as const;
  const seen = [await loadImages(set, { geometry: cut, cache }), await loadImages(set, { size: 5, cache })];
  expect((await kept()).length).toBe(3);
  const p = { ...cut, mean: [0, 0, 0], std: [1, 1, 1] };
  expect(imageBatch([imageOf(seen[0]!, 20)], p)).toEqual(imageBatch([raw], p));
  expect(await loadImages(set, { geometry: squareGeometry(5), cache })).toEqual(seen[1]);
  expect((await kept()).length).toBe(3);
  const varying = { shape: { kind: 'shorter', shorter: 5 }, resample: 'bicubic' } as const;
  await expect(loadImages(set, { geometry: varying, cache: false })).rejects.toThrow(/there is no one size/);
});

test('cache: read again without the files’ bytes, renewed where an image changes, old segments removed', async () => {
  const set = await openImages(at);
  const file = join(at, '03.png');
  const mtime = new Date(1_700_000_000_000);
  await utimes(file, mtime, mtime);
  const first = await loadImages(set, { size, cache });
  expect((await kept()).length).toBe(1);
  const { size: bytes } = await stat(file);
  await writeFile(file, new Uint8Array(bytes)); // unreadable now, but of the same size and time
  await utimes(file, mtime, mtime);
  expect(await loadImages(set, { size, cache })).toEqual(first);
  await writeFile(file, plainPng([9, 9, 9]));
  const second = await loadImages(set, { size, cache });
  expect(imageOf(second, 3).data[0]).toBe(9);
  expect(second.count).toBe(36);
  expect((await kept()).length).toBe(2);
  for (const n of names) await utimes(join(at, n), new Date(), new Date(Date.now() - 1e6));
  expect(await loadImages(set, { size, cache })).toEqual(second);
  expect((await kept()).length).toBe(1);
});

test('cache: damaged files are not believed; two at once do no harm; other sizes are apart', async () => {
  const set = await openImages(at);
  const both = await Promise.all([loadImages(set, { size, cache }), loadImages(set, { size, cache })]);
  expect(both[0]).toEqual(both[1]);
  const [folder] = await readdir(cache);
  const [segment] = await readdir(join(cache, folder!));
  const path = join(cache, folder!, segment!);
  for (const damage of [(b: Buffer) => b.subarray(0, 40), () => Buffer.from('no'), (b: Buffer) => b.fill(0, 0, 4)]) {
    await writeFile(path, damage(await readFile(path)));
    expect(await loadImages(set, { size, cache })).toEqual(both[0]);
  }
  await loadImages(set, { size: 3, cache });
  expect((await readdir(cache)).length).toBe(2);
});

test('archives are known by their images’ content', async () => {
  const { writeWebDataset } = await import('./index.ts');
  const samples = names.map((n, i) => ({ key: n.slice(0, 2), parts: { png: plainPng([i, 0, 0]) } }));
  const tars = join(root, 'tars');
  await writeWebDataset(tars, samples);
  const set = await openImages(tars);
  const first = await loadImages(set, { size, cache });
  await writeWebDataset(tars, [...samples, { key: 'new', parts: { png: plainPng([200, 0, 0]) } }]);
  const second = await loadImages(set, { size, cache });
  expect([second.count, second.pixels.length - first.pixels.length]).toEqual([38, 3 * size * size]);
  const [small] = (await kept()).sort((a, b) => a - b);
  expect(small).toBeLessThan(400); // one square and its key
});

test('a cache that was asked for must work; progress counts; a signal stops', async () => {
  const set = await openImages(at);
  await writeFile(cache, 'a file where the folder should be');
  await expect(loadImages(set, { size, cache })).rejects.toMatchObject({ code: 'data', place: cache });
  const seen: string[] = [];
  await loadImages(set, { size, cache: false, onProgress: (p) => seen.push(`${p.done}/${p.total}`) });
  expect([seen.length, seen.at(-1)]).toEqual([37, '37/37']);
  const controller = new AbortController();
  const onProgress = (): void => controller.abort();
  for (const workers of [1, 2]) {
    const stopped = loadImages(set, { size, cache: false, workers, signal: controller.signal, onProgress });
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
  }
  await expect(loadImages(set, { size: 2 ** 24, cache: false })).rejects.toThrow(/do not fit into memory/);
  await expect(loadImages(set, { size: 2.5, cache: false })).rejects.toMatchObject({ code: 'config' });
});
