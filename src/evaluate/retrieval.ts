/** How well the right one is found: ranks of matching pairs in a matrix of similarities. Metric names as open_clip writes them. */
import { BowError } from '../base/index.ts';
import type { Vectors } from '../systems/index.ts';
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
    throw new BowError('shape', 'vectors of two kinds cannot be compared');
  const d = a.width;
  return (i, j) => {
    let sum = 0;
    for (let k = 0; k < d; k++) sum += a.data[i * d + k]! * b.data[j * d + k]!;
    return sum;
  };
}

/** Rows and columns exchanged: texts looking for pictures instead of pictures for texts. */
export function exchanged(s: Similarities): Similarities {
  const data = Float64Array.from(s.data, (_, at) => s.data[(at % s.rows) * s.columns + Math.floor(at / s.rows)]!);
  return { rows: s.columns, columns: s.rows, data };
}

/**
 * Where each row finds its partner, the column of the same number (`relevant` names another): how many columns score higher and how many, the
 * partner with them, score the same. A partner without a score (NaN) is last.
 */
export function placesOf(
  s: Similarities,
  relevant: (row: number) => number = (row) => row,
): { higher: number; equal: number }[] {
  return Array.from({ length: s.rows }, (_, i) => {
    const own = s.data[i * s.columns + relevant(i)]!;
    let [higher, equal] = [0, 0];
    for (let j = 0; j < s.columns; j++) {
      const other = s.data[i * s.columns + j]!;
      if (other > own || Number.isNaN(own)) higher++;
      else if (other === own) equal++;
    }
    return Number.isNaN(own) ? { higher: s.columns - 1, equal: 1 } : { higher, equal };
  });
}

/**
 * `<name>_R@1`, `@5`, `@10`, `_mean_rank`, `_median_rank` (ranks from 1). Equal scores count as if they were put in order by chance, so that a
 * system that says the same of all finds no more than chance does.
 */
export function retrievalMetrics(
  name: string,
  s: Similarities,
  relevant?: (row: number) => number,
): Record<string, number> {
  const places = placesOf(s, relevant);
  if (places.length === 0) throw new BowError('data', 'nothing to retrieve');
  const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
  const out: Record<string, number> = {};
  for (const k of [1, 5, 10])
    out[`${name}_R@${k}`] = mean(places.map(({ higher, equal }) => Math.min(1, Math.max(0, (k - higher) / equal))));
  const ranks = places.map(({ higher, equal }) => higher + (equal + 1) / 2).sort((a, b) => a - b);
  out[`${name}_mean_rank`] = mean(ranks);
  const middle = (ranks.length - 1) / 2;
  out[`${name}_median_rank`] = (ranks[Math.floor(middle)]! + ranks[Math.ceil(middle)]!) / 2;
  return out;
}
