/** Normalisations over the last axis. */
import { type F, type Scope, standardize } from '../engine/index.ts';
import { ones, zeros } from './init.ts';

/** (x − mean)/√(variance + ε) · weight + bias. Ba et al. 2016. */
export function layerNorm(s: Scope, x: F<'... d'>, o: { epsilon?: number; bias?: boolean } = {}): F<'... d'> {
  const d = x.dim(-1);
  const y = standardize(x, o.epsilon ?? 1e-5).y.mul(s.param('weight', [d], ones));
  return o.bias === false ? y : y.add(s.param('bias', [d], zeros));
}

/** x/√(mean(x²) + ε) · weight. Zhang & Sennrich 2019; T5 and LLaMA. */
export function rmsNorm(s: Scope, x: F<'... d'>, o: { epsilon?: number } = {}): F<'... d'> {
  const square = x.square().mean(-1, { keep: true });
  return x.mul(square.add(o.epsilon ?? 1e-6).rsqrt()).mul(s.param('weight', [x.dim(-1)], ones));
}
