/** Error bars over seeds: means with Student's intervals, and differences of arms that share their seeds. */

/** Mean of numbers. */
export function mean(values: readonly number[]): number {
  return values.reduce((s, x) => s + x, 0) / Math.max(1, values.length);
}

/** Standard deviation over seeds (n − 1). */
export function deviation(values: readonly number[]): number {
  const m = mean(values);
  return values.length < 2 ? 0 : Math.sqrt(values.reduce((s, x) => s + (x - m) ** 2, 0) / (values.length - 1));
}

/** Student's t at 0.975 for 1 to 10 degrees of freedom, as printed in any table. */
const T_TABLE = [12.7062, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.306, 2.26216, 2.22814] as const;

/** Quantile 0.975 of Student's t. Above 10 degrees of freedom by its expansion about the normal: Abramowitz & Stegun 1964, 26.7.5. */
export function studentT(freedom: number): number {
  const known = T_TABLE[freedom - 1];
  if (known !== undefined) return known;
  const z = 1.959963985;
  return (
    z +
    (z ** 3 + z) / (4 * freedom) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * freedom ** 3)
  );
}

/** A mean with its 95 % interval. From a single value nothing is known about the spread: the interval is everything. */
export type Interval = { readonly mean: number; readonly half: number; readonly low: number; readonly high: number };

/** Mean ± t · s/√n, the 95 % interval of the mean over seeds. */
export function interval(values: readonly number[]): Interval {
  const [n, m] = [values.length, mean(values)];
  const half = n < 2 ? Number.POSITIVE_INFINITY : (studentT(n - 1) * deviation(values)) / Math.sqrt(n);
  return { mean: m, half, low: m - half, high: m + half };
}

/** Differences seed by seed: what two arms share (data, initial weights) falls out of their comparison. */
export function paired(a: readonly number[], b: readonly number[]): Interval {
  return interval(a.map((x, i) => x - b[i]!));
}

/** `0.531 ± 0.012`; without an interval the mean alone. */
export function shown({ mean: m, half }: Interval, digits = 3): string {
  return Number.isFinite(half) ? `${m.toFixed(digits)} ± ${half.toFixed(digits)}` : m.toFixed(digits);
}

/** A difference with its sign: `+0.031 ± 0.012`. */
export function signed(difference: Interval, digits = 3): string {
  const { mean: m } = difference;
  return `${m < 0 ? '−' : '+'}${shown({ ...difference, mean: Math.abs(m) }, digits)}`;
}
