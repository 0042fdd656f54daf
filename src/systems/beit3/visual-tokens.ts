/**
 * Visual tokens: the number of the nearest of some codes for each patch, which masked image modelling predicts. DIFFERS: the codes are k-means centres of
 * patches of pixels, learned from the training images; the paper's come from BEiT v2's tokenizer (Peng et al. 2022, arXiv:2208.06366), a
 * transformer that was trained on CLIP's features, 8192 of them.
 */
import { BowError, type Rng } from '../../base/index.ts';
import { argmax, type F, type I, type Init, rearrange, type Scope } from '../../engine/index.ts';
import { zeros } from '../../nn/index.ts';
import { type Beit3Config, gridOf } from './config.ts';

/** Numbers of a patch. */
export const patchWidth = ({ patch }: Pick<Beit3Config, 'patch'>): number => 3 * patch * patch;

/** The visual token of every patch, [b, p]; `init`: the codes of a model that starts from nothing, a buffer that is saved with it. No gradient. */
export function visualTokens(s: Scope, image: F<'b c y x'>, c: Beit3Config, init: Init = zeros): I<'b p'> {
  const codes = s.at('visual_tokens').buffer('codes', [c.tasks.codes!, patchWidth(c)], init);
  const used = gridOf(c) * c.patch;
  const tiled = image.slice(2, 0, used).slice(3, 0, used);
  const patches = rearrange(tiled, 'b c (y p) (x q) -> b (y x) (c p q)', { p: c.patch, q: c.patch });
  const closeness = patches.matmul(codes.mT).sub(codes.square().sum(-1).mul(0.5)); // |x − c|² up to what is x's alone
  return argmax(closeness);
}

/** Patches of images [n, 3, y, x] as {@link visualTokens} sees them: rows of c·p·q numbers. */
export function patchesOf(images: Float32Array, c: Beit3Config): Float32Array {
  const { size, patch } = c;
  const [grid, width] = [gridOf(c), patchWidth(c)];
  const count = images.length / (3 * size * size);
  const out = new Float32Array(count * grid * grid * width);
  let at = 0;
  for (let i = 0; i < count * grid * grid; i++) {
    const [n, row, column] = [Math.floor(i / (grid * grid)), Math.floor(i / grid) % grid, i % grid];
    for (let k = 0; k < 3 * patch; k++) {
      const [channel, y] = [Math.floor(k / patch), row * patch + (k % patch)];
      const from = ((n * 3 + channel) * size + y) * size + column * patch;
      out.set(images.subarray(from, from + patch), at);
      at += patch;
    }
  }
  return out;
}

/** Rounds of Lloyd's algorithm. */
const ROUNDS = 6;

/**
 * `count` centres of rows of `width` numbers: k-means (Lloyd 1982), begun as k-means++ (Arthur and Vassilvitskii 2007). A centre that no row is nearest to
 * stays where it was. Error `data` for fewer rows than centres.
 */
export function learnCodes(rows: Float32Array, width: number, count: number, rng: Rng): Float32Array {
  const n = rows.length / width;
  if (n < count)
    throw new BowError('data', `${n} patches are too few for ${count} visual tokens`, {
      ...{ place: 'tasks.codes', hint: 'more images, or a variant with fewer codes' },
    });
  const centres = spread(rows, width, count, rng);
  for (let round = 0; round < ROUNDS; round++) {
    const [sums, members] = [new Float64Array(count * width), new Int32Array(count)];
    for (let i = 0; i < n; i++) {
      const best = nearest(rows, i * width, centres, width);
      members[best]! += 1;
      for (let k = 0; k < width; k++) sums[best * width + k]! += rows[i * width + k]!;
    }
    for (let j = 0; j < count * width; j++) {
      const size = members[Math.floor(j / width)]!;
      if (size > 0) centres[j] = sums[j]! / size;
    }
  }
  return centres;
}

function distance(a: Float32Array, i: number, b: Float32Array, j: number, width: number): number {
  let sum = 0;
  for (let k = 0; k < width; k++) sum += (a[i + k]! - b[j + k]!) ** 2;
  return sum;
}

function nearest(rows: Float32Array, at: number, centres: Float32Array, width: number): number {
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (let j = 0; j * width < centres.length; j++) {
    const d = distance(rows, at, centres, j * width, width);
    if (d < least) [best, least] = [j, d];
  }
  return best;
}

/** Rows drawn one after another, each with a probability in proportion to its squared distance from those drawn before. */
function spread(rows: Float32Array, width: number, count: number, rng: Rng): Float32Array {
  const n = rows.length / width;
  const centres = new Float32Array(count * width);
  const far = new Float64Array(n).fill(1);
  for (let j = 0; j < count; j++) {
    const total = far.reduce((sum, d) => sum + d, 0);
    let left = rng.float() * total;
    let chosen = 0;
    while (chosen < n - 1 && left >= far[chosen]!) left -= far[chosen++]!;
    centres.set(rows.subarray(chosen * width, (chosen + 1) * width), j * width);
    for (let i = 0; i < n; i++) {
      const d = distance(rows, i * width, centres, j * width, width);
      far[i] = j === 0 ? d : Math.min(far[i]!, d);
    }
  }
  return centres;
}
