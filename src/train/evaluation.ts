/** Judging the weights in the middle of a run, without touching the run: the weights are looked at through a store of their own. */
import { throwIfAborted } from '../base/index.ts';
import {
  type Compiled,
  type CompileOptions,
  compile,
  type ModelFunction,
  type NdArray,
  Store,
} from '../engine/index.ts';
import { mergeLora } from '../nn/index.ts';
import { adapted } from './adapt.ts';
import type { Batch } from './batches.ts';
import type { Recipe } from './recipe-schema.ts';
import type { EvaluationContext, Metrics, Task } from './task.ts';
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

/** The model with its low-rank terms in the weights, as it is saved. */
function merged(store: Store, lora: NonNullable<Recipe['lora']>): Store {
  const plain = new Store();
  for (const [path, array] of mergeLora(store, { alpha: lora.alpha ?? lora.rank })) plain.set(path, array);
  return plain;
}

/** Evaluates; programs are compiled once and kept until it is closed. */
export type Evaluator = {
  /** All figures as `eval/<name>`; an empty record when the task has nothing to be judged by. */
  evaluate(step: number, signal: AbortSignal | undefined): Promise<Metrics>;
  close(): Promise<void>;
};

/** An evaluator over the weights of a training store. */
export function createEvaluator(task: Task, recipe: Recipe, training: Store, o: CompileOptions): Evaluator {
  const store = new Store(recipe.seed);
  const compiled = new Map<ModelFunction, Compiled>();
  const compileOnce = (fn: ModelFunction): Compiled => {
    const model: ModelFunction = (s, inputs) => fn(adapted(s, recipe), inputs);
    const known = compiled.get(fn) ?? compile(model, { ...o, dtype: recipe.precision, training: false, store });
    compiled.set(fn, known);
    return known;
  };
  const lossOf = batchLoss(task, recipe, compileOnce);
  return {
    evaluate: async (step, signal) => {
      showModel(training, store);
      const plain = recipe.lora ? merged(store, recipe.lora) : store;
      const context: EvaluationContext = { store: plain, step, seed: recipe.seed, signal, compile: compileOnce };
      const figures = {
        ...(await validationMeans(task, recipe, lossOf, signal)),
        ...(await task.evaluate?.(context)),
      };
      return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`eval/${name}`, value]));
    },
    close: async () => {
      for (const c of compiled.values()) await c.close();
    },
  };
}

type BatchLoss = (batch: Batch, signal: AbortSignal | undefined) => Promise<Readonly<Record<string, NdArray>>>;

/** Loss and metrics of a batch; with `chunk` in the recipe its samples are encoded as many at a time. */
function batchLoss(task: Task, recipe: Recipe, compileOnce: (fn: ModelFunction) => Compiled): BatchLoss {
  const { chunk } = recipe;
  if (chunk === null) {
    const whole: ModelFunction = (s, batch) => {
      const traced = task.trace(s, { ...batch });
      return { ...traced.metrics, loss: traced.loss };
    };
    return (batch) => compileOnce(whole).run(batch.inputs);
  }
  const parts = twoPhaseOf(task, recipe);
  const [encode, loss] = [encodeFunction(parts), lossFunction(parts)];
  return async (batch, signal) => {
    const found = await encodeInChunks((inputs) => compileOnce(encode).run(inputs), batch, {
      chunk,
      inputs: parts.inputs,
      signal,
    });
    return compileOnce(loss).run(found);
  };
}

/** Mean loss and metrics over the held-out batches, weighted by their samples. */
async function validationMeans(
  task: Task,
  recipe: Recipe,
  lossOf: BatchLoss,
  signal: AbortSignal | undefined,
): Promise<Record<string, number>> {
  const { batchSize, seed } = recipe;
  const sums: Record<string, number> = {};
  let samples = 0;
  const batches = task.validation?.open({ seed, position: 0, batchSize, mode: 'evaluate', slots: 1, signal }) ?? [];
  for await (const batch of batches) {
    throwIfAborted(signal);
    const out = await lossOf(batch, signal);
    for (const [name, a] of Object.entries(out)) sums[name] = (sums[name] ?? 0) + batch.samples * Number(a.data[0]);
    samples += batch.samples;
  }
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / samples]));
}
