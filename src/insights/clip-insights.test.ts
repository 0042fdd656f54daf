import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import type { DenseVectors } from '../capabilities/index.ts';
import { ndarray, Store } from '../engine/index.ts';
import { labModel, labSettings } from './clip-lab.ts';
import { centreOf, meanCosine, separability } from './clip-modality-gap.ts';
import { meanProbabilities } from './clip-prompts.ts';
import { colourDirection } from './clip-shared-space.ts';
import { towerHash } from './clip-third-modality.ts';
import {
  contentOf,
  labCaptions,
  labClasses,
  labPairs,
  labSolos,
  seenTemplates,
  unseenTemplates,
} from './clip-world.ts';
import { insights, runInsight } from './index.ts';
import { eachSeed, settingsKey } from './seeds.ts';
import { STATE_SIZE, statesOf, writeState } from './third-modality.ts';

const vectors = (rows: readonly (readonly number[])[]): DenseVectors => ({
  rows: rows.length,
  width: rows[0]!.length,
  data: Float32Array.from(rows.flat()),
});

test('all CLIP insights run at smoke settings through the registry, from one folder of models', async () => {
  const work = await mkdtemp(join(tmpdir(), 'bow2bot-insights-'));
  const seen = new Set<string>();
  for (const id of ['clip-prompts', 'clip-shared-space', 'clip-modality-gap', 'clip-third-modality']) {
    const o = { seeds: 1, smoke: true, work, onProgress: (p: { task: string }) => seen.add(p.task) };
    const report = await runInsight(insights[id]!, o);
    expect(report.arms.some((a) => a.control)).toBe(true);
    expect(report.arms.flatMap((a) => a.values).every(Number.isFinite)).toBe(true);
    expect(report.checks.length).toBeGreaterThan(3);
    expect(report.notes?.at(-1)).toMatch(/^a smoke run/);
    seen.clear();
    expect((await runInsight(insights[id]!, o)).arms).toEqual(report.arms);
    expect([...seen]).toEqual([id]); // nothing was trained again: seeds are read back
    const holds = (part: string): boolean => report.checks.find((c) => c.says.includes(part))!.holds;
    if (id === 'clip-prompts') expect(holds('8 times is no better')).toBe(true);
    if (id === 'clip-modality-gap') {
      const cold = report.arms.find((a) => a.name.includes('0.01') && a.metric.startsWith('factor'));
      expect(cold!.values[0]).toBeCloseTo(100, 3); // held where it was put
    }
    if (id === 'clip-third-modality') expect(holds('bit for bit identical')).toBe(true);
  }
  const [key] = await readdir(join(work, 'models'));
  expect((await readdir(join(work, 'models', key!))).sort()).toEqual(['clip-0', 'clip-1', 'cold-0', 'shuffled-0']);
  await rm(work, { recursive: true });
}, 120_000);

test('a stopped training resumes bit for bit', async () => {
  const run = async (stopAt: number | undefined): Promise<string> => {
    const work = await mkdtemp(join(tmpdir(), 'bow2bot-stopped-'));
    const stop = new AbortController();
    const context = {
      seed: 3,
      work,
      signal: stop.signal,
      onProgress: (p: { done: number }) => p.done === stopAt && stop.abort(),
    };
    if (stopAt !== undefined) {
      await expect(labModel(labSettings.smoke, context)).rejects.toThrow(/stopped on request/);
      expect(await readdir(join(work, 'models', settingsKey(labSettings.smoke)))).toEqual(['clip-3.run']);
    }
    const model = await labModel(labSettings.smoke, { ...context, signal: undefined });
    expect(await readdir(join(work, 'models', settingsKey(labSettings.smoke)))).toEqual(['clip-3']);
    await rm(work, { recursive: true });
    return towerHash(model.store);
  };
  expect(await run(4)).toBe(await run(undefined));
});

test('finished seeds are kept under their settings; damaged and foreign ones are measured again', async () => {
  const work = await mkdtemp(join(tmpdir(), 'bow2bot-seeds-'));
  const measured: number[] = [];
  const go = (settings: unknown, seeds: number): Promise<number[]> =>
    eachSeed('test', settings, { seeds, work }, async ({ seed }) => {
      measured.push(seed);
      return 10 * seed;
    });
  expect(await go({ a: 1 }, 2)).toEqual([0, 10]);
  expect(await go({ a: 1 }, 3)).toEqual([0, 10, 20]);
  expect(measured.splice(0)).toEqual([0, 1, 2]);
  const [key] = await readdir(join(work, 'test'));
  const file = join(work, 'test', key!, 'seed-1.json');
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ settings: { a: 1 }, result: 10 });
  await writeFile(file, '{"settings":{"a":1},"res');
  await go({ a: 1 }, 3);
  await go({ a: 2 }, 1);
  expect(measured).toEqual([1, 0]);
  const stop = new AbortController();
  stop.abort();
  await expect(eachSeed('test', {}, { seeds: 1, signal: stop.signal }, async () => 1)).rejects.toThrow(/test/);
  await rm(work, { recursive: true });
});

