/**
 * Resizing as Pillow does it (`Image.resize`, libImaging/Resample.c), to the last bit: antialiased, horizontal pass first, coefficients in 22-bit
 * fixed point, results rounded and clipped to bytes between the passes. Canvas, sharp and PyTorch's interpolate give other values.
 */
import { BowError } from '../base/index.ts';

/** Interleaved bytes, rows from the top. */
export type Pixels = {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
};

export type ResizeFilter = 'bilinear' | 'bicubic';

/** Filters with their support: half the width of what they see, in pixels of the smaller of the two grids. */
const filters: Readonly<Record<ResizeFilter, { readonly support: number; readonly at: (x: number) => number }>> = {
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, at: (x) => cubic(Math.abs(x)) },
};

/** Keys' cubic with a = −0.5 (Keys 1981, eq. 4), in the order of operations of Resample.c. */
function cubic(x: number): number {
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

const FRACTION = 1 << 22; // 32 bits, less 8 for the value and 2 for the sum

/** For every output place the first input place and the fixed-point weights from there. */
type Weights = { readonly first: Int32Array; readonly values: readonly Int32Array[] };

function weightsOf(from: number, to: number, filter: ResizeFilter): Weights {
  const { support, at } = filters[filter];
  const step = from / to;
  const scale = Math.max(1, step);
  const reach = support * scale;
  const first = new Int32Array(to);
  const values = Array.from({ length: to }, (_, place) => {
    const center = (place + 0.5) * step;
    const low = Math.max(0, Math.trunc(center - reach + 0.5));
    const high = Math.min(from, Math.trunc(center + reach + 0.5));
    const inverse = 1 / scale;
    const raw = Array.from({ length: high - low }, (_, x) => at((x + low - center + 0.5) * inverse));
    const sum = raw.reduce((s, w) => s + w, 0);
    first[place] = low;
    return Int32Array.from(raw, (w) => {
      const exact = (sum === 0 ? w : w / sum) * FRACTION;
      return Math.trunc(exact < 0 ? exact - 0.5 : exact + 0.5);
    });
  });
  return { first, values };
}

/** Rounds a fixed-point sum to a byte. */
const toByte = (sum: number): number => Math.min(255, Math.max(0, sum >> 22));

/** One pass along the rows of interleaved pixels. */
function resizeRows(
  data: Pixels['data'],
  width: number,
  height: number,
  channels: number,
  to: number,
  w: Weights,
): Uint8Array {
  const out = new Uint8Array(to * height * channels);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < to; x++) {
      const weights = w.values[x]!;
      const from = (y * width + w.first[x]!) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = FRACTION / 2;
        for (let k = 0; k < weights.length; k++) sum += data[from + k * channels + c]! * weights[k]!;
        out[(y * to + x) * channels + c] = toByte(sum);
      }
    }
  return out;
}

/** One pass along the columns. */
function resizeColumns(data: Pixels['data'], width: number, channels: number, to: number, w: Weights): Uint8Array {
  const row = width * channels;
  const out = new Uint8Array(to * row);
  for (let y = 0; y < to; y++) {
    const weights = w.values[y]!;
    const from = w.first[y]! * row;
    for (let x = 0; x < row; x++) {
      let sum = FRACTION / 2;
      for (let k = 0; k < weights.length; k++) sum += data[from + k * row + x]! * weights[k]!;
      out[y * row + x] = toByte(sum);
    }
  }
  return out;
}

/** A picture in another size. Error `shape` for sizes below 1 and for data that do not fill the picture. */
export function resizePixels(
  p: Pixels,
  size: { readonly width: number; readonly height: number },
  o: { readonly filter?: ResizeFilter } = {},
): { width: number; height: number; data: Uint8Array } {
  const { width, height } = size;
  const channels = p.data.length / (p.width * p.height);
  const whole = (x: number): boolean => Number.isInteger(x) && x >= 1;
  if (![width, height, p.width, p.height, channels].every(whole))
    throw new BowError('shape', `${p.width}×${p.height} with ${p.data.length} values cannot become ${width}×${height}`);
  const filter = o.filter ?? 'bicubic';
  const rows =
    width === p.width
      ? Uint8Array.from(p.data)
      : resizeRows(p.data, p.width, p.height, channels, width, weightsOf(p.width, width, filter));
  const data =
    height === p.height ? rows : resizeColumns(rows, width, channels, height, weightsOf(p.height, height, filter));
  return { width, height, data };
}

/**
 * CLIP's view of a picture: the shorter side resized to `size` (bicubic; the longer one truncated to whole pixels), then a square from the
 * middle. The crop's corner is rounded down, as Hugging Face's processor does; torchvision rounds half to even.
 */
export function squarePixels(p: Pixels, size: number): { width: number; height: number; data: Uint8Array } {
  const longer = (long: number, short: number): number => Math.trunc((size * long) / short);
  const target =
    p.width <= p.height
      ? { width: size, height: longer(p.height, p.width) }
      : { width: longer(p.width, p.height), height: size };
  const resized = resizePixels(p, target);
  const [left, top] = [Math.floor((resized.width - size) / 2), Math.floor((resized.height - size) / 2)];
  const channels = resized.data.length / (resized.width * resized.height);
  const data = new Uint8Array(size * size * channels);
  for (let y = 0; y < size; y++) {
    const from = ((top + y) * resized.width + left) * channels;
    data.set(resized.data.subarray(from, from + size * channels), y * size * channels);
  }
  return { width: size, height: size, data };
}
