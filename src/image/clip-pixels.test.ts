import { expect, test } from 'vitest';
import { CLIP_MEAN, CLIP_STD, normalizeChannels, shiftImage } from './clip-pixels.ts';
import { imageRow } from './sheet.ts';

test('channels come one after the other, normalised', () => {
  const out = new Float32Array(2 + 6).fill(-9);
  normalizeChannels(Uint8Array.of(0, 51, 102, 255, 204, 153), out, 2);
  const wanted = [0, 255, 51, 204, 102, 153].map((x, i) => (x / 255 - CLIP_MEAN[i >> 1]!) / CLIP_STD[i >> 1]!);
  wanted.forEach((x, i) => expect(out[2 + i]).toBeCloseTo(x, 5));
  expect(out[1]).toBe(-9);
  expect(() => normalizeChannels(new Uint8Array(9), new Float32Array(8), 0)).toThrow(/do not fit/);
});

test('a moved image repeats its edge', () => {
  const grey = (values: number[]): Uint8Array => Uint8Array.from(values.flatMap((v) => [v, v, v]));
  const out = new Uint8Array(27);
  shiftImage(grey([1, 2, 3, 4, 5, 6, 7, 8, 9]), 3, 1, 0, out);
  expect(out).toEqual(grey([1, 1, 2, 4, 4, 5, 7, 7, 8]));
  shiftImage(grey([1, 2, 3, 4, 5, 6, 7, 8, 9]), 3, 0, -2, out);
  expect(out).toEqual(grey([7, 8, 9, 7, 8, 9, 7, 8, 9]));
});

test('a row of images, enlarged, with white between', () => {
  const one = (v: number) => ({ width: 1, height: 1, data: Uint8Array.of(v, v, v) });
  const row = imageRow([one(7), one(8)], { scale: 2, gap: 1 });
  expect([row.width, row.height]).toEqual([5, 2]);
  const line = [7, 7, 255, 8, 8];
  expect([...row.data].filter((_, i) => i % 3 === 0)).toEqual([...line, ...line]);
  expect(() => imageRow([])).toThrow(/one size/);
});
