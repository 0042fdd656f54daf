import { expect, test } from 'vitest';
import { ndarray, Store } from '../../engine/index.ts';
import { variants } from './config.ts';
import { imageIndex, positionIndex, tableRows, textIndex } from './positions.ts';
import { geometricOffsets, resizeBiases, resizePositions, splineWeights } from './resize.ts';

test('the table of the paper’s base has the 1126 rows of published files', () => {
  expect(tableRows(variants.base)).toEqual({ image: 732, cross: 2, text: 392 });
  expect(tableRows({ ...variants.base, size: 384 }).image + 394).toBe(2606);
  expect(tableRows({ ...variants.base, size: 480 }).image + 394).toBe(3878);
});

test('offsets between patches are query − key, distances between tokens key − query', () => {
  const image = imageIndex(3); // [CLS] and nine patches, 25 offsets
  expect(image.slice(0, 3)).toEqual([27, 25, 25]);
  expect([image[10], image[11], image[12], image[13], image[14]]).toEqual([26, 12, 11, 10, 7]);
  const text = textIndex(4, 6);
  expect(text).toEqual([11, 9, 9, 9, 10, 4, 5, 6, 10, 3, 4, 5, 10, 2, 3, 4]);
  const both = positionIndex({ ...variants.base, size: 48 }, 'vl', 4);
  expect(both.slice(0, 6).slice(3)).toEqual([28 + 2 + 389, 28, 28]);
  expect(both[4 * 14]).toBe(29);
});

test('offsets for larger images are a geometric series, with the ratios of the code', () => {
  for (const [from, to, last] of [
    [27, 47, 22.99993406],
    [27, 59, 28.99994852],
    [7, 11, 4.74999626],
  ] as const)
    expect(geometricOffsets(from, to).at(-1)).toBeCloseTo(last, 7);
});

test('a cubic is its own spline, and outside of the knots the ends hold', () => {
  const knots = [-3, -1.2, 0.4, 1, 2.5];
  const cubic = (x: number): number => 2 - x + 0.5 * x * x - 0.25 * x ** 3;
  const at = [-3, -2, 0, 0.7, 2.4, 4];
  const weights = splineWeights(knots, at);
  at.forEach((x, row) => {
    const value = knots.reduce((sum, k, j) => sum + weights[row * knots.length + j]! * cubic(k), 0);
    expect(value).toBeCloseTo(cubic(Math.min(x, 2.5)), 9);
  });
});

test('a table fitted to another side is SciPy’s (interp2d, cubic)', () => {
  const z = (i: number, j: number): number => Math.sin(1 + 3 * i + i * j) + 0.1 * i * i - 0.3 * j;
  const values = Array.from({ length: 49 }, (_, at) => z(Math.floor(at / 7), at % 7));
  const table = ndarray('float32', [52, 1], [...values, 5, 6, 7]);
  const found = Array.from(resizeBiases(table, 7, 11).data, Number);
  // RectBivariateSpline(x, x, z, s=0) of SciPy 1.17 at −5 … 5, which computes what interp2d did
  const wanted = {
    0: [
      0.841471, 0.7387317, 0.6119025, 0.4596243, 0.241471, -0.058529, -0.358529, -0.5766823, -0.7289605, -0.8557897,
      -0.958529,
    ],
    4: [
      1.0569866, 2.3145593, 1.449394, -0.4151169, -1.1999902, -0.079833, -0.1497122, -1.3756715, -2.6018044, -2.6651916,
      -1.2501228,
    ],
  };
  for (const [row, line] of Object.entries(wanted))
    line.forEach((x, i) => expect(found[Number(row) * 11 + i]).toBeCloseTo(x, 5));
  expect(found.slice(0, 121).reduce((a, b) => a + b)).toBeCloseTo(62.8578967, 4);
  expect(found.slice(121)).toEqual([5, 6, 7]);
});

test('an image’s positions follow its size: the table, what BEiT’s head shares, or learned vectors; nothing else changes', () => {
  const c = { ...variants.base, size: 48, depth: 1, heads: 2, width: 4 };
  const store = new Store(0);
  const table = (rows: number, columns: number) => ndarray('float32', [rows, columns], Array.from({ length: rows * columns }, (_, i) => i % 7)); // biome-ignore format: one line
  store.set('relative_bias/image', table(28, 2));
  store.set('mim/relative_bias', table(28, 2));
  store.set('relative_bias/text', table(8, 2));
  resizePositions(store, c, { ...c, size: 80 });
  expect(store.get('relative_bias/image').shape).toEqual([84, 2]);
  expect(store.get('mim/relative_bias').shape).toEqual([84, 2]);
  expect(store.get('relative_bias/text')).toEqual(table(8, 2));
  store.set('visual/positions', table(10, 4));
  resizePositions(store, { ...c, positions: 'absolute' }, { ...c, size: 64 });
  expect(store.get('visual/positions').shape).toEqual([17, 4]);
  expect(() => resizeBiases(table(12, 2), 3, 7)).toThrow(/3 × 3/);
});
