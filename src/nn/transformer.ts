/** Transformer blocks and stacks of them. Vaswani et al. 2017, §3.1; pre-norm: Xiong et al. 2020, arXiv:2002.04745. */
import { checkpoint, type F, gelu, quickGelu, relu, type Scope, silu } from '../engine/index.ts';
import * as must from './arguments.ts';
import { type AttentionOptions, attention, attentionChecks } from './attention.ts';
import { dropout, dropPath } from './dropout.ts';
import { constant } from './init.ts';
import { linear } from './linear.ts';
import type { Mask } from './masks.ts';
import { layerNorm, rmsNorm } from './norm.ts';

/** Activations by name; `quick-gelu` is OpenAI's x·σ(1.702x). */
export const activations: Readonly<Record<'gelu' | 'gelu-tanh' | 'quick-gelu' | 'relu' | 'silu', (x: F) => F>> = {
  gelu: (x) => gelu(x),
  'gelu-tanh': (x) => gelu(x, { approximate: 'tanh' }),
  'quick-gelu': quickGelu,
  relu,
  silu,
};

/** The name of an activation. */
export type Activation = keyof typeof activations;

/** Options of {@link mlp}. */
export type MlpOptions = {
  /** Width between the two maps; default 4·d. */
  readonly hidden?: number;
  readonly activation?: Activation;
  readonly bias?: boolean;
  /** activation(gate x) ⊙ (fc1 x), as in T5 1.1 and LLaMA. Shazeer 2020, arXiv:2002.05202. */
  readonly gated?: boolean;
  /** Drops hidden values while training. */
  readonly hiddenDropout?: number;
};

const mlpChecks = {
  hidden: must.size,
  activation: must.oneOf(...Object.keys(activations)),
  bias: must.flag,
  gated: must.flag,
  hiddenDropout: must.share,
};
const normChecks = { norm: must.oneOf('layer', 'rms'), epsilon: must.number(0) };

/** fc2(activation(fc1 x)) over the last axis: [… d] → [… d]. Parameters: `fc1`, `fc2`, and `gate` when gated. */
export function mlp(s: Scope, x: F<'... d'>, o: MlpOptions = {}): F<'... d'> {
  must.be('mlp', { s: [s, must.scope], x: [x, must.floats('... d')], o: [o, must.options(mlpChecks)] });
  const d = x.dim(-1);
  const hidden = o.hidden ?? 4 * d;
  const activate = activations[o.activation ?? 'gelu'];
  const bias = o.bias ?? true;
  const up = linear(s.at('fc1'), x, hidden, { bias });
  const h = o.gated ? activate(linear(s.at('gate'), x, hidden, { bias })).mul(up) : activate(up);
  return linear(s.at('fc2'), dropout(s.at('hidden'), h, o.hiddenDropout ?? 0), d, { bias });
}

/** Options of {@link block}. */
export type BlockOptions = MlpOptions &
  Omit<AttentionOptions, 'init' | 'outInit' | 'outBias'> & {
    /** Where the norms stand: before each sublayer (default) or after the residual sum, as in the original and in BERT. */
    readonly order?: 'pre' | 'post';
    readonly norm?: 'layer' | 'rms';
    readonly epsilon?: number;
    /** Initial value of a learned factor for each channel of each sublayer's result. Touvron et al. 2021, arXiv:2103.17239. */
    readonly layerScale?: number;
    /** Drops values of each sublayer's result while training. */
    readonly dropout?: number;
    /** Drops each sublayer's whole result, by sample, while training; in {@link transformer} the last block's rate, rising in a line from 0. */
    readonly dropPath?: number;
    /** What the block also attends to, between self-attention and MLP. */
    readonly cross?: { readonly from: F<'b m d'>; readonly mask?: AttentionOptions['mask'] };
    /** The positions whose results are wanted (x ↦ part of its tokens); queries and MLP are computed for these alone. `mask` is theirs. */
    readonly pick?: (x: F<'b n d'>) => F<'b q d'>;
  };

const blockChecks = {
  ...attentionChecks,
  ...mlpChecks,
  ...normChecks,
  order: must.oneOf('pre', 'post'),
  layerScale: must.number(),
  dropout: must.share,
  dropPath: must.share,
  cross: must.options({ mask: attentionChecks.mask }, { from: must.floats('b m d') }),
  pick: must.call,
};

