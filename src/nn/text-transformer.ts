/** Transformer over tokens, as in CLIP's text tower (Radford et al. 2021, §2.4) and in small language models. */
import { BowError } from '../base/index.ts';
import { causalMask, constantLike, einsum, type F, type I, type Scope } from '../engine/index.ts';
import * as must from './arguments.ts';
import { normal } from './init.ts';
import { embedding } from './linear.ts';
import { combineMasks, type Mask } from './masks.ts';
import { constantPositions, learnedPositions, sinusoids } from './positions.ts';
import { norm, stackChecks, type TransformerOptions, transformer, transformerChecks } from './transformer.ts';

/** Options of {@link textTransformer} and {@link textTokens}. */
export type TextOptions = Omit<TransformerOptions, 'cross' | 'last' | 'mask'> & {
  readonly vocabulary: number;
  /** Most tokens that a text may have. */
  readonly context: number;
  readonly width: number;
  /** Each token sees the past only; default true. */
  readonly causal?: boolean;
  readonly positions?: 'learned' | 'sinusoidal';
  /** A mask beside the causal one, such as `paddingMask`'s. */
  readonly mask?: Mask | undefined;
  /** A norm after the last block; default true for pre-norm blocks. */
  readonly finalNorm?: boolean;
};

const textChecks = {
  ...transformerChecks,
  mask: must.mask,
  causal: must.flag,
  positions: must.oneOf('learned', 'sinusoidal'),
  finalNorm: must.flag,
};
const textNeeds = { ...stackChecks, vocabulary: must.size, context: must.size, width: must.size };
const pool = must.either(
  must.options({}, { eot: must.either(must.oneOf('largest'), must.count) }),
  must.oneOf('first'),
);

/**
 * One vector for each text, [b n] → [b d]: at the end-of-text token (`eot` its id, or `'largest'` for the largest id in the row, as in OpenAI's code;
 * the first where several are equal), or at the first position. Parameters and errors: those of {@link textTokens}. Radford et al. 2021,
 * arXiv:2103.00020, §2.4.
 */
export function textTransformer(
  s: Scope,
  tokens: I<'b n'>,
  o: TextOptions & { readonly pool?: { readonly eot: number | 'largest' } | 'first' },
): F<'b d'> {
  must.be('textTransformer', {
    s: [s, must.scope],
    tokens: [tokens, must.ints('b n')],
    o: [o, must.options({ ...textChecks, pool }, textNeeds)],
  });
  const { b, n } = tokens.axes('b n');
  const x = textEmbed(s, tokens, o);
  const at = o.pool ?? { eot: 'largest' };
  const chosen = at === 'first' ? firstPosition(x, b, n) : endOfText(x, tokens, at.eot); // b n, one 1 in each row
  const pick = (t: F<'b n d'>): F<'b 1 d'> => einsum('b n, b n d -> b d', chosen, t).unsqueeze(1);
  const causal =
    o.causal === false ? undefined : chosen.matmul(combineMasks(x, causalMask(x, n))!).reshape([b, 1, 1, n]);
  const y = transformer(s.at('blocks'), x, {
    ...o,
    mask: textMask(x, n, o),
    last: { pick, mask: combineMasks(x, causal, o.mask) },
  });
  return finalNorm(s, y, o).squeeze(1);
}

/**
 * The vectors of all tokens, [b n] → [b n d]. Parameters: `tokens/weight`, `positions`, `blocks/0…`, `norm`. Error `shape` for more tokens than
 * `context`.
 */
export function textTokens(s: Scope, tokens: I<'b n'>, o: TextOptions): F<'b n d'> {
  must.be('textTokens', {
    s: [s, must.scope],
    tokens: [tokens, must.ints('b n')],
    o: [o, must.options(textChecks, textNeeds)],
  });
  const x = textEmbed(s, tokens, o);
  return finalNorm(s, transformer(s.at('blocks'), x, { ...o, mask: textMask(x, x.dim(1), o) }), o);
}

/**
 * Logits of every next token from the vectors of all tokens, [b n d] → [b n v], with the embedding's own table `tokens/weight` (Press & Wolf 2017,
 * arXiv:1608.05859).
 */
export function tiedLogits(s: Scope, x: F<'b n d'>, vocabulary: number): F<'b n v'> {
  must.be('tiedLogits', { s: [s, must.scope], x: [x, must.floats('... d')], vocabulary: [vocabulary, must.size] });
  return x.matmul(s.at('tokens').param('weight', [vocabulary, x.dim(-1)], normal(0.02)).mT);
}

function textMask(x: F, n: number, o: TextOptions): Mask | undefined {
  return combineMasks(x, o.causal === false ? undefined : causalMask(x, n), o.mask);
}

function finalNorm(s: Scope, x: F, o: TextOptions): F {
  return (o.finalNorm ?? o.order !== 'post') ? norm(s.at('norm'), x, o) : x;
}

function textEmbed(s: Scope, tokens: I<'b n'>, o: TextOptions): F<'b n d'> {
  const { n } = tokens.axes('b n');
  if (n > o.context) throw new BowError('shape', `${n} tokens do not fit a context of ${o.context}`, { place: s.path });
  const x = embedding(s.at('tokens'), tokens, { size: o.vocabulary, width: o.width });
  if (o.positions === 'sinusoidal') return x.add(constantPositions(x, sinusoids(n, o.width), o.width));
  return x.add(learnedPositions(s, o.context, o.width, { init: normal(0.01) }).slice(0, 0, n));
}

function firstPosition(x: F, b: number, n: number): F<'b n'> {
  const row = Array.from({ length: b * n }, (_, at) => (at % n === 0 ? 1 : 0));
  return constantLike(x, x.dtype, [b, n], row);
}

/** 1 at the first token that is the end of text, 0 elsewhere: a choice by matrix product, cheap in both directions. */
function endOfText(x: F, tokens: I<'b n'>, eot: number | 'largest'): F<'b n'> {
  const { n } = tokens.axes('b n');
  const ids = tokens.to(x.dtype); // exact: vocabularies are far below 2^24
  const hit = ids.equal(eot === 'largest' ? ids.reduceMax(1, { keep: true }) : eot).to(x.dtype);
  const upTo = Array.from({ length: n * n }, (_, at) => (Math.floor(at / n) <= at % n ? 1 : 0));
  const count = hit.matmul(constantLike(x, x.dtype, [n, n], upTo)); // hits up to here
  return hit.mul(count.lessEqual(1).to(x.dtype));
}
