/** Judging the weights in the middle of a run, without touching the run: its tensors are looked at through stores of their own. */
import { BowError, type Metrics, Rng, throwIfAborted } from '../base/index.ts';
import {
  type Compiled,
  type CompileOptions,
  compile,
  type ModelFunction,
  type NdArray,
  pickCompileOptions,
  Store,
} from '../engine/index.ts';
import { mergeLora } from '../nn/index.ts';
import { adapted } from './adapt.ts';
import type { Batch, BatchSource } from './batches.ts';
import { placeOf, reportOf, traceObjectives } from './objectives.ts';
import type { Recipe } from './recipe-schema.ts';
import { scalarInputs } from './scalars.ts';
import { counters } from './step-context.ts';
import { scalarsOf } from './step-parts.ts';
import { groupBySource } from './step-plan.ts';
import type { EvaluationContext, Trainable } from './trainable.ts';
import { encodeFunction, encodeInChunks, lossFunction, twoPhaseOf } from './two-phase.ts';

const average = 'ema/';

/**
 * Makes `view` show the model of a training store: parameters and buffers under their own names, with their moving averages where there are
 * any. Nothing is copied; call it again after further steps, since these swap the arrays.
 */
export function showModel(training: Store, view: Store): Store {
  for (const [path, array, kind] of training.entries('param', 'buffer')) {
    view.set(path, training.has(average + path) ? training.get(average + path) : array, kind);
  }
  return view;
}

/** The same with the state that objectives use: teacher, queues, counters. */
function showLive(training: Store, view: Store): Store {
  for (const [path, array] of training.entries('state'))
    if (!path.startsWith('optimizer/') && !path.startsWith(average)) view.set(path, array, 'state');
  return showModel(training, view);
}

/** The model with its LoRA adapters in the weights, as it is saved. */
function merged(store: Store, lora: NonNullable<Recipe['lora']>): Store {
  const plain = new Store();
  for (const [path, array] of mergeLora(store, { alpha: lora.alpha ?? lora.rank })) plain.set(path, array);
  return plain;
}

/** Evaluates; programs are compiled once and kept until it is closed. */
export type Evaluator = {
  /** All metrics as `eval/<name>`; an empty record when the trainable has nothing to evaluate. */
  evaluate(step: number, signal: AbortSignal | undefined): Promise<Metrics>;
  close(): Promise<void>;
};

/** An evaluator over the tensors of a training store. `o.steps`: the length of the run. */
export function createEvaluator(
  trainable: Trainable,
  recipe: Recipe,
  training: Store,
  o: CompileOptions & { readonly steps: number },
): Evaluator {
  const [weights, live] = [new Store(recipe.seed), new Store(recipe.seed)];
  const compiled = new Map<ModelFunction, Compiled>();
  const compileOnce = (fn: ModelFunction): Compiled => {
    const model: ModelFunction = (s, inputs) => {
      const outputs = fn(adapted(s, recipe, trainable), inputs);
      s.trace.checks.take(); // a part of the model need not have what the recipe's patterns match
      for (const path of [...s.trace.updates.keys()]) if (training.has(path)) s.trace.updates.delete(path); // the training's own stays as it is
      return outputs;
    };
    const known =
      compiled.get(fn) ??
      compile(model, { ...pickCompileOptions(o), dtype: recipe.precision, training: false, store: live });
    compiled.set(fn, known);
    return known;
  };
  const losses = validationLosses(trainable, recipe, compileOnce, o.steps);
  return {
    evaluate: async (step, signal) => {
      showLive(training, live);
      showModel(training, weights);
      const plain = recipe.lora ? merged(weights, recipe.lora) : weights;
      const context: EvaluationContext = { store: plain, step, seed: recipe.seed, signal, compile: compileOnce };
      const means: Record<string, number> = {};
      for (const loss of losses) Object.assign(means, await validationMeans(recipe, loss, step, signal));
      return { ...withTotal(trainable, means), ...(await furtherMetrics(trainable, context, means)) };
    },
    close: async () => {
      for (const c of compiled.values()) await c.close();
    },
  };
}

