/** Pooling in one and two dimensions over [b c x] or [b c y x]. */
import { BowError } from '../../base/index.ts';
import { needWholes } from '../arguments.ts';
import type { Float } from '../dtype.ts';
import { apply, applyAll, needTensors, type Tensor } from '../tensor.ts';
import { mapAxis } from './axis-map.ts';
import { type Padding, type PerAxis, paddings, perAxis } from './convolution.ts';

/** Options of pooling. */
export type PoolOptions = {
  /** The window's size when absent, so that windows lie side by side. */
  readonly stride?: PerAxis;
  readonly padding?: Padding;
};

/** Options of maxima. */
export type MaxPoolOptions = PoolOptions & { readonly dilation?: PerAxis };

/** Options of means. */
export type AveragePoolOptions = PoolOptions & {
  /** Whether zeros of the padding count in the mean; true as in PyTorch. */
  readonly countPadding?: boolean;
};

/**
 * Largest value of windows: [b c x] → [b c x′]. Of equals the first gets the gradient, as in PyTorch. Error `shape` for a window that does not fit.
 */
export function maxPool1d(x: Tensor<Float>, size: PerAxis, o: MaxPoolOptions = {}): Tensor<Float> {
  return maxPool(x, size, 1, o);
}

/** Largest value of windows: [b c y x] → [b c y′ x′], otherwise as {@link maxPool1d}. */
export function maxPool2d(x: Tensor<Float>, size: PerAxis, o: MaxPoolOptions = {}): Tensor<Float> {
  return maxPool(x, size, 2, o);
}

/** Mean of windows: [b c x] → [b c x′]. Error `shape` for a window that does not fit. */
export function averagePool1d(x: Tensor<Float>, size: PerAxis, o: AveragePoolOptions = {}): Tensor<Float> {
  return averagePool(x, size, 1, o);
}

/** Mean of windows: [b c y x] → [b c y′ x′], otherwise as {@link averagePool1d}. */
export function averagePool2d(x: Tensor<Float>, size: PerAxis, o: AveragePoolOptions = {}): Tensor<Float> {
  return averagePool(x, size, 2, o);
}

/** Mean over all positions: [b c …] → [b c]. */
export function globalAveragePool(x: Tensor<Float>): Tensor<Float> {
  needTensors('globalAveragePool', { x });
  if (x.rank < 3)
    throw new BowError('shape', 'global pooling needs batch, channels and spatial axes', {
      place: x.graph.place,
      detail: { x: x.shape },
    });
  return x.mean(x.shape.map((_, i) => i).slice(2));
}

/**
 * Means of bins that cover the last axes, one size for each: bin i of m over n positions is [⌊i·n/m⌋, ⌈(i+1)·n/m⌉), as PyTorch's adaptive
 * average pooling. Bins may overlap, and may be more than positions.
 */
export function adaptiveAveragePool(x: Tensor<Float>, sizes: readonly number[]): Tensor<Float> {
  needTensors('adaptiveAveragePool', { x });
  needWholes(x, 'adaptiveAveragePool: sizes', sizes, { low: 1 });
  if (sizes.length > x.rank)
    throw new BowError('shape', `${sizes.length} sizes for ${x.rank} axes`, { place: x.graph.place });
  return sizes.reduce((t, m, i) => {
    const axis = x.rank - sizes.length + i;
    return mapAxis(t, axis, m, binWeights(t.dim(axis), m));
  }, x);
}

/** Row-major [m n]: what each position counts in each bin's mean. */
function binWeights(n: number, m: number): number[] {
  const weights = new Array<number>(m * n).fill(0);
  for (let i = 0; i < m; i++) {
    const [from, to] = [Math.floor((i * n) / m), Math.ceil(((i + 1) * n) / m)];
    weights.fill(1 / (to - from), i * n + from, i * n + to);
  }
  return weights;
}

function maxPool(x: Tensor<Float>, size: PerAxis, rank: number, o: MaxPoolOptions): Tensor<Float> {
  return applyAll('MaxPool', [x], windows(x, size, rank, o))[0];
}

function averagePool(x: Tensor<Float>, size: PerAxis, rank: number, o: AveragePoolOptions): Tensor<Float> {
  const attrs = { ...windows(x, size, rank, o), countPadding: o.countPadding ?? true };
  return apply('AveragePool', [x], attrs);
}

function windows(x: Tensor, size: PerAxis, rank: number, o: MaxPoolOptions): Record<string, readonly number[]> {
  needTensors(`pool${rank}d`, { x }, o);
  if (x.rank !== rank + 2)
    throw new BowError('shape', `${rank}-D pooling needs an operand with ${rank + 2} axes`, {
      place: x.graph.place,
      detail: { x: x.shape },
    });
  const kernel = perAxis(size, rank);
  const strides = perAxis(o.stride ?? size, rank);
  const dilations = perAxis(o.dilation ?? 1, rank);
  const [before, after] = paddings(o.padding ?? 0, x.shape.slice(2), kernel, strides, dilations);
  return { kernel, strides, dilations, before, after };
}
