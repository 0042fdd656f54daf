/** Where tokens stand: learned tables, sinusoids, relative biases, and tables fitted to another size. */
import { BowError } from '../base/index.ts';
import { constantLike, type F, type Init, rearrange, type Scope } from '../engine/index.ts';
import * as must from './arguments.ts';
import { normal } from './init.ts';

/** A learned vector for each position: [n, d]. Parameter: `positions` (or `name`), drawn from N(0, 0.02²). */
export function learnedPositions(s: Scope, n: number, d: number, o: { name?: string; init?: Init } = {}): F<'n d'> {
  must.be('learnedPositions', {
    s: [s, must.scope],
    n: [n, must.size],
    d: [d, must.size],
    o: [o, must.options({ name: must.text, init: must.call })],
  });
  return s.param(o.name ?? 'positions', [n, d], o.init ?? normal(0.02));
}

/**
 * Sines and cosines of wavelengths from 2π to 10000·2π, row-major [n, d]. `interleaved` (sin, cos, sin, … as in Vaswani et al. 2017, §3.5) or
 * `halves` (all sines, then all cosines, as in tensor2tensor). Error `shape` for an odd width.
 */
export function sinusoids(
  n: number,
  d: number,
  o: { layout?: 'interleaved' | 'halves'; base?: number } = {},
): Float64Array {
  const checks = must.options({ layout: must.oneOf('interleaved', 'halves'), base: must.number(1) });
  must.be('sinusoids', { n: [n, must.count], d: [d, must.size], o: [o, checks] });
  if (d % 2 !== 0) throw new BowError('shape', `sinusoids need an even width, not ${d}`);
  return Float64Array.from({ length: n * d }, (_, at) => {
    const [p, i] = [Math.floor(at / d), at % d];
    const [pair, cosine] = o.layout === 'halves' ? [i % (d / 2), i >= d / 2] : [i >> 1, i % 2 === 1];
    const angle = p / (o.base ?? 10000) ** ((2 * pair) / d);
    return cosine ? Math.cos(angle) : Math.sin(angle);
  });
}

/** {@link sinusoids} as initial values of a learned table [n, d]. */
export const sinusoid: Init = (out, shape) => {
  must.be('sinusoid', { out: [out, must.memory], shape: [shape, must.wholes(0)] });
  const values = sinusoids(shape[0]!, shape[1]!);
  if (values.length !== out.length)
    throw new BowError('shape', `${values.length} values do not fill an array of ${out.length}`);
  out.set(values);
};

/**
 * Positions on a grid of `rows` × `columns`, row-major [rows·columns, d]: quarters of the width for sin x, cos x, sin y, cos y with frequencies
 * 1/10000^(i/(d/4 − 1)), as ViT's `posemb_sincos_2d` (big_vision, models/vit.py). Error `shape` for a width that is not 8, 12, 16, ….
 */
export function sinusoids2d(rows: number, columns: number, d: number, o: { base?: number } = {}): Float64Array {
  must.be('sinusoids2d', {
    rows: [rows, must.count],
    columns: [columns, must.count],
    d: [d, must.size],
    o: [o, must.options({ base: must.number(1) })],
  });
  const quarter = d / 4;
  if (!Number.isInteger(quarter) || quarter < 2)
    throw new BowError('shape', `2-D sinusoids need a width of 8, 12, 16, …, not ${d}`);
  return Float64Array.from({ length: rows * columns * d }, (_, at) => {
    const [p, i] = [Math.floor(at / d), at % d];
    const place = i < 2 * quarter ? p % columns : Math.floor(p / columns);
    const angle = place / (o.base ?? 10000) ** ((i % quarter) / (quarter - 1));
    return Math.floor(i / quarter) % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
}

/**
 * Constant positions [n, d] in the graph and of the type of `like`, from {@link sinusoids} or {@link sinusoids2d}. Error `shape` for a table that is
 * not of whole rows.
 */
export function constantPositions(like: F, table: Float64Array, d: number): F<'n d'> {
  must.be('constantPositions', { like: [like, must.floats()], table: [table, must.numbers], d: [d, must.size] });
  return constantLike(like, like.dtype, [table.length / d, d], Array.from(table));
}

/**
 * A bias for each head and distance of n queries (the last of m positions) and m keys, shared by all layers: [h n m]. T5: Raffel et al. 2020, §2.1;
 * buckets as in its code (`_relative_position_bucket`): half of them exact, the rest logarithmic up to `maxDistance`. Parameter: `weight` [buckets,
 * heads].
 */
export function relativeBias(
  s: Scope,
  n: number,
  m: number,
  o: { heads: number; buckets?: number; maxDistance?: number; causal?: boolean; init?: Init },
): F<'h n m'> {
  const checks = { buckets: must.whole(2), maxDistance: must.size, causal: must.flag, init: must.call };
  must.be('relativeBias', {
    s: [s, must.scope],
    n: [n, must.size],
    m: [m, must.size],
    o: [o, must.options(checks, { heads: must.size })],
  });
  const { buckets = 32, maxDistance = 128, causal = false } = o;
  const table = s.param('weight', [buckets, o.heads], o.init ?? normal(0.02));
  // One-hot rows times the table: both directions are matrix products.
  const pick = new Array<number>(n * m * buckets).fill(0);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++)
      pick[(i * m + j) * buckets + relativeBucket(j - (i + m - n), buckets, maxDistance, causal)] = 1;
  }
  const chosen = constantLike(table, table.dtype, [n * m, buckets], pick);
  return rearrange(chosen.matmul(table), '(n m) h -> h n m', { n, m });
}

/** The bucket of a distance (key − query, in positions): 0 … buckets − 1. See {@link relativeBias}. */
export function relativeBucket(distance: number, buckets: number, maxDistance: number, causal: boolean): number {
  must.be('relativeBucket', {
    distance: [distance, must.whole()],
    buckets: [buckets, must.whole(2)],
    maxDistance: [maxDistance, must.size],
    causal: [causal, must.flag],
  });
  const half = causal ? buckets : buckets / 2;
  const offset = !causal && distance > 0 ? half : 0;
  const far = causal ? Math.max(0, -distance) : Math.abs(distance);
  const exact = Math.floor(half / 2);
  if (far < exact) return offset + far;
  const steps = (Math.log(far / exact) / Math.log(maxDistance / exact)) * (half - exact);
  return offset + Math.min(half - 1, exact + Math.floor(steps));
}
