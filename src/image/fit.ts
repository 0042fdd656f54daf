/** Images of any shape as squares. */
import { fitImage, type ImageFit, squareGeometry } from './preprocessing.ts';
import type { Pixels } from './resize.ts';

/** How an image of any shape becomes a square. */
export type SquareFit = ImageFit;

/** An RGB image as a square of `size` pixels by Pillow's bicubic filter: [size × size × 3]. */
export function fitSquare(p: Pixels, size: number, fit: SquareFit = 'crop'): Uint8Array {
  return fitImage({ width: p.width, height: p.height, data: p.data }, squareGeometry(size, fit)).data;
}
