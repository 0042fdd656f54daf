/** Damaged Parquet files and tars, and sets in which one file is moved, renamed, doubled or emptied: typed errors and named losses, soon. */
import { cp, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { ByteWriter, parquetWrite } from 'hyparquet-writer';
import { packTar } from 'modern-tar';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isBowError, Rng } from '../../base/index.ts';
import { fuzzRuns } from '../../base/testing/fuzz.ts';
import { plainPng, writeFiles } from '../testing/image-fixtures.ts';
import { inspectImages, openImages, readWebDataset } from './index.ts';
import { parquetRows } from './parquet.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'bow2bot-fuzz-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const names = ['a', 'b', 'c', 'd'];
const png = plainPng([1, 2, 3], 3, 2);

function damaged(whole: Uint8Array, rng: Rng): Uint8Array {
  if (rng.int(8) === 0) return whole.slice(0, rng.int(whole.length));
  const bytes = Uint8Array.from(whole);
  const from = rng.int(2) * Math.max(0, whole.length - 600); // often in the metadata, which lie at the end
  for (let k = 1 + rng.int(10); k > 0; k--) bytes[from + rng.int(whole.length - from)] = rng.int(256);
  return bytes;
}

async function endsSoon(what: string, work: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  try {
    await work();
  } catch (e) {
    if (!isBowError(e) || e.code !== 'data') throw new Error(`${what}: ${(e as Error).stack}`);
  }
  expect(performance.now() - started, what).toBeLessThan(10_000); // some milliseconds, on an idle machine
}

function table(codec: 'UNCOMPRESSED' | 'SNAPPY'): Uint8Array {
  const writer = new ByteWriter();
  const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' } as const;
  const rows = Array.from({ length: 40 }, (_, i) => i);
  parquetWrite({
    writer,
    codec,
    rowGroupSize: 25,
    schema: [
      { name: 'root', num_children: 3 },
      { name: 'caption', ...text },
      { name: 'n', type: 'INT64', repetition_type: 'REQUIRED' },
      { name: 'flag', type: 'BOOLEAN', repetition_type: 'OPTIONAL' },
    ],
    columnData: [
      { name: 'caption', data: rows.map((i) => (i % 7 === 0 ? null : `caption ${i % 5}`)) },
      { name: 'n', data: rows.map((i) => BigInt(i % 3)) },
      { name: 'flag', data: rows.map((i) => i % 2 === 0) },
    ],
  });
  return new Uint8Array(writer.getBuffer());
}

test('Parquet files with changed bytes or cut off end soon, in rows or in a typed error', async () => {
  const path = join(root, 'x.parquet');
  for (const codec of ['UNCOMPRESSED', 'SNAPPY'] as const) {
    const whole = table(codec);
    for (let i = 0; i < fuzzRuns(60); i++) {
      await writeFile(path, damaged(whole, new Rng(`${codec} ${i}`)));
      await endsSoon(`${codec} ${i}`, () => parquetRows(path));
    }
  }
});

test('archives with changed bytes or cut off end soon, in samples or in a typed error', async () => {
  const path = join(root, 'x.tar');
  const whole = await packTar(names.map((n) => ({ header: { name: `${n}.png`, size: png.length }, body: png })));
  for (let i = 0; i < fuzzRuns(60); i++) {
    await writeFile(path, damaged(whole, new Rng(`tar ${i}`)));
    await endsSoon(`tar ${i}`, async () => {
      for await (const _ of readWebDataset(path));
    });
  }
});

const rows = names.map((n) => ({ file_name: `${n}.png`, text: `a ${n}` }));
const images = (folder: string): Record<string, Uint8Array> =>
  Object.fromEntries(names.map((n) => [`${folder}${n}.png`, png]));
const annotations = names.map((n, id) => ({ image_id: id, caption: `a ${n}` }));
const listed = names.map((n, id) => ({ id, file_name: `${n}.png` }));

/** One set of every layout: four images, each with a caption or a class. */
const sets: Readonly<Record<string, Readonly<Record<string, string | Uint8Array>>>> = {
  jsonl: { ...images(''), 'metadata.jsonl': rows.map((r) => JSON.stringify(r)).join('\n') },
  csv: {
    ...images('in/'),
    'in/metadata.csv': `file_name,text\n${rows.map((r) => `${r.file_name},${r.text}\n`).join('')}`,
  },
  beside: { ...images(''), ...Object.fromEntries(names.map((n) => [`${n}.txt`, `a ${n}`])) },
  classes: { 'cat/a.png': png, 'cat/b.png': png, 'dog/c.png': png, 'dog/d.png': png },
  splits: { 'train/cat/a.png': png, 'train/dog/b.png': png, 'test/cat/c.png': png, 'test/dog/d.png': png },
  coco: { ...images('images/'), 'annotations/captions_x.json': JSON.stringify({ images: listed, annotations }) },
};
const mutations = ['moved', 'renamed', 'doubled', 'emptied', 'removed'] as const;

async function mutate(at: string, rng: Rng): Promise<string> {
  const files = (await readdir(at, { recursive: true, withFileTypes: true })).filter((f) => f.isFile());
  const chosen = files.sort((a, b) => (a.name < b.name ? -1 : 1))[rng.int(files.length)]!;
  const path = join(chosen.parentPath, chosen.name);
  const how = mutations[rng.int(mutations.length)]!;
  const [, stem, extension] = /^(.*?)(\.[^.]*)$/.exec(basename(path))!;
  if (how === 'moved')
    await rename(
      path,
      join(dirname(path), '..', dirname(path) === at ? `${basename(at)}/z-${stem}${extension}` : basename(path)),
    );
  if (how === 'renamed') await rename(path, join(dirname(path), `other-${stem}${extension}`));
  if (how === 'doubled') await cp(path, join(dirname(path), `${stem} (1)${extension}`));
  if (how === 'emptied') await writeFile(path, '');
  if (how === 'removed') await rm(path);
  return `${how} ${path.slice(at.length + 1)}`;
}

test.each(Object.keys(sets))(
  '%s with one file moved, renamed, doubled, emptied or removed: nothing is lost in silence',
  async (layout) => {
    for (let i = 0; i < fuzzRuns(12); i++) {
      const at = join(root, layout, `${i}`);
      await writeFiles(at, sets[layout]!);
      const what = `${layout} ${i}: ${await mutate(at, new Rng(`${layout} ${i}`))}`;
      try {
        const r = await inspectImages(await openImages(at));
        const said =
          layout === 'classes' || layout === 'splits' ? r.labels.reduce((s, l) => s + l.count, 0) : r.captions.pictures;
        // an image that was taken away with its class or whose text is gone leaves no trace; all else is said or named
        const named = r.skipped.length + r.notes.length > 0 || said < r.readable || /removed/.test(what);
        expect(said >= 4 || named, `${what}: ${JSON.stringify(r)}`).toBe(true);
      } catch (e) {
        if (!isBowError(e) || e.code !== 'data') throw new Error(`${what}: ${(e as Error).stack}`);
      }
      await rm(at, { recursive: true });
    }
  },
);
