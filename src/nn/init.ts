/**
 * Initial values of parameters, under the names PyTorch (`torch.nn.init`) and JAX (`jax.nn.initializers`) give them. Weights are laid out as
 * PyTorch does, [out, in, …kernel]: fan-in is in·kernel, fan-out is out·kernel.
 */
import { BowError, type Rng } from '../base/index.ts';
import type { Init } from '../engine/index.ts';
import * as must from './arguments.ts';

type Values = Float32Array | Float64Array;

/** Inputs and outputs that one element of a weight [out, in, …kernel] connects: in·kernel and out·kernel. Error `shape` for fewer than two axes. */
export function fans(shape: readonly number[]): { fanIn: number; fanOut: number } {
  must.be('fans', { shape: [shape, must.wholes(0)] });
  const [out, inner, ...kernel] = shape;
  if (out === undefined || inner === undefined) {
    throw new BowError('shape', 'fan-in and fan-out need at least two axes, [out, in, …kernel]', {
      detail: { shape },
      hint: 'use normal, uniform or constant for vectors',
    });
  }
  const field = kernel.reduce((a, b) => a * b, 1);
  return { fanIn: inner * field, fanOut: out * field };
}

function fill(out: Values, draw: () => number): void {
  for (let i = 0; i < out.length; i++) out[i] = draw();
}

/** 0 everywhere. */
export const zeros: Init = () => {}; // the store hands out zeroed memory
/** 1 everywhere. */
export const ones: Init = (out) => {
  must.be('ones', { out: [out, must.memory] });
  out.fill(1);
};

/** One value everywhere, in a parameter of any shape. */
export function constant(value: number): Init {
  must.be('constant', { value: [value, must.number()] });
  return (out) => void out.fill(value);
}

/** Given values, row-major. Error `shape` when initialised, unless their number is the parameter's size. */
export function values(list: ArrayLike<number>): Init {
  must.be('values', { list: [list, must.numbers] });
  return (out, shape) => {
    if (list.length !== out.length)
      throw new BowError('shape', `${list.length} values do not fill [${shape.join(', ')}]`);
    out.set(list);
  };
}

/** Uniform in [low, high), in a parameter of any shape. */
export function uniform(low: number, high: number): Init {
  must.be('uniform', { low: [low, must.number()], high: [high, must.number()] });
  if (low > high) throw new BowError('usage', `uniform: ${low} > ${high}`);
  return (out, _shape, rng) => fill(out, () => rng.uniform(low, high));
}

/** Normal with mean and standard deviation, in a parameter of any shape. */
export function normal(std: number, mean = 0): Init {
  must.be('normal', { std: [std, must.number(0)], mean: [mean, must.number()] });
  return (out, _shape, rng) => fill(out, () => mean + std * rng.normal());
}

/** Normal, cut off at the values `low` and `high` (not at multiples of std), as PyTorch's `trunc_normal_`. */
export function truncNormal(std: number, o: { mean?: number; low?: number; high?: number } = {}): Init {
  must.be('truncNormal', {
    std: [std, must.number(0)],
    o: [o, must.options({ mean: must.number(), low: must.number(), high: must.number() })],
  });
  const { mean = 0, low = -2, high = 2 } = o;
  if (!(low < high && mean > low - 2 * std && mean < high + 2 * std)) {
    throw new BowError('usage', 'truncNormal: the mean must lie within two standard deviations of [low, high]', {
      detail: { mean, std, low, high },
    });
  }
  return (out, _shape, rng) => fill(out, () => mean + std * truncated(rng, (low - mean) / std, (high - mean) / std));
}

/** Standard normal within [a, b], by rejection: from the normal itself, or from the uniform where the interval is narrow. */
function truncated(rng: Rng, a: number, b: number): number {
  const narrow = b - a < 2;
  const top = Math.min(Math.max(0, a), b); // the density is highest here
  for (;;) {
    const z = narrow ? rng.uniform(a, b) : rng.normal();
    if (narrow ? rng.float() < Math.exp((top * top - z * z) / 2) : z >= a && z <= b) return z;
  }
}

type Mode = 'fan-in' | 'fan-out' | 'fan-average';

/**
 * Values of mean 0 and variance scale/fan (see {@link fans}). `truncated-normal` is cut at two standard deviations and widened to keep the variance,
 * as JAX's `variance_scaling`.
 */
export function varianceScaling(
  scale: number,
  mode: Mode,
  distribution: 'normal' | 'truncated-normal' | 'uniform',
): Init {
  must.be('varianceScaling', {
    scale: [scale, must.number(0)],
    mode: [mode, must.oneOf('fan-in', 'fan-out', 'fan-average')],
    distribution: [distribution, must.oneOf('normal', 'truncated-normal', 'uniform')],
  });
  return (out, shape, rng) => {
    const { fanIn, fanOut } = fans(shape);
    const fan = mode === 'fan-in' ? fanIn : mode === 'fan-out' ? fanOut : (fanIn + fanOut) / 2;
    const std = Math.sqrt(scale / fan);
    if (distribution === 'uniform') return fill(out, () => rng.uniform(-1, 1) * Math.sqrt(3) * std);
    if (distribution === 'normal') return fill(out, () => std * rng.normal());
    const widened = std / 0.8796256610342398; // standard deviation of the unit normal cut at ±2
    return fill(out, () => widened * truncated(rng, -2, 2));
  };
}

