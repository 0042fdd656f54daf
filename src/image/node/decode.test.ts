import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { isBowError, Rng } from '../../base/index.ts';
import { encodePng } from '../index.ts';
import { type DecoderName, decodeImage, imageDecoder } from './index.ts';

type Case = { name: string; file: string; width: number; height: number; rgb: string };
const { cases } = JSON.parse(readFileSync(resolve('src/image/testing/pillow/files.json'), 'utf8')) as {
  cases: Case[];
};
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const hasSharp = (await imageDecoder()).name === 'sharp';

/** Largest and mean difference from what Pillow reads. */
async function difference(c: Case, decoder: DecoderName): Promise<{ max: number; mean: number }> {
  const found = await decodeImage(bytesOf(c.file), { decoder });
  const expected = bytesOf(c.rgb);
  expect([c.name, found.width, found.height, found.data.length]).toEqual([c.name, c.width, c.height, expected.length]);
  const apart = Array.from(expected, (v, i) => Math.abs(v - found.data[i]!));
  return { max: Math.max(...apart), mean: apart.reduce((s, d) => s + d, 0) / apart.length };
}

test.skipIf(!hasSharp)('sharp: every byte is Pillow’s, in every format (needs sharp)', async () => {
  for (const c of cases) expect([c.name, await difference(c, 'sharp')]).toEqual([c.name, { max: 0, mean: 0 }]);
});

test('plain: PNG to the byte; JPEG within rounding, subsampled colours apart; other formats name sharp', async () => {
  for (const c of cases) {
    if (!/\.(png|jpg)$/.test(c.name)) {
      await expect(decodeImage(bytesOf(c.file), { decoder: 'plain' })).rejects.toThrow(/needs sharp/);
      continue;
    }
    const { max } = await difference(c, 'plain');
    const limit = c.name.endsWith('.png') ? 0 : /42[02]|progressive/.test(c.name) ? 96 : 4; // jpeg-js repeats colours, libjpeg interpolates them
    expect(max, c.name).toBeLessThanOrEqual(limit);
  }
});

test('broken files are `data` errors with their place, whatever is wrong', async () => {
  const rng = new Rng('broken');
  for (const c of cases)
    for (let i = 0; i < 24; i++) {
      const whole = bytesOf(c.file);
      const bytes = i % 2 === 0 ? whole.slice(0, rng.int(whole.length)) : whole;
      for (let k = 0; k < 3; k++) if (bytes.length > 0) bytes[rng.int(bytes.length)] = rng.int(256);
      for (const decoder of hasSharp ? (['sharp', 'plain'] as const) : (['plain'] as const))
        try {
          const p = await decodeImage(bytes, { decoder, place: 'here', maxPixels: 1e6 });
          expect(p.data.length).toBe(3 * p.width * p.height);
        } catch (e) {
          if (!isBowError(e) || e.code !== 'data' || e.place !== 'here') throw e;
        }
    }
});

test('what is not an image, empty, too large or truncated is reported', async () => {
  const png = encodePng({ width: 7, height: 5, channels: 3, data: new Uint8Array(105) });
  const decode = (bytes: Uint8Array, maxPixels?: number): Promise<unknown> =>
    decodeImage(bytes, { place: 'x.png', ...(maxPixels ? { maxPixels } : {}) });
  await expect(decode(new Uint8Array())).rejects.toThrow('an empty file (at x.png)');
  await expect(decode(new TextEncoder().encode('<!doctype html>'))).rejects.toThrow(/not an image/);
  await expect(decode(png.subarray(0, 50))).rejects.toThrow(/a png image that cannot be decoded/);
  await expect(decode(png, 34)).rejects.toThrow('7 × 5 pixels are more than the limit of 34');
  const bomb = Uint8Array.from(png); // says 2³¹ − 1 pixels a side
  new DataView(bomb.buffer).setUint32(16, 2 ** 31 - 1);
  new DataView(bomb.buffer).setUint32(20, 2 ** 31 - 1);
  await expect(decode(bomb)).rejects.toThrow(/more than the limit of 178956970/);
  const packed = deflateSync(new Uint8Array(80 * 2 ** 20), { level: 9 }); // for 7 × 5 pixels
  const idat = Buffer.alloc(packed.length + 12);
  idat.writeUInt32BE(packed.length);
  idat.write('IDAT', 4);
  idat.set(packed, 8);
  idat.writeUInt32BE(crc32(idat.subarray(4, packed.length + 8)), packed.length + 8);
  const swollen = Buffer.concat([png.subarray(0, 33), idat, png.subarray(-12)]);
  await expect(decodeImage(swollen, { decoder: 'plain' })).rejects.toThrow(/inflate to more than the image holds/);
  await expect(decode(Uint8Array.from([...Buffer.from('BM'), ...new Uint8Array(40)]))).rejects.toThrow(/BMP/);
});
