/**
 * L-BFGS (Nocedal 1980; two-loop recursion of Nocedal & Wright, "Numerical Optimization", algorithm 7.4) with backtracking to sufficient decrease:
 * what fits linear models, on sparse rows here and on features of images in the evaluate room.
 */
import { need, needFunction, needRecord, needWhole, type OnProgress, throwIfAborted } from '../base/index.ts';

/** Value at `w`; writes the gradient into `gradient`. */
export type Objective = (w: Float64Array, gradient: Float64Array) => number | Promise<number>;

/** When to stop. */
export type MinimizeOptions = {
  readonly maxIterations?: number;
  /** Stop when no gradient component is larger. Default 1e-4, scikit-learn's. */
  readonly tolerance?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

const memory = 10;

/** The place of the least value found from `start`, which is left as it is. */
export async function minimize(
  f: Objective,
  start: Float64Array,
  o: MinimizeOptions = {},
): Promise<Float64Array<ArrayBuffer>> {
  needFunction('the objective', f);
  need(start instanceof Float64Array, 'start', 'a Float64Array', start);
  needRecord('options', o);
  if (o.maxIterations !== undefined) needWhole('maxIterations', o.maxIterations);
  const n = start.length;
  let w = new Float64Array(start);
  let g = new Float64Array(n);
  let value = await f(w, g);
  need(typeof value === 'number', 'what the objective gives', 'a number', value);
  const pairs: Pair[] = [];
  const limit = o.maxIterations ?? 200;
  for (let i = 0; i < limit && largest(g) > (o.tolerance ?? 1e-4); i++) {
    throwIfAborted(o.signal, 'fitting a classifier');
    o.onProgress?.({ task: 'fit', done: i, total: limit, unit: 'iterations', metrics: { loss: value } });
    const d = direction(g, pairs);
    const slope = dot(d, g);
    const next = new Float64Array(n);
    const nextG = new Float64Array(n);
    let step = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(g, g))) : 1;
    let nextValue = value;
    for (; step > 1e-12; step /= 2) {
      for (let j = 0; j < n; j++) next[j] = w[j]! + step * d[j]!;
      nextValue = await f(next, nextG);
      if (nextValue <= value + 1e-4 * step * slope) break;
    }
    if (!(nextValue < value)) break; // no decrease in any direction that float64 can see
    const s = next.map((x, j) => x - w[j]!);
    const y = nextG.map((x, j) => x - g[j]!);
    const sy = dot(s, y);
    if (sy > 1e-12) pairs.push({ s, y, rho: 1 / sy });
    if (pairs.length > memory) pairs.shift();
    [w, g, value] = [next, nextG, nextValue];
  }
  o.onProgress?.({ task: 'fit', done: limit, total: limit, unit: 'iterations', metrics: { loss: value } });
  return w;
}

/** A step, the change of the gradient over it, and 1 / their product. */
type Pair = { readonly s: Float64Array; readonly y: Float64Array; readonly rho: number };

/** −H·g by the two-loop recursion. */
function direction(g: Float64Array, pairs: readonly Pair[]): Float64Array {
  const q = Float64Array.from(g, (x) => -x);
  const alpha: number[] = [];
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { s, y, rho } = pairs[i]!;
    alpha[i] = rho * dot(s, q);
    for (let j = 0; j < q.length; j++) q[j]! -= alpha[i]! * y[j]!;
  }
  const last = pairs.at(-1);
  const scale = last ? 1 / (last.rho * dot(last.y, last.y)) : 1;
  for (let j = 0; j < q.length; j++) q[j]! *= scale;
  pairs.forEach(({ s, y, rho }, i) => {
    const beta = alpha[i]! - rho * dot(y, q);
    for (let j = 0; j < q.length; j++) q[j]! += beta * s[j]!;
  });
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let s = 0;
  for (let i = 0; i < a.length; i++) s += a[i]! * b[i]!;
  return s;
}

function largest(g: Float64Array): number {
  let m = 0;
  for (const x of g) m = Math.max(m, Math.abs(x));
  return m;
}
