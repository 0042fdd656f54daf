/** PNG and JPEG decoded without native code: by fast-png and jpeg-js. Slower than sharp, and JPEG colours differ a little: docs/data.md says how much. */
import { inflateSync } from 'node:zlib';
import { convertIndexedToRgb, decode as decodePngFile } from 'fast-png';
import jpeg from 'jpeg-js';
import { toRgb } from '../flatten.ts';
import { imageHeader } from '../image-formats.ts';
import { exifOrientation, upright } from './exif.ts';

type Rgb = { readonly width: number; readonly height: number; readonly data: Uint8Array };

/** Decodes a PNG or JPEG file to upright RGB; throws an `Error` with the reason for anything else and for broken files. */
export function decodePlain(bytes: Uint8Array): Rgb {
  const header = imageHeader(bytes);
  if (header?.format === 'png') return upright(decodePngRgb(bytes), exifOrientation(bytes).value);
  if (header?.format === 'jpeg') return upright(decodeJpegRgb(bytes), exifOrientation(bytes).value);
  throw new Error(`${header?.format ?? 'this'} needs sharp, which is not installed; without it PNG and JPEG are read`);
}

function decodePngRgb(bytes: Uint8Array): Rgb {
  checkInflated(bytes);
  const png = decodePngFile(bytes, { checkCrc: true });
  const { width, height } = png;
  if (png.palette) {
    const channels = png.palette[0]!.length;
    return { width, height, data: toRgb(convertIndexedToRgb(png), channels) };
  }
  const { values, top } = samples(png);
  const data = png.transparency
    ? keyed(values, png.channels, [...png.transparency], top)
    : { values, channels: png.channels };
  return { width, height, data: toRgb(toBytes(data.values, top), data.channels) };
}

/** Inflated bytes that fast-png may take on trust; deflate packs at most 1032 bytes in one. */
const harmless = 64 * 2 ** 20;

/** A small file can inflate to gigabytes whatever size its header says, and fast-png inflates all of it: more than the image needs is refused. */
function checkInflated(bytes: Uint8Array): void {
  if (bytes.length * 1032 <= harmless) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height, depth] = [view.getUint32(16), view.getUint32(20), bytes[24]!];
  const channels = [1, 1, 3, 1, 2, 1, 4][bytes[25]!] ?? 4;
  const needed = height * Math.ceil((width * channels * depth) / 8) + 4 * height + 64; // interlaced images have up to two rows for one
  const parts: Uint8Array[] = [];
  for (let at = 8; at + 8 <= bytes.length; at += 12 + view.getUint32(at))
    if (view.getUint32(at + 4) === 0x49444154) parts.push(bytes.subarray(at + 8, at + 8 + view.getUint32(at))); // "IDAT"
  try {
    inflateSync(Buffer.concat(parts), { maxOutputLength: Math.max(needed, harmless) });
  } catch (e) {
    if ((e as { code?: string }).code !== 'ERR_BUFFER_TOO_LARGE') throw e;
    throw new Error('its data inflate to more than the image holds', { cause: e });
  }
}

type Samples = Uint8Array | Uint16Array;

/** One value per sample: fast-png leaves several grey pixels in a byte where they have fewer than 8 bits. */
function samples(png: ReturnType<typeof decodePngFile>): { values: Samples; top: number } {
  const { width, height, depth } = png;
  const top = 2 ** depth - 1;
  if (depth >= 8) return { values: png.data as Samples, top };
  const row = Math.ceil((width * depth) / 8);
  const values = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      values[y * width + x] = (png.data[y * row + (bit >> 3)]! >> (8 - depth - (bit & 7))) & top;
    }
  return { values, top };
}

/** Adds alpha to images that name one colour as transparent (PNG's tRNS for grey and RGB). */
function keyed(values: Samples, channels: number, key: number[], top: number): { values: Samples; channels: number } {
  const n = values.length / channels;
  const out = new Uint16Array(n * (channels + 1));
  for (let i = 0; i < n; i++) {
    const at = i * channels;
    let same = true;
    for (let c = 0; c < channels; c++) {
      out[i * (channels + 1) + c] = values[at + c]!;
      same &&= values[at + c] === key[c];
    }
    out[i * (channels + 1) + channels] = same ? 0 : top;
  }
  return { values: out, channels: channels + 1 };
}

/** 16 bits lose their lower byte, as libpng strips them for Pillow; fewer than 8 are spread over the whole range. */
function toBytes(values: Samples, top: number): Uint8Array {
  if (top === 255) return Uint8Array.from(values);
  return Uint8Array.from(values, top > 255 ? (v) => v >> 8 : (v) => (v * 255) / top);
}

function decodeJpegRgb(bytes: Uint8Array): Rgb {
  const { width, height, data } = jpeg.decode(bytes, { useTArray: true, formatAsRGBA: false, ...limits });
  return { width, height, data };
}

/** The size was checked by the caller; jpeg-js must not refuse by its own limit. */
const limits = { maxResolutionInMP: 4096, maxMemoryUsageInMB: 16384, tolerantDecoding: false };
