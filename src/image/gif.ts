/** Animated GIF files. */
import * as gifencModule from 'gifenc';
import { BowError } from '../base/index.ts';
import type { RasterImage } from './png.ts';

// Node sees gifenc as CommonJS (everything under `default`), bundlers take its ES module
const { applyPalette, GIFEncoder, quantize } =
  'GIFEncoder' in gifencModule ? gifencModule : (gifencModule as { default: typeof gifencModule }).default;

/**
 * The bytes of an endless animation of RGB images of one size. One palette of 256 colours, taken from up to eight of the images, serves all,
 * so that still parts do not flicker.
 */
export function encodeGif(frames: readonly RasterImage[], o: { millisecondsPerFrame?: number } = {}): Uint8Array {
  const first = frames[0];
  if (!first) throw new BowError('data', 'an animation needs at least one image');
  const encoder = GIFEncoder();
  const stride = Math.max(1, Math.ceil(frames.length / 8));
  const sample = frames.filter((_, i) => i % stride === 0).map(toRgba);
  const joined = new Uint8Array(sample.reduce((n, s) => n + s.length, 0));
  let at = 0;
  for (const s of sample) {
    joined.set(s, at);
    at += s.length;
  }
  const palette = quantize(joined, 256);
  for (const f of frames) {
    if (f.width !== first.width || f.height !== first.height) {
      throw new BowError('shape', 'the images of an animation differ in size', {
        detail: { first: [first.height, first.width], other: [f.height, f.width] },
      });
    }
    encoder.writeFrame(applyPalette(toRgba(f), palette), f.width, f.height, {
      palette,
      delay: o.millisecondsPerFrame ?? 100,
    });
  }
  encoder.finish();
  return encoder.bytes();
}

function toRgba(p: RasterImage): Uint8Array {
  const n = p.width * p.height;
  const out = new Uint8Array(4 * n).fill(255);
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < 3; c++) out[4 * i + c] = p.data[p.channels * i + (p.channels < 3 ? 0 : c)]!;
  }
  return out;
}
