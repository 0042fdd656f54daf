import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { type ResizeFilter, resizePixels, squarePixels } from './resize.ts';

type Case = { from: [number, number]; to: [number, number]; filter: ResizeFilter; data: number[] };
const { cases } = JSON.parse(readFileSync(resolve('src/image/testing/pillow/resized.json'), 'utf8')) as {
  cases: Case[];
};

const made = (width: number, height: number) => ({
  width,
  height,
  data: Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * i * 7 + 13 * i) % 256),
});

test('every byte is Pillow’s, larger and smaller', () => {
  for (const { from, to, filter, data } of cases) {
    const found = resizePixels(made(...from), { width: to[0], height: to[1] }, { filter });
    expect([found.width, found.height]).toEqual(to);
    expect([...found.data]).toEqual(data);
  }
});

test('the shorter side is resized, the middle is cut out', () => {
  const p = made(29, 12);
  const whole = resizePixels(p, { width: Math.trunc((7 * 29) / 12), height: 7 });
  const square = squarePixels(p, 7);
  expect([square.width, square.height, whole.width]).toEqual([7, 7, 16]);
  const left = Math.floor((16 - 7) / 2);
  for (let y = 0; y < 7; y++)
    expect(square.data.subarray(21 * y, 21 * (y + 1))).toEqual(
      whole.data.subarray(3 * (16 * y + left), 3 * (16 * y + left + 7)),
    );
  expect(squarePixels(made(5, 5), 5).data).toEqual(made(5, 5).data);
  expect(() => resizePixels({ width: 2, height: 2, data: new Uint8Array(11) }, { width: 3, height: 3 })).toThrow(
    /cannot become/,
  );
});
