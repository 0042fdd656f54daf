import { expect, test } from 'vitest';
import { insights, markdown, runInsight } from './index.ts';

test('a verdict follows from the checks', async () => {
  const about = { id: 'x', title: 'X', claim: 'X is so.', source: 'nobody' };
  const run = (holds: boolean) => async () => ({
    arms: [{ name: 'a', metric: 'm', values: [1, 3] }],
    checks: [
      { says: 'one', holds: true },
      { says: 'two', holds },
    ],
  });
  const good = await runInsight({ ...about, run: run(true) }, { seeds: 2 });
  const bad = await runInsight({ ...about, run: run(false) }, { seeds: 2 });
  expect([good.verdict, bad.verdict]).toEqual(['holds', 'does not hold']);
  expect(markdown(bad)).toContain('| a | m | 2.0000 | 12.7062 | 1.4142 |');
  expect(markdown(bad)).toContain('- NO: two');
});

test('a smoke run has no verdict, and a bar in a name stays in its cell', async () => {
  const run = async () => ({
    arms: [{ name: 'a|b', metric: '|m|', values: [1] }],
    checks: [{ says: 'one', holds: false }],
  });
  const about = { id: 'x', title: 'X', claim: 'X is so.', source: 'nobody', run };
  const report = await runInsight({ ...about, long: true }, { seeds: 1, smoke: true });
  expect(report).not.toHaveProperty('verdict');
  const page = markdown(report);
  expect(page).toContain('- not judged: one');
  expect(page).not.toMatch(/verdict/i);
  expect(page).toContain('| a\\|b | \\|m\\| | 1.0000 | – | – |');
  await expect(runInsight(about, { seeds: 1, smoke: true })).rejects.toThrow(/no smoke run/);
});

test.each(['hashing-trade', 'idf-keywords'])('%s runs, the same numbers for the same seeds', async (id) => {
  const first = await runInsight(insights[id]!, { seeds: 1 });
  expect(first.checks.length).toBeGreaterThan(2);
  expect(first.arms.some((a) => a.control)).toBe(true);
  expect(await runInsight(insights[id]!, { seeds: 1 })).toEqual(first);
});
