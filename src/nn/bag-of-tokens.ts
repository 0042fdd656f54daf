/** Texts without their order: the mean of the tokens' vectors, which a few thousand short captions suffice to learn. */
import { constantLike, cumsum, einsum, type F, type I, type Scope } from '../engine/index.ts';
import * as must from './arguments.ts';
import { dropout } from './dropout.ts';
import { embedding } from './linear.ts';
import { layerNorm } from './norm.ts';

/** Options of {@link bagOfTokens}. */
export type BagOptions = {
  readonly vocabulary: number;
  readonly width: number;
  /** Id of the end of a text, or the largest id of its row; what stands behind the first one does not count. */
  readonly eot: number | 'largest';
  /** Share of the vectors' elements that training drops; default 0. */
  readonly dropout?: number;
  /** Of the layer norm; 1e-5. */
  readonly epsilon?: number;
};

const bagOptions = must.options(
  { dropout: must.share, epsilon: must.number(0) },
  { vocabulary: must.size, width: must.size, eot: must.either(must.oneOf('largest'), must.count) },
);

/**
 * One vector for each text, [b n] → [b d]: the layer norm of the mean over the tokens between the first one (the start) and the end; without any, of a
 * vector of zeros. Parameters: `tokens/weight`, `norm`. Iyyer et al. 2015 ("Deep Unordered Composition Rivals Syntactic Methods", ACL), §2.1;
 * DIFFERS: a layer norm, no hidden layers.
 */
export function bagOfTokens(s: Scope, tokens: I<'b n'>, o: BagOptions): F<'b d'> {
  must.be('bagOfTokens', { s: [s, must.scope], tokens: [tokens, must.ints('b n')], o: [o, bagOptions] });
  const x = embedding(s.at('tokens'), tokens, { size: o.vocabulary, width: o.width }); // b n d
  const words = wordsOf(x, tokens, o.eot); //                                             b n
  const share = words.div(words.sum(1, { keep: true }).max(1));
  const mean = einsum('b n, b n d -> b d', share, dropout(s.at('drop'), x, o.dropout ?? 0));
  return layerNorm(s.at('norm'), mean, o.epsilon === undefined ? {} : { epsilon: o.epsilon });
}

/** 1 where a token is neither the first of its row nor at or behind the end, else 0. */
function wordsOf(x: F, tokens: I<'b n'>, eot: number | 'largest'): F<'b n'> {
  const { n } = tokens.axes('b n');
  const ids = tokens.to(x.dtype); // exact: vocabularies are far below 2^24
  const ended = cumsum(ids.equal(eot === 'largest' ? ids.reduceMax(1, { keep: true }) : eot).to(x.dtype), 1);
  const later = Array.from({ length: n }, (_, at) => (at === 0 ? 0 : 1));
  return ended
    .equal(0)
    .to(x.dtype)
    .mul(constantLike(x, x.dtype, [1, n], later));
}
