/**
 * VLMo's relative-position biases: one table for the whole network, with a column for each head of each layer, layer by layer. Its rows, of images of
 * g × g patches and a span of t tokens (`build_relative_position_embed` of the code):
 *
 *     (2g − 1)² offsets between patches, then [CLS] → any, any → [CLS], [CLS] → [CLS]       the image's
 *     text → image, image → text                                                              the cross rows
 *     2t − 3 distances between tokens, then [CLS] → any, any → [CLS], [CLS] → [CLS]           the text's
 *
 * We keep the three parts apart, so that images of another size change one of them.
 */
import { BowError } from '../../base/index.ts';
import { concat, constantLike, type F, gather, rearrange, type Scope } from '../../engine/index.ts';
import { zeros } from '../../nn/index.ts';
import { gridOf, type VlmoConfig } from './config.ts';

/** The tokens of a pass: an image, a text, or both, the text first. */
export type Mode = 'image' | 'text' | 'vl';

/** Rows of the table's three parts. */
export function tableRows(c: VlmoConfig): { image: number; cross: number; text: number } {
  return { image: (2 * gridOf(c) - 1) ** 2 + 3, cross: 2, text: 2 * c.text.span };
}

/** Rows of the table for an image's [CLS] and patches, row-major [n, n]: an offset is query − key, rows first. */
export function imageIndex(grid: number): number[] {
  const n = grid ** 2 + 1;
  const [side, last] = [2 * grid - 1, (2 * grid - 1) ** 2 + 2];
  return Array.from({ length: n * n }, (_, at) => {
    const [query, key] = [Math.floor(at / n), at % n];
    if (query === 0 || key === 0) return last - (key === 0 ? (query === 0 ? 0 : 1) : 2);
    const row = Math.floor((query - 1) / grid) - Math.floor((key - 1) / grid);
    const column = ((query - 1) % grid) - ((key - 1) % grid);
    return (row + grid - 1) * side + column + grid - 1;
  });
}

/** Rows of the table's text part for [CLS] and n − 1 tokens, row-major [n, n]: a distance is key − query, the other way round than in images. */
export function textIndex(n: number, span: number): number[] {
  const last = 2 * span - 1;
  return Array.from({ length: n * n }, (_, at) => {
    const [query, key] = [Math.floor(at / n), at % n];
    if (query === 0 || key === 0) return last - (key === 0 ? (query === 0 ? 0 : 1) : 2);
    return key - query + span - 2;
  });
}

/** Rows of the whole table for the tokens of a pass, row-major [n, n]. `tokens`: of the text. */
export function positionIndex(c: VlmoConfig, mode: Mode, tokens: number): number[] {
  const rows = tableRows(c);
  const image = imageIndex(gridOf(c));
  const text = textIndex(tokens, c.text.span).map((row) => row + rows.image + rows.cross);
  if (mode !== 'vl') return mode === 'image' ? image : text;
  const patches = gridOf(c) ** 2 + 1;
  const n = tokens + patches;
  return Array.from({ length: n * n }, (_, at) => {
    const [query, key] = [Math.floor(at / n), at % n];
    if (query < tokens) return key < tokens ? text[query * tokens + key]! : rows.image;
    return key < tokens ? rows.image + 1 : image[(query - tokens) * patches + key - tokens]!;
  });
}

/**
 * The biases of every layer for the tokens of a pass, [h n n] each. Parameters: `relative_bias/{image,cross,text}` [rows, layers·heads]. Error `shape`
 * for more tokens than the table has distances for.
 */
export function relativeBiases(s: Scope, c: VlmoConfig, mode: Mode, tokens: number): F<'h n m'>[] {
  if (tokens > c.text.span)
    throw new BowError('shape', `${tokens} tokens are more than the ${c.text.span} of the relative positions`, {
      place: s.path,
    });
  const at = s.at('relative_bias');
  const parts = Object.entries(tableRows(c)).map(([part, rows]) => at.param(part, [rows, c.depth * c.heads], zeros));
  const index = positionIndex(c, mode, tokens);
  const n = Math.sqrt(index.length);
  const chosen = gather(concat(parts, 0), constantLike(parts[0]!, 'int64', [index.length], index)); // n·m l·h
  const all = rearrange(chosen, '(n m) k -> k n m', { n, m: n });
  return Array.from({ length: c.depth }, (_, i) => all.slice(0, i * c.heads, (i + 1) * c.heads));
}