/** Glorot & Bengio 2010. */
export const xavierUniform: Init = varianceScaling(1, 'fan-average', 'uniform');
/** Glorot & Bengio 2010, normal and not truncated, as in PyTorch. */
export const xavierNormal: Init = varianceScaling(1, 'fan-average', 'normal');
/** JAX's `glorot_uniform`, the same as {@link xavierUniform}. */
export const glorotUniform: Init = xavierUniform;
/** JAX's `glorot_normal`: truncated. */
export const glorotNormal: Init = varianceScaling(1, 'fan-average', 'truncated-normal');
/** JAX's `lecun_uniform`: variance 1/fan-in. LeCun et al. 1998, §4.6. */
export const lecunUniform: Init = varianceScaling(1, 'fan-in', 'uniform');
/** LeCun et al. 1998; truncated, as in JAX. The default of Flax's layers. */
export const lecunNormal: Init = varianceScaling(1, 'fan-in', 'truncated-normal');
/** JAX's `he_uniform`. */
export const heUniform: Init = varianceScaling(2, 'fan-in', 'uniform');
/** JAX's `he_normal`: truncated. */
export const heNormal: Init = varianceScaling(2, 'fan-in', 'truncated-normal');

type Kaiming = { a?: number; mode?: 'fan-in' | 'fan-out' };
const kaimingOptions = must.options({ a: must.number(), mode: must.oneOf('fan-in', 'fan-out') });

/**
 * Variance 2/((1 + a²)·fan), `a` the negative slope of the leaky ReLU that follows (He et al. 2015, arXiv:1502.01852, eq. 15). PyTorch's layers start
 * with a = √5, which is U(±1/√fan-in).
 */
export function kaimingUniform(o: Kaiming = {}): Init {
  must.be('kaimingUniform', { o: [o, kaimingOptions] });
  return varianceScaling(2 / (1 + (o.a ?? 0) ** 2), o.mode ?? 'fan-in', 'uniform');
}

/** As {@link kaimingUniform}, normal and not truncated. */
export function kaimingNormal(o: Kaiming = {}): Init {
  must.be('kaimingNormal', { o: [o, kaimingOptions] });
  return varianceScaling(2 / (1 + (o.a ?? 0) ** 2), o.mode ?? 'fan-in', 'normal');
}

/** Ones on the diagonal of a matrix [out, in], 0 elsewhere. Error `shape` for a vector. */
export const eye: Init = (out, shape) => {
  const [rows, columns] = matrix(shape);
  for (let i = 0; i < Math.min(rows, columns); i++) out[i * columns + i] = 1;
};

/**
 * Orthonormal rows or columns of a matrix [out, in·kernel], whichever are fewer, times `gain`. Saxe et al. 2014, arXiv:1312.6120. Error `shape` for a
 * vector.
 */
export function orthogonal(o: { gain?: number } = {}): Init {
  must.be('orthogonal', { o: [o, must.options({ gain: must.number() })] });
  return (out, shape, rng) => {
    const [rows, columns] = matrix(shape);
    const [n, k] = [Math.min(rows, columns), Math.max(rows, columns)];
    const basis = orthonormal(n, k, rng);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < k; j++)
        out[rows <= columns ? i * columns + j : j * columns + i] = (o.gain ?? 1) * basis[i]![j]!;
    }
  };
}

function matrix(shape: readonly number[]): [rows: number, columns: number] {
  const { fanIn } = fans(shape);
  return [shape[0]!, fanIn];
}

/** n random orthonormal vectors of length k by Gram–Schmidt, each projected twice for accuracy. */
function orthonormal(n: number, k: number, rng: Rng): Float64Array[] {
  const basis: Float64Array[] = [];
  for (let i = 0; i < n; i++) {
    const v = Float64Array.from({ length: k }, () => rng.normal());
    for (const u of [...basis, ...basis]) {
      const along = v.reduce((sum, x, j) => sum + x * u[j]!, 0);
      u.forEach((x, j) => {
        v[j]! -= along * x;
      });
    }
    const length = Math.hypot(...v);
    basis.push(v.map((x) => x / length));
  }
  return basis;
}

/** An initialiser for [out, in] applied to a weight kept as [in, out], as JAX and OpenAI's projections are. */
export function transposed(init: Init): Init {
  must.be('transposed', { init: [init, must.call] });
  return (out, shape, rng) => {
    const [inner, outer] = matrix(shape);
    const w = out.slice();
    init(w, [outer, inner], rng);
    for (let i = 0; i < inner; i++) for (let j = 0; j < outer; j++) out[i * outer + j] = w[j * inner + i]!;
  };
}

/** Rows of length 1 in random directions: what a queue of normalised features starts as. */
export const unitRows: Init = (out, shape, rng) => {
  must.be('unitRows', { out: [out, must.memory], shape: [shape, must.wholes(0)], rng: [rng, must.rng] });
  const width = shape.at(-1) ?? 1;
  for (let i = 0; i < out.length; i++) out[i] = rng.normal();
  for (let row = 0; row < out.length; row += width) {
    const length = Math.hypot(...out.subarray(row, row + width));
    for (let i = row; i < row + width; i++) out[i]! /= length;
  }
};
