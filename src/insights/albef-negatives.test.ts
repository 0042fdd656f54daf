import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { drawnPairs, SIDE, wrongCaption } from './albef-world.ts';
import { insights, runInsight } from './index.ts';

test('hard negatives run at smoke settings through the registry: every arm measured, nothing trained twice', async () => {
  const work = await mkdtemp(join(tmpdir(), 'bow2bot-albef-negatives-'));
  const seen = new Set<string>();
  const o = { seeds: 1, smoke: true, work, onProgress: (p: { task: string }) => seen.add(p.task) };
  const report = await runInsight(insights['albef-negatives']!, o);
  expect(report.arms.flatMap((a) => a.values).every((x) => x >= 0 && x <= 1)).toBe(true);
  expect(new Set(report.arms.filter((a) => a.control).map((a) => a.name)).size).toBe(2);
  expect(report.checks).toHaveLength(4);
  expect(seen.size).toBe(4); // three arms, and the seed
  seen.clear();
  expect((await runInsight(insights['albef-negatives']!, o)).arms).toEqual(report.arms);
  expect([...seen]).toEqual(['albef-negatives']);
  await rm(work, { recursive: true });
}, 120_000);

test('drawings show what their captions say, and wrong captions are wrong in one respect', () => {
  const pairs = drawnPairs(40, 'test', { distinct: true });
  expect(new Set(pairs.captions.map((c) => [...c].sort()[0])).size).toBe(40);
  const red = pairs.drawings.findIndex((d) => d.some((look) => look.colour === 'red'));
  const pixels = pairs.pixels.subarray(red * 3 * SIDE * SIDE, (red + 1) * 3 * SIDE * SIDE);
  const reds = Array.from({ length: SIDE * SIDE }, (_, i) => pixels.subarray(3 * i, 3 * i + 3)).filter(
    ([r, g, b]) => r! > 170 && g! < 90 && b! < 90,
  );
  expect(reds.length).toBeGreaterThan(10);
  const [drawing, other] = [pairs.drawings[0]!, pairs.drawings[1]!];
  const right = pairs.captions[0]![0]!.split(' ');
  const changed = (wrong: Parameters<typeof wrongCaption>[1]): number =>
    wrongCaption(drawing, wrong, other, new Rng(1))
      .split(' ')
      .filter((w, i) => w !== right[i]).length;
  expect([changed('colour'), changed('shape'), changed('colours exchanged')]).toEqual([1, 1, 2]);
  expect(wrongCaption(drawing, 'other image', other, new Rng(1))).toBe(pairs.captions[1]![0]);
});
