import { expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { compile, type F, type I, ndarray } from '../../engine/index.ts';
import { clipPreprocessing } from '../../image/index.ts';
import { variants } from './config.ts';
import { boxesOf, groundingLayer, groundingMap } from './grounding.ts';
import { smallConfig, smallModel, tokenizer } from './testing/small.ts';

/** A map of 8 × 8 with two bright parts. */
const map = {
  side: 8,
  data: Array.from({ length: 64 }, (_, i) => (i === 9 || i === 10 || i === 17 ? 1 : i === 62 ? 0.9 : 0.01)),
};
const stretched = clipPreprocessing(64, 'stretch');

test('the paper’s layer is the third of the multimodal encoder', () => {
  expect(groundingLayer(variants.base)).toBe(8);
  expect(groundingLayer(variants.tiny)).toBe(2);
});

test('boxes of the bright parts, in pixels of the image, the best first', () => {
  const boxes = boxesOf(map, { width: 160, height: 80 }, stretched);
  expect(boxes.map(({ score: _, ...box }) => box)).toEqual([
    { x: 20, y: 10, width: 40, height: 20 },
    { x: 120, y: 70, width: 20, height: 10 },
  ]);
  expect(boxes[0]!.score).toBeGreaterThan(boxes[1]!.score);
  expect(boxesOf(map, { width: 160, height: 80 }, stretched, { k: 1 })).toHaveLength(1);
});

test('a cropped image is the middle of its own', () => {
  const [box] = boxesOf(map, { width: 160, height: 80 }, clipPreprocessing(64, 'crop'));
  expect(box).toMatchObject({ x: 50, y: 10, width: 20, height: 20 });
  const [padded] = boxesOf(map, { width: 160, height: 80 }, clipPreprocessing(64, 'pad'));
  expect(padded).toMatchObject({ x: 20, y: 0, width: 40, height: 20 }); // what lies above the image is cut off
});

test('proposals are ranked by the map’s sum over the square root of their area, as the released code does', () => {
  const image = { width: 16, height: 16 };
  const proposals = [
    { x: 0, y: 0, width: 16, height: 16 },
    { x: 2, y: 2, width: 4, height: 4 },
    { x: 11, y: 13, width: 4, height: 3 },
  ];
  const found = boxesOf(map, image, stretched, { proposals });
  expect(found.map(({ x }) => x)).toEqual([2, 11, 0]);
  // Pixels from the map by bicubic interpolation, summed by hand for the whole image: the weights of each patch sum to 4 pixels.
  const total = map.data.reduce((a, b) => a + b, 0) * 4;
  expect(found[2]!.score).toBeCloseTo(total / 16, 1);
  expect(boxesOf(map, image, stretched, { proposals: [proposals[2]!] })).toHaveLength(1);
});

test('the map is not negative, and padding adds nothing to it', async () => {
  const config = smallConfig({ match: true });
  const { store } = smallModel(config, 5);
  const rng = new Rng(1);
  const image = ndarray(
    'float32',
    [2, 5, 24],
    Array.from({ length: 240 }, () => rng.normal()),
  );
  const short = ndarray('int32', [2, 5], tokenizer.rows(['red', 'a blue image'], 5, { sep: false }));
  const long = ndarray('int32', [2, 9], tokenizer.rows(['red', 'a blue image'], 9, { sep: false }));
  const maps = compile((s, x: { image: F; tokens: I }) => ({ y: groundingMap(s, x, config) }), { store, threads: 1 });
  const [a, b] = [await maps.run({ image, tokens: short }), await maps.run({ image, tokens: long })];
  a.y.data.forEach((x, i) => expect(Number(b.y.data[i]) * (9 / 5)).toBeCloseTo(Number(x), 5));
  expect(Math.min(...Array.from(a.y.data, Number))).toBeGreaterThanOrEqual(0);
  await maps.close();
});
