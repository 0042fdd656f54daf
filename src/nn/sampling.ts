/** Random choices inside a graph, from the run's seeded noise: a resumed step chooses the same. */
import { BowError } from '../base/index.ts';
import type { Scope } from '../engine/index.ts';
import { argmax, type F, type Tensor, topK, where } from '../engine/index.ts';
import * as must from './arguments.ts';

/** Options of {@link categorical}. */
export type CategoricalOptions = {
  /** True for entries that are never drawn, broadcast over the weights: the diagonal, where a pair must not be its own negative. */
  readonly exclude?: Tensor<'bool'>;
};

const categoricalOptions = must.options({ exclude: must.bools() });

/**
 * One index for every row of log-weights [… n], drawn with probability softmax(logWeights): the largest of the log-weights with Gumbel noise added
 * (Gumbel 1954; Maddison et al. 2014, arXiv:1411.0030). The weights need not be normalised. int64 [ … ], without gradient. A row of which all is
 * excluded, or weighs nothing, gives its first entry.
 */
export function categorical(s: Scope, logWeights: F, o: CategoricalOptions = {}): Tensor<'int64'> {
  must.be('categorical', {
    s: [s, must.scope],
    logWeights: [logWeights, must.floats('... n')],
    o: [o, categoricalOptions],
  });
  return argmax(perturbed(s, logWeights, o));
}

/** `count` different indices for every row, drawn one after another without replacement: int64 [… count]. Error `shape` for more than there are. */
export function categoricalWithoutReplacement(
  s: Scope,
  logWeights: F,
  count: number,
  o: CategoricalOptions = {},
): Tensor<'int64'> {
  must.be('categoricalWithoutReplacement', {
    s: [s, must.scope],
    logWeights: [logWeights, must.floats('... n')],
    count: [count, must.size],
    o: [o, categoricalOptions],
  });
  const n = logWeights.dim(-1);
  if (count > n) throw new BowError('shape', `cannot draw ${count} different ones of ${n}`, { place: s.path });
  return topK(perturbed(s, logWeights, o), count).indices;
}

/** The smallest noise that differs from 0: the logarithm of 0 is not finite. */
const smallest = 2 ** -25;

function perturbed(s: Scope, logWeights: F, o: CategoricalOptions): F {
  const noise = s.noise('gumbel', logWeights.shape).max(smallest).to(logWeights.dtype);
  const scores = logWeights.stopGradient().sub(noise.log().neg().log());
  return o.exclude ? where(o.exclude, Number.NEGATIVE_INFINITY, scores) : scores;
}
