/** Maps of the last axis and tables of vectors. */
import { type F, gather, type I, type Init, type Scope } from '../engine/index.ts';
import * as must from './arguments.ts';
import { normal, transposed, xavierUniform, zeros } from './init.ts';

/** Options of {@link linear}. */
export type LinearOptions = {
  readonly bias?: boolean;
  readonly init?: Init;
  readonly biasInit?: Init;
  /** How the weight is kept: PyTorch's [out, in], or [in, out] as in JAX and in OpenAI's CLIP projections. */
  readonly layout?: 'out-in' | 'in-out';
};

const linearOptions = must.options({
  bias: must.flag,
  init: must.call,
  biasInit: must.call,
  layout: must.oneOf('out-in', 'in-out'),
});
const embeddingOptions = must.options({ init: must.call }, { size: must.size, width: must.size });

/** y = x Wᵀ + b over the last axis: [… i] → [… o]. Parameters: `weight` [o, i] (or [i, o], see `layout`), `bias` [o]. */
export function linear(s: Scope, x: F<'... i'>, out: number, o: LinearOptions = {}): F<'... o'> {
  must.be('linear', { s: [s, must.scope], x: [x, must.floats('... i')], out: [out, must.size], o: [o, linearOptions] });
  const inner = x.dim(-1);
  const init = o.init ?? xavierUniform;
  const w =
    o.layout === 'in-out'
      ? s.param('weight', [inner, out], transposed(init))
      : s.param('weight', [out, inner], init).mT; // i o
  const y = x.matmul(w); //                                                                                                          … o
  return s.linear(x, o.bias === false ? y : y.add(s.param('bias', [out], o.biasInit ?? zeros)));
}

/**
 * Rows of a learned table: ids [i…] → [i… width]. Parameter: `weight` [size, width]; PyTorch draws it from N(0, 1), we from N(0, 0.02²) as
 * transformers do. When run, an id outside the table is a `backend` error.
 */
export function embedding(
  s: Scope,
  ids: I<'...'>,
  o: { readonly size: number; readonly width: number; readonly init?: Init },
): F<'... d'> {
  must.be('embedding', { s: [s, must.scope], ids: [ids, must.ints()], o: [o, embeddingOptions] });
  return gather(s.param('weight', [o.size, o.width], o.init ?? normal(0.02)), ids);
}
