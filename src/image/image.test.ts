import { expect, test } from 'vitest';
import { decodePng, encodeGif, encodePng } from './index.ts';

const image = { width: 7, height: 5, channels: 3, data: Uint8Array.from({ length: 105 }, (_, i) => (i * 37) % 256) };

test('an image survives PNG', () => {
  expect(decodePng(encodePng(image))).toEqual(image);
});

test('anything but an image is a typed error', () => {
  expect(() => decodePng(new Uint8Array([1, 2, 3]))).toThrow(/not a readable PNG/);
  expect(() => decodePng(encodePng(image).slice(0, 60))).toThrow(/not a readable PNG/);
  expect(() => encodePng({ ...image, width: 11 })).toThrow(/105 values/);
});

test('an animation has a frame for every image', () => {
  const bytes = encodeGif([image, image, image]);
  expect(String.fromCharCode(...bytes.slice(0, 6))).toBe('GIF89a');
  expect(bytes.reduce((n, b, i) => n + (b === 0x21 && bytes[i + 1] === 0xf9 ? 1 : 0), 0)).toBe(3);
  expect(() => encodeGif([image, { ...image, width: 5, height: 7 }])).toThrow(/differ in size/);
  expect(() => encodeGif([])).toThrow(/at least one/);
});
