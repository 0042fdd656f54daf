/** Images as tokens: patches times a matrix, positions fitted to each image's own size, and a choice of patches. Kim et al. 2021, §3.1 and §4.2. */
import { BowError } from '../../base/index.ts';
import { arange, concat, einsum, type F, full, type I, oneHot, rearrange, type Scope } from '../../engine/index.ts';
import {
  categoricalWithoutReplacement,
  dropout,
  initialise,
  kaimingUniform,
  linear,
  patchEmbedding,
  residualTokens,
  resizePositions,
  truncNormal,
  uniform,
} from '../../nn/index.ts';
import type { ViltConfig } from './config.ts';

/** Embedded tokens with what attention may see of them. */
export type Embedded = { readonly x: F<'b n d'>; readonly keep: F<'b n'> };

/** Images of one batch; where they are of several sizes, they are filled up at the right and below. */
export type ViltImage = {
  readonly image: F<'b c y x'>;
  /** 1 at the pixels of an image, 0 beside it; absent: all are. */
  readonly mask?: I<'b y x'> | undefined;
  /** The patches that are seen, in this order, as indices of the batch's grid, row by row. Default: all, or a choice at random ({@link chosenPatches}). */
  readonly patches?: I<'b l'> | undefined;
};

/**
 * Class token and patches: [b m d], and which of them are of the image: [b m]. Errors: `shape` for images that patches do not tile, `usage` for a mask where
 * a stem would see what is beside the image.
 */
export function imageTokens(s: Scope, batch: ViltImage, c: ViltConfig): Embedded {
  const { width: d } = c;
  const { patch, stem } = c.image;
  if (stem && batch.mask)
    throw new BowError('usage', 'a stem sees what is beside an image, whatever the mask says', {
      place: s.path,
      hint: 'images of one size in a batch',
    });
  const { b, y, x } = batch.image.axes('b c y x');
  const grid = { y: y / patch, x: x / patch };
  const patches = embedPatches(s, batch.image, c); // b p d
  const side = Math.floor(c.image.size / patch);
  const table = s.param('positions', [1 + side ** 2, d], truncNormal(0.02));
  const seen = batch.mask && patchMask(batch.mask, patch).to(patches.dtype); // b y x
  const placed = patches.add(seen ? ownPositions(table, seen, side) : sharedPositions(table, grid, side));
  const keep = seen ? rearrange(seen, 'b y x -> b (y x)') : full(placed, [b, placed.dim(1)], 1);
  const chosen = choose(s, { x: placed, keep }, batch.patches, c);
  const first = s.param('class_token', [d], truncNormal(0.02)).add(table.at(0, 0));
  const tokens = concat([first.reshape([1, 1, d]).expand([b, 1, d]), chosen.x], 1); // b m d
  return { x: dropout(s.at('drop'), tokens, c.dropout), keep: concat([full(placed, [b, 1], 1), chosen.keep], 1) };
}

/** A vector for each patch: one linear map of its pixels (§3.1), or of what a stem makes of them. [b p d]. */
function embedPatches(s: Scope, image: F<'b c y x'>, { width, image: { patch, stem } }: ViltConfig): F<'b p d'> {
  if (stem) {
    const o = { init: kaimingUniform({ a: Math.sqrt(5) }) };
    return linear(s.at('patch'), residualTokens(s.at('stem'), image, stem), width, o);
  }
  const bound = (image.dim(1) * patch ** 2) ** -0.5;
  const at = initialise(s, {
    '**image/patch/weight': kaimingUniform({ a: Math.sqrt(5) }), // PyTorch's default, as the paper's code leaves it
    '**image/patch/bias': uniform(-bound, bound),
  });
  return patchEmbedding(at.at('patch'), image, { patch, width });
}

/** A patch is of the image when its upper left pixel is: nearest neighbour, as in the paper's code. [b y x]. */
function patchMask(mask: I<'b y x'>, patch: number): I<'b y x'> {
  return mask.slice(1, 0, undefined, patch).slice(2, 0, undefined, patch);
}

/** The table for a grid that all images fill: bilinear, corner on corner. [p d]. */
function sharedPositions(table: F<'n d'>, grid: { y: number; x: number }, side: number): F<'p d'> {
  const to = [grid.y, grid.x] as const;
  return resizePositions(table, { from: [side, side], to, keep: 1, method: 'linear', alignCorners: true }).slice(0, 1);
}

/**
 * The table fitted to each image's own grid, which lies in the upper left of the batch's: bilinear, corner on corner, 0 beside it. [b p d]. A line of an
 * image of h rows takes from row j of the table max(0, 1 − |i·(side − 1)/(h − 1) − j|), and so for columns.
 */
function ownPositions(table: F<'n d'>, seen: F<'b y x'>, side: number): F<'b p d'> {
  const square = rearrange(table.slice(0, 1), '(h w) d -> h w d', { h: side });
  const down = lineWeights(seen.at(2, 0), side); //   b y h
  const across = lineWeights(seen.at(1, 0), side); // b x w
  const rows = einsum('b y h, h e -> b y e', down, rearrange(square, 'h w d -> h (w d)'));
  const places = einsum('b x w, b w e -> b x e', across, rearrange(rows, 'b y (w d) -> b w (y d)', { w: side }));
  return rearrange(places, 'b x (y d) -> b (y x) d', { y: seen.dim(1) });
}

/** How much of each of the table's lines goes to each of an image's own, whose number is that of the ones in `line`: [b n] → [b n side]. */
function lineWeights(line: F<'b n'>, side: number): F<'b n h'> {
  const n = line.dim(1);
  const count = line.sum(1, { keep: true }); // b 1
  const step = count
    .sub(1)
    .max(1)
    .reciprocal()
    .mul(side - 1);
  const source = arange(line, n).to(line.dtype).mul(step).unsqueeze(2); // b n 1
  const near = source.sub(arange(line, side).to(line.dtype)).abs().neg().add(1).max(0);
  return near.mul(line.unsqueeze(2));
}

/** Those of the patches that are given; else, while training with a bound, as many as it allows, drawn at random. */
function choose(s: Scope, all: Embedded, given: I<'b l'> | undefined, c: ViltConfig): Embedded {
  const p = all.x.dim(1);
  const { most } = c.image;
  const order = given ?? (s.training && most !== undefined && most < p ? chosenPatches(s, all.keep, most) : undefined);
  if (!order) return all;
  const pick = oneHot(order, p, all.x.dtype); // b l p
  return { x: pick.matmul(all.x), keep: pick.matmul(all.keep.unsqueeze(2)).squeeze(2) };
}

/**
 * `most` patches of every image [b l], without replacement, filling only where an image has no more of its own (§4.2: 200 in
 * pre-training). DIFFERS: evaluations see all patches, where the paper's code draws there too.
 */
export function chosenPatches(s: Scope, keep: F<'b p'>, most: number): I<'b l'> {
  if (most < 1) throw new BowError('config', 'a model sees at least one patch', { place: s.path });
  const logWeights = keep.sub(1).mul(1e6); // Gumbel noise is far smaller
  return categoricalWithoutReplacement(s.at('choice'), logWeights, most);
}
