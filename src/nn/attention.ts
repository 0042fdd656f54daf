/** Attention. Vaswani et al. 2017, arXiv:1706.03762, §3.2. */
import { BowError } from '../base/index.ts';
import { einsum, type F, type Init, rearrange, repeat, type Scope, softmax, split } from '../engine/index.ts';
import * as must from './arguments.ts';
import { dropout } from './dropout.ts';
import { xavierUniform, zeros } from './init.ts';
import { linear } from './linear.ts';
import { combineMasks, type Mask } from './masks.ts';

/** Options of {@link attention}. */
export type AttentionOptions = {
  readonly heads: number;
  /** Heads of keys and values, each shared by heads/kvHeads queries (grouped-query attention, Ainslie et al. 2023). */
  readonly kvHeads?: number;
  /** Width of one head; default d/heads. */
  readonly headSize?: number;
  /** One mask, or several that all apply. */
  readonly mask?: Mask | readonly (Mask | undefined)[] | undefined;
  /** Biases of q, k, v; default true. */
  readonly bias?: boolean;
  /** Of the keys alone, whose bias moves all scores of a query alike: BEiT leaves it out. Default: as `bias`; for separate projections. */
  readonly keyBias?: boolean;
  /** Default: as `bias`. */
  readonly outBias?: boolean;
  /** Factor of the scores; default 1/√headSize. T5 has 1. */
  readonly scale?: number;
  /** `fused`: q, k and v lie in one `in_proj_weight` [3d, d] and `in_proj_bias`, as in PyTorch's nn.MultiheadAttention. */
  readonly projection?: 'separate' | 'fused';
  /** Drops weights while training. */
  readonly attentionDropout?: number;
  /** What is attended to in place of the keys and values of this call, such as these put into a cache; see `kvCache`. */
  readonly memory?: Memory | undefined;
  readonly init?: Init;
  readonly outInit?: Init;
};

const attendChecks = {
  mask: must.either(must.list(must.optional(must.mask)), must.mask),
  scale: must.number(),
  attentionDropout: must.share,
};
const attendOptions = must.options(attendChecks);

/** What the options of attention may be. */
export const attentionChecks = {
  ...attendChecks,
  kvHeads: must.size,
  headSize: must.size,
  bias: must.flag,
  keyBias: must.flag,
  outBias: must.flag,
  projection: must.oneOf('separate', 'fused'),
  memory: must.call,
  init: must.call,
  outInit: must.call,
};
const attentionOptions = must.options(attentionChecks, { heads: must.size });

/** From the new keys and values (and the attention's scope) to those to attend to. */
export type Memory = (s: Scope, k: F<'b h n k'>, v: F<'b h n k'>) => readonly [k: F<'b h m k'>, v: F<'b h m k'>];

/**
 * Multi-head attention of x over `from` (x itself for self-attention), [b n d] and [b m d] → [b n d]. Parameters: `q`, `k`, `v`, `out`, each with
 * `weight` and `bias`. Tap: `weights` [b, h, n, m]. Errors: `shape` for a width or key heads that the heads do not divide, `usage` for a fused
 * projection of unequal parts. Vaswani et al. 2017, arXiv:1706.03762, §3.2.2.
 */
export function attention(s: Scope, x: F<'b n d'>, from: F<'b m d'>, o: AttentionOptions): F<'b n d'> {
  must.be('attention', {
    s: [s, must.scope],
    x: [x, must.floats('b n d')],
    from: [from, must.floats('b m d')],
    o: [o, attentionOptions],
  });
  const { d } = x.axes('b n d');
  const [h, kv] = [o.heads, o.kvHeads ?? o.heads];
  const size = o.headSize ?? d / h;
  if (!Number.isInteger(size) || h % kv !== 0) {
    throw new BowError('shape', `width ${d} and ${kv} key heads do not fit ${h} heads`, { place: s.path });
  }
  const [q, k, v] =
    o.projection === 'fused' ? fusedProjection(s, x, from, o) : separateProjections(s, x, from, size, o);
  const own = [splitHeads(k, kv), splitHeads(v, kv)] as const;
  const [keys, values] = o.memory ? o.memory(s, ...own) : own;
  const mixed = attend(s, splitHeads(q, h), keys, values, o);
  return linear(s.at('out'), mergeHeads(mixed), d, {
    bias: o.outBias ?? o.bias ?? true,
    ...(o.outInit ? { init: o.outInit } : {}),
  });
}

