/**
 * Images changed at random while training: one affine map, now and then thicker or thinner strokes, and one map of colours, in one pass each.
 * DIFFERS from CLIP, which takes a random square crop and nothing else (§2.4): with thousands of images instead of 400 million a model would
 * memorise them.
 */
import { BowError, type Rng } from '../base/index.ts';

/** How far an image may be changed; 0 (and a scale of [1, 1]) leaves it. */
export type Augmentation = {
  /** Share of the area that is kept: a rectangle 3/4 to 4/3 as wide as high, stretched to the whole (open_clip takes 0.9 to 1). */
  readonly crop?: readonly [low: number, high: number] | undefined;
  /** Factor on the size of what is seen. */
  readonly scale?: readonly [low: number, high: number];
  /** Largest shift, each way, as a share of the side. */
  readonly shift?: number;
  /** Largest turn in degrees, each way. */
  readonly rotate?: number;
  /** Largest logarithm of width against height, each way. */
  readonly stretch?: number;
  /** Share of the images that are mirrored. */
  readonly flip?: number;
  /** Share of the images whose strokes grow or shrink by a pixel, one half each: every place takes the darkest or the lightest of the 3 × 3 around it. */
  readonly stroke?: number;
  /** Contrast and brightness change by up to this share, single channels by half of it. */
  readonly colour?: number;
  /** How much of the other channels is mixed into each: changes hues. */
  readonly hue?: number;
  /** Share of the images that lose their colours. */
  readonly grey?: number;
};

/** Rows of a 2 × 3 matrix: where in the image a pixel of the result is read. */
type Affine = readonly [xx: number, xy: number, x0: number, yx: number, yy: number, y0: number];

/** Writes a changed copy of size × size RGB bytes into `out`; what lies outside is white. The same state of `rng` gives the same bytes. */
export function augmentImage(rgb: Uint8Array, size: number, out: Uint8Array, rng: Rng, o: Augmentation): void {
  if (rgb.length !== 3 * size * size || out.length !== rgb.length)
    throw new BowError('shape', `${rgb.length} and ${out.length} bytes, not ${size} × ${size} × 3`);
  warp(rgb, size, out, drawAffine(size, rng, o));
  if (o.stroke) restroke(out, size, rng, o.stroke);
  if (o.colour || o.hue || o.grey) recolour(out, drawColours(rng, o));
}

const either = (rng: Rng, most: number): number => rng.uniform(-most, most);

function drawAffine(size: number, rng: Rng, o: Augmentation): Affine {
  const rest = drawMap(size, rng, o);
  return o.crop ? after(rest, drawCrop(size, rng, o.crop)) : rest;
}

/** A rectangle as torchvision's `RandomResizedCrop` draws it: ten tries, then the whole. */
function drawCrop(size: number, rng: Rng, [low, high]: readonly [number, number]): Affine {
  const [area, widest] = [size * size, Math.log(4 / 3)];
  for (let i = 0; i < 10; i++) {
    const [kept, ratio] = [area * rng.uniform(low, high), Math.exp(rng.uniform(-widest, widest))];
    const [w, h] = [Math.round(Math.sqrt(kept * ratio)), Math.round(Math.sqrt(kept / ratio))];
    if (w < 1 || h < 1 || w > size || h > size) continue;
    const [left, top] = [rng.int(size - w + 1), rng.int(size - h + 1)];
    return [w / size, 0, left + w / size / 2 - 0.5, 0, h / size, top + h / size / 2 - 0.5];
  }
  return [1, 0, 0, 0, 1, 0];
}

/** First `b`, then `a`. */
function after([axx, axy, ax, ayx, ayy, ay]: Affine, [bxx, bxy, bx, byx, byy, by]: Affine): Affine {
  const [xx, xy, x] = [axx * bxx + axy * byx, axx * bxy + axy * byy, axx * bx + axy * by + ax];
  return [xx, xy, x, ayx * bxx + ayy * byx, ayx * bxy + ayy * byy, ayx * bx + ayy * by + ay];
}

function drawMap(size: number, rng: Rng, o: Augmentation): Affine {
  const [low, high] = o.scale ?? [1, 1];
  const [zoom, turn] = [1 / rng.uniform(low, high), (either(rng, o.rotate ?? 0) * Math.PI) / 180];
  const stretch = Math.exp(either(rng, o.stretch ?? 0) / 2);
  const mirror = rng.float() < (o.flip ?? 0) ? -1 : 1;
  const [cos, sin] = [zoom * Math.cos(turn), zoom * Math.sin(turn)];
  const [xx, xy, yx, yy] = [mirror * stretch * cos, -mirror * stretch * sin, sin / stretch, cos / stretch];
  const middle = (size - 1) / 2;
  const [dx, dy] = [size * either(rng, o.shift ?? 0), size * either(rng, o.shift ?? 0)];
  return [xx, xy, middle - (xx + xy) * middle + dx, yx, yy, middle - (yx + yy) * middle + dy];
}

