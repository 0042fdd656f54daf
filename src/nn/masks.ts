/**
 * Attention masks: true where attention may look, or terms added to the scores. They broadcast to [b, h, n, m]; several apply together.
 * DIFFERS: a large finite number stands for −∞, so that a row with nothing to attend to becomes uniform instead of NaN. Elsewhere the
 * weights are the same, as exp(MASKED) is 0 in every float type.
 */
import { arange, type B, causalMask, type F, type I, Tensor } from '../engine/index.ts';
import * as must from './arguments.ts';

/** The score of what must not be seen. */
export const MASKED = -1e9;

/** True where attention may look, or scores to add. Missing leading axes broadcast. */
export type Mask = F<'b h n m'> | B<'b h n m'>;

/**
 * Masks of several kinds as one term of the scores, in the graph and of the type of `like`; undefined when there are none. Error `shape` for one of
 * more than four axes.
 */
export function combineMasks(like: F, ...masks: readonly (Mask | undefined)[]): F<'b h n m'> | undefined {
  must.be('combineMasks', { like: [like, must.floats()], masks: [masks, must.list(must.optional(must.mask))] });
  const terms = masks.flatMap((m) => (m ? [additive(like, m)] : []));
  return terms.length === 0 ? undefined : terms.reduce((a, b) => a.add(b));
}

function additive(like: F, mask: Mask): F {
  return mask.dtype === 'bool' ? mask.to(like.dtype).sub(1).mul(-MASKED) : mask.asFloat(); // true: 0, false: MASKED
}

/** Hides padding: `keep` [b, m] is true (or not 0) at the keys that count. [b 1 1 m]. */
export function paddingMask(keep: B<'b m'> | I<'b m'>): B<'b 1 1 m'> {
  must.be('paddingMask', { keep: [keep, must.either(must.ints('b m'), must.bools('b m'))] });
  const { b, m } = keep.axes('b m');
  return keep.to('bool').reshape([b, 1, 1, m]);
}

/**
 * Causal, but the first `prefix` positions are seen by all (prefix language models): one length for all rows, [n n], or one per row [b], [b 1 n n].
 * Raffel et al. 2020, arXiv:1910.10683, §3.2.1.
 */
export function prefixMask(like: F, n: number, prefix: number | I<'b'>): B<'b h n m'> {
  const length = must.either(must.ints('b'), must.count);
  must.be('prefixMask', { like: [like, must.anyTensor], n: [n, must.size], prefix: [prefix, length] });
  const position = (dtype: 'int32' | 'int64' | 'uint8'): I => arange(like, n, dtype);
  const past = causalMask(like, n); // n m
  if (!(prefix instanceof Tensor)) return past.or(position('int32').less(prefix));
  const { b } = prefix.axes('b');
  const inPrefix = position(prefix.dtype).less(prefix.reshape([b, 1])); // b m
  return past.or(inPrefix.reshape([b, 1, 1, n]));
}
