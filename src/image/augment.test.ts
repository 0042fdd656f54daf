import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { augmentImage } from './augment.ts';

const SIZE = 13;
/** An image whose colours say where a pixel was. */
const image = Uint8Array.from({ length: 3 * SIZE * SIZE }, (_, i) => {
  const [x, y] = [Math.floor(i / 3) % SIZE, Math.floor(i / 3 / SIZE)];
  return [20 * x, 19 * y, 100][i % 3]!;
});
const changed = (o: Parameters<typeof augmentImage>[4], seed = 1): Uint8Array => {
  const out = new Uint8Array(image.length);
  augmentImage(image, SIZE, out, new Rng(seed), o);
  return out;
};
const at = (rgb: Uint8Array, x: number, y: number): number[] => [
  ...rgb.subarray(3 * (SIZE * y + x), 3 * (SIZE * y + x) + 3),
];

test('nothing asked for, nothing changed; the same seed gives the same bytes, another seed others', () => {
  expect(changed({})).toEqual(image);
  const o = {
    scale: [0.7, 1.2],
    shift: 0.1,
    rotate: 20,
    stretch: 0.2,
    flip: 0.5,
    colour: 0.3,
    hue: 0.2,
    grey: 0.2,
  } as const;
  expect(changed(o)).toEqual(changed(o));
  expect(changed(o, 2)).not.toEqual(changed(o));
});

test('mirrored is mirrored', () => {
  const out = changed({ flip: 1 });
  for (const [x, y] of [
    [0, 0],
    [3, 7],
    [12, 12],
  ] as const)
    expect(at(out, x, y)).toEqual(at(image, 12 - x, y));
});

test('half as large: the middle stays, the ends come nearer, white is around', () => {
  const out = changed({ scale: [0.5, 0.5] });
  expect(at(out, 6, 6)).toEqual(at(image, 6, 6));
  expect(at(out, 4, 8)).toEqual(at(image, 2, 10));
  expect(at(out, 1, 6)).toEqual([255, 255, 255]);
});

test('a turn goes about the middle', () => {
  const rng = { uniform: (low: number, high: number) => (high === 90 ? 90 : (low + high) / 2), float: () => 0.9 };
  const out = new Uint8Array(image.length);
  augmentImage(image, SIZE, out, rng as unknown as Rng, { rotate: 90 });
  expect([at(out, 6, 6), at(out, 2, 6), at(out, 6, 11)]).toEqual([at(image, 6, 6), at(image, 6, 2), at(image, 1, 6)]);
});

test('grey is the luma of the image; hues leave greys alone', () => {
  const [r, g, b] = at(image, 9, 4) as [number, number, number];
  const luma = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
  expect(at(changed({ grey: 1 }), 9, 4)).toEqual([luma, luma, luma]);
  const flat = new Uint8Array(image.length).fill(77);
  const out = new Uint8Array(image.length);
  augmentImage(flat, SIZE, out, new Rng(5), { hue: 0.4 });
  expect(out).toEqual(flat);
  expect(changed({ hue: 0.4 })).not.toEqual(image);
});

test('a stroke grows or shrinks by a pixel, one half of the images each', () => {
  const lined = new Uint8Array(image.length).fill(200);
  for (let x = 3; x < 10; x++) for (let c = 0; c < 3; c++) lined[3 * (SIZE * 6 + x) + c] = 10 * (c + 1);
  const drawn = (share: number, draw: number): Uint8Array => {
    const out = new Uint8Array(image.length);
    const rng = { uniform: (low: number, high: number) => (low + high) / 2, float: () => draw };
    augmentImage(lined, SIZE, out, rng as unknown as Rng, { stroke: share });
    return out;
  };
  const thick = drawn(1, 0.2);
  const dark = [10, 20, 30];
  expect([at(thick, 5, 5), at(thick, 5, 7), at(thick, 2, 6), at(thick, 10, 7)]).toEqual([dark, dark, dark, dark]);
  expect([at(thick, 5, 4), at(thick, 1, 6), at(thick, 0, 0)]).toEqual(new Array(3).fill([200, 200, 200]));
  expect(drawn(1, 0.7)).toEqual(new Uint8Array(image.length).fill(200)); // a line of one pixel is gone
  expect(drawn(0.5, 0.6)).toEqual(lined);
  const wide = changed({ stroke: 1 }, 3); // every place has the least or the most of its neighbours, also at the edges
  const around = (x: number, y: number, c: number): number[] =>
    [-1, 0, 1].flatMap((dy) =>
      [-1, 0, 1].flatMap((dx) => {
        const [u, v] = [x + dx, y + dy];
        return u < 0 || v < 0 || u >= SIZE || v >= SIZE ? [] : [at(image, u, v)[c]!];
      }),
    );
  const either = [Math.min, Math.max].map((best) =>
    Uint8Array.from(image, (_, i) => best(...around(Math.floor(i / 3) % SIZE, Math.floor(i / 3 / SIZE), i % 3))),
  );
  expect(either.some((e) => e.every((v, i) => v === wide[i]))).toBe(true);
});

test('sizes that do not fit are refused', () => {
  expect(() => augmentImage(image, 12, new Uint8Array(3), new Rng(1), {})).toThrow(/bytes, not 12/);
});

test('a crop shows a rectangle of the wanted area in full, nothing from beyond the image', () => {
  const shapes = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    const out = changed({ crop: [0.3, 0.5] }, seed);
    for (let i = 2; i < out.length; i += 3) expect(out[i]).toBe(100); // no white mixed in
    const [first, last] = [at(out, 1, 1), at(out, 11, 11)];
    const [w, h] = [((last[0]! - first[0]!) / 20 / 10) * SIZE, ((last[1]! - first[1]!) / 19 / 10) * SIZE];
    expect((w * h) / SIZE ** 2).toBeGreaterThan(0.3 * 0.85);
    expect((w * h) / SIZE ** 2).toBeLessThan(0.5 * 1.15);
    expect(Math.abs(Math.log(w / h))).toBeLessThan(Math.log(4 / 3) + 0.1);
    shapes.add(`${first}`);
  }
  expect(shapes.size).toBeGreaterThan(10);
  expect(changed({ crop: [1, 1] }, 3)).toHaveLength(image.length);
});
