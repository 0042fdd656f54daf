import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { OpenSystem } from '../capabilities/index.ts';
import { openImages } from '../data/node/index.ts';
import { clipPreprocessing, encodePng } from '../image/index.ts';
import { imageSetBenchmarks } from './benchmarks.ts';
import { type ImageTest, memoryTest } from './image-test.ts';
import { ladderText, runLadder } from './ladder.ts';
import { setTest } from './node/index.ts';
import { rawPixels } from './raw-pixels.ts';

const colours = { red: [230, 20, 20], green: [20, 230, 20], blue: [20, 20, 230] } as const;
type Name = keyof typeof colours;
const names = Object.keys(colours) as Name[];

/** Sees the mean colour, reads the names of colours: finds what the one is of the other. Counts how often it looks. */
function colourist(): OpenSystem & { looked: number } {
  const system = {
    id: 'colourist',
    looked: 0,
    preprocessing: clipPreprocessing(3),
    close: async () => {},
    encodeText: async (texts: readonly string[]) => ({
      rows: texts.length,
      width: 3,
      data: Float32Array.from(texts.flatMap((t) => names.map((n) => (t.includes(n) ? 1 : 0.01)))),
    }),
    encodeImages: async (images: readonly { data: Uint8Array | Uint8ClampedArray }[]) => {
      system.looked += images.length;
      const sums = images.flatMap(({ data }) =>
        [0, 1, 2].map((c) => Array.from(data).reduce((s, x, i) => (i % 3 === c ? s + x : s), 0)),
      );
      return { rows: images.length, width: 3, data: Float32Array.from(sums) };
    },
  };
  return system;
}

/** `count` images, each of one colour and of its own shade. */
function coloured(count: number, captions: (name: Name, i: number) => string[]): ImageTest {
  const size = 5;
  const pixels = new Uint8Array(count * 3 * size * size);
  const of = (i: number): Name => names[i % 3]!;
  pixels.forEach((_, at) => {
    const i = Math.floor(at / (3 * size * size));
    pixels[at] = colours[of(i)][at % 3]! - (i % 7);
  });
  const all = Array.from({ length: count }, (_, i) => i);
  return memoryTest({
    count,
    width: size,
    height: size,
    pixels,
    captions: all.map((i) => captions(of(i), i)),
    labels: all.map(of),
  });
}

test('a set is asked for what it has; a system looks at each image once', async () => {
  const test_ = coloured(3, (n) => [`a ${n} square`, `${n}, all of it`, `this is ${n}`]);
  const train = coloured(41, () => []);
  const benchmarks = imageSetBenchmarks({ id: 'c', title: 'colours', test: test_, train });
  expect(benchmarks.map((b) => b.id)).toEqual(['c/captions', 'c/pictures', 'c/zero-shot', 'c/probe']);
  const seeing = colourist();
  const { looked: _, encodeImages: __, ...reading } = colourist();
  const ladder = await runLadder(
    [{ title: 'sees', open: async () => seeing }, { title: 'reads', open: async () => reading }, rawPixels],
    benchmarks,
  );
  expect(seeing.looked).toBe(44);
  const [sees, reads, pixels] = ladder.rows;
  expect(sees!.results['c/captions']!['text_to_description_R@1']).toBe(1);
  expect(sees!.results['c/pictures']).toMatchObject({ 'text_to_image_R@1': 1, 'image_to_text_R@1': 1 });
  expect(sees!.results['c/zero-shot']).toEqual({ top1: 1, top5: 1, top1_one_template: 1 });
  expect(sees!.results['c/probe']).toMatchObject({ top1: 1, train_top1: 1 });
  expect(Object.keys(reads!.results)).toEqual(['c/captions']);
  expect(Object.keys(pixels!.results)).toEqual(['c/probe']);
  const text = ladderText(ladder);
  expect(text).toMatch(/^colours\nsystem +caption → caption R@1 +text → picture R@1 +picture → text R@1/);
  expect(text).toMatch(/^\(raw pixels, 16 × 16\) .*– +1\.000$/m);
});

test('images without captions are in the gallery and ask nothing', async () => {
  const test_ = coloured(7, (n, i) => (i < 2 ? [`${n}`] : []));
  const [retrieval] = imageSetBenchmarks({ id: 'c', title: 'colours', test: test_ });
  expect(retrieval!.id).toBe('c/pictures');
  const metrics = (await retrieval!.run(colourist(), {}))!;
  expect(metrics['text_to_image_R@5']).toBe(1);
  expect(metrics['image_to_text_R@1']).toBe(1);
});

test('seen and unseen things each have their own gallery; a system still looks at each image once', async () => {
  const test_ = coloured(5, (n) => [n]);
  const seen = [true, true, false, true, false]; // red, green and red again; blue and green
  const list = imageSetBenchmarks({ id: 'c', title: 'colours', test: test_, seen });
  expect(list.map((b) => [b.id, b.chance])).toEqual([
    ['c/pictures', 1 / 5],
    ['c/seen', 1 / 3],
    ['c/unseen', 1 / 2],
    ['c/zero-shot', 1 / 3],
  ]);
  const system = colourist();
  const results = await Promise.all(list.map((b) => b.run(system, {})));
  expect(results[2]).toMatchObject({ 'text_to_image_R@1': 1, 'image_to_text_R@1': 1 });
  expect(results[1]!['text_to_image_R@5']).toBe(1);
  expect(system.looked).toBe(5);
  const alike = imageSetBenchmarks({ id: 'c', title: 'colours', test: test_, seen: seen.map(() => true) });
  expect(alike.map((b) => b.id)).toEqual(['c/pictures', 'c/zero-shot']);
});

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-picture-test-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a set on disk is read again for each system; broken files are named', async () => {
  for (let i = 0; i < 13; i++) {
    const data = new Uint8Array(3 * 9 * 7).map((_, at) => colours[names[i % 3]!][at % 3]!);
    await writeFile(join(folder, `p${i}.png`), encodePng({ width: 9, height: 7, channels: 3, data }));
    await writeFile(join(folder, `p${i}.txt`), `something ${names[i % 3]}`);
  }
  await writeFile(join(folder, 'p4.png'), 'no image');
  const found = await setTest(await openImages(folder));
  expect([found.count, found.skipped.length]).toEqual([12, 1]);
  expect(found.skipped[0]!.place).toMatch(/p4\.png/);
  const system = colourist();
  const vectors = await found.encode(system as never);
  expect(vectors.rows).toBe(12);
  found.captions.forEach(([caption], i) => {
    const row = [...(vectors.data as Float32Array).subarray(3 * i, 3 * i + 3)];
    expect(row.indexOf(Math.max(...row))).toBe(names.findIndex((n) => caption!.includes(n)));
  });
  const few = await setTest(await openImages(folder), { limit: 5 });
  expect([4, 5]).toContain(few.count); // the broken one may be among the chosen
});
