/** Answers are ranked, not written: Li et al. 2021, §5, VQA; `rank_answer` of the released code. */

/** Candidates that are looked at whole: those whose first token is likeliest (released code: `k_test: 128`). */
export const LOOKED_AT = 128;

/** An answer by its number, with the logarithm of its probability among those that were looked at. */
export type RankedAnswer = { readonly index: number; readonly score: number };

/** The candidates to look at whole: the `k` whose first tokens are likeliest, the first of equals. `first`: ln p of every token at the first place. */
export function likeliestFirst(first: ArrayLike<number>, firstTokens: readonly number[], k: number): number[] {
  const order = firstTokens.map((token, index) => ({ index, p: first[token]! }));
  order.sort((a, b) => b.p - a.p || a.index - b.index);
  return order.slice(0, k).map(({ index }) => index);
}

/**
 * Candidates in the order of ln p(first token) − loss, where the loss is −ln p of the whole answer: so the first token counts twice, as in the released
 * code. Probabilities are the softmax of these sums.
 */
export function rankAnswers(candidates: readonly { index: number; first: number; loss: number }[]): RankedAnswer[] {
  const sums = candidates.map(({ index, first, loss }) => ({ index, sum: first - loss }));
  sums.sort((a, b) => b.sum - a.sum || a.index - b.index);
  const largest = sums[0]?.sum ?? 0;
  const total = largest + Math.log(sums.reduce((t, { sum }) => t + Math.exp(sum - largest), 0));
  return sums.map(({ index, sum }) => ({ index, score: sum - total }));
}
