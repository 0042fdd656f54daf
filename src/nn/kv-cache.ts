/**
 * Decoding token by token with static shapes: keys and values of all places so far are kept in state of a fixed length, the place of the next token
 * is an input. One program decodes one token, another (with more tokens) reads the prompt; both share the state.
 */
import { arange, type B, type F, type I, type Scope, scatterElements, where } from '../engine/index.ts';
import type { Memory } from './attention.ts';
import { zeros } from './init.ts';

/** Options of a cache. */
export type CacheOptions = {
  /** Places that the cache holds: prompt and all decoded tokens. */
  readonly length: number;
  /** Place of the first new token, int64 []. */
  readonly position: I<''>;
};

/**
 * The `memory` of attention that caches: new rows go to `position` and after, and all rows are attended to, so the mask must hide what is not yet
 * written ({@link cacheMask}). The caches are state `cache/keys` and `cache/values` of each attention, [b h length k].
 */
export function kvCache(o: CacheOptions): Memory {
  return (s, k, v) => [remember(s.at('cache'), 'keys', k, o), remember(s.at('cache'), 'values', v, o)];
}

function remember(s: Scope, name: string, rows: F<'b h n k'>, o: CacheOptions): F<'b h m k'> {
  const { b, h, k } = rows.axes('b h n k');
  const cache = s.state(name, [b, h, o.length, k], zeros);
  s.update(cache, (now) => writeRows(now, rows, o.position));
  return s.current(cache);
}

/** `cache` with its rows from `position` (int64 []) on replaced by `rows`. Rows beyond the end of the cache are not allowed. */
export function writeRows(cache: F<'b h m k'>, rows: F<'b h n k'>, position: I<''>): F<'b h m k'> {
  const { m } = cache.axes('b h m k');
  const { n } = rows.axes('b h n k');
  if (n === 1) return where(arange(cache, m, position.dtype).equal(position).reshape([m, 1]), rows, cache);
  const places = arange(cache, n, position.dtype).add(position).reshape([1, 1, n, 1]).expand(rows.shape) as I;
  return scatterElements(cache, places, rows, 2);
}

/** True where the n new tokens may look: at the places before them and their own. [n length]. */
export function cacheMask(n: number, o: CacheOptions): B<'n m'> {
  const { position, length } = o;
  const own = arange(position, n, position.dtype).add(position).reshape([n, 1]);
  return arange(position, length, position.dtype).lessEqual(own);
}
