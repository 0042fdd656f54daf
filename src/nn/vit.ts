/** Vision transformer. Dosovitskiy et al. 2021, arXiv:2010.11929, §3.1. */
import { BowError } from '../base/index.ts';
import { concat, type F, type Init, rearrange, type Scope } from '../engine/index.ts';
import * as must from './arguments.ts';
import { lecunNormal, normal, zeros } from './init.ts';
import { constantPositions, learnedPositions, sinusoids2d } from './positions.ts';
import { norm, stackChecks, type TransformerOptions, transformer, transformerChecks } from './transformer.ts';

/**
 * Patches times a matrix, [b c y x] → [b n d] with n = y·x/patch²: equal to a convolution with stride = kernel, whose weight [d, c, p, p] it keeps.
 * Tokens are row-major. Parameters: `weight`, `bias`. Error `shape` when patches do not tile the image. Dosovitskiy et al. 2021, eq. 1.
 */
export function patchEmbedding(
  s: Scope,
  image: F<'b c y x'>,
  o: { patch: number; width: number; bias?: boolean; init?: Init },
): F<'b n d'> {
  must.be('patchEmbedding', {
    s: [s, must.scope],
    image: [image, must.floats('b c y x')],
    o: [o, must.options({ bias: must.flag, init: must.call }, { patch: must.size, width: must.size })],
  });
  const { c, y, x } = image.axes('b c y x');
  const { patch: p, width: d } = o;
  if (y % p !== 0 || x % p !== 0)
    throw new BowError('shape', `patches of ${p} do not tile an image of ${y}×${x}`, { place: s.path });
  const w = s.param('weight', [d, c, p, p], o.init ?? lecunNormal);
  const patches = rearrange(image, 'b c (y p) (x q) -> b (y x) (c p q)', { p, q: p });
  const tokens = patches.matmul(w.reshape([d, c * p * p]).mT); // b n d
  return o.bias === false ? tokens : tokens.add(s.param('bias', [d], zeros));
}

/** Options of {@link vit} and {@link vitTokens}. */
export type VitOptions = Omit<TransformerOptions, 'cross' | 'last' | 'mask'> & {
  readonly patch: number;
  readonly width: number;
  /** A learned token before the patches; default true. */
  readonly classToken?: boolean;
  readonly positions?: 'learned' | 'sinusoidal';
  readonly patchBias?: boolean;
  /** A norm before the first block, as in CLIP. */
  readonly preNorm?: boolean;
  /** A norm after the last block; default true for pre-norm blocks. */
  readonly finalNorm?: boolean;
};

const vitChecks = {
  ...transformerChecks,
  classToken: must.flag,
  positions: must.oneOf('learned', 'sinusoidal'),
  patchBias: must.flag,
  preNorm: must.flag,
  finalNorm: must.flag,
};
const vitNeeds = { ...stackChecks, patch: must.size, width: must.size };

/**
 * One vector for each image, [b c y x] → [b d]: the class token's, or the mean of the patches'. Parameters and errors: those of {@link vitTokens};
 * `usage` for a class token that is asked for and not there. Dosovitskiy et al. 2021, arXiv:2010.11929, §3.1.
 */
export function vit(s: Scope, image: F<'b c y x'>, o: VitOptions & { readonly pool?: 'class' | 'mean' }): F<'b d'> {
  must.be('vit', {
    s: [s, must.scope],
    image: [image, must.floats('b c y x')],
    o: [o, must.options({ ...vitChecks, pool: must.oneOf('class', 'mean') }, vitNeeds)],
  });
  const pool = o.pool ?? 'class';
  const hasClass = o.classToken ?? true;
  if (pool === 'class' && !hasClass)
    throw new BowError('usage', "pool: 'class' needs a class token", { place: s.path, hint: "use pool: 'mean'" });
  const x = vitEmbed(s, image, o);
  if (pool === 'class') {
    const y = transformer(s.at('blocks'), x, { ...o, last: { pick: (t) => t.slice(1, 0, 1) } }); // b 1 d
    return finalNorm(s, y, o).squeeze(1);
  }
  const y = finalNorm(s, transformer(s.at('blocks'), x, o), o);
  return y.slice(1, hasClass ? 1 : 0).mean(1);
}

/**
 * The vectors of all tokens, the class token first: [b c y x] → [b n d]. Parameters: `patch`, `class_token`, `positions`, (`norm_pre`), `blocks/0…`,
 * `norm`. Error `shape` when patches do not tile the image.
 */
export function vitTokens(s: Scope, image: F<'b c y x'>, o: VitOptions): F<'b n d'> {
  must.be('vitTokens', {
    s: [s, must.scope],
    image: [image, must.floats('b c y x')],
    o: [o, must.options(vitChecks, vitNeeds)],
  });
  return finalNorm(s, transformer(s.at('blocks'), vitEmbed(s, image, o), o), o);
}

function finalNorm(s: Scope, x: F, o: VitOptions): F {
  return (o.finalNorm ?? o.order !== 'post') ? norm(s.at('norm'), x, o) : x;
}

/** What the first block sees: patches, class token, positions. */
function vitEmbed(s: Scope, image: F<'b c y x'>, o: VitOptions): F<'b n d'> {
  const { width: d, patch } = o;
  const { b, y, x } = image.axes('b c y x');
  const grid = patchEmbedding(s.at('patch'), image, { patch, width: d, bias: o.patchBias ?? true }); // b p d
  const hasClass = o.classToken ?? true;
  const cls = (): F => s.param('class_token', [d], normal(0.02)).reshape([1, 1, d]).expand([b, 1, d]);
  let tokens: F;
  if (o.positions === 'sinusoidal') {
    const table = sinusoids2d(y / patch, x / patch, d);
    const placed = grid.add(constantPositions(grid, table, d));
    tokens = hasClass ? concat([cls(), placed], 1) : placed; // the class token has no position on the grid
  } else {
    tokens = hasClass ? concat([cls(), grid], 1) : grid;
    tokens = tokens.add(learnedPositions(s, tokens.dim(1), d));
  }
  return o.preNorm ? norm(s.at('norm_pre'), tokens, o) : tokens;
}
