import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { statementsOf } from './beit3-masked-data.ts';
import { labPairs } from './clip-world.ts';
import { insights, runInsight } from './index.ts';

test('statements: of each scene one that is true, and one that differs from it in colour or kind', () => {
  const { scenes } = labPairs({ count: 30, size: 24, seed: 'statements' });
  const asked = statementsOf(scenes, new Rng(1));
  expect(asked).toHaveLength(60);
  asked.forEach(({ text, images, given }, i) => {
    const { objects } = scenes[images[0]!]!;
    expect(images).toEqual([Math.floor(i / 2)]);
    const words = text.split(' ');
    const shown = objects.some((o) => words.includes(o.colour) && text.endsWith(o.kind));
    expect([text, given[0]]).toEqual([text, shown ? 'yes' : 'no']);
  });
});

test('the experiment runs at smoke settings through the registry', async () => {
  const report = await runInsight(insights['beit3-masked-data']!, { seeds: 1, smoke: true });
  expect(report.arms).toHaveLength(12);
  expect(report.arms.filter((a) => a.control)).toHaveLength(4);
  expect(report.arms.flatMap((a) => a.values).every(Number.isFinite)).toBe(true);
  expect(report.checks).toHaveLength(5);
}, 120_000);
