/**
 * Attention masks are terms added to the scores: 0 keeps, {@link MASKED} hides. They broadcast to [b, h, n, m] and combine by adding.
 * DIFFERS: a large finite number stands for −∞, so that a row with nothing to attend to becomes uniform instead of NaN. Elsewhere the
 * weights are the same, as exp(MASKED) is 0 in every float type.
 */
import { BowError } from '../base/index.ts';
import { arange, type B, type F, type I, ndarray, Tensor } from '../engine/index.ts';

/** The score of what must not be seen. */
export const MASKED = -1e9;

/** A mask: scores to add, or true where attention may look. Rank 2 to 4; missing leading axes broadcast. */
export type Mask = F<'b h n m'> | B<'b h n m'>;

/** Masks of several kinds as one term of the scores; undefined when there are none. */
export function combineMasks(like: F, ...masks: readonly (Mask | undefined)[]): F<'b h n m'> | undefined {
  const terms = masks.flatMap((m) => (m ? [additive(like, m)] : []));
  return terms.length === 0 ? undefined : terms.reduce((a, b) => a.add(b));
}

function additive(like: F, mask: Mask): F {
  if (mask.rank > 4) throw new BowError('shape', `a mask has at most four axes, b h n m, not ${mask.rank}`);
  if (mask.dtype !== 'bool') return mask as F;
  return mask.to(like.dtype).sub(1).mul(-MASKED); // true: 0, false: MASKED
}

function constantMask(like: F, n: number, m: number, keep: (i: number, j: number) => boolean): F<'n m'> {
  const scores = Array.from({ length: n * m }, (_, at) => (keep(Math.floor(at / m), at % m) ? 0 : MASKED));
  return like.graph.constant(ndarray(like.dtype, [n, m], scores)) as F;
}

/** Each of n queries sees the keys up to its own place; with m > n keys the queries are the last n places. */
export function causalMask(like: F, n: number, m: number = n): F<'n m'> {
  return constantMask(like, n, m, (i, j) => j <= i + m - n);
}

/** Hides padding: `keep` [b, m] is true (or 1) at the keys that count. */
export function paddingMask(keep: B<'b m'> | I<'b m'>): B<'b 1 1 m'> {
  const { b, m } = keep.axes('b m');
  return keep.to('bool').reshape([b, 1, 1, m]);
}

/**
 * Causal, but the first `prefix` places see each other freely (prefix language models): one length for all rows, or one per row [b].
 * Raffel et al. 2020, §3.2.1.
 */
export function prefixMask(like: F, n: number, prefix: number | I<'b'>): Mask {
  if (!(prefix instanceof Tensor)) return constantMask(like, n, n, (i, j) => j <= i || j < prefix);
  const { b } = prefix.axes('b');
  const place = (arange(like, n, prefix.dtype) as I<'n'>).reshape([1, n]);
  const inPrefix = place.less(prefix.reshape([b, 1])); //                  b m
  const past = constantMask(like, n, n, (i, j) => j <= i).greater(-1); //  n m
  return inPrefix.reshape([b, 1, 1, n]).or(past);
}
