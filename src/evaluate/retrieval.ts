/** Retrieval: ranks of matching pairs in a matrix of similarities. Metric names as open_clip writes them. */
import { BowError } from '../base/index.ts';
import type { Vectors } from '../capabilities/index.ts';
import { dot } from '../text/index.ts';

/** Similarities [rows × columns], row-major. */
export type Similarities = { readonly rows: number; readonly columns: number; readonly data: Float64Array };

/** Cosines of all rows of `a` with all rows of `b`; both dense or both sparse, of one width. A row of zeros has cosine 0 with all. */
export function similarities(a: Vectors, b: Vectors): Similarities {
  const data = new Float64Array(a.rows * b.rows);
  const product = rowProduct(a, b);
  const lengths = (x: Vectors): Float64Array => {
    const own = rowProduct(x, x);
    return Float64Array.from({ length: x.rows }, (_, i) => Math.sqrt(own(i, i)) || 1);
  };
  const [la, lb] = [lengths(a), lengths(b)];
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < b.rows; j++) data[i * b.rows + j] = product(i, j) / (la[i]! * lb[j]!);
  return { rows: a.rows, columns: b.rows, data };
}

/** The dot product of row i of `a` and row j of `b`. */
function rowProduct(a: Vectors, b: Vectors): (i: number, j: number) => number {
  if ('indptr' in a && 'indptr' in b) return (i, j) => dot(a, i, b, j);
  if ('indptr' in a || 'indptr' in b || a.width !== b.width)
    throw new BowError('shape', 'dense and sparse vectors, or vectors of two widths, cannot be compared');
  const d = a.width;
  return (i, j) => {
    let sum = 0;
    for (let k = 0; k < d; k++) sum += a.data[i * d + k]! * b.data[j * d + k]!;
    return sum;
  };
}

/** Transposed: texts looking for images instead of images for texts. */
export function transpose(s: Similarities): Similarities {
  const data = Float64Array.from(s.data, (_, at) => s.data[(at % s.rows) * s.columns + Math.floor(at / s.rows)]!);
  return { rows: s.columns, columns: s.rows, data };
}

/** The column (or columns, any of which will do) that a row looks for. */
export type Relevant = (row: number) => number | readonly number[];

/** How many columns score higher than the best right one; how many score as it does, itself among them; how many of these are right. */
export type MatchRank = { readonly higher: number; readonly equal: number; readonly right: number };

/**
 * Where each row finds its partner, the column of the same number unless `relevant` names others. A partner without a score (NaN) is last.
 */
export function ranksOf(s: Similarities, relevant: Relevant = (row) => row): MatchRank[] {
  return Array.from({ length: s.rows }, (_, i) => {
    const row = s.data.subarray(i * s.columns, (i + 1) * s.columns);
    const partners = [relevant(i)].flat() as number[];
    const best = Math.max(...partners.map((j) => (Number.isNaN(row[j]) ? Number.NEGATIVE_INFINITY : row[j]!)));
    if (best === Number.NEGATIVE_INFINITY) return { higher: s.columns - 1, equal: 1, right: 1 };
    let [higher, equal] = [0, 0];
    for (const x of row) {
      if (x > best) higher++;
      else if (x === best) equal++;
    }
    return { higher, equal, right: partners.filter((j) => row[j] === best).length };
  });
}

/** Chance that the first `k` hold a right one, were columns of equal score put in random order. */
export function foundWithin(k: number, { higher, equal, right }: MatchRank): number {
  let missed = 1;
  for (let draw = 0; draw < k - higher && missed > 0; draw++) missed *= Math.max(0, 1 - right / (equal - draw));
  return 1 - missed;
}

/**
 * `<name>_R@1`, `@5`, `@10`, `_mean_rank`, `_median_rank` (ranks from 1). Equal scores count as if they were put in random order, so that a
 * system that gives every item the same score is at chance. With several right columns the first of them counts, as in the protocol of
 * COCO's five captions per image (Karpathy & Fei-Fei 2015, §4.1).
 */
export function retrievalMetrics(name: string, s: Similarities, relevant?: Relevant): Record<string, number> {
  const found = ranksOf(s, relevant);
  if (found.length === 0) throw new BowError('data', 'nothing to retrieve');
  const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
  const out: Record<string, number> = {};
  for (const k of [1, 5, 10]) out[`${name}_R@${k}`] = mean(found.map((p) => foundWithin(k, p)));
  const ranks = found.map(({ higher, equal, right }) => higher + (equal + 1) / (right + 1)).sort((a, b) => a - b);
  out[`${name}_mean_rank`] = mean(ranks);
  const middle = (ranks.length - 1) / 2;
  out[`${name}_median_rank`] = (ranks[Math.floor(middle)]! + ranks[Math.ceil(middle)]!) / 2;
  return out;
}
