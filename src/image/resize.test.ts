import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { fitImage, squareGeometry } from './preprocessing.ts';
import { type ResizeFilter, resizePixels } from './resize.ts';
import { resizeColumns, resizeRows, type Weights } from './resize-passes.ts';

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
  const square = fitImage(p, squareGeometry(7));
  expect([square.width, square.height, whole.width]).toEqual([7, 7, 16]);
  const left = Math.floor((16 - 7) / 2);
  for (let y = 0; y < 7; y++)
    expect(square.data.subarray(21 * y, 21 * (y + 1))).toEqual(
      whole.data.subarray(3 * (16 * y + left), 3 * (16 * y + left + 7)),
    );
  expect(fitImage(made(5, 5), squareGeometry(5)).data).toEqual(made(5, 5).data);
  expect(() => resizePixels({ width: 2, height: 2, data: new Uint8Array(11) }, { width: 3, height: 3 })).toThrow(
    /cannot become/,
  );
});

/** One pass along the rows as Resample.c writes it, an image at a time: what the vectors of the kernel are held against. */
function plainPass(p: Uint8Array, width: number, channels: number, w: Weights): Uint8Array {
  const rows = p.length / (width * channels);
  const to = w.first.length;
  return Uint8Array.from({ length: rows * to * channels }, (_, at) => {
    const [y, x, c] = [Math.floor(at / (to * channels)), Math.floor(at / channels) % to, at % channels];
    const sum = w.values[x]!.reduce((s, v, k) => s + v * p[(y * width + w.first[x]! + k) * channels + c]!, 1 << 21);
    return Math.min(255, Math.max(0, sum >> 22));
  });
}

test('the kernel and the plain loop agree for 1 to 4 bytes per pixel, along rows and columns, over several strips', () => {
  const rng = new Rng(3);
  for (const channels of [1, 2, 3, 4]) {
    const [width, height, to] = [1 + rng.int(700), 520, 1 + rng.int(90)];
    const data = Uint8Array.from({ length: width * height * channels }, () => (rng.float() < 0.5 ? 255 : rng.int(256)));
    const positions = Array.from({ length: to }, () => rng.int(width));
    const weights = positions.map((at) =>
      Int32Array.from({ length: 1 + rng.int(Math.min(9, width - at)) }, () =>
        Math.round((rng.float() - 0.2) * 2 ** 20),
      ),
    );
    const w = { first: Int32Array.from(positions), values: weights };
    expect(resizeRows(data, width, channels, w)).toEqual(plainPass(data, width, channels, w));
    const turned = (x: Uint8Array, columns: number): Uint8Array =>
      x.map((_, at) => x[(at % (x.length / columns)) * columns + Math.floor(at / (x.length / columns))]!);
    const byColumns = resizeColumns(turned(data.subarray(0, width * 37), width), 37, 0, w);
    expect(byColumns).toEqual(turned(plainPass(data.subarray(0, width * 37), width, 1, w), to));
  }
});
