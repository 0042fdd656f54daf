/** ONNX's Resize and Upsample: every mode is a constant linear map of each axis. */
import { isFloat } from '../../dtype.ts';
import { mapAxis } from '../../functions/axis-map.ts';
import { where } from '../../functions/basic.ts';
import { take } from '../../functions/indexing.ts';
import type { Tensor } from '../../tensor.ts';
import type { Context, Converter } from '../context.ts';

/** One axis: positions in and out, positions out per position in, and the part of the axis that is taken (0 to 1 is all). */
type Axis = { n: number; size: number; scale: number; roi: readonly [number, number] };

/**
 * Where output position i lies among the input's positions. In float32 as onnxruntime computes it: whether a position is just below or at a whole one
 * decides which neighbour is the nearest.
 */
function source(c: Context, mode: string, i: number, { n, size, scale, roi }: Axis): number {
  const f = Math.fround;
  const length = scale * n; // not rounded to whole positions, as in the standard's own cases
  const middle = f(f(i + 0.5) / f(scale));
  const centre = f(middle - 0.5);
  switch (mode) {
    case 'half_pixel':
      return centre;
    case 'half_pixel_symmetric':
      return f(f(f((n / 2) * f(1 - f(size / f(length)))) + middle) - 0.5);
    case 'pytorch_half_pixel':
      return size > 1 ? centre : 0;
    case 'tf_half_pixel_for_nn':
      return middle;
    case 'align_corners':
      return length === 1 ? 0 : f(f(i * (n - 1)) / f(length - 1));
    case 'asymmetric':
      return f(i / f(scale));
    case 'tf_crop_and_resize': {
      const span = (roi[1] - roi[0]) * (n - 1);
      return roi[0] * (n - 1) + (length === 1 ? span / 2 : (i * span) / (length - 1));
    }
    default:
      throw c.fail(`coordinates "${mode}" are not supported`);
  }
}

/** Keys 1981, with a free coefficient. */
function cubicKernel(u: number, a: number): number {
  const t = Math.abs(u);
  if (t <= 1) return (a + 2) * t ** 3 - (a + 3) * t ** 2 + 1;
  return t < 2 ? a * t ** 3 - 5 * a * t ** 2 + 8 * a * t - 4 * a : 0;
}

/** Weights of the positions around x, the first one's index in front. The left neighbour of a whole x is x − 1, as in ONNX's reference. */
function neighbours(c: Context, mode: Mode, x: number, scale: number): [first: number, weights: number[]] {
  const base = Math.ceil(x) - 1;
  const ratio = x - base; // in (0, 1]
  if (mode === 'nearest') return [base, nearestWeights(c, ratio, scale)];
  const reach = mode === 'cubic' ? 2 : 1;
  const a = c.number('cubic_coeff_a', -0.75);
  const kernel = (u: number): number => (reach === 2 ? cubicKernel(u, a) : Math.max(0, 1 - Math.abs(u)));
  const narrow = c.flag('antialias') ? Math.min(scale, 1) : 1;
  const start = Math.floor(-reach / narrow) + 1;
  const weights = Array.from({ length: 2 * (1 - start) }, (_, k) => kernel((start + k - ratio) * narrow));
  const sum = weights.reduce((p, q) => p + q, 0);
  return [base + start, weights.map((w) => w / sum)];
}

