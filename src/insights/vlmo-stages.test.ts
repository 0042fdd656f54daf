import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { insights, runInsight } from './index.ts';

test('the order of stages runs at smoke settings through the registry: every arm measured, nothing trained twice', async () => {
  const work = await mkdtemp(join(tmpdir(), 'bow2bot-vlmo-stages-'));
  const seen = new Set<string>();
  const o = { seeds: 1, smoke: true, work, onProgress: (p: { task: string }) => seen.add(p.task) };
  const report = await runInsight(insights['vlmo-stages']!, o);
  expect(report.arms.flatMap((a) => a.values).every(Number.isFinite)).toBe(true);
  expect(report.arms.filter((a) => a.metric.startsWith('R@1')).map((a) => a.name)).toEqual(['images, texts, pairs', 'images, pairs', 'pairs alone', 'texts on attention at random, pairs']); // biome-ignore format: one line
  expect(report.arms.filter((a) => a.metric.includes('after the text stage'))).toHaveLength(2);
  expect([...seen].filter((task) => task.includes(': image'))).toHaveLength(1); // shared by the arms that have it
  seen.clear();
  expect((await runInsight(insights['vlmo-stages']!, o)).arms).toEqual(report.arms);
  expect([...seen]).toEqual(['vlmo-stages']);
  await rm(work, { recursive: true });
}, 120_000);
