import { expect, test } from 'vitest';
import { tabletopPairs } from '../data/index.ts';
import { memoryTest, namingFindings, searchFindings } from './index.ts';

/** Sees nothing: vectors of ones. */
const system = {
  id: 'ones',
  close: async (): Promise<void> => {},
  encodeText: async (texts: readonly string[]) => ones(texts.length),
  encodeImages: async (images: readonly unknown[]) => ones(images.length),
};
const ones = (rows: number): { rows: number; width: number; data: Float32Array } => ({
  rows,
  width: 2,
  data: new Float32Array(2 * rows).fill(1),
});

test('of fewer images than a report has room for, each is shown once', async () => {
  const pairs = await tabletopPairs({ count: 3, size: 16, distinct: true });
  const searched = await searchFindings(system, memoryTest(pairs), { count: 7 });
  expect(new Set(searched.map((f) => f.title)).size).toBe(3);
  expect(searched).toHaveLength(3);
  const labelled = { ...memoryTest(pairs), labels: ['a', 'b', 'b'] };
  const [named] = await namingFindings(system, labelled, ['{}'], { count: 7 });
  expect(named!.images.map((p) => p.right)).toEqual([true, false, false]);
});
