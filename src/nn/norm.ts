/** Normalisations with their learned scale and shift: `weight` and `bias`, as PyTorch names them. */
import {
  batchNorm as batchNormOf,
  type F,
  groupNorm as groupNormOf,
  layerNorm as layerNormOf,
  rmsNorm as rmsNormOf,
  type Scope,
} from '../engine/index.ts';
import * as must from './arguments.ts';
import { ones, zeros } from './init.ts';

type Epsilon = { readonly epsilon?: number };
const epsilon = { epsilon: must.number(0) };

/**
 * (x − mean)/√(variance + ε) · weight + bias over the last axis of [… d]; ε 10⁻⁵. Parameters: `weight` [d], `bias` [d]. Ba et al. 2016,
 * arXiv:1607.06450.
 */
export function layerNorm(s: Scope, x: F<'... d'>, o: Epsilon & { readonly bias?: boolean } = {}): F<'... d'> {
  must.be('layerNorm', {
    s: [s, must.scope],
    x: [x, must.floats('... d')],
    o: [o, must.options({ ...epsilon, bias: must.flag })],
  });
  const d = x.dim(-1);
  const scale = s.param('weight', [d], ones);
  const shift = o.bias === false ? undefined : s.param('bias', [d], zeros);
  return layerNormOf(x, { scale, shift, epsilon: o.epsilon ?? 1e-5 });
}

/** x/√(mean(x²) + ε) · weight over the last axis of [… d]; ε 10⁻⁶. Parameter: `weight` [d]. Zhang & Sennrich 2019, arXiv:1910.07467; T5 and LLaMA. */
export function rmsNorm(s: Scope, x: F<'... d'>, o: Epsilon = {}): F<'... d'> {
  must.be('rmsNorm', { s: [s, must.scope], x: [x, must.floats('... d')], o: [o, must.options(epsilon)] });
  return rmsNormOf(x, { scale: s.param('weight', [x.dim(-1)], ones), epsilon: o.epsilon ?? 1e-6 });
}

/**
 * Normalised over positions and the channels of each group: [b c …], kept; ε 10⁻⁵. Parameters: `weight` [c], `bias` [c]. Error `shape` when the
 * groups do not divide the channels. Wu & He 2018, arXiv:1803.08494.
 */
export function groupNorm(s: Scope, x: F<'b c ...'>, groups: number, o: Epsilon = {}): F<'b c ...'> {
  must.be('groupNorm', {
    s: [s, must.scope],
    x: [x, must.floats('b c ...')],
    groups: [groups, must.size],
    o: [o, must.options(epsilon)],
  });
  const c = x.dim(1);
  const [scale, shift] = [s.param('weight', [c], ones), s.param('bias', [c], zeros)];
  return groupNormOf(x, groups, { scale, shift, epsilon: o.epsilon ?? 1e-5 });
}

/**
 * Normalised per channel, [b c …], by the batch while training, else by running statistics: buffers `running_mean` and `running_var` [c], which a
 * training run updates, unless they are frozen: then they are used in training too. Parameters: `weight` [c], `bias` [c]. `momentum` is the batch's
 * share, as in PyTorch. Error `shape` for training on one value per channel. Ioffe & Szegedy 2015, arXiv:1502.03167.
 */
export function batchNorm(s: Scope, x: F<'b c ...'>, o: Epsilon & { readonly momentum?: number } = {}): F<'b c ...'> {
  must.be('batchNorm', {
    s: [s, must.scope],
    x: [x, must.floats('b c ...')],
    o: [o, must.options({ ...epsilon, momentum: must.share })],
  });
  const c = x.dim(1);
  const [scale, shift] = [s.param('weight', [c], ones), s.param('bias', [c], zeros)];
  const [mean, variance] = [s.buffer('running_mean', [c], zeros), s.buffer('running_var', [c], ones)];
  const training = s.training && !s.isFixed(mean);
  const found = batchNormOf(x, {
    scale,
    shift,
    mean: s.current(mean), // a second use in one run goes on from the first, as it would in PyTorch
    variance: s.current(variance),
    training,
    epsilon: o.epsilon ?? 1e-5,
    momentum: o.momentum ?? 0.1,
  });
  if (training) {
    s.update(mean, () => found.mean);
    s.update(variance, () => found.variance);
  }
  return found.y;
}
