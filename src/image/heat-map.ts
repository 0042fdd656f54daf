/** A map of numbers laid over an image, and a box drawn into it. */
import type { RasterImage } from './png.ts';

/** Numbers by place, [height × width], row by row from the top, over the whole image whatever its size. */
type Map2d = { readonly width: number; readonly height: number; readonly data: ArrayLike<number> };

type Rectangle = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };

/**
 * The image with the map in it, enlarged bilinearly: places of small numbers darkened, those of large ones red; the box as a line of white and black. Numbers
 * are taken between the map's smallest and largest.
 */
export function paintHeat(
  image: { readonly width: number; readonly height: number; readonly data: ArrayLike<number> },
  o: { readonly map?: Map2d | undefined; readonly box?: Rectangle | undefined },
): RasterImage {
  const { width, height } = image;
  const data = Uint8Array.from(image.data);
  const heat = o.map && scaled(o.map);
  if (heat)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const h = heat((x + 0.5) / width, (y + 0.5) / height);
        const at = 3 * (y * width + x);
        const shade = 0.35 + 0.65 * h;
        data[at] = Math.round(data[at]! * shade * (1 - 0.5 * h) + 255 * 0.5 * h);
        data[at + 1] = Math.round(data[at + 1]! * shade * (1 - 0.3 * h));
        data[at + 2] = Math.round(data[at + 2]! * shade * (1 - 0.3 * h));
      }
  if (o.box) drawBox(data, width, height, o.box);
  return { width, height, channels: 3, data };
}

/** The map between 0 and 1 at any place of the image, (0, 0) its left upper corner. */
function scaled({ width, height, data }: Map2d): (u: number, v: number) => number {
  const values = Array.from(data);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const range = high - low || 1;
  const at = (x: number, y: number): number => {
    const [column, row] = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))];
    return (values[row * width + column]! - low) / range;
  };
  return (u, v) => {
    const [x, y] = [u * width - 0.5, v * height - 0.5];
    const [x0, y0] = [Math.floor(x), Math.floor(y)];
    const [fx, fy] = [x - x0, y - y0];
    const upper = at(x0, y0) * (1 - fx) + at(x0 + 1, y0) * fx;
    return upper * (1 - fy) + (at(x0, y0 + 1) * (1 - fx) + at(x0 + 1, y0 + 1) * fx) * fy;
  };
}

/** A white line inside a black one. */
function drawBox(data: Uint8Array, width: number, height: number, box: Rectangle): void {
  const [x0, y0] = [Math.round(box.x), Math.round(box.y)];
  const [x1, y1] = [Math.round(box.x + box.width) - 1, Math.round(box.y + box.height) - 1];
  const paint = (x: number, y: number, shade: number): void => {
    if (x >= 0 && y >= 0 && x < width && y < height) data.fill(shade, 3 * (y * width + x), 3 * (y * width + x) + 3);
  };
  const line = (by: number, shade: number): void => {
    for (let x = x0 - by; x <= x1 + by; x++) for (const y of [y0 - by, y1 + by]) paint(x, y, shade);
    for (let y = y0 - by; y <= y1 + by; y++) for (const x of [x0 - by, x1 + by]) paint(x, y, shade);
  };
  line(1, 0);
  line(0, 255);
}
