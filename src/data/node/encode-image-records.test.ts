import { expect, test } from 'vitest';
import type { EncodesImages, OpenSystem } from '../../capabilities/index.ts';
import { clipPreprocessing, encodePng } from '../../image/index.ts';
import type { ImageRecord } from '../index.ts';
import { encodeImageRecords } from './encode-image-records.ts';

/** The mean of the red channel, of images that must be squares of 5. */
const redness: OpenSystem & EncodesImages = {
  id: 'redness',
  preprocessing: clipPreprocessing(5),
  close: async () => {},
  encodeImages: async (images) => ({
    rows: images.length,
    width: 1,
    data: Float32Array.from(images, ({ width, height, data }) => {
      expect([width, height]).toEqual([5, 5]);
      return Array.from(data).reduce((sum, x, i) => (i % 3 === 0 ? sum + x : sum), 0) / 25;
    }),
  }),
};

const records = (count: number): ImageRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `${i}`,
    place: `image ${i}`,
    captions: [],
    fields: {},
    read: async () =>
      i % 11 === 7
        ? Uint8Array.of(1, 2, 3)
        : encodePng({ width: 7, height: 6, channels: 3, data: new Uint8Array(126).fill(i) }),
  }));

test('batches come in order, fitted to the system’s square; broken images are named and left out', async () => {
  const found: [string, number][] = [];
  const skipped: string[] = [];
  const sizes: number[] = [];
  for await (const part of encodeImageRecords(redness, records(43), { batch: 13 })) {
    sizes.push(part.records.length);
    part.records.forEach((r, i) => void found.push([r.id, (part.vectors.data as Float32Array)[i]!]));
    skipped.push(...part.skipped.map((s) => s.place));
  }
  expect(sizes).toEqual([13, 13, 13]);
  expect(skipped).toEqual(['image 7', 'image 18', 'image 29', 'image 40']);
  expect(found.map(([id]) => Number(id))).toEqual(
    records(43)
      .map((_, i) => i)
      .filter((i) => i % 11 !== 7),
  );
  for (const [id, red] of found) expect(red).toBe(Number(id));
});

test('errors other than `data`, and the signal, end it', async () => {
  const bad = { ...records(1)[0]!, read: async () => Promise.reject(new TypeError('no')) };
  await expect(encodeImageRecords(redness, [bad]).next()).rejects.toThrow(TypeError);
  const signal = AbortSignal.abort();
  await expect(encodeImageRecords(redness, records(2), { signal }).next()).rejects.toThrow(
    expect.objectContaining({ code: 'aborted' }),
  );
});
