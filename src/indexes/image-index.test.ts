import { appendFile, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openImages, writeWebDataset } from '../data/node/index.ts';
import { parseFilter } from '../search/index.ts';
import { colourEncoder, colourPng, colours, tinyImages, writeTinyImages } from '../systems/testing/tiny-images.ts';
import { buildImageIndex, type ImageIndexOptions, type IndexingModel, indexedImages, openImageIndex } from './index.ts';

const hasLance = (() => {
  try {
    return createRequire(import.meta.url).resolve('@lancedb/lancedb') !== '';
  } catch {
    return false;
  }
})();

let folder: string;
let images: string;
let index: string;
let encoder: ReturnType<typeof colourEncoder>;
let model: IndexingModel;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-pictures-'));
  [images, index] = [join(folder, 'photos'), join(folder, 'photos.index')];
  encoder = colourEncoder();
  model = { name: 'colours', system: 'colours', fingerprint: 'f1', open: async () => encoder };
  await writeTinyImages(images, { broken: true });
});
afterEach(() => rm(folder, { recursive: true }));

const build = async (o: ImageIndexOptions = {}, m = model): ReturnType<typeof buildImageIndex> =>
  buildImageIndex(index, await openImages(images), m, { batch: 4, ...o });
const like = (name: keyof typeof colours): Float32Array => Float32Array.from(colours[name]);

describe.each([
  { store: 'exact', skip: false, why: '' },
  { store: 'lance', skip: !hasLance, why: ' (skipped unless @lancedb/lancedb is installed)' },
] as const)('store $store$why', ({ store, skip }) => {
  test.skipIf(skip)('by colour, by words, by both, filtered', async () => {
    const built = await build({ store });
    expect(built).toMatchObject({ count: 15, encoded: 15, kept: 0, removed: 0 });
    expect(built.skipped).toEqual([
      { place: join(images, 'broken.png'), reason: expect.stringContaining('not an image') },
    ]);
    const open = await openImageIndex(index);
    expect([open.config.store, open.config.captioned, open.fields.get('shade')]).toEqual([
      store,
      15,
      new Set(['number']),
    ]);
    const ids = async (...o: Parameters<typeof open.search>): Promise<string[]> =>
      (await open.search(...o)).map((h) => h.image.id);
    const query = { name: 'sentence', vector: like('blue') };
    expect(await ids([query], { k: 3 })).toEqual(['blue-0.png', 'blue-7.png', 'blue-19.png']);
    expect(
      await ids([query], { k: 2, filter: parseFilter('shade > 0 and colour in (red, grey, blue) and not bright') }),
    ).toEqual(['blue-7.png', 'grey-7.png']);
    const words = { name: 'words', words: 'yellow 19' };
    expect((await ids([words], { k: 3 }))[0]).toBe('yellow-19.png');
    expect(await ids([words], { filter: parseFilter('not bright') })).toEqual(['yellow-0.png', 'yellow-7.png']);
    expect(await ids([words], { filter: parseFilter('colour = red') })).toEqual(['red-19.png']);
    await open.close();
  });

  test.skipIf(skip)('fused ranks by hand', async () => {
    await build({ store });
    const open = await openImageIndex(index);
    const hits = await open.search(
      [
        { name: 'sentence', vector: like('blue') },
        { name: 'words', words: 'blue 19' },
      ],
      { k: 4 },
    );
    // by colour: blue-0, blue-7, blue-19; by words: blue-19, then blue-0 and blue-7, which are equal and so in the index's order
    expect(hits.slice(0, 3).map((h) => [h.image.id, h.found['sentence']!.rank, h.found['words']!.rank])).toEqual([
      ['blue-0.png', 1, 2],
      ['blue-19.png', 3, 1],
      ['blue-7.png', 2, 3],
    ]);
    [1 / 61 + 1 / 62, 1 / 63 + 1 / 61, 1 / 62 + 1 / 63].forEach((x, i) => expect(hits[i]!.score).toBeCloseTo(x, 12));
    await open.close();
  });
});