/**
 * softmax(q kᵀ·scale + mask) v: q [b h n k], k and v [b h m k] → [b h n k]. Keys and values may have fewer heads, a divisor of h, or it is a `shape`
 * error. Tap: `weights` [b h n m]. Vaswani et al. 2017, eq. 1.
 */
export function attend(
  s: Scope,
  q: F<'b h n k'>,
  k: F<'b h m k'>,
  v: F<'b h m k'>,
  o: Pick<AttentionOptions, 'mask' | 'scale' | 'attentionDropout'> = {},
): F<'b h n k'> {
  const heads = must.floats('b h n k');
  must.be('attend', { s: [s, must.scope], q: [q, heads], k: [k, heads], v: [v, heads], o: [o, attendOptions] });
  const groups = q.dim(1) / k.dim(1);
  if (!Number.isInteger(groups))
    throw new BowError('shape', `${k.dim(1)} key heads do not fit ${q.dim(1)} heads`, { place: s.path });
  const shared = (t: F): F => (groups === 1 ? t : repeat(t, 'b h m k -> b (h g) m k', { g: groups }));
  const scores = einsum('b h n k, b h m k -> b h n m', q, shared(k)).mul(o.scale ?? q.dim(-1) ** -0.5);
  const masks = o.mask === undefined || Array.isArray(o.mask) ? (o.mask ?? []) : [o.mask as Mask];
  const mask = combineMasks(scores, ...masks);
  const weights = s.tap('weights', softmax(mask ? scores.add(mask) : scores, -1));
  const kept = dropout(s.at('weights'), weights, o.attentionDropout ?? 0);
  return einsum('b h n m, b h m k -> b h n k', kept, shared(v));
}

/** The width cut into heads: [b n d] → [b h n d/h]. Error `shape` when the heads do not divide it. */
export function splitHeads(x: F<'b n d'>, heads: number): F<'b h n k'> {
  must.be('splitHeads', { x: [x, must.floats('b n d')], heads: [heads, must.size] });
  return rearrange(x, 'b n (h k) -> b h n k', { h: heads });
}

/** The heads side by side again: [b h n k] → [b n h·k]. */
export function mergeHeads(x: F<'b h n k'>): F<'b n d'> {
  must.be('mergeHeads', { x: [x, must.floats('b h n k')] });
  return rearrange(x, 'b h n k -> b n (h k)');
}

function separateProjections(s: Scope, x: F, from: F, size: number, o: AttentionOptions): [F, F, F] {
  const common = { bias: o.bias ?? true, ...(o.init ? { init: o.init } : {}) };
  const kv = size * (o.kvHeads ?? o.heads);
  return [
    linear(s.at('q'), x, size * o.heads, common),
    linear(s.at('k'), from, kv, { ...common, bias: o.keyBias ?? common.bias }),
    linear(s.at('v'), from, kv, common),
  ];
}

/** Three products with parts of one weight: measured faster than one product that is cut afterwards. */
function fusedProjection(s: Scope, x: F<'b n d'>, from: F<'b m d'>, o: AttentionOptions): [F, F, F] {
  const d = x.dim(-1);
  if (from.dim(-1) !== d || o.kvHeads !== undefined || o.headSize !== undefined || o.keyBias !== undefined) {
    throw new BowError('usage', 'a fused projection has equal widths, heads and biases for q, k and v', {
      place: s.path,
      hint: "use projection: 'separate'",
    });
  }
  const weights = split(s.param('in_proj_weight', [3 * d, d], o.init ?? xavierUniform), [d, d, d], 0);
  const y = weights.map((w, i) => (i === 0 ? x : from).matmul(w.mT));
  if (o.bias === false) return y as [F, F, F];
  const biases = split(s.param('in_proj_bias', [3 * d], zeros), [d, d, d], 0);
  return y.map((t, i) => t.add(biases[i]!)) as [F, F, F];
}
