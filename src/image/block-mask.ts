/** Which patches of an image a model has to guess: blocks of them, as BEiT hides. */
import { BowError, type Rng } from '../base/index.ts';

/** Options of {@link blockMask}. */
export type BlockMaskOptions = {
  /** Share of the patches that is hidden, at most; default 0.4. */
  readonly share?: number;
  /** Fewest patches of a block, while so many may still be hidden; default 16/196 of the grid's, BEiT's 16 of 14 × 14. */
  readonly least?: number;
  /** Least height/width of a block; the largest is its inverse. Default 0.3. */
  readonly aspect?: number;
};

/** Tries for a block, after which what is hidden by then is the answer. */
const TRIES = 10;

/**
 * Hides rectangles of a grid of `side` × `side` patches at random places, of random area and proportions, until the share is reached: 1 for hidden, row by
 * row. Bao et al. 2021 (BEiT), arXiv:2106.08254, algorithm 1; as its code a block may add no more patches than are still wanted, and at least one. Error
 * `usage` for a side that is no whole number from 1 on, or a share outside of (0, 1].
 */
export function blockMask(side: number, rng: Rng, o: BlockMaskOptions = {}): Uint8Array {
  const { share = 0.4, least = Math.max(1, Math.round((16 / 196) * side ** 2)), aspect = 0.3 } = o;
  if (!(Number.isInteger(side) && side >= 1 && share > 0 && share <= 1 && aspect > 0 && aspect <= 1))
    throw new BowError('usage', `no blocks on a grid of ${side} a side with a share of ${share}`, {
      place: 'blockMask',
      detail: { side, share, aspect },
    });
  const hidden = new Uint8Array(side * side);
  let left = Math.max(1, Math.round(share * side * side));
  while (left > 0) {
    const added = addBlock(hidden, side, rng, { most: left, least: Math.min(least, left), aspect });
    if (added === 0) break;
    left -= added;
  }
  return hidden;
}

/** Hides one block; how many patches it adds. */
function addBlock(
  hidden: Uint8Array,
  side: number,
  rng: Rng,
  o: { readonly most: number; readonly least: number; readonly aspect: number },
): number {
  for (let i = 0; i < TRIES; i++) {
    const area = rng.uniform(o.least, o.most);
    const ratio = Math.exp(rng.uniform(Math.log(o.aspect), -Math.log(o.aspect)));
    const [height, width] = [Math.sqrt(area * ratio), Math.sqrt(area / ratio)].map(Math.round) as [number, number];
    if (height < 1 || width < 1 || height > side || width > side) continue;
    const [top, left] = [rng.int(side - height + 1), rng.int(side - width + 1)];
    const places: number[] = [];
    for (let y = top; y < top + height; y++)
      for (let x = left; x < left + width; x++) if (hidden[y * side + x] === 0) places.push(y * side + x);
    if (places.length === 0 || places.length > o.most) continue;
    for (const place of places) hidden[place] = 1;
    return places.length;
  }
  return 0;
}
