import { expect, test } from 'vitest';
import { questionsOf } from './beit3-masked-data.ts';
import { labPairs } from './clip-world.ts';
import { insights, runInsight } from './index.ts';

test('questions: of each scene which colour its thing has, and which thing has its colour', () => {
  const { scenes } = labPairs({ count: 30, size: 24, seed: 'questions', solo: 1 });
  const asked = questionsOf(scenes);
  expect(asked).toHaveLength(60);
  asked.forEach(({ text, images, given, kind }, i) => {
    const [o] = scenes[images[0]!]!.objects;
    expect(images).toEqual([Math.floor(i / 2)]);
    expect([kind, given[0]]).toEqual(i % 2 === 0 ? ['colour', o!.colour] : ['thing', o!.kind]);
    expect(text).not.toContain(given[0]);
  });
});

test('the experiment runs at smoke settings through the registry', async () => {
  const report = await runInsight(insights['beit3-masked-data']!, { seeds: 1, smoke: true });
  expect(report.arms).toHaveLength(20);
  expect(report.arms.filter((a) => a.control)).toHaveLength(8);
  expect(report.arms.flatMap((a) => a.values).every(Number.isFinite)).toBe(true);
  expect(report.checks).toHaveLength(5);
}, 120_000);
