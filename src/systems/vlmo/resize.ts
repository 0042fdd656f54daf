/** Tables of positions for images of another size, as VLMo's code fits them (`load_pretrained_weight`). */
import { BowError } from '../../base/index.ts';
import { type NdArray, ndarray, type Store, widened } from '../../engine/index.ts';
import { resizeTable } from '../../nn/index.ts';
import { gridOf, type VlmoConfig } from './config.ts';

/**
 * Where the `from` offsets of a stored table lie among the `to` offsets of the wanted one, from −to/2 to to/2: near ones stay dense, their distances grow
 * by a ratio that is found by bisection (1.0903 for 27 → 47).
 */
export function geometricOffsets(from: number, to: number): number[] {
  const [half, wanted] = [Math.floor(from / 2), Math.floor(to / 2)];
  const reach = (ratio: number): number => (1 - ratio ** half) / (1 - ratio);
  let [left, right, ratio] = [1.01, 1.5, 1.01];
  while (right - left > 1e-6) {
    ratio = (left + right) / 2;
    if (reach(ratio) > wanted) right = ratio;
    else left = ratio;
  }
  let at = 1;
  const steps = Array.from({ length: half }, (_, i) => {
    const here = at;
    at += ratio ** (i + 1);
    return here;
  });
  return [...steps.map((x) => -x).reverse(), 0, ...steps];
}

/** Solves A x = b for the columns of b, by elimination with pivots; A [n, n] and b [n, m] are changed. */
function solve(a: number[][], b: number[][]): void {
  const subtract = (rows: number[][], from: number, row: number, factor: number): void => {
    rows[from] = rows[from]!.map((x, j) => x - factor * rows[row]![j]!);
  };
  for (let i = 0; i < a.length; i++) {
    let pivot = i;
    for (let r = i + 1; r < a.length; r++) if (Math.abs(a[r]![i]!) > Math.abs(a[pivot]![i]!)) pivot = r;
    [a[i], a[pivot]] = [a[pivot]!, a[i]!];
    [b[i], b[pivot]] = [b[pivot]!, b[i]!];
    for (let r = 0; r < a.length; r++) {
      const factor = r === i ? 0 : a[r]![i]! / a[i]![i]!;
      if (factor !== 0) for (const rows of [a, b]) subtract(rows, r, i, factor);
    }
  }
  for (const [i, row] of b.entries()) b[i] = row.map((x) => x / a[i]![i]!);
}

/** Second derivatives at the knots of the cubic splines through each unit vector, [knot, vector]; the outer two pieces of either end are one cubic. */
function secondDerivatives(x: readonly number[]): number[][] {
  const n = x.length;
  const h = x.slice(1).map((v, i) => v - x[i]!);
  const a = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const b = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (let i = 1; i < n - 1; i++) {
    const [before, after] = [h[i - 1]!, h[i]!];
    a[i]!.splice(i - 1, 3, before, 2 * (before + after), after);
    b[i]!.splice(i - 1, 3, 6 / before, -6 / before - 6 / after, 6 / after);
  }
  a[0]!.splice(0, 3, h[1]!, -h[0]! - h[1]!, h[0]!);
  a[n - 1]!.splice(n - 3, 3, h[n - 2]!, -h[n - 3]! - h[n - 2]!, h[n - 3]!);
  solve(a, b);
  return b;
}

/**
 * What every knot adds to a cubic spline's values at the places `at`, row-major [at, knots]: the interpolating spline of FITPACK without smoothing,
 * which SciPy's `interp2d` computed. Outside of the knots its value is that of the nearest end.
 */
export function splineWeights(knots: readonly number[], at: readonly number[]): Float64Array {
  const n = knots.length;
  const second = secondDerivatives(knots);
  const out = new Float64Array(at.length * n);
  at.forEach((place, row) => {
    const x = Math.min(Math.max(place, knots[0]!), knots[n - 1]!);
    const i = Math.min(
      n - 2,
      Math.max(
        0,
        knots.findLastIndex((k) => k <= x),
      ),
    );
    const h = knots[i + 1]! - knots[i]!;
    const [a, b] = [(knots[i + 1]! - x) / h, (x - knots[i]!) / h];
    const [c, d] = [((a ** 3 - a) * h * h) / 6, ((b ** 3 - b) * h * h) / 6];
    for (let j = 0; j < n; j++) {
      const own = (j === i ? a : 0) + (j === i + 1 ? b : 0);
      out[row * n + j] = own + c * second[i]![j]! + d * second[i + 1]![j]!;
    }
  });
  return out;
}

/** The image's rows of a table of relative positions, [side² + 3, columns], for another side; the three rows of [CLS] stay. */
export function resizeBiases(table: NdArray, from: number, to: number): NdArray {
  if (Math.min(from, to) < 4)
    throw new BowError('config', 'tables of fewer than 3 × 3 patches are not fitted to other sizes', { place: 'size' });
  const columns = table.shape[1]!;
  const { data } = widened(table);
  const half = Math.floor(to / 2);
  const weights = splineWeights(
    geometricOffsets(from, to),
    Array.from({ length: to }, (_, i) => i - half),
  );
  const across = new Float64Array(from * to * columns); // [from rows, to columns, …]
  for (let y = 0; y < from; y++)
    for (let x = 0; x < to; x++)
      for (let k = 0; k < from; k++)
        for (let c = 0; c < columns; c++)
          across[(y * to + x) * columns + c]! += weights[x * from + k]! * Number(data[(y * from + k) * columns + c]);
  const rows = to * to;
  const out = new Float64Array((rows + 3) * columns);
  for (let y = 0; y < to; y++)
    for (let k = 0; k < from; k++)
      for (let i = 0; i < to * columns; i++)
        out[y * to * columns + i]! += weights[y * from + k]! * across[k * to * columns + i]!;
  for (let i = 0; i < 3 * columns; i++) out[rows * columns + i] = Number(data[from * from * columns + i]);
  return ndarray(table.dtype, [rows + 3, columns], Array.from(out));
}

/** Fits the weights of a model to images of another size: relative tables by the spline, learned positions bicubically (corners not aligned). */
export function resizePositions(store: Store, stored: VlmoConfig, wanted: VlmoConfig): void {
  const [from, to] = [gridOf(stored), gridOf(wanted)];
  if (from === to) return;
  if (stored.positions === 'absolute') {
    const o = { from: [from, from], to: [to, to], keep: 1 } as const;
    return void store.set('visual/positions', resizeTable(store.get('visual/positions'), o));
  }
  for (const path of ['relative_bias/image', 'mim/relative_bias'])
    if (store.has(path)) store.set(path, resizeBiases(store.get(path), 2 * from - 1, 2 * to - 1));
}
