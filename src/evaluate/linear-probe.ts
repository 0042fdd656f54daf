/**
 * Linear probe: what a logistic regression on frozen features can separate. Radford et al. 2021, §3.2 and appendix A.3: scikit-learn's L-BFGS,
 * at most 1,000 iterations, the regularisation chosen on held-out training data by a search that halves its step.
 *
 * DIFFERS: features are what the system gives, for CLIP the unit vectors of the shared space; the paper takes those before the last projection.
 */
import { BowError, Rng } from '../base/index.ts';
import type { DenseVectors } from '../capabilities/index.ts';
import {
  compile,
  concat,
  type F,
  type I,
  type NdArray,
  ndarray,
  type Scope,
  Store,
  valueAndGrad,
} from '../engine/index.ts';
import { crossEntropy, zeros } from '../nn/index.ts';
import { type LinearModel, linearModel, type MinimizeOptions, minimize } from '../text/index.ts';

/** Features with their classes. */
export type Labelled = { readonly x: DenseVectors; readonly labels: readonly string[] };

/** Options of a fit; `maxIterations`: default 1000. */
export type ProbeOptions = MinimizeOptions & {
  /** scikit-learn's C, the weight of the data against ½‖w‖²; absent: the best on a fifth of the training data. */
  readonly c?: number;
  /** Of the division in that search. */
  readonly seed?: number;
};

/** A fitted probe and the C it was fitted with. */
export type Probe = { readonly model: LinearModel; readonly c: number };

/** Fits a probe. Errors: `shape` when labels and rows differ in number, `data` for fewer than two classes. */
export async function fitProbe(train: Labelled, o: ProbeOptions = {}): Promise<Probe> {
  const c = o.c ?? (await bestC(train, o));
  await using objective = await probeObjective(train);
  return { c, model: await objective.fit(c, o) };
}

/** Share of rows whose most probable class is theirs; ties go to the first class. */
export function probeAccuracy(m: LinearModel, { x, labels }: Labelled): number {
  const found = probeLabels(m, x);
  return labels.length === 0 ? 0 : found.filter((l, i) => l === labels[i]).length / labels.length;
}

/** The most probable class of each row. */
export function probeLabels(m: LinearModel, x: DenseVectors): string[] {
  if (x.width !== m.columns) throw new BowError('shape', `${x.width} columns, but the probe has ${m.columns}`);
  return Array.from({ length: x.rows }, (_, r) => {
    let [best, most] = [0, Number.NEGATIVE_INFINITY];
    m.classes.forEach((_, c) => {
      let z = m.intercepts[c]!;
      for (let k = 0; k < x.width; k++) z += m.weights[c * x.width + k]! * x.data[r * x.width + k]!;
      if (z > most) [best, most] = [c, z];
    });
    return m.classes[best]!;
  });
}

/** Exponents of the first round (λ = 10^−6 … 10^6), and the step at which the search ends: an eighth of a decade. */
const FIRST = [-6, -4, -2, 0, 2, 4, 6];
const LAST = 1 / 8;

/** The C of the highest accuracy on a fifth of the data, by a search that halves its step; of equals the smallest C. */
async function bestC(train: Labelled, o: ProbeOptions): Promise<number> {
  const order = new Rng(o.seed ?? 0).split('probe').shuffle(train.labels.map((_, i) => i));
  const held = Math.max(1, Math.round(order.length / 5));
  const validation = rowsOf(train, order.slice(0, held));
  await using objective = await probeObjective(rowsOf(train, order.slice(held)));
  const found = new Map<number, number>();
  const measure = async (exponents: readonly number[]): Promise<number> => {
    for (const e of exponents)
      if (!found.has(e)) found.set(e, probeAccuracy(await objective.fit(10 ** e, o), validation));
    return [...found].reduce((best, x) => (x[1] > best[1] || (x[1] === best[1] && x[0] < best[0]) ? x : best))[0];
  };
  let best = await measure(FIRST);
  for (let step = 1; step >= LAST; step /= 2) best = await measure([best - step, best + step]);
  return 10 ** best;
}

function rowsOf({ x, labels }: Labelled, rows: readonly number[]): Labelled {
  const data = new Float32Array(rows.length * x.width);
  rows.forEach((r, i) => void data.set(x.data.subarray(r * x.width, (r + 1) * x.width), i * x.width));
  return { x: { rows: rows.length, width: x.width, data }, labels: rows.map((r) => labels[r]!) };
}

/** Logistic regressions of one data set: ½‖w‖² + C·Σ −ln p(label) and its gradient in float64, computed by the engine. */
async function probeObjective({
  x,
  labels,
}: Labelled): Promise<AsyncDisposable & { fit(c: number, o: MinimizeOptions): Promise<LinearModel> }> {
  if (labels.length !== x.rows) throw new BowError('shape', `${labels.length} labels for ${x.rows} rows`);
  const classes = [...new Set(labels)].sort();
  if (classes.length < 2)
    throw new BowError('data', 'a probe needs images of at least two classes', { detail: { labels: classes } });
  const outputs = classes.length === 2 ? 1 : classes.length; // as scikit-learn: of two classes the first has no weights
  const index = new Map(classes.map((c, i) => [c, i]));
  const size = outputs * x.width;
  const program = compile(
    valueAndGrad((s: Scope, inputs: { x: F; y: I; c: F }) => penalised(s, inputs, outputs)),
    { dtype: 'float64', store: new Store() },
  );
  const inputs = {
    x: ndarray('float64', [x.rows, x.width], Float64Array.from(x.data)),
    y: ndarray(
      'int32',
      [x.rows],
      Int32Array.from(labels, (l) => index.get(l)!),
    ),
  };
  const evaluate = async (c: number, w: Float64Array, gradient: Float64Array): Promise<number> => {
    program.store.set('weight', ndarray('float64', [outputs, x.width], w.slice(0, size)), 'param');
    program.store.set('bias', ndarray('float64', [outputs], w.slice(size)), 'param');
    const got = await program.run({ ...inputs, c: ndarray('float64', [], [c]) });
    gradient.set(numbers(got['gradient/weight']!), 0);
    gradient.set(numbers(got['gradient/bias']!), size);
    return numbers(got.loss)[0]!;
  };
  return {
    fit: async (c, o) => {
      const start = new Float64Array(size + outputs);
      const w = await minimize((at, g) => evaluate(c, at, g), start, { maxIterations: 1000, ...o });
      return linearModel(w, classes, x.width);
    },
    [Symbol.asyncDispose]: () => program.close(),
  };
}

const numbers = (a: NdArray): Float64Array => a.data as Float64Array;

function penalised(s: Scope, { x, y, c }: { x: F<'b d'>; y: I<'b'>; c: F<''> }, outputs: number): F<''> {
  const w = s.param('weight', [outputs, x.dim(1)], zeros);
  const z = x.matmul(w.mT).add(s.param('bias', [outputs], zeros)); // b v
  const logits = outputs === 1 ? concat([z.mul(0), z], 1) : z;
  const loss = crossEntropy(logits, y, { reduction: 'sum' });
  return loss.mul(c).add(w.mul(w).sum().mul(0.5));
}
