/** Resampling of images and position tables: each axis is multiplied by a small matrix of weights, so gradients are exact. */
import { BowError } from '../../base/index.ts';
import { needOneOf, needWholes } from '../arguments.ts';
import type { Float } from '../dtype.ts';
import { needTensors, type Tensor } from '../tensor.ts';
import { mapAxis } from './axis-map.ts';

/** How positions between samples are filled. */
export type ResizeOptions = {
  /** 'linear' over two axes is bilinear, 'cubic' bicubic. */
  readonly method?: 'linear' | 'cubic';
  /** True: first and last samples keep their positions. False: samples are centres of pixels. */
  readonly alignCorners?: boolean;
  /**
   * Widens the kernel when shrinking, and leaves out (instead of repeating) what lies beyond the border: as PyTorch's antialias,
   * which is made after Pillow's filters (compared with PyTorch only).
   */
  readonly antialias?: boolean;
  /** Keys' cubic parameter: by default −0.75 as PyTorch, and −0.5 with antialias, as PyTorch. */
  readonly cubic?: number;
  /** Source positions for each result, where it is not the ratio of sizes: what PyTorch does with a scale_factor, 1/scale_factor. */
  readonly ratio?: readonly number[];
};

/** Options of one axis. */
export type ResizeAxisOptions = Omit<ResizeOptions, 'ratio'> & { readonly ratio?: number | undefined };

/** Resamples the last axes to the given sizes (one or more): x [… y x] → [… sizes]. Equal to torch.nn.functional.interpolate. */
export function resize(x: Tensor<Float>, sizes: readonly number[], o: ResizeOptions = {}): Tensor<Float> {
  needTensors('resize', { x }, o);
  needWholes(x, 'resize: sizes', sizes);
  needOneOf(x, 'resize: the method', o.method ?? 'linear', ['linear', 'cubic']);
  const { ratio, ...rest } = o;
  if (sizes.length > x.rank || (ratio && ratio.length !== sizes.length)) {
    const detail = { sizes, ...(ratio ? { ratio } : {}) };
    throw new BowError('shape', `resize: one size (and ratio) for each of at most ${x.rank} axes`, {
      place: x.graph.place,
      detail,
    });
  }
  return sizes.reduce((t, size, i) => {
    const axis = x.rank - sizes.length + i;
    const weights = resizeWeights(t.dim(axis), size, { ...rest, ratio: ratio?.[i] });
    return size === t.dim(axis) && isIdentity(weights, size) ? t : mapAxis(t, axis, size, weights);
  }, x);
}

/** The matrix of one axis, row-major [size n]: result i is Σⱼ weights[i j]·source j. */
export function resizeWeights(n: number, size: number, o: ResizeAxisOptions = {}): number[] {
  if (!(Number.isInteger(n) && Number.isInteger(size) && n > 0 && size > 0))
    throw new BowError('shape', `resize: cannot make ${size} positions of ${n}`);
  const aligned = o.alignCorners ?? false;
  const ratio = aligned ? (size > 1 ? (n - 1) / (size - 1) : 0) : (o.ratio ?? n / size);
  const kernel = o.method === 'cubic' ? cubic(o.cubic ?? (o.antialias ? -0.5 : -0.75)) : linear;
  const weights = new Array<number>(size * n).fill(0);
  for (let i = 0; i < size; i++) {
    if (o.antialias) {
      for (const [j, w] of wideTaps(n, ratio, i, kernel)) weights[i * n + j]! += w;
      continue;
    }
    const source = aligned ? i * ratio : (i + 0.5) * ratio - 0.5;
    const at = kernel === linear ? Math.max(source, 0) : source; // linear clamps the position, cubic the samples
    const first = Math.floor(at) - kernel.support + 1;
    for (let j = first; j < first + 2 * kernel.support; j++)
      weights[i * n + Math.min(Math.max(j, 0), n - 1)]! += kernel.weight(j - at);
  }
  return weights;
}

/** A symmetric kernel that is 0 from ±support on. */
type Kernel = { readonly support: number; readonly weight: (distance: number) => number };

const linear: Kernel = { support: 1, weight: (u) => Math.max(0, 1 - Math.abs(u)) };

/** Keys 1981, eq. 4, with parameter a. */
function cubic(a: number): Kernel {
  const weight = (distance: number): number => {
    const u = Math.abs(distance);
    if (u < 1) return ((a + 2) * u - (a + 3)) * u * u + 1;
    return u < 2 ? ((u - 5) * u + 8) * u * a - 4 * a : 0;
  };
  return { support: 2, weight };
}

/** Sources and weights of one result, the kernel stretched by the ratio when shrinking, weights normalised to 1. As PyTorch's antialias. */
function wideTaps(n: number, ratio: number, i: number, kernel: Kernel): [source: number, weight: number][] {
  const stretch = Math.max(ratio, 1);
  const support = kernel.support * stretch;
  const centre = ratio * (i + 0.5);
  const from = Math.max(Math.trunc(centre - support + 0.5), 0);
  const to = Math.min(Math.trunc(centre + support + 0.5), n);
  const taps = Array.from({ length: to - from }, (_, k): [number, number] => [
    from + k,
    kernel.weight((from + k - centre + 0.5) / stretch),
  ]);
  const total = taps.reduce((s, [, w]) => s + w, 0);
  return taps.map(([j, w]) => [j, w / total]);
}

function isIdentity(weights: readonly number[], n: number): boolean {
  return weights.every((w, k) => w === (Math.floor(k / n) === k % n ? 1 : 0));
}
