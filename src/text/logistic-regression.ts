/**
 * Logistic regression on sparse rows: L2-regularised, one weight vector a class, softmax over classes, fitted by L-BFGS (Nocedal 1980; two-loop
 * recursion of Nocedal & Wright, "Numerical Optimization", algorithm 7.4). The objective is scikit-learn's `LogisticRegression`: ½‖w‖² + C·Σ loss, the
 * intercept not penalised.
 */
import { BowError, type OnProgress, throwIfAborted } from '../base/index.ts';
import type { Csr } from './csr.ts';

/** A fitted classifier: weights [classes × columns], intercepts by class. */
export type LinearModel = {
  readonly classes: readonly string[];
  readonly weights: Float64Array;
  readonly intercepts: Float64Array;
  readonly columns: number;
};

/** Options of {@link fitLogisticRegression}. */
export type LogisticOptions = {
  /** Weight of the data against ½‖w‖²; larger fits closer. Default 1. */
  readonly c?: number;
  readonly maxIterations?: number;
  /** Stop when no gradient component is larger. Default 1e-4, scikit-learn's. */
  readonly tolerance?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** Fits a classifier to labelled rows. Errors: `shape` when labels and rows differ in number, `data` for fewer than two classes. */
export function fitLogisticRegression(x: Csr, labels: readonly string[], o: LogisticOptions = {}): LinearModel {
  if (labels.length !== x.rows) throw new BowError('shape', `${labels.length} labels for ${x.rows} rows`);
  const classes = [...new Set(labels)].sort();
  if (classes.length < 2)
    throw new BowError('data', 'a classifier needs at least two labels', { detail: { labels: classes } });
  const index = new Map(classes.map((c, i) => [c, i]));
  const y = Int32Array.from(labels, (l) => index.get(l)!);
  // Two classes need one weight vector: softmax over (0, z) is the logistic function, and the penalty is scikit-learn's.
  const outputs = classes.length === 2 ? 1 : classes.length;
  const objective = objectiveOf(x, y, outputs, o.c ?? 1);
  const w = minimize(objective, outputs * (x.cols + 1), o);
  return unpack(w, classes, x.cols, outputs);
}

function unpack(w: Float64Array, classes: readonly string[], columns: number, outputs: number): LinearModel {
  const weights = new Float64Array(classes.length * columns);
  const intercepts = new Float64Array(classes.length);
  const offset = classes.length - outputs; // with two classes the first stays at zero
  weights.set(w.subarray(0, outputs * columns), offset * columns);
  intercepts.set(w.subarray(outputs * columns), offset);
  return { classes, weights, intercepts, columns };
}

type Objective = (w: Float64Array, gradient: Float64Array) => number;

/** Value and gradient of ½‖w‖² + C·Σ −log p(label). Weights [outputs × cols], then intercepts. */
function objectiveOf(x: Csr, y: Int32Array, outputs: number, c: number): Objective {
  const { cols, indptr, indices, data } = x;
  const z = new Float64Array(outputs);
  return (w, g) => {
    const bias = outputs * cols;
    let value = 0;
    for (let i = 0; i < bias; i++) {
      value += 0.5 * w[i]! * w[i]!;
      g[i] = w[i]!;
    }
    g.fill(0, bias);
    for (let r = 0; r < x.rows; r++) {
      const [from, to] = [indptr[r]!, indptr[r + 1]!];
      for (let k = 0; k < outputs; k++) {
        let s = w[bias + k]!;
        for (let e = from; e < to; e++) s += w[k * cols + indices[e]!]! * data[e]!;
        z[k] = s;
      }
      value += c * lossInPlace(z, y[r]!, outputs);
      for (let k = 0; k < outputs; k++) {
        const d = c * z[k]!;
        g[bias + k]! += d;
        for (let e = from; e < to; e++) g[k * cols + indices[e]!]! += d * data[e]!;
      }
    }
    return value;
  };
}

/** −log p of the label; `z` becomes p − target. */
function lossInPlace(z: Float64Array, label: number, outputs: number): number {
  let max = outputs === 1 ? Math.max(0, z[0]!) : Number.NEGATIVE_INFINITY;
  for (let k = 0; k < outputs; k++) max = Math.max(max, z[k]!);
  let sum = outputs === 1 ? Math.exp(-max) : 0;
  for (let k = 0; k < outputs; k++) sum += Math.exp(z[k]! - max);
  const target = outputs === 1 ? label - 1 : label; // −1: the implicit class with z = 0
  const loss = max + Math.log(sum) - (target < 0 ? 0 : z[target]!);
  for (let k = 0; k < outputs; k++) z[k] = Math.exp(z[k]! - max) / sum - (k === target ? 1 : 0);
  return loss;
}

const memory = 10;

/** L-BFGS with backtracking to sufficient decrease. */
function minimize(f: Objective, n: number, o: LogisticOptions): Float64Array {
  let w = new Float64Array(n);
  let g = new Float64Array(n);
  let value = f(w, g);
  const pairs: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  const limit = o.maxIterations ?? 200;
  for (let i = 0; i < limit && largest(g) > (o.tolerance ?? 1e-4); i++) {
    throwIfAborted(o.signal, 'fitting a classifier');
    o.onProgress?.({ task: 'fit', done: i, total: limit, unit: 'iterations', figures: { loss: value } });
    const d = direction(g, pairs);
    const slope = dot(d, g);
    const next = new Float64Array(n);
    const nextG = new Float64Array(n);
    let step = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(g, g))) : 1;
    let nextValue = value;
    for (; step > 1e-12; step /= 2) {
      for (let j = 0; j < n; j++) next[j] = w[j]! + step * d[j]!;
      nextValue = f(next, nextG);
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
  o.onProgress?.({ task: 'fit', done: limit, total: limit, unit: 'iterations', figures: { loss: value } });
  return w;
}

/** −H·g by the two-loop recursion. */
function direction(g: Float64Array, pairs: readonly { s: Float64Array; y: Float64Array; rho: number }[]): Float64Array {
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

/** Probabilities by row and class, [rows × classes]. Error `shape` for other columns. */
export function predictProbabilities(m: LinearModel, x: Csr): Float64Array {
  if (x.cols !== m.columns) throw new BowError('shape', `${x.cols} columns, but the classifier has ${m.columns}`);
  const k = m.classes.length;
  const p = new Float64Array(x.rows * k);
  for (let r = 0; r < x.rows; r++) {
    const z = Float64Array.from(m.intercepts);
    for (let e = x.indptr[r]!; e < x.indptr[r + 1]!; e++)
      for (let c = 0; c < k; c++) z[c]! += m.weights[c * m.columns + x.indices[e]!]! * x.data[e]!;
    const max = Math.max(...z);
    const exp = z.map((v) => Math.exp(v - max));
    const sum = exp.reduce((s, v) => s + v, 0);
    p.set(
      exp.map((v) => v / sum),
      r * k,
    );
  }
  return p;
}

/** The most probable label of each row; ties go to the first. */
export function predictLabels(m: LinearModel, x: Csr): string[] {
  const p = predictProbabilities(m, x);
  const k = m.classes.length;
  return Array.from({ length: x.rows }, (_, r) => {
    let best = 0;
    for (let c = 1; c < k; c++) if (p[r * k + c]! > p[r * k + best]!) best = c;
    return m.classes[best]!;
  });
}

/** Share of rows whose label is predicted. */
export function accuracy(m: LinearModel, x: Csr, labels: readonly string[]): number {
  const found = predictLabels(m, x);
  return labels.length > 0 ? found.filter((l, i) => l === labels[i]).length / labels.length : 0;
}
