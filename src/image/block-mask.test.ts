import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { blockMask } from './block-mask.ts';

const count = (mask: Uint8Array): number => mask.reduce((a, b) => a + b, 0);

test('two fifths of the patches, in blocks: neighbours are hidden together far more often than by chance', () => {
  const rng = new Rng(3);
  let [hidden, pairs] = [0, 0];
  for (let i = 0; i < 200; i++) {
    const mask = blockMask(14, rng);
    expect(count(mask)).toBeLessThanOrEqual(78);
    hidden += count(mask);
    for (let at = 0; at < 195; at++) if (at % 14 < 13) pairs += mask[at]! * mask[at + 1]!;
  }
  expect(hidden / 200).toBeGreaterThan(70);
  expect(pairs / 200 / 182).toBeGreaterThan(0.27); // by chance 0.16
});

test('every patch is hidden at times, on small grids too, and equal seeds hide the same', () => {
  const seen = new Uint8Array(16);
  for (let i = 0; i < 100; i++) blockMask(4, new Rng(i)).forEach((x, at) => (seen[at]! += x)); // biome-ignore format: one line
  expect(Math.min(...seen)).toBeGreaterThan(10);
  expect(blockMask(7, new Rng(5))).toEqual(blockMask(7, new Rng(5)));
  expect(count(blockMask(1, new Rng(1)))).toBe(1);
  expect(count(blockMask(3, new Rng(1), { share: 1 }))).toBeGreaterThan(4);
});

test.each([[0], [2.5], [Number.NaN]])('a grid of %d a side is none', (side) => {
  expect(() => blockMask(side, new Rng(1))).toThrow(/grid/);
});

test('a share outside of (0, 1] is refused', () => {
  expect(() => blockMask(4, new Rng(1), { share: 0 })).toThrow(/share/);
  expect(() => blockMask(4, new Rng(1), { share: 1.1 })).toThrow(/share/);
});