/** The trainable's own metrics as `eval/<name>`. */
async function furtherMetrics(trainable: Trainable, context: EvaluationContext, means: Metrics): Promise<Metrics> {
  const own = Object.entries((await trainable.evaluate?.(context)) ?? {});
  for (const [name] of own) {
    if (!(`eval/${name}` in means)) continue;
    throw new BowError('config', `"${name}" is evaluated twice: by evaluate and on the held-out batches`, {
      place: trainable.id,
    });
  }
  return Object.fromEntries(own.map(([name, value]) => [`eval/${name}`, value]));
}

/** With `eval/loss` over several objectives: the loss that a step has on average, of those that have held-out data. */
function withTotal(trainable: Trainable, means: Metrics): Metrics {
  const { objectives, combine = 'sum' } = trainable;
  const evaluated = Object.keys(objectives).filter((name) => `eval/${placeOf(trainable, name)}loss` in means);
  if (Object.keys(objectives).length === 1 || evaluated.length === 0) return means;
  const weights = evaluated.map((name) => objectives[name]!.weight ?? 1);
  const sum = evaluated.reduce(
    (total, name, i) => total + weights[i]! * means[`eval/${placeOf(trainable, name)}loss`]!,
    0,
  );
  const share = combine === 'sum' ? 1 : combine === 'alternate' ? evaluated.length : weights.reduce((a, b) => a + b, 0);
  return { 'eval/loss': sum / share, ...means };
}

/** Held-out batches with what makes scalars of one. */
type ValidationLoss = {
  readonly source: BatchSource;
  run(
    batch: Batch,
    at: { step: number; index: number; signal: AbortSignal | undefined },
  ): Promise<Record<string, number>>;
};

/** The losses of objectives, those over the same held-out batches in one graph; with `chunk` in the recipe the samples are encoded as many at a time. */
function validationLosses(
  trainable: Trainable,
  recipe: Recipe,
  compileOnce: (fn: ModelFunction) => Compiled,
  steps: number,
): ValidationLoss[] {
  const { objectives } = trainable;
  const evaluated = Object.keys(objectives).filter((name) => objectives[name]!.validation);
  const scalars = scalarInputs(recipe.precision);
  const count = (step: number): Record<string, NdArray> => scalars(counters(step, steps));
  const noise = new Rng(recipe.seed).split('evaluation');
  return groupBySource(evaluated, (name) => objectives[name]!.validation!).map(([source, names]) => {
    if (recipe.chunk !== null) return { source, run: chunkedLoss(trainable, recipe, compileOnce, { count, noise }) };
    const whole: ModelFunction = (model, inputs) =>
      reportOf(trainable, traceObjectives(trainable, model, inputs, { names, prefixOf: () => '' }), 'eval/');
    return {
      source,
      run: async ({ inputs }, { step, index }) =>
        scalarsOf(await compileOnce(whole).run({ ...inputs, ...count(step) }, { rng: noise.split(index) })),
    };
  });
}

function chunkedLoss(
  trainable: Trainable,
  recipe: Recipe,
  compileOnce: (fn: ModelFunction) => Compiled,
  { count, noise }: { count: (step: number) => Record<string, NdArray>; noise: Rng },
): ValidationLoss['run'] {
  const { name, halves } = twoPhaseOf(trainable, recipe);
  const [encode, loss] = [encodeFunction({ trainable, halves }), lossFunction({ trainable, halves }, name)];
  return async (batch, { step, index, signal }) => {
    const rng = noise.split(index);
    const encodeChunk = (inputs: Readonly<Record<string, NdArray>>, i: number) =>
      compileOnce(encode).run({ ...inputs, ...count(step) }, { rng: rng.split(i) });
    const o = { chunk: recipe.chunk!, inputs: halves.inputs, signal };
    const found = await encodeInChunks(encodeChunk, batch, o);
    return scalarsOf(await compileOnce(loss).run({ ...found, ...count(step) }, { rng: rng.split('loss') }));
  };
}

/** Mean loss and metrics over held-out batches, weighted by their samples. */
async function validationMeans(
  { batchSize, seed }: Recipe,
  { source, run }: ValidationLoss,
  step: number,
  signal: AbortSignal | undefined,
): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  let [samples, index] = [0, 0];
  for await (const batch of source.open({ seed, position: 0, batchSize, mode: 'evaluate', slots: 1, signal })) {
    throwIfAborted(signal);
    const out = await run(batch, { step, index: index++, signal });
    for (const [name, value] of Object.entries(out)) sums[name] = (sums[name] ?? 0) + batch.samples * value;
    samples += batch.samples;
  }
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / samples]));
}
