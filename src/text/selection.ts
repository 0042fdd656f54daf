/** Which terms become columns: document frequency bounds, then the most frequent ones. */
import { BowError, isRecord, needNumber } from '../base/index.ts';
import { numpyArgsort } from './argsort.ts';

/** A document-frequency bound: a count, or a share of the documents. Bare numbers: integers ≥ 2 are counts, below 1 shares. */
export type FrequencyBound = number | { readonly count: number } | { readonly fraction: number };

/** Bounds on which terms are kept. */
export type SelectionOptions = {
  /** Least documents a term must occur in. Default 1 document. */
  readonly minDf?: FrequencyBound;
  /** Most documents a term may occur in. Default all (a share of 1). */
  readonly maxDf?: FrequencyBound;
  /** Keep only so many terms, those with the largest total count. */
  readonly maxFeatures?: number | null;
  /**
   * Ties at the `maxFeatures` cut: alphabetical (default), or the choice of numpy's sort without vector instructions: that of 1.24 everywhere, of
   * later versions where the processor has neither AVX2 nor AVX-512. With these, numpy's choice depends on version and processor.
   */
  readonly tieBreak?: 'alphabetical' | 'numpy-1.24';
};

/** Option names of {@link SelectionOptions}. */
export const selectionNames = ['minDf', 'maxDf', 'maxFeatures', 'tieBreak'] as const;

/** A bound in documents; shares are never rounded. `one`: what a bare 1 means. */
function documents(bound: FrequencyBound, n: number, one: 'count' | 'fraction', name: string): number {
  if (typeof bound !== 'number' && !(isRecord(bound) && ('count' in bound || 'fraction' in bound)))
    needNumber(name, bound);
  const b = typeof bound === 'number' ? bound : 'count' in bound ? bound.count : bound.fraction;
  const share = typeof bound === 'number' ? bound < 1 || (bound === 1 && one === 'fraction') : 'fraction' in bound;
  if (!(share ? b >= 0 && b <= 1 : Number.isInteger(b) && b >= 1)) {
    throw new BowError('config', `${name} ${String(b)}: a share needs 0 to 1, a count an integer from 1`, {
      place: name,
      hint: 'write { count: 1 } or { fraction: 1 } where 1 could mean either',
    });
  }
  return share ? b * n : b;
}

/** Refuses bounds that cannot be read, before any document is counted. */
export function checkSelection(o: SelectionOptions): void {
  documents(o.minDf ?? 1, 1, 'count', 'minDf');
  documents(o.maxDf ?? 1, 1, 'fraction', 'maxDf');
  if (o.tieBreak != null && o.tieBreak !== 'alphabetical' && o.tieBreak !== 'numpy-1.24') {
    throw new BowError('config', `unknown tieBreak "${String(o.tieBreak)}"`, {
      place: 'tieBreak',
      hint: "'alphabetical' or 'numpy-1.24'; the choice of later numpy versions depends on the processor",
    });
  }
  if (o.maxFeatures != null && !(Number.isInteger(o.maxFeatures) && o.maxFeatures > 0)) {
    throw new BowError('config', `maxFeatures ${String(o.maxFeatures)}: needs a positive integer`, {
      place: 'maxFeatures',
    });
  }
}

/**
 * Of terms in alphabetical order, which are kept: their places, ascending. `df` and `totals` are in the same order, `n` the number of documents.
 * Errors `data`: bounds that contradict one another on this many documents, or nothing left.
 */
export function selectTerms(
  df: ArrayLike<number>,
  totals: ArrayLike<number>,
  n: number,
  o: SelectionOptions,
): Int32Array {
  const low = documents(o.minDf ?? 1, n, 'count', 'minDf');
  const high = documents(o.maxDf ?? 1, n, 'fraction', 'maxDf');
  if (high < low) {
    throw new BowError('data', `maxDf corresponds to fewer documents (${high}) than minDf (${low})`, {
      detail: { documents: n },
    });
  }
  let kept: number[] = [];
  for (let i = 0; i < df.length; i++) if (df[i]! >= low && df[i]! <= high) kept.push(i);
  if (o.maxFeatures != null && kept.length > o.maxFeatures) {
    const weights = kept.map((i) => -totals[i]!);
    const order =
      o.tieBreak === 'numpy-1.24'
        ? numpyArgsort(weights)
        : weights.map((_, i) => i).sort((a, b) => weights[a]! - weights[b]! || a - b);
    kept = Array.from(order.slice(0, o.maxFeatures), (i) => kept[i]!).sort((a, b) => a - b);
  }
  if (kept.length === 0) {
    throw new BowError('data', 'after pruning, no terms remain', {
      hint: 'lower minDf or raise maxDf',
      detail: { terms: df.length, documents: n },
    });
  }
  return Int32Array.from(kept);
}