test('a second run encodes what is new or changed and drops what is gone; nothing new, nothing written', async () => {
  await build();
  const before = await readFile(join(index, 'records.jsonl'), 'utf8');
  const { mtimeMs } = await stat(join(index, 'config.json'));
  expect([(await build()).encoded, encoder.seen]).toEqual([0, 15]);
  expect((await stat(join(index, 'config.json'))).mtimeMs).toBe(mtimeMs);
  expect(await readFile(join(index, 'records.jsonl'), 'utf8')).toBe(before);
  const rest = tinyImages.filter((p) => p.colour !== 'green');
  await rm(images, { recursive: true });
  await writeTinyImages(images, { images: rest }); // same bytes, new times
  await writeFile(join(images, 'red-0.png'), colourPng('blue', 3));
  await writeFile(join(images, 'copy.png'), colourPng('grey', 7));
  expect(await build()).toMatchObject({ count: 13, encoded: 1, kept: 12, removed: 3, skipped: [] });
  const open = await openImageIndex(index);
  const [best] = await open.search([{ name: 'x', vector: like('blue') }], {
    k: 1,
    filter: parseFilter('colour = red'),
  });
  expect(best!.image.id).toBe('red-0.png');
  expect(open.images.map((p) => p.id)).toContain('copy.png');
  await open.close();
  expect((await readdir(folder)).sort()).toEqual(['photos', 'photos.index']);
});

test('stopped in the middle, it resumes after the last whole batch; a cut or foreign part file costs only what it held', async () => {
  let calls = 0;
  const dying: IndexingModel = {
    ...model,
    open: async () => ({
      ...encoder,
      encodeImages: async (p) => {
        if (++calls === 3) throw new Error('killed');
        return encoder.encodeImages(p);
      },
    }),
  };
  await expect(build({}, dying)).rejects.toThrow('killed');
  expect((await readdir(folder)).sort()).toEqual(['photos', 'photos.index.part']);
  await appendFile(`${index}.part`, 'half a batch that the kill cut off');
  expect(await build()).toMatchObject({ count: 15, encoded: 7 });
  await rename(index, join(folder, '.photos.index.old')); // killed while the new folder took the place of the old
  expect(await build()).toMatchObject({ count: 15, encoded: 0 });
  expect((await readdir(folder)).sort()).toEqual(['photos', 'photos.index']);
  await rm(index, { recursive: true });
  calls = 0;
  await expect(build({}, dying)).rejects.toThrow('killed');
  const { length } = await readFile(`${index}.part`);
  await truncate(`${index}.part`, length - 5);
  expect(await build()).toMatchObject({ encoded: 11 });
  await rm(index, { recursive: true });
  calls = 0;
  await expect(build({}, dying)).rejects.toThrow('killed');
  expect(await build({}, { ...model, fingerprint: 'f2' })).toMatchObject({ encoded: 15 });
  calls = 0;
  await expect(build({ fresh: true }, dying)).rejects.toThrow('killed');
  expect(await build({ fresh: true })).toMatchObject({ encoded: 7 });
});

test('another model, another folder, no images: typed errors, and nothing is lost', async () => {
  await build();
  const other = { ...model, fingerprint: 'f2' };
  await expect(build({}, other)).rejects.toMatchObject({ code: 'usage', hint: expect.stringContaining('--fresh') });
  expect(await build({ fresh: true }, other)).toMatchObject({ encoded: 15, kept: 0 });
  const foreign = join(folder, 'model');
  await writeFile(join(await mkdtemp(foreign), 'x'), '');
  const taken = (await readdir(folder)).find((f) => f.startsWith('model'))!;
  await writeFile(join(folder, taken, 'config.json'), '{"model_type":"clip"}');
  for (const fresh of [false, true])
    await expect(
      buildImageIndex(join(folder, taken), await openImages(images), model, { fresh }),
    ).rejects.toMatchObject({ code: 'usage' });
  await rm(images, { recursive: true });
  await writeTinyImages(images, { images: [], broken: true });
  await expect(build({ fresh: true })).rejects.toThrow(/no image can be read/);
  await expect(build({ signal: AbortSignal.abort() }, other)).rejects.toMatchObject({ code: 'aborted' });
  expect((await openImageIndex(index)).config.count).toBe(15);
  const broken = { read: async () => new Uint8Array(3), id: 'a', place: 'a', captions: [], fields: {} };
  const set = {
    format: 'folder' as const,
    path: images,
    records: async function* () {
      yield broken;
    },
  };
  await expect(buildImageIndex(join(folder, 'none.index'), set, model)).rejects.toThrow(/no image can be read/);
  expect((await readdir(folder)).filter((f) => f.startsWith('none'))).toEqual([]);
});

