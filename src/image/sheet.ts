/** Several images in one. */
import { BowError } from '../base/index.ts';
import type { RasterImage } from './png.ts';

/** RGB images of one size side by side, each pixel `scale` times as wide and high, `gap` white pixels between. */
export function imageRow(
  images: readonly {
    readonly width: number;
    readonly height: number;
    readonly data: Uint8Array | Uint8ClampedArray;
  }[],
  o: { readonly scale?: number; readonly gap?: number } = {},
): RasterImage {
  const { scale = 1, gap = 4 } = o;
  const [first] = images;
  if (!first || images.some((p) => p.width !== first.width || p.height !== first.height))
    throw new BowError('shape', 'a row needs images of one size');
  const [w, height] = [first.width * scale, first.height * scale];
  const width = images.length * (w + gap) - gap;
  const data = new Uint8Array(3 * width * height).fill(255);
  images.forEach((p, i) => {
    for (let y = 0; y < height; y++)
      for (let x = 0; x < w; x++) {
        const from = 3 * (Math.floor(y / scale) * p.width + Math.floor(x / scale));
        data.set(p.data.subarray(from, from + 3), 3 * (y * width + i * (w + gap) + x));
      }
  });
  return { width, height, channels: 3, data };
}

/** RGB images of one size in rows of `columns`, `gap` white pixels between. */
export function imageGrid(
  images: readonly { readonly width: number; readonly height: number; readonly data: Uint8Array }[],
  o: { readonly columns: number; readonly gap?: number },
): RasterImage {
  const { columns, gap = 4 } = o;
  const rows = Array.from({ length: Math.ceil(images.length / columns) }, (_, r) =>
    imageRow(images.slice(r * columns, (r + 1) * columns), { gap }),
  );
  const [first] = rows;
  if (!first) throw new BowError('shape', 'a grid needs images');
  const height = rows.length * (first.height + gap) - gap;
  const data = new Uint8Array(3 * first.width * height).fill(255);
  rows.forEach((row, r) => {
    for (let y = 0; y < row.height; y++)
      data.set(
        row.data.subarray(3 * y * row.width, 3 * (y + 1) * row.width),
        3 * (r * (row.height + gap) + y) * first.width,
      );
  });
  return { width: first.width, height, channels: 3, data };
}
