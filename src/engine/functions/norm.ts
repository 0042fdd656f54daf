/** Normalisations with given scale and shift. Channels are the second axis, as PyTorch lays out [b c …]. */
import { BowError } from '../../base/index.ts';
import { needNumber } from '../arguments.ts';
import { type Float, sizeOf } from '../dtype.ts';
import { needTensors, type Tensor } from '../tensor.ts';
import { standardize } from './basic.ts';

/** What is multiplied and added after normalising, and the ε under the root. */
export type NormOptions = {
  readonly scale?: Tensor<Float> | undefined;
  readonly shift?: Tensor<Float> | undefined;
  readonly epsilon?: number;
};

/** (x − mean)/√(variance + ε) over the last axis of [… d]; scale and shift [d]. Ba, Kiros, Hinton 2016, arXiv:1607.06450. */
export function layerNorm(x: Tensor<Float>, o: NormOptions = {}): Tensor<Float> {
  needLast('layerNorm', x, o);
  return affine(standardize(x, o.epsilon ?? 1e-5).y, o.scale, o.shift);
}

/** x/√(mean(x²) + ε) over the last axis of [… d]; scale [d]. Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4. */
export function rmsNorm(x: Tensor<Float>, o: Omit<NormOptions, 'shift'> = {}): Tensor<Float> {
  needLast('rmsNorm', x, o);
  const square = x.square().mean(-1, { keep: true });
  return affine(x.mul(square.add(o.epsilon ?? 1e-6).rsqrt()), o.scale, undefined);
}

/**
 * Normalised over positions and the channels of each group: x [b c …], scale and shift [c]. Error `shape` when the groups do not divide the channels.
 * Wu & He 2018, arXiv:1803.08494, eq. 7.
 */
export function groupNorm(x: Tensor<Float>, groups: number, o: NormOptions = {}): Tensor<Float> {
  const c = needChannels(x, o);
  if (!Number.isInteger(groups) || groups < 1 || c % groups !== 0)
    throw new BowError('shape', `${groups} groups do not divide ${c} channels`, { place: x.graph.place });
  const { y } = standardize(x.reshape([x.dim(0), groups, -1]), o.epsilon ?? 1e-5);
  return affine(y.reshape(x.shape), perChannel(x, o.scale), perChannel(x, o.shift));
}

/**
 * Normalised over the positions of each channel of each example: x [b c …], scale and shift [c]. Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022,
 * eq. 4.
 */
export function instanceNorm(x: Tensor<Float>, o: NormOptions = {}): Tensor<Float> {
  return groupNorm(x, needChannels(x, o), o);
}

/** Options of {@link batchNorm}: running statistics [c], and whether this is training. */
export type BatchNormOptions = NormOptions & {
  readonly mean: Tensor<Float>;
  readonly variance: Tensor<Float>;
  readonly training: boolean;
  /** Share of the batch's statistics in the new running ones; 0.1 as in PyTorch (TensorFlow's momentum is 1 minus this). */
  readonly momentum?: number;
};

/** The result and the running statistics to keep; in inference those given. */
export type BatchNormResult = { y: Tensor<Float>; mean: Tensor<Float>; variance: Tensor<Float> };

/**
 * x [b c …] normalised per channel: by the batch's mean and biased variance in training, by the running ones else. Running variances are of
 * the unbiased kind, as in PyTorch. Ioffe & Szegedy 2015, algorithms 1 and 2.
 */
export function batchNorm(x: Tensor<Float>, o: BatchNormOptions): BatchNormResult {
  needChannels(x, o);
  needTensors('batchNorm', { mean: o.mean, variance: o.variance });
  const epsilon = o.epsilon ?? 1e-5;
  const [scale, shift] = [perChannel(x, o.scale), perChannel(x, o.shift)];
  if (!o.training) {
    const factor = times(perChannel(x, o.variance).add(epsilon).rsqrt(), scale);
    const offset = perChannel(x, o.mean).mul(factor).neg();
    return { y: x.mul(factor).add(shift ? shift.add(offset) : offset), mean: o.mean, variance: o.variance };
  }
  const axes = x.shape.map((_, i) => i).filter((i) => i !== 1);
  const n = sizeOf(axes.map((axis) => x.dim(axis)));
  if (n < 2)
    throw new BowError('shape', 'one value a channel has no variance', {
      place: x.graph.place,
      hint: 'training batch norm needs more examples or positions',
    });
  const mean = x.mean(axes, { keep: true });
  const centred = x.sub(mean);
  const variance = centred.square().mean(axes, { keep: true });
  const y = centred.mul(times(variance.add(epsilon).rsqrt(), scale));
  const momentum = o.momentum ?? 0.1;
  const mix = (running: Tensor<Float>, now: Tensor<Float>): Tensor<Float> =>
    running.mul(1 - momentum).add(now.stopGradient().reshape(running.shape).mul(momentum));
  const unbiased = variance.mul(n / (n - 1));
  return { y: shift ? y.add(shift) : y, mean: mix(o.mean, mean), variance: mix(o.variance, unbiased) };
}

const times = (t: Tensor<Float>, scale: Tensor<Float> | undefined): Tensor<Float> => (scale ? t.mul(scale) : t);

function affine(y: Tensor<Float>, scale: Tensor<Float> | undefined, shift: Tensor<Float> | undefined): Tensor<Float> {
  const scaled = times(y, scale);
  return shift ? scaled.add(shift) : scaled;
}

/** [c] made to broadcast over [b c …]. */
function perChannel<T extends Tensor<Float> | undefined>(x: Tensor, t: T): T {
  return t?.reshape([t.size, ...x.shape.slice(2).map(() => 1)]) as T;
}

/** Tensors, and scale and shift [d] for the last axis, or an error. */
function needLast(what: string, x: Tensor, o: NormOptions): void {
  needTensors(what, { x }, o);
  needNumber(x, `${what}: epsilon`, o.epsilon ?? 0);
  for (const [name, t] of Object.entries({ scale: o.scale, shift: o.shift })) {
    if (t === undefined) continue;
    needTensors(what, { [name]: t });
    if (t.rank === 1 && t.dim(0) === x.dim(-1)) continue;
    throw new BowError('shape', `${name} must be [${x.dim(-1)}], one value for each position of the last axis`, {
      place: x.graph.place,
      detail: { x: x.shape, [name]: t.shape },
    });
  }
}

/** The number of channels; a `shape` error unless all that is given for each channel fits. */
function needChannels(x: Tensor, o: Partial<BatchNormOptions>): number {
  needTensors('the norm', { x }, o);
  const { scale, shift, mean, variance } = o;
  if (x.rank < 2)
    throw new BowError('shape', 'the operand needs batch and channels', {
      place: x.graph.place,
      detail: { x: x.shape },
    });
  const c = x.dim(1);
  for (const [name, t] of Object.entries({ scale, shift, mean, variance })) {
    if (t === undefined) continue;
    needTensors('the norm', { [name]: t });
    if (t.rank === 1 && t.dim(0) === c) continue;
    throw new BowError('shape', `${name} must be [${c}], one value for each channel of the second axis`, {
      place: x.graph.place,
      detail: { x: x.shape, [name]: t.shape },
    });
  }
  return c;
}