/**
 * Self-attention, cross-attention where asked for, MLP, each with a residual connection: [b n d] → [b n d] (or [b q d] with `pick`). Parameters:
 * `ln1`, `attn`, (`ln_cross`, `cross`), `ln2`, `mlp`, (`ls1`, `ls_cross`, `ls2`). Errors: those of {@link attention}.
 */
export function block(s: Scope, x: F<'b n d'>, o: BlockOptions): F<'b n d'> {
  must.be('block', {
    s: [s, must.scope],
    x: [x, must.floats('b n d')],
    o: [o, must.options(blockChecks, { heads: must.size })],
  });
  const pick = o.pick ?? ((t) => t);
  const self = (h: F): F => attention(s.at('attn'), pick(h), h, o);
  const cross = (c: NonNullable<BlockOptions['cross']>, h: F): F =>
    attention(s.at('cross'), h, c.from, { ...o, mask: c.mask, memory: undefined });
  let y = sublayer(s, 'ln1', 'ls1', x, self, o, pick);
  if (o.cross) y = sublayer(s, 'ln_cross', 'ls_cross', y, (h) => cross(o.cross!, h), o);
  return sublayer(s, 'ln2', 'ls2', y, (h) => mlp(s.at('mlp'), h, o), o);
}

/** x + f(norm(x)), or norm(x + f(x)). */
function sublayer(
  s: Scope,
  ln: string,
  ls: string,
  x: F,
  f: (h: F) => F,
  o: BlockOptions,
  pick: (t: F) => F = (t) => t,
): F {
  const y = f(o.order === 'post' ? x : norm(s.at(ln), x, o));
  const scaled = o.layerScale === undefined ? y : y.mul(s.param(ls, [x.dim(-1)], constant(o.layerScale)));
  const kept = dropPath(s.at(`${ln}/path`), dropout(s.at(`${ln}/drop`), scaled, o.dropout ?? 0), o.dropPath ?? 0);
  const sum = pick(x).add(kept);
  return o.order === 'post' ? norm(s.at(ln), sum, o) : sum;
}

/** Layer norm or RMS norm by name: [… d], kept. Parameters: those of {@link layerNorm} or {@link rmsNorm}. */
export function norm(s: Scope, x: F<'... d'>, o: { norm?: 'layer' | 'rms'; epsilon?: number }): F<'... d'> {
  must.be('norm', { s: [s, must.scope], x: [x, must.floats('... d')], o: [o, must.options(normChecks)] });
  const epsilon = o.epsilon === undefined ? {} : { epsilon: o.epsilon };
  return o.norm === 'rms' ? rmsNorm(s, x, epsilon) : layerNorm(s, x, epsilon);
}

/** Options of {@link transformer}. */
export type TransformerOptions = Omit<BlockOptions, 'pick'> & {
  readonly depth: number;
  /** Blocks are computed again for the backward pass instead of kept (`checkpoint` of the engine): less memory, a third more arithmetic. */
  readonly checkpoint?: boolean;
  /** The positions whose results are wanted, and the mask of just these queries where it differs: saves most of the last block. */
  readonly last?: { readonly pick: (x: F<'b n d'>) => F<'b q d'>; readonly mask?: Mask | undefined };
};

/** What must be said of every stack of blocks. */
export const stackChecks = { heads: must.size, depth: must.count };
/** What may be said of it. */
export const transformerChecks = {
  ...blockChecks,
  checkpoint: must.flag,
  last: must.options({ mask: must.mask }, { pick: must.call }),
};

/**
 * `depth` blocks one after another, [b n d] → [b n d] (or [b q d] with `last`), in scopes `0`, `1`, …: an encoder, or with `cross` (and a causal
 * mask) a decoder. Tap: `output` of each. Errors: those of {@link attention}.
 */
export function transformer(s: Scope, x: F<'b n d'>, o: TransformerOptions): F<'b n d'> {
  must.be('transformer', {
    s: [s, must.scope],
    x: [x, must.floats('b n d')],
    o: [o, must.options(transformerChecks, stackChecks)],
  });
  let y = x;
  for (let i = 0; i < o.depth; i++) {
    const at = s.at(i);
    const last = i === o.depth - 1 ? o.last : undefined;
    const own = { ...o, dropPath: ((o.dropPath ?? 0) * i) / Math.max(1, o.depth - 1) };
    const run = (h: F): F => block(at, h, last ? { ...own, pick: last.pick, mask: last.mask ?? o.mask } : own);
    y = at.tap('output', o.checkpoint ? checkpoint(run, y) : run(y));
  }
  return y;
}
