/**
 * Logistic regression on sparse rows: L2-regularised, one weight vector per class, softmax over classes, fitted by L-BFGS. The objective is
 * scikit-learn's `LogisticRegression`: ½‖w‖² + C·Σ loss, the intercept not penalised.
 */
import { BowError, need, needRecord, needTexts, needWhole } from '../base/index.ts';
import { type Csr, needMatrix } from './csr.ts';
import { type MinimizeOptions, minimize, type Objective } from './lbfgs.ts';

/** A fitted classifier: weights [classes × columns], intercepts by class. */
export type LinearModel = {
  readonly classes: readonly string[];
  readonly weights: Float64Array;
  readonly intercepts: Float64Array;
  readonly columns: number;
};

/** Options of {@link fitLogisticRegression}. `maxIterations`: default 200. */
export type LogisticOptions = MinimizeOptions & {
  /** Weight of the data against ½‖w‖²; larger fits closer. Default 1. */
  readonly c?: number;
};

/** Fits a classifier to labelled rows. Errors: `shape` when labels and rows differ in number, `data` for fewer than two classes. */
export async function fitLogisticRegression(
  x: Csr,
  labels: readonly string[],
  o: LogisticOptions = {},
): Promise<LinearModel> {
  needMatrix('rows', x);
  needTexts('labels', labels);
  needRecord('options', o);
  const c = o.c ?? 1;
  need(Number.isFinite(c) && c > 0, 'c', 'a number above 0', c);
  if (labels.length !== x.rows) throw new BowError('shape', `${labels.length} labels for ${x.rows} rows`);
  const classes = [...new Set(labels)].sort();
  if (classes.length < 2)
    throw new BowError('data', 'a classifier needs at least two labels', { detail: { labels: classes } });
  const index = new Map(classes.map((c, i) => [c, i]));
  const y = Int32Array.from(labels, (l) => index.get(l)!);
  // Two classes need one weight vector: softmax over (0, z) is the logistic function, and the penalty is scikit-learn's.
  const outputs = classes.length === 2 ? 1 : classes.length;
  const objective = objectiveOf(x, y, outputs, c);
  const w = await minimize(objective, new Float64Array(outputs * (x.cols + 1)), o);
  return linearModel(w, classes, x.cols);
}

/** A model of the parameters in one array: weights by output, then intercepts; of two classes the first has none and stays at zero. */
export function linearModel(w: Float64Array, classes: readonly string[], columns: number): LinearModel {
  need(w instanceof Float64Array, 'parameters', 'a Float64Array', w);
  needTexts('classes', classes);
  needWhole('columns', columns);
  const outputs = w.length / (columns + 1);
  if (outputs !== classes.length && !(outputs === 1 && classes.length === 2))
    throw new BowError('shape', `${w.length} parameters for ${classes.length} classes and ${columns} columns`);
  const weights = new Float64Array(classes.length * columns);
  const intercepts = new Float64Array(classes.length);
  const offset = classes.length - outputs;
  weights.set(w.subarray(0, outputs * columns), offset * columns);
  intercepts.set(w.subarray(outputs * columns), offset);
  return { classes, weights, intercepts, columns };
}

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

function needModel(m: LinearModel): void {
  needRecord('a classifier', m);
  needTexts('classes', m.classes);
  needWhole('columns', m.columns);
  const fits = m.weights?.length === m.classes.length * m.columns && m.intercepts?.length === m.classes.length;
  if (!fits) throw new BowError('shape', 'weights or intercepts do not fit the classes and columns of the classifier');
}

/** Probabilities by row and class, [rows × classes]. Error `shape` for other columns. */
export function predictProbabilities(m: LinearModel, x: Csr): Float64Array {
  needModel(m);
  needMatrix('rows', x);
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
  needTexts('labels', labels);
  if (labels.length !== x.rows) throw new BowError('shape', `${labels.length} labels for ${x.rows} rows`);
  return labels.length > 0 ? found.filter((l, i) => l === labels[i]).length / labels.length : 0;
}
