/** Sets of rows as runs of neighbours, and selection among their scores. */

/** Rows that lie one after the other: the first and how many. */
export type Run = { readonly first: number; readonly n: number };

/** Rows of ascending numbers, given one by one, as runs. */
export function collectRuns(): { readonly runs: readonly Run[]; take(row: number): void } {
  const runs: { first: number; n: number }[] = [];
  const take = (row: number): void => {
    const last = runs.at(-1);
    if (last && last.first + last.n === row) last.n++;
    else runs.push({ first: row, n: 1 });
  };
  return { runs, take };
}

/** The rows of `runs` whose score is at least `least`; row r's lies at `view[scores + r]`. */
export function rowsFrom(view: Float32Array, scores: number, runs: readonly Run[], least: number): readonly Run[] {
  const kept = collectRuns();
  for (const { first, n } of runs)
    for (let row = first; row < first + n; row++) if (view[scores + row]! >= least) kept.take(row);
  return kept.runs;
}

/** The k-th largest score of the rows in `runs`, where row r's lies at `view[scores + r]`; −∞ where there are fewer. k > 0. */
export function kthLargest(view: Float32Array, scores: number, runs: readonly Run[], k: number): number {
  const total = runs.reduce((s, r) => s + r.n, 0);
  if (total <= k) return -Infinity;
  const heap = new Float32Array(k).fill(-Infinity); // the smallest of the k best on top
  let least = -Infinity; // heap[0]
  for (const { first, n } of runs)
    for (let at = scores + first; at < scores + first + n; at++) {
      const x = view[at]!;
      if (x <= least) continue;
      let i = 0;
      for (;;) {
        let c = 2 * i + 1;
        if (c >= k) break;
        if (c + 1 < k && heap[c + 1]! < heap[c]!) c++;
        if (heap[c]! >= x) break;
        heap[i] = heap[c]!;
        i = c;
      }
      heap[i] = x;
      least = heap[0]!;
    }
  return least;
}
