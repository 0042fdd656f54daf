/**
 * The update rules of word2vec, plainly: the oracle for the SIMD kernel, and `reference` runs equal to word2vec.c to the last bit. Mikolov et al.,
 * arXiv 1301.3781 and 1310.4546; word2vec.c v0.1c.
 */

/** What σ is: the 1000-entry table of both programs, or the function. Saturation differs between the programs. */
export type SigmoidRule = 'word2vec.c' | 'gensim' | 'exact';

/** σ on [−6, 6) in 1000 steps, as float32 numbers; index ⌊(f + 6)·83⌋ because 1000/6/2 is an integer division in both programs. */
export function sigmoidTable(): Float32Array {
  const r = Math.fround;
  return Float32Array.from({ length: 1000 }, (_, i) => {
    const e = r(Math.exp(r(r(r(r(i / 1000) * 2) - 1) * 6)));
    return r(e / r(e + 1));
  });
}

/** One prediction's target: a row of the output matrix and whether it should be predicted. */
export type Target = { readonly row: number; readonly label: number };

/** How a rule rounds: float64 for checks, float32 (`Math.fround`) to equal the programs. */
export type Rounding = (x: number) => number;

/** The step (label − σ(f))·α. */
export function stepOf(
  f: number,
  label: number,
  alpha: number,
  rule: SigmoidRule,
  tree: boolean,
  table: Float32Array,
  r: Rounding,
): number {
  if (rule === 'exact') return r(r(label - 1 / (1 + Math.exp(-f))) * alpha);
  // the tree's rule: both programs skip saturated predictions; in negative sampling only gensim does
  const skips = tree || rule === 'gensim';
  if (tree || rule === 'gensim' ? f <= -6 || f >= 6 : f > 6 || f < -6)
    return skips ? 0 : r(f > 6 ? (label - 1) * alpha : label * alpha);
  return r(r(label - table[Math.trunc(r(r(f + 6) * 83))]!) * alpha);
}

/** Trains targets one after another for the input `h`, moving the rows of `output`; returns e, the move of the input. */
export function trainTargets(
  h: ArrayLike<number>,
  output: Float64Array | Float32Array,
  targets: readonly Target[],
  alpha: number,
  o: { rule: SigmoidRule; tree: boolean; table: Float32Array; round: Rounding },
): Float64Array {
  const width = h.length;
  const r = o.round;
  const e = new Float64Array(width);
  for (const { row, label } of targets) {
    let f = 0;
    for (let k = 0; k < width; k++) f = r(f + r(h[k]! * output[row * width + k]!));
    const g = stepOf(f, label, alpha, o.rule, o.tree, o.table, r);
    for (let k = 0; k < width; k++) e[k] = r(e[k]! + r(g * output[row * width + k]!));
    for (let k = 0; k < width; k++) output[row * width + k] = r(output[row * width + k]! + r(g * h[k]!));
  }
  return e;
}
