/** Images as CLIP sees them: square, channels first, normalised. Radford et al. 2021; the constants are in OpenAI's clip.py. */
import { BowError } from '../base/index.ts';

/** Mean of red, green, blue in [0, 1]. */
export const CLIP_MEAN: readonly [number, number, number] = [0.48145466, 0.4578275, 0.40821073];
/** Standard deviation of red, green, blue. */
export const CLIP_STD: readonly [number, number, number] = [0.26862954, 0.26130258, 0.27577711];

/** Mean and standard deviation of the channels, and the factor that bytes are multiplied by before (default 1/255). */
export type ChannelStatistics = {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly rescale?: number | undefined;
};

/** Rows of an image inside a larger one, in pixels: `from` and `to` a row, `plane` a channel. */
type Rows = { readonly from: number; readonly to: number; readonly plane: number };

/**
 * Writes (x · rescale − mean)/std of interleaved RGB bytes channel by channel into `out`, from `at`: 3 × height × width values; with `rows` into the
 * upper left corner of a larger image.
 */
export function normalizeChannels(
  rgb: Uint8Array | Uint8ClampedArray,
  out: Float32Array,
  at: number,
  o: ChannelStatistics = { mean: CLIP_MEAN, std: CLIP_STD },
  rows: Rows = { from: rgb.length / 3, to: rgb.length / 3, plane: rgb.length / 3 },
): void {
  const [pixels, { from, to, plane }] = [rgb.length / 3, rows];
  if (!Number.isInteger(pixels) || out.length < at + 3 * plane || plane < pixels)
    throw new BowError('shape', `${rgb.length} values of RGB do not fit ${out.length - at} places`);
  for (let c = 0; c < 3; c++) {
    const table = channelTable(o.mean[c]!, o.std[c]!, o.rescale);
    for (let i = 0, row = at + c * plane; i < pixels; row += to)
      for (let x = 0; x < from; x++, i++) out[row + x] = table[rgb[3 * i + c]!]!;
  }
}

/** The normalised value of every byte; a product with 1/255 would differ from the quotient in the last bit. */
function channelTable(mean: number, std: number, rescale = 1 / 255): Float32Array {
  const scaled = (x: number): number => (rescale === 1 / 255 ? x / 255 : x * rescale);
  return Float32Array.from({ length: 256 }, (_, x) => (scaled(x) - mean) / std);
}

/**
 * An image moved by (dx, dy) pixels, its edge repeated where nothing is known: `out` gets size × size × 3 bytes.
 * Small shifts stand in for CLIP's random crop where images have no margin to cut.
 */
export function shiftImage(rgb: Uint8Array, size: number, dx: number, dy: number, out: Uint8Array): void {
  const clamp = (x: number): number => Math.min(size - 1, Math.max(0, x));
  for (let y = 0; y < size; y++) {
    const row = clamp(y - dy) * size;
    for (let x = 0; x < size; x++) {
      const from = 3 * (row + clamp(x - dx));
      const to = 3 * (y * size + x);
      out[to] = rgb[from]!;
      out[to + 1] = rgb[from + 1]!;
      out[to + 2] = rgb[from + 2]!;
    }
  }
}