const WHITE = 255;

/** Bilinear, with white around the image; its outermost pixels reach half a pixel beyond their centres. */
function warp(rgb: Uint8Array, size: number, out: Uint8Array, [xx, xy, x0, yx, yy, y0]: Affine): void {
  const last = size - 1;
  const pitch = 3 * size;
  const pixel = (x: number, y: number, c: number): number =>
    x < 0 || y < 0 || x > last || y > last ? WHITE : rgb[y * pitch + 3 * x + c]!;
  for (let y = 0, to = 0; y < size; y++) {
    for (let x = 0; x < size; x++, to += 3) {
      const sx = inner(xx * x + xy * y + x0, last);
      const sy = inner(yx * x + yy * y + y0, last);
      const left = Math.floor(sx);
      const top = Math.floor(sy);
      const fx = sx - left;
      const fy = sy - top;
      const d = fx * fy;
      const b = fx - d;
      const c = fy - d;
      const a = 1 - fx - c;
      if (left >= 0 && top >= 0 && left < last && top < last) {
        const i = top * pitch + 3 * left;
        const j = i + pitch;
        out[to] = a * rgb[i]! + b * rgb[i + 3]! + c * rgb[j]! + d * rgb[j + 3]! + 0.5;
        out[to + 1] = a * rgb[i + 1]! + b * rgb[i + 4]! + c * rgb[j + 1]! + d * rgb[j + 4]! + 0.5;
        out[to + 2] = a * rgb[i + 2]! + b * rgb[i + 5]! + c * rgb[j + 2]! + d * rgb[j + 5]! + 0.5;
      } else {
        for (let k = 0; k < 3; k++)
          out[to + k] =
            a * pixel(left, top, k) +
            b * pixel(left + 1, top, k) +
            c * pixel(left, top + 1, k) +
            d * pixel(left + 1, top + 1, k) +
            0.5;
      }
    }
  }
}

/** A place in the outer half of the first or last pixel is that pixel's. */
const inner = (x: number, last: number): number => (x < 0 && x >= -0.5 ? 0 : x > last && x <= last + 0.5 ? last : x);

/** Grey erosion or dilation by a square of 3 × 3, channel by channel; beyond the edge there is nothing to compare with. */
function restroke(rgb: Uint8Array, size: number, rng: Rng, share: number): void {
  const draw = rng.float();
  if (draw >= share) return;
  const better = draw < share / 2 ? Math.min : Math.max;
  const pitch = 3 * size;
  // a square's extreme is that of its columns' extremes
  for (const [step, last] of [
    [3, pitch],
    [pitch, rgb.length],
  ] as const) {
    const from = rgb.slice();
    for (let i = 0; i < rgb.length; i++) {
      const at = step === 3 ? i % pitch : i;
      const before = at >= step ? from[i - step]! : from[i]!;
      const behind = at + step < last ? from[i + step]! : from[i]!;
      rgb[i] = better(from[i]!, before, behind);
    }
  }
}

/** Three rows of a colour matrix [from red, from green, from blue, added]. */
type ColourMatrix = readonly (readonly [number, number, number, number])[];

/** Luma of ITU-R BT.601, as Pillow's "L" mode. */
const LUMA = [0.299, 0.587, 0.114] as const;

function drawColours(rng: Rng, o: Augmentation): ColourMatrix {
  const { colour = 0, hue = 0, grey = 0 } = o;
  const flat = rng.float() < grey;
  const [contrast, brightness] = [1 + either(rng, colour), 1 + either(rng, colour)];
  return [0, 1, 2].map((row) => {
    const mixed = [0, 1, 2].map((k) => (flat ? LUMA[k]! : (k === row ? 1 : 0) + either(rng, hue)));
    const gain = contrast * (1 + either(rng, colour / 2));
    const sum = mixed.reduce((a, b) => a + b, 0); // greys stay grey
    const [r, g, b] = mixed.map((m) => (gain * m) / sum) as [number, number, number];
    return [r, g, b, 127 * (brightness - gain)];
  });
}

function recolour(rgb: Uint8Array, m: ColourMatrix): void {
  const [[rr, rg, rb, r0], [gr, gg, gb, g0], [br, bg, bb, b0]] = m as [
    ColourMatrix[0],
    ColourMatrix[0],
    ColourMatrix[0],
  ];
  const byte = (v: number): number => (v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
  for (let i = 0; i < rgb.length; i += 3) {
    const [r, g, b] = [rgb[i]!, rgb[i + 1]!, rgb[i + 2]!];
    rgb[i] = byte(rr * r + rg * g + rb * b + r0);
    rgb[i + 1] = byte(gr * r + gg * g + gb * b + g0);
    rgb[i + 2] = byte(br * r + bg * g + bb * b + b0);
  }
}
