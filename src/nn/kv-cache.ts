/**
 * Decoding token by token with static shapes: keys and values of all positions so far are kept in state of a fixed length, the position of the next
 * token is an input. One program decodes one token, another (with more tokens) reads the prompt; both share the state.
 */
import { arange, type B, causalMask, concat, type F, type I, type Scope } from '../engine/index.ts';
import * as must from './arguments.ts';
import type { Memory } from './attention.ts';

/** Options of a cache. */
export type CacheOptions = {
  /** Positions that the cache holds: prompt and all decoded tokens. */
  readonly length: number;
  /** Position of the first new token: an int64 input []. */
  readonly position: I<''>;
};

/**
 * The `memory` of attention that caches: what is attended to are the `length` positions of the cache as they were, then the new rows, so the mask
 * must hide what is not yet written ({@link cacheMask}). The new rows are written to `position` and after when the run has ended; they alone leave
 * the session. The caches are state `cache/keys` and `cache/values` of each attention, [b h length k]. A run at position 0 begins anew, with any
 * batch size. Errors when run: `shape` for a position past the end, and for another batch size than the sequence was begun with.
 */
export function kvCache(o: CacheOptions): Memory {
  must.be('kvCache', { o: [o, cacheOptions] });
  return (s, k, v) => [remember(s.at('cache'), 'keys', k, o), remember(s.at('cache'), 'values', v, o)];
}

const cacheOptions = must.options({}, { length: must.size, position: must.ints('') });

function remember(s: Scope, name: string, rows: F<'b h n k'>, o: CacheOptions): F<'b h m k'> {
  return concat([s.append(name, rows, { length: o.length, axis: 2, at: o.position }), rows], 2);
}

/** True where the n new tokens may look: at the positions of the cache before them, and among themselves at those up to their own. [n length+n]. */
export function cacheMask(n: number, o: CacheOptions): B<'n m'> {
  must.be('cacheMask', { n: [n, must.size], o: [o, cacheOptions] });
  const { position, length } = o;
  const written = arange(position, length, position.dtype).less(position).reshape([1, length]).expand([n, length]);
  return concat([written, causalMask(position, n)], 1);
}
