/** Images as CLIP sees them: square, channels first, normalised. Radford et al. 2021; the constants are in OpenAI's clip.py. */
import { BowError } from '../base/index.ts';

/** Mean of red, green, blue in [0, 1]. */
export const CLIP_MEAN: readonly [number, number, number] = [0.48145466, 0.4578275, 0.40821073];
/** Standard deviation of red, green, blue. */
export const CLIP_STD: readonly [number, number, number] = [0.26862954, 0.26130258, 0.27577711];

/** Mean and deviation of the channels. */
export type ChannelStatistics = { readonly mean: readonly number[]; readonly std: readonly number[] };

/** Writes (x/255 − mean)/std of interleaved RGB bytes channel by channel into `out`, from `at`: 3 × height × width values. */
export function normalizeChannels(
  rgb: Uint8Array | Uint8ClampedArray,
  out: Float32Array,
  at: number,
  o: ChannelStatistics = { mean: CLIP_MEAN, std: CLIP_STD },
): void {
  const plane = rgb.length / 3;
  if (!Number.isInteger(plane) || out.length < at + rgb.length)
    throw new BowError('shape', `${rgb.length} values of RGB do not fit ${out.length - at} places`);
  for (let c = 0; c < 3; c++) {
    const table = channelTable(o.mean[c]!, o.std[c]!);
    for (let i = 0, to = at + c * plane; i < plane; i++) out[to + i] = table[rgb[3 * i + c]!]!;
  }
}

/** The normalised value of every byte. */
function channelTable(mean: number, std: number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, x) => (x / 255 - mean) / std);
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
