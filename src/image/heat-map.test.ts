import { expect, test } from 'vitest';
import { paintHeat } from './index.ts';

const grey = { width: 8, height: 8, data: new Uint8Array(3 * 64).fill(100) };
const at = (data: ArrayLike<number>, x: number, y: number): number[] => Array.from({ length: 3 }, (_, c) => data[3 * (8 * y + x) + c]!); // biome-ignore format: one line

test('large numbers are red, small ones dark; the image itself stays as it was', () => {
  const { data } = paintHeat(grey, { map: { width: 2, height: 1, data: [0, 5] } });
  const [[r0, g0], [r1, g1]] = [at(data, 0, 4), at(data, 7, 4)] as [number[], number[]];
  expect(r0).toBe(35);
  expect(g0).toBe(35);
  expect(r1!).toBeGreaterThan(150);
  expect(g1!).toBeLessThan(100);
  expect(grey.data.every((x) => x === 100)).toBe(true);
});

test('a box is drawn, cut at the edges', () => {
  const { data } = paintHeat(grey, { box: { x: 2, y: 2, width: 4, height: 10 } });
  expect([at(data, 2, 4), at(data, 1, 4), at(data, 3, 4)]).toEqual([
    [255, 255, 255],
    [0, 0, 0],
    [100, 100, 100],
  ]);
});

test('a map of equal numbers paints nothing but shade', () => {
  const { data } = paintHeat(grey, { map: { width: 1, height: 1, data: [3] } });
  expect(at(data, 4, 4)).toEqual([35, 35, 35]);
});