test('a store that is not installed is reported before anything is encoded', { skip: hasLance }, async () => {
  await expect(build({ store: 'lance' })).rejects.toMatchObject({
    code: 'backend',
    hint: expect.stringContaining('npm install'),
  });
  expect(encoder.seen).toBe(0);
});

test('archives: images without files are indexed, kept by content, and read again', async () => {
  const shards = join(folder, 'shards');
  await writeWebDataset(
    shards,
    tinyImages.map((p) => ({
      key: p.name.replace('.png', ''),
      parts: { png: colourPng(p.colour, p.shade), txt: Buffer.from(`a ${p.colour} square`) },
    })),
  );
  const run = async (): Promise<number> => (await buildImageIndex(index, await openImages(shards), model)).encoded;
  expect([await run(), await run()]).toEqual([15, 0]);
  const open = await openImageIndex(index);
  const wanted = ['grey-7', 'red-0'].map((id) => open.images.find((p) => p.id === id)!);
  const read = await indexedImages(open.config, [...wanted, { ...wanted[0]!, id: 'gone' }]);
  expect(read.map((p) => p && [...p.data.subarray(0, 3)])).toEqual([[127, 127, 127], [200, 20, 30], undefined]);
  await rm(shards, { recursive: true });
  expect(await indexedImages(open.config, wanted)).toEqual([undefined, undefined]);
  await open.close();
});

test('damage is reported with its place', async () => {
  await build();
  const config = join(index, 'config.json');
  const good = await readFile(config, 'utf8');
  const damaged = async (file: string, content: string | Uint8Array, wanted: RegExp): Promise<void> => {
    const path = join(index, file);
    const before = await readFile(path);
    await writeFile(path, content);
    const error = await openImageIndex(index).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'checkpoint', hint: expect.stringContaining('--fresh') });
    expect(String(error)).toMatch(wanted);
    await writeFile(path, before);
  };
  const records = await readFile(join(index, 'records.jsonl'), 'utf8');
  await damaged('config.json', good.replace('"format": 1', '"format": 2'), /by a later version/);
  await damaged('config.json', good.replace('"width": 3', '"width": "x"'), /width/);
  await damaged(
    'config.json',
    good.replace('"width": 3', '"width": 4'),
    /vectors of shape \[15, 3\] where config.json says \[15, 4\]/,
  );
  await damaged('config.json', '{', /not JSON/);
  await damaged('records.jsonl', records.split('\n').slice(1).join('\n'), /14 records where config.json says 15/);
  await damaged('records.jsonl', records.slice(0, -9), /14 records/);
  await damaged('records.jsonl', records.replace('"id"', '"ID"'), /a damaged record/);
  await damaged(
    'vectors.safetensors',
    (await readFile(join(index, 'vectors.safetensors'))).subarray(0, 99),
    /safetensors/,
  );
  await (await openImageIndex(index)).close();
  await rename(join(index, 'text'), join(folder, 'text'));
  await expect(openImageIndex(index)).rejects.toMatchObject({ hint: expect.stringContaining('--fresh') });
  await rename(join(folder, 'text'), join(index, 'text'));
  await writeFile(join(index, 'vectors.safetensors'), 'damaged');
  await expect(build()).rejects.toMatchObject({ code: 'checkpoint', hint: expect.stringContaining('--fresh') });
  expect(await build({ fresh: true })).toMatchObject({ encoded: 15 });
  await (await openImageIndex(index)).close();
  await expect(openImageIndex(join(folder, 'nothing'))).rejects.toMatchObject({ code: 'data' });
});
