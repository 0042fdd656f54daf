/** Convolutions with their learned kernels: `weight` [o, c/groups, …kernel] and `bias`, as PyTorch keeps them. */
import { BowError } from '../base/index.ts';
import {
  type ConvOptions,
  conv1d as conv1dOf,
  conv2d as conv2dOf,
  type F,
  type Init,
  type Scope,
} from '../engine/index.ts';
import * as must from './arguments.ts';
import { lecunNormal, zeros } from './init.ts';

/** Options of {@link conv1d} and {@link conv2d}. */
export type ConvLayerOptions = Omit<ConvOptions, 'bias'> & {
  /** Size of the kernel, one for all axes or one for each. */
  readonly kernel: number | readonly number[];
  readonly bias?: boolean;
  readonly init?: Init;
};

/**
 * Convolution over the last axis: x [b c x] → [b o x′], o channels. Parameters: `weight` [o, c/groups, kernel], `bias` [o]. Error `shape` for groups
 * that do not divide the channels.
 */
export function conv1d(s: Scope, x: F<'b c x'>, out: number, o: ConvLayerOptions): F<'b o x'> {
  return convolve(s, x, out, o, 1);
}

/** Convolution over the last two axes: x [b c y x] → [b o y′ x′], otherwise as {@link conv1d}. */
export function conv2d(s: Scope, x: F<'b c y x'>, out: number, o: ConvLayerOptions): F<'b o y x'> {
  return convolve(s, x, out, o, 2);
}

const optionsOf = (rank: number): must.Check => {
  const perAxis = must.either(must.wholes(1, rank), must.size);
  const padding = must.either(must.oneOf('same'), must.list(must.either(must.wholes(0, 2), must.count)), must.count);
  const optional = { bias: must.flag, init: must.call, groups: must.size, stride: perAxis, dilation: perAxis, padding };
  return must.options(optional, { kernel: perAxis });
};

function convolve(s: Scope, x: F, out: number, o: ConvLayerOptions, rank: 1 | 2): F {
  const name = rank === 1 ? 'conv1d' : 'conv2d';
  must.be(name, {
    s: [s, must.scope],
    x: [x, must.floats(rank === 1 ? 'b c x' : 'b c y x')],
    out: [out, must.size],
    o: [o, optionsOf(rank)],
  });
  const { kernel, bias, init = lecunNormal, ...rest } = o;
  const sizes = typeof kernel === 'number' ? Array.from({ length: rank }, () => kernel) : kernel;
  const inner = x.dim(1) / (o.groups ?? 1);
  if (!Number.isInteger(inner))
    throw new BowError('shape', `${name}: ${o.groups} groups do not divide ${x.dim(1)} channels`, { place: s.path });
  const weight = s.param('weight', [out, inner, ...sizes], init);
  const options = { ...rest, bias: bias === false ? undefined : s.param('bias', [out], zeros) };
  return rank === 1 ? conv1dOf(x, weight, options) : conv2dOf(x, weight, options);
}
