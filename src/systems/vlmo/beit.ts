/**
 * BEiT's masked image modelling, VLMo's first stage. Bao et al. 2021, arXiv:2106.08254, §2.3; `modeling_pretrain.py` of its code. The network is VLMo's
 * in image mode with one difference: all layers share one table of relative positions, [(2g − 1)² + 3, heads]. {@link spreadBiases} gives every layer
 * its own, as BEiT's fine-tuning does and VLMo after it.
 */
import { type B, constantLike, type F, gather, type I, type NdArray, ndarray, rearrange, type Scope, type Store, where } from '../../engine/index.ts'; // biome-ignore format: one line
import { linear, zeros } from '../../nn/index.ts';
import { gridOf, type VlmoConfig } from './config.ts';
import { imageIndex, tableRows } from './positions.ts';
import { beitNormal, finalNorm, imageTokens, layers, patchTokens } from './vlmo.ts';

/** Paths of the table that all layers share in this stage, and of the one with columns for each. */
export const SHARED_BIAS = 'mim/relative_bias';
const OWN_BIASES = 'relative_bias/image';

/** Numbers that the head gives for a patch: logits of visual tokens, or its pixels, channel by channel. */
export function mimOutputs({ tasks: { mim }, patch }: VlmoConfig): number {
  return mim?.predicts === 'tokens' ? mim.vocabulary : 3 * patch ** 2;
}

/** The table's biases for every pair of tokens of an image, the same for all layers: [h n n]. */
function sharedBiases(s: Scope, c: VlmoConfig): F<'h n m'>[] {
  const table = s.param('relative_bias', [tableRows(c).image, c.heads], zeros);
  const index = imageIndex(gridOf(c));
  const chosen = gather(table, constantLike(table, 'int32', [index.length], index)); // n·m h
  const bias = rearrange(chosen, '(n m) h -> h n m', { n: gridOf(c) ** 2 + 1 });
  return Array.from({ length: c.depth }, () => bias);
}

/**
 * What the network says of every patch of images of which some are hidden: [b c y x], `masked` [b p] (not 0: hidden) → [b p o]. Parameters:
 * `mim/{mask_token,relative_bias,head}` and the network's for images.
 */
export function maskedImage(s: Scope, image: F<'b c y x'>, masked: I<'b p'>, c: VlmoConfig): F<'b p o'> {
  const at = s.at('mim');
  const token = at.param('mask_token', [c.width], beitNormal(c)).reshape([1, 1, c.width]);
  const hidden = masked.to('bool').unsqueeze(2);
  const patches = where(hidden, token, patchTokens(s, c.stem ? withoutPatches(image, hidden, c) : image, c));
  const biases = c.positions === 'relative' ? sharedBiases(at, c) : undefined;
  const states = finalNorm(s, layers(s, imageTokens(s, patches, c), c, { mode: 'image', biases }));
  return linear(at.at('head'), states.slice(1, 1), mimOutputs(c), { init: beitNormal(c) });
}

/** The image with hidden patches grey: a stem sees beyond a patch's border, and would see what is to be guessed. */
function withoutPatches(image: F<'b c y x'>, hidden: B<'b p 1'>, { patch: p, ...c }: VlmoConfig): F<'b c y x'> {
  const grid = gridOf({ ...c, patch: p });
  const seen = where(hidden, 0, patchPixels(image, { patch: p }));
  return rearrange(seen, 'b (y x) (c p q) -> b c (y p) (x q)', { y: grid, p, q: p });
}

/** Pixels of the patches, as the head gives them: [b c y x] → [b p c·patch²]. */
export function patchPixels(image: F<'b c y x'>, { patch }: Pick<VlmoConfig, 'patch'>): F<'b p o'> {
  return rearrange(image, 'b c (y p) (x q) -> b (y x) (c p q)', { p: patch, q: patch });
}

/**
 * The table that all layers share, as the columns of each: `relative_bias/image` [rows, layers·heads]. The text's rows and the cross rows stay zero
 * (`convert_to_textpt_ckpt`). Does nothing where there is no shared table.
 */
export function spreadBiases(store: Store, { depth }: Pick<VlmoConfig, 'depth'>): void {
  if (!store.has(SHARED_BIAS)) return;
  const table: NdArray = store.get(SHARED_BIAS);
  const [rows, heads] = table.shape as [number, number];
  const columns = depth * heads;
  const spread = Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    return Number(table.data[row * heads + (column % heads)]);
  });
  store.set(OWN_BIASES, ndarray(table.dtype, [rows, columns], spread));
}
