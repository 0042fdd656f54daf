/**
 * Resizing as Pillow does it (`Image.resize`, libImaging/Resample.c), to the last bit: antialiased, horizontal pass first, coefficients in 22-bit
 * fixed point, results rounded and clipped to bytes between the passes. Canvas, sharp and PyTorch's interpolate give other values.
 */
import { BowError } from '../base/index.ts';
import { resizeColumns, resizeRows, type Weights } from './resize-passes.ts';

/** Interleaved bytes, rows from the top. */
export type Pixels = {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
};

export type ResizeFilter = 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos';
type Window = Exclude<ResizeFilter, 'nearest'>;

/** Filters with their support: half the width of what they see, in pixels of the smaller of the two grids. */
const filters: Readonly<Record<Window, { readonly support: number; readonly at: (x: number) => number }>> = {
  box: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, at: (x) => hamming(Math.abs(x)) },
  bicubic: { support: 2, at: (x) => cubic(Math.abs(x)) },
  lanczos: { support: 3, at: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** A Hamming window over sinc. */
const hamming = (x: number): number => (x >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * Math.cos(x * Math.PI)));

/** Keys' cubic with a = −0.5 (Keys 1981, eq. 4), in the order of operations of Resample.c. */
function cubic(x: number): number {
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

const FRACTION = 1 << 22; // 32 bits, less 8 for the value and 2 for the sum

/** Weights of the output places `low` to `low + count − 1`. */
function weightsOf(from: number, to: number, filter: Window, low: number, count: number): Weights {
  const { support, at } = filters[filter];
  const step = from / to;
  const scale = Math.max(1, step);
  const reach = support * scale;
  const first = new Int32Array(count);
  const values = Array.from({ length: count }, (_, place) => {
    const center = (low + place + 0.5) * step;
    const start = Math.max(0, Math.trunc(center - reach + 0.5));
    const end = Math.min(from, Math.trunc(center + reach + 0.5));
    const inverse = 1 / scale;
    const raw = Array.from({ length: end - start }, (_, x) => at((x + start - center + 0.5) * inverse));
    const sum = raw.reduce((s, w) => s + w, 0);
    first[place] = start;
    return Int32Array.from(raw, (w) => {
      const exact = (sum === 0 ? w : w / sum) * FRACTION;
      return Math.trunc(exact < 0 ? exact - 0.5 : exact + 0.5);
    });
  });
  return { first, values };
}

type Size = { readonly width: number; readonly height: number };

/** Which part of the resized image is wanted. */
type Region = { readonly left: number; readonly top: number; readonly width: number; readonly height: number };

/** Some columns of rows of `from` pixels. */
function cutColumns(data: Pixels['data'], from: number, channels: number, r: Region): Uint8Array {
  const [row, kept] = [from * channels, r.width * channels];
  const rows = data.length / row;
  const out = new Uint8Array(rows * kept);
  for (let y = 0; y < rows; y++) {
    const at = y * row + r.left * channels;
    out.set(data.subarray(at, at + kept), y * kept);
  }
  return out;
}

/** A part of a resized image; what the part does not need is not computed. Pillow leaves a pass out where the size stays. */
function resizedRegion(p: Pixels, to: Size, r: Region, filter: ResizeFilter): Uint8Array {
  const channels = p.data.length / (p.width * p.height);
  if (filter === 'nearest') return nearestRegion(p, to, r, channels);
  const columns = to.height === p.height ? undefined : weightsOf(p.height, to.height, filter, r.top, r.height);
  const top = columns ? columns.first[0]! : r.top;
  const bottom = columns ? columns.first[r.height - 1]! + columns.values[r.height - 1]!.length : r.top + r.height;
  const needed = p.data.subarray(top * p.width * channels, bottom * p.width * channels);
  const rows =
    to.width === p.width
      ? cutColumns(needed, p.width, channels, r)
      : resizeRows(needed, p.width, channels, weightsOf(p.width, to.width, filter, r.left, r.width));
  return columns ? resizeColumns(rows, r.width * channels, top, columns) : rows;
}

/** Pillow leaves the filters out and goes along with steps that it sums up (`ImagingScaleAffine`). */
function nearestRegion(p: Pixels, to: Size, r: Region, channels: number): Uint8Array {
  const positions = (from: number, count: number, low: number, kept: number): number[] => {
    const step = from / count;
    const found: number[] = [];
    for (let i = 0, at = step * 0.5; i < low + kept; i++, at += step) if (i >= low) found.push(Math.trunc(at));
    return found;
  };
  const columns = positions(p.width, to.width, r.left, r.width);
  const out = new Uint8Array(r.width * r.height * channels);
  let at = 0;
  for (const y of positions(p.height, to.height, r.top, r.height))
    for (const x of columns) for (let c = 0; c < channels; c++) out[at++] = p.data[(y * p.width + x) * channels + c]!;
  return out;
}

/** An image in another size. Error `shape` for sizes below 1, more than four bytes per pixel, and data that do not fill the image. */
export function resizePixels(
  p: Pixels,
  size: Size,
  o: { readonly filter?: ResizeFilter } = {},
): { width: number; height: number; data: Uint8Array } {
  const { width, height } = size;
  checkSizes(p, size);
  const data = resizedRegion(p, { width, height }, { left: 0, top: 0, width, height }, o.filter ?? 'bicubic');
  return { width, height, data };
}

function checkSizes(p: Pixels, to: Size): void {
  const channels = p.data.length / (p.width * p.height);
  const whole = (x: number): boolean => Number.isInteger(x) && x >= 1;
  if (![to.width, to.height, p.width, p.height, channels].every(whole) || channels > 4)
    throw new BowError(
      'shape',
      `${p.width}×${p.height} with ${p.data.length} values cannot become ${to.width}×${to.height}`,
    );
}

/** The middle of an image in another size: what is cut away is not computed. The cut's corner is rounded down. Errors as of `resizePixels`. */
export function cutResized(p: Pixels, to: Size, cut: Size, filter: ResizeFilter): Uint8Array {
  checkSizes(p, to);
  if (cut.width > to.width || cut.height > to.height)
    throw new BowError('shape', `${cut.width}×${cut.height} cannot be cut from ${to.width}×${to.height}`);
  const [left, top] = [Math.floor((to.width - cut.width) / 2), Math.floor((to.height - cut.height) / 2)];
  return resizedRegion(p, to, { left, top, width: cut.width, height: cut.height }, filter);
}
