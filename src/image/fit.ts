/** Images of any shape as squares. */
import { type Pixels, resizePixels, squarePixels } from './resize.ts';

/** `crop`: CLIP's centre square · `pad`: the whole image on white · `stretch`: the whole image, out of shape. */
export type SquareFit = 'crop' | 'pad' | 'stretch';

/** An RGB image as a square of `size` pixels by Pillow's bicubic filter: [size × size × 3]. */
export function fitSquare(p: Pixels, size: number, fit: SquareFit = 'crop'): Uint8Array {
  if (fit === 'crop') return squarePixels(p, size).data;
  if (fit === 'stretch') return resizePixels(p, { width: size, height: size }).data;
  const scale = size / Math.max(p.width, p.height);
  const inside = (x: number): number => Math.max(1, Math.round(x * scale));
  const small = resizePixels(p, { width: inside(p.width), height: inside(p.height) });
  const [left, top] = [Math.floor((size - small.width) / 2), Math.floor((size - small.height) / 2)];
  const out = new Uint8Array(3 * size * size).fill(255);
  for (let y = 0; y < small.height; y++) {
    const row = small.data.subarray(3 * y * small.width, 3 * (y + 1) * small.width);
    out.set(row, 3 * ((top + y) * size + left));
  }
  return out;
}