/** Before operator set 11 the position was rounded down where the axis grew and up where it shrank. */
function nearestWeights(c: Context, ratio: number, scale: number): number[] {
  const fallback = c.opset >= 11 ? 'round_prefer_floor' : scale < 1 ? 'ceil' : 'floor';
  const rounding = c.choice('nearest_mode', ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'], fallback);
  const right = { round_prefer_floor: ratio > 0.5, round_prefer_ceil: ratio >= 0.5, floor: ratio === 1, ceil: true };
  return right[rounding] ? [0, 1] : [1, 0];
}

type Mode = 'nearest' | 'linear' | 'cubic';

/** The first Upsample said "bilinear". */
function modeOf(c: Context): Mode {
  const mode = c.choice('mode', ['nearest', 'linear', 'bilinear', 'cubic'], 'nearest');
  if (mode !== 'bilinear') return mode;
  if (c.opset >= 7) throw c.fail('mode "bilinear" is "linear" from opset 7 on');
  return 'linear';
}

/** Row-major [size n], and which output positions lie outside the input. */
function axisWeights(c: Context, mode: string, axis: Axis): { weights: number[]; outside: boolean[] } {
  const { n, size } = axis;
  c.table(size * n);
  const weights = new Array<number>(size * n).fill(0);
  const outside = new Array<boolean>(size).fill(false);
  const exclude = c.flag('exclude_outside');
  const kind = modeOf(c);
  for (let i = 0; i < size; i++) {
    const x = source(c, mode, i, axis);
    outside[i] = mode === 'tf_crop_and_resize' && (x < 0 || x > n - 1);
    const [first, row] = neighbours(c, kind, x, axis.scale);
    const inside = row.map((w, k) => (exclude && (first + k < 0 || first + k >= n) ? 0 : w));
    const sum = exclude ? inside.reduce((p, q) => p + q, 0) : 1;
    inside.forEach((w, k) => {
      weights[i * n + Math.min(Math.max(first + k, 0), n - 1)]! += w / sum;
    });
  }
  return { weights, outside };
}

/** Sizes and scales of the axes that are named, from scales or sizes. */
function targets(c: Context, x: Tensor, axes: readonly number[]): { sizes: number[]; scales: number[] } {
  const own = axes.map((a) => x.shape[a]!);
  const at = c.opset < 11 ? { scales: 1, sizes: -1 } : { scales: 2, sizes: 3 };
  const scales =
    c.opset < 9
      ? upsampled(c, x.rank)
      : c.maybe(at.scales) && c.x(at.scales).size > 0
        ? c.values(at.scales)
        : undefined;
  if (scales) {
    if (at.sizes > 0 && c.maybe(at.sizes) && c.x(at.sizes).size > 0) throw c.fail('both scales and sizes are given');
    if (scales.length !== axes.length) throw c.fail(`${scales.length} scales for ${axes.length} axes`);
    return { scales: [...scales], sizes: own.map((n, i) => Math.floor(n * scales[i]!)) };
  }
  const sizes = c.values(at.sizes);
  if (sizes.length !== axes.length) throw c.fail(`${sizes.length} sizes for ${axes.length} axes`);
  const ratios = own.map((n, i) => sizes[i]! / n);
  const policy = c.choice('keep_aspect_ratio_policy', ['stretch', 'not_larger', 'not_smaller'], 'stretch');
  if (policy === 'stretch') return { sizes: [...sizes], scales: ratios };
  const one = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  return { sizes: own.map((n) => Math.floor(n * one + 0.5)), scales: own.map(() => one) };
}

/** Scales of Upsample as attributes: of all axes, and before operator set 7 of rows and columns. */
function upsampled(c: Context, rank: number): readonly number[] {
  if (c.opset >= 7) return c.numbers('scales');
  if (rank !== 4) throw c.fail(`needs an operand of four axes, got ${rank}`);
  return [1, 1, c.number('height_scale'), c.number('width_scale')];
}

/** Whole numbers are mixed as floats and cut to whole ones. */
function resize(c: Context): Tensor {
  const x = c.x(0);
  if (modeOf(c) === 'nearest' || isFloat(x.dtype)) return resized(c, x);
  return resized(c, x.to(c.float)).to(x.dtype);
}

function resized(c: Context, x: Tensor): Tensor {
  const axes = c.has('axes') ? c.axes(c.ints('axes'), x.rank) : x.shape.map((_, i) => i);
  const { sizes, scales } = targets(c, x, axes);
  if (!sizes.every((n) => Number.isSafeInteger(n) && n > 0)) throw c.fail(`[${sizes.join(', ')}] are no sizes`);
  const mode = c.string('coordinate_transformation_mode', c.opset < 11 ? 'asymmetric' : 'half_pixel');
  if (c.flag('antialias') && modeOf(c) === 'nearest') throw c.fail('antialias is of the modes linear and cubic');
  const crop = mode === 'tf_crop_and_resize' ? c.values(1) : undefined;
  const outer: Tensor<'bool'>[] = [];
  const y = axes.reduce((t, a, i) => {
    const roi = crop ? ([crop[i]!, crop[i + axes.length]!] as const) : ([0, 1] as const);
    const axis: Axis = { n: x.shape[a]!, size: sizes[i]!, scale: scales[i]!, roi };
    const same = axis.scale === 1 && axis.n === axis.size && roi[0] === 0 && roi[1] === 1;
    if (same) return t;
    const { weights, outside } = axisWeights(c, mode, axis);
    if (outside.includes(true)) {
      const shape = x.shape.map((_, k) => (k === a ? axis.size : 1));
      outer.push(c.constant('bool', shape, outside.map(Number)));
    }
    return along(c, t, a, axis, weights);
  }, x);
  const value = c.number('extrapolation_value', 0);
  return outer.reduce((t, mask) => where(mask, value, t), y);
}

/** Nearest positions are read, anything else is a product with the table. */
function along(c: Context, t: Tensor, at: number, { n, size }: Axis, weights: readonly number[]): Tensor {
  if (modeOf(c) === 'nearest') {
    const positions = Array.from({ length: size }, (_, i) => weights.indexOf(1, i * n) - i * n);
    return take(t, c.constant('int64', [size], positions), at);
  }
  return mapAxis(t.asFloat(), at, size, weights);
}

export const resizing: Readonly<Record<string, Converter>> = { Resize: resize, Upsample: resize };
