/** Noise that regularises. The random numbers are inputs of the graph, so a resumed run drops the same positions. */
import type { F, Scope } from '../engine/index.ts';
import * as must from './arguments.ts';

/** x with dropped positions 0 and the rest divided by 1 − rate, so that the mean stays. */
function drop(s: Scope, x: F, rate: number, shape: readonly number[]): F {
  if (rate === 1) return x.mul(0);
  const keep = s.noise('keep', shape).greaterEqual(rate).to(x.dtype);
  return x.mul(keep.mul(1 / (1 - rate)));
}

/**
 * Sets elements to 0 with probability `rate` while training and scales the rest by 1/(1 − rate); else the identity. Any shape, kept. Srivastava et
 * al. 2014. The scope names the noise: `dropout(s.at('drop'), x, 0.1)`.
 */
export function dropout(s: Scope, x: F, rate: number): F {
  must.be('dropout', { s: [s, must.scope], x: [x, must.floats()], rate: [rate, must.share] });
  return s.training && rate > 0 ? drop(s, x, rate, x.shape) : x;
}

/**
 * Drops whole samples of a residual branch [b …] with probability `rate` while training, scaling the rest by 1/(1 − rate): stochastic depth, Huang et
 * al. 2016, arXiv:1603.09382.
 */
export function dropPath(s: Scope, x: F<'b ...'>, rate: number): F<'b ...'> {
  must.be('dropPath', { s: [s, must.scope], x: [x, must.floats('b ...')], rate: [rate, must.share] });
  const shape = x.shape.map((d, i) => (i === 0 ? d : 1));
  return s.training && rate > 0 ? drop(s, x, rate, shape) : x;
}
