/** One ranking from several whose scores cannot be compared. */

import { need, needRecord, needTexts } from '../base/index.ts';

/** An item of a fused ranking; `ranks`: its place in each of the lists, from 1, undefined where it is not in. */
export type Fused = {
  readonly id: string;
  readonly score: number;
  readonly ranks: readonly (number | undefined)[];
};

/**
 * Reciprocal rank fusion: score = Σ over lists of 1 / (k + rank), ranks from 1; an item adds nothing where a list lacks it. Cormack, Clarke, Büttcher,
 * "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009, eq. in §2, k = 60. Best first, ties by the
 * best single rank, then in the order of the lists.
 */
export function reciprocalRankFusion(lists: readonly (readonly string[])[], o: { readonly k?: number } = {}): Fused[] {
  needRecord('options', o);
  const { k = 60 } = o;
  need(Number.isFinite(k) && k >= 0, 'k', 'a number from 0', k);
  need(Array.isArray(lists), 'lists', 'an array of arrays of ids', lists);
  for (const list of lists) needTexts('a list', list);
  const found = new Map<string, (number | undefined)[]>();
  lists.forEach((list, l) => {
    list.forEach((id, i) => {
      const ranks = found.get(id) ?? new Array<number | undefined>(lists.length).fill(undefined);
      ranks[l] ??= i + 1; // a list that names an item twice means its first place
      found.set(id, ranks);
    });
  });
  const best = (ranks: readonly (number | undefined)[]): number => Math.min(...ranks.map((r) => r ?? Infinity));
  return [...found]
    .map(([id, ranks]) => ({
      id,
      ranks,
      score: ranks.reduce<number>((s, r) => s + (r === undefined ? 0 : 1 / (k + r)), 0),
    }))
    .sort((a, b) => b.score - a.score || best(a.ranks) - best(b.ranks));
}