test('the small world: pairs held out are never shown, captions use words of training, contents differ where asked', () => {
  const held = new Set(labClasses.filter((c) => c.heldOut).map((c) => `${c.colour} ${c.kind}`));
  expect([labClasses.length, held.size]).toEqual([80, 8]);
  const pairs = labPairs({ count: 61, size: 16, seed: 'test', distinct: true });
  const contents = pairs.scenes.map(contentOf);
  expect(new Set(contents).size).toBe(61);
  expect(
    contents
      .join(' + ')
      .split(' + ')
      .filter((c) => held.has(c)),
  ).toEqual([]);
  expect(labPairs({ count: 61, size: 16, seed: 'test', distinct: true })).toEqual(pairs);
  const again = labPairs({ count: 61, size: 16, seed: 'other', like: pairs.scenes });
  expect(again.scenes.map(contentOf)).toEqual(contents);
  expect(again.pixels).not.toEqual(pairs.pixels);
  const starts = (t: string): string => t.split('{}')[0]!;
  const captions = pairs.captions.flat();
  for (const t of seenTemplates) if (starts(t)) expect(captions.some((c) => c.startsWith(starts(t)))).toBe(true);
  for (const t of unseenTemplates) if (starts(t)) expect(captions.some((c) => c.startsWith(starts(t)))).toBe(false);
  expect(labCaptions(pairs.scenes[0]!, new Rng(0), 5)).toHaveLength(5);
  const solos = labSolos({ views: 1, size: 16, seed: 'test' });
  expect(solos.images).toHaveLength(72 + 3 * 8);
});

test('states: the order of objects says nothing, all else is there', () => {
  const { scenes } = labPairs({ count: 7, size: 16, seed: 'states' });
  const two = scenes.find((s) => s.objects.length === 2)!;
  const plain = statesOf([two]);
  const half = (STATE_SIZE - 10) / 2;
  const swapped = new Float32Array(STATE_SIZE);
  writeState({ ...two, objects: [two.objects[1]!, two.objects[0]!] }, swapped);
  expect(swapped.slice(0, half)).toEqual(plain.slice(half, 2 * half));
  const rng = new Rng(3);
  const seen = new Set<string>();
  for (let i = 0; i < 20; i++) {
    const state = new Float32Array(STATE_SIZE);
    writeState(two, state, rng);
    seen.add(state.join());
  }
  expect(seen).toEqual(new Set([plain.join(), swapped.join()]));
  expect(plain.slice(2 * half, 2 * half + 8).reduce((a, b) => a + b)).toBe(1);
});

test('probabilities are averaged after the softmax', () => {
  const s = (x: number[]): { rows: number; columns: number; data: Float64Array } => ({
    rows: 1,
    columns: 2,
    data: Float64Array.from(x),
  });
  const p = (x: number): number => 1 / (1 + Math.exp(-x));
  const found = meanProbabilities([s([0.3, 0.1]), s([0, 0.5])], 10).data;
  expect(found[0]).toBeCloseTo((p(2) + p(-5)) / 2, 12);
  expect(found[1]).toBeCloseTo((p(-2) + p(5)) / 2, 12);
});

test('the modality gap by hand', () => {
  const images = vectors([
    [1, 0],
    [0, 1],
    [1, 0],
    [0, 1],
  ]);
  const texts = vectors([
    [-1, 0],
    [0, -1],
    [-1, 0],
    [0, -1],
  ]);
  expect([...centreOf(images)]).toEqual([0.5, 0.5]);
  expect(meanCosine(images)).toBeCloseTo((2 * 1 + 4 * 0) / 6, 12); // of six pairs of rows two are equal, four at right angles
  expect(separability(images, texts)).toBe(1);
  expect(separability(images, images)).toBeLessThanOrEqual(0.5);
});

test('a colour direction does not name the picture’s own kind', () => {
  const kinds = [...new Set(labClasses.map((c) => c.kind))];
  const one = labClasses[0]!;
  const wanted = labClasses.find((c) => c.kind === one.kind && c.colour !== one.colour)!;
  // first number: 1 for the wanted colour; second: enormous for the image's own kind
  const classes = vectors(labClasses.map((c) => [c.colour === wanted.colour ? 1 : 0, c.kind === one.kind ? 100 : 0]));
  const direction = colourDirection(classes, one, wanted);
  expect(kinds).toHaveLength(8);
  expect(direction[0]).toBeCloseTo(1, 6);
  expect(direction[1]).toBe(0);
});

test('the hash of frozen towers sees every bit of theirs and none of the third encoder', () => {
  const store = new Store();
  store.set('visual/a', ndarray('float32', [2], [1, 2]));
  store.set('state/fc1/weight', ndarray('float32', [1], [1]));
  const before = towerHash(store);
  store.set('state/fc1/weight', ndarray('float32', [1], [5]));
  expect(towerHash(store)).toBe(before);
  store.set('visual/a', ndarray('float32', [2], [1, -2]));
  expect(towerHash(store)).not.toBe(before);
});
