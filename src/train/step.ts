/**
 * The training step as one graph: loss, gradients, optimiser. With `accumulate` there are two: one that adds a micro-batch's gradients to what
 * has been gathered, and one that takes the last micro-batch and makes the step. With `chunk`, see two-phase.ts.
 */
import { BowError, Rng, throwIfAborted } from '../base/index.ts';
import {
  type CompileOptions,
  compile,
  type Float,
  type ModelFunction,
  makeArray,
  type NdArray,
  type Scope,
  type Store,
  type Tensor,
} from '../engine/index.ts';
import { accumulate, minimize, SUMS } from '../nn/index.ts';
import { adapted } from './adapt.ts';
import type { Batch } from './batches.ts';
import { optimizerOf } from './optimizer.ts';
import type { Recipe } from './recipe-schema.ts';
import { figures, learningRate, notFinite, reportOf, type Stepper } from './step-parts.ts';
import type { Task } from './task.ts';
import { createTwoPhaseStepper } from './two-phase.ts';

const keepInput = 'train/keep';

/** True for what lives within one step only and is never saved: gradients gathered so far. */
export function isTransient(path: string): boolean {
  return path.startsWith(SUMS);
}

/** A graph of the step, with the inputs that the trainer adds to the batch's. */
type Part = { readonly fn: ModelFunction; readonly name: string; readonly value: NdArray<Float> };

/** Compiles the steps of a task. */
export function createStepper(task: Task, recipe: Recipe, o: CompileOptions & { readonly store: Store }): Stepper {
  return recipe.chunk === null ? createOnePhaseStepper(task, recipe, o) : createTwoPhaseStepper(task, recipe, o);
}

function createOnePhaseStepper(task: Task, recipe: Recipe, o: CompileOptions & { readonly store: Store }): Stepper {
  const k = recipe.accumulate;
  const options = { ...o, dtype: recipe.precision, training: true };
  const part = (name: string, fn: ModelFunction): Part & { program: ReturnType<typeof compile> } => {
    const value = { dtype: recipe.precision, shape: [], data: makeArray(recipe.precision, 1) };
    return { fn, name, value, program: compile(fn, options) };
  };
  const last = part(learningRate, stepFunction(task, recipe));
  const gather = part(keepInput, gatherFunction(task, recipe)); // compiled lazily: never without accumulation
  const noise = new Rng(recipe.seed).split('noise');

  const micro = async (p: typeof last, batch: Batch, step: number, i: number): Promise<Record<string, number>> => {
    const inputs = { ...batch.inputs, [p.name]: p.value };
    const rng = noise.split(`${step}/${i}`);
    const out = figures(await p.program.run(inputs, { rng }));
    const [loss, norm] = [out['train/loss']!, out['train/grad_norm']]; // the norm is known to the last micro-batch only
    if (Number.isFinite(loss) && Number.isFinite(norm ?? 0)) return out;
    (await p.program.program(inputs)).revert();
    throw await notFinite([{ fn: p.fn, inputs, rng }], options, { step: step + 1, loss, norm });
  };

  return {
    prepare: async (batch) => {
      if (k > 1) await gather.program.program({ ...batch.inputs, [gather.name]: gather.value });
      const { session } = await last.program.program({ ...batch.inputs, [last.name]: last.value });
      return { device: session.device, threads: session.threads };
    },
    run: async (step, batches, { lr, signal }) => {
      const started = performance.now();
      const metrics: Record<string, number> = {}; // means over the micro-batches; the norm is only known to the last
      let [loading, samples, epoch] = [0, 0, undefined as number | undefined];
      last.value.data[0] = lr;
      for (let i = 0; i < k; i++) {
        if (i > 0) throwIfAborted(signal);
        const waiting = performance.now();
        const batch = await batches.next();
        loading += performance.now() - waiting;
        if (!batch) throw new BowError('data', 'the source of batches ended in the middle of the training');
        gather.value.data[0] = i === 0 ? 0 : 1;
        const out = await micro(i < k - 1 ? gather : last, batch, step, i);
        for (const [name, value] of Object.entries(out)) {
          metrics[name] = (metrics[name] ?? 0) + (name === 'train/grad_norm' ? value : value / k);
        }
        samples += batch.samples;
        epoch = batch.epoch;
      }
      const seconds = (performance.now() - started) / 1000;
      return { metrics, samples, epoch, seconds, loading: loading / 1000 };
    },
    close: async () => {
      await last.program.close();
      await gather.program.close();
    },
  };
}

/** Loss and metrics of a batch, under the names they are reported by. */
function forward(
  task: Task,
  recipe: Recipe,
  s: Scope,
  { [learningRate]: _lr, [keepInput]: _keep, ...batch }: Record<string, Tensor>,
): { loss: Tensor; outputs: Record<string, Tensor> } {
  const traced = task.trace(adapted(s, recipe), batch);
  s.trace.checks.run(); // a rule that matches nothing is reported before "nothing to train", which may follow from it
  return { loss: traced.loss, outputs: reportOf(traced, task.id) };
}

function gatherFunction(task: Task, recipe: Recipe): ModelFunction {
  return (s, inputs) => {
    const { loss, outputs } = forward(task, recipe, s, inputs);
    accumulate(s, loss, { keep: inputs[keepInput]! });
    return outputs;
  };
}

function stepFunction(task: Task, recipe: Recipe): ModelFunction {
  const optimizer = optimizerOf(recipe, task.limits);
  return (s, inputs) => {
    const { loss, outputs } = forward(task, recipe, s, inputs);
    const reported = minimize(s, loss, optimizer, { lr: inputs[learningRate]!, microBatches: recipe.accumulate });
    return { ...outputs, 'train/grad_norm': reported['grad_norm']! };
  };
}
