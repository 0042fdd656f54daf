/**
 * The training step as one graph: loss, gradients, optimiser. With `accumulate` there are two: one that adds a micro-batch's gradients to what
 * has been gathered, and one that takes the last micro-batch and makes the step.
 */
import { BowError, Rng, throwIfAborted } from '../base/index.ts';
import {
  type CompileOptions,
  compile,
  type Float,
  findNotFinite,
  type ModelFunction,
  makeArray,
  type NdArray,
  type RunOptions,
  type Scope,
  type Store,
  type Tensor,
} from '../engine/index.ts';
import { accumulate, minimize } from '../nn/index.ts';
import { adapted } from './adapt.ts';
import type { Batch } from './batches.ts';
import { optimizerOf } from './optimizer.ts';
import type { Prefetched } from './prefetch.ts';
import type { Recipe } from './recipe-schema.ts';
import type { Task } from './task.ts';

const lrInput = 'train/lr';
const keepInput = 'train/keep';

/** True for what lives within one step only and is never saved: gradients gathered so far. */
export function isTransient(path: string): boolean {
  return path.startsWith('optimizer/sum/');
}

/** What one step reports. */
export type StepResult = {
  readonly metrics: Record<string, number>;
  readonly samples: number;
  readonly epoch: number | undefined;
  /** Seconds of the whole step, and of waiting for data in it. */
  readonly seconds: number;
  readonly loading: number;
};

/** What a step depends on beside its data. */
export type StepOptions = { readonly lr: number; readonly signal: AbortSignal | undefined };

/** Makes steps. */
export type Stepper = {
  /** Compiles for the shapes of a batch, so that the store holds all that the run needs; says where it runs. */
  prepare(batch: Batch): Promise<{ device: string; threads: number }>;
  /**
   * One optimiser step, number `step` from 0, from as many batches as are accumulated. When loss or gradients are not finite, the state is as
   * it was before the step and a `not-finite` error names the tensor.
   */
  run(step: number, batches: Prefetched<Batch>, o: StepOptions): Promise<StepResult>;
  close(): Promise<void>;
};

/** A graph of the step, with the inputs that the trainer adds to the batch's. */
type Part = { readonly fn: ModelFunction; readonly name: string; readonly value: NdArray<Float> };

/** Compiles the steps of a task. */
export function createStepper(task: Task, recipe: Recipe, o: CompileOptions & { readonly store: Store }): Stepper {
  const k = recipe.accumulate;
  const options = { ...o, dtype: recipe.precision, training: true };
  const part = (name: string, fn: ModelFunction): Part & { program: ReturnType<typeof compile> } => {
    const value = { dtype: recipe.precision, shape: [], data: makeArray(recipe.precision, 1) };
    return { fn, name, value, program: compile(fn, options) };
  };
  const last = part(lrInput, stepFunction(task, recipe));
  const gather = part(keepInput, gatherFunction(task, recipe)); // compiled lazily: never without accumulation
  const noise = new Rng(recipe.seed).split('noise');

  const micro = async (p: typeof last, batch: Batch, step: number, i: number): Promise<Record<string, number>> => {
    const inputs = { ...batch.inputs, [p.name]: p.value };
    const run: RunOptions = { rng: noise.split(`${step}/${i}`) };
    const out = figures(await p.program.run(inputs, run));
    const [loss, norm] = [out['train/loss']!, out['train/grad_norm'] ?? 0];
    if (Number.isFinite(loss) && Number.isFinite(norm)) return out;
    (await p.program.program(inputs)).revert();
    throw await notFinite(p.fn, inputs, { ...options, ...run }, { step: step + 1, loss, norm });
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

function figures(outputs: Record<string, NdArray>): Record<string, number> {
  const out: Record<string, number> = {};
  for (const name in outputs) out[name] = Number(outputs[name]!.data[0]);
  return out;
}

/** Loss and metrics of a batch, under the names they are reported by. */
function forward(
  task: Task,
  recipe: Recipe,
  s: Scope,
  { [lrInput]: _lr, [keepInput]: _keep, ...batch }: Record<string, Tensor>,
): { loss: Tensor; outputs: Record<string, Tensor> } {
  const { loss, metrics = {} } = task.trace(adapted(s, recipe), batch);
  for (const check of s.trace.checks) check(); // a rule that matches nothing is told before "nothing to train", which may follow from it
  const outputs: Record<string, Tensor> = { 'train/loss': loss };
  for (const [name, value] of Object.entries(metrics)) outputs[`train/${name}`] = value;
  for (const [name, { shape, size }] of Object.entries(outputs)) {
    if (size === 1) continue;
    throw new BowError('shape', `${name} must be a scalar`, { place: task.id, detail: { shape } });
  }
  return { loss, outputs };
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
    const reported = minimize(s, loss, optimizer, { lr: inputs[lrInput]!, microBatches: recipe.accumulate });
    return { ...outputs, 'train/grad_norm': reported['grad_norm']! };
  };
}

async function notFinite(
  fn: ModelFunction,
  inputs: Readonly<Record<string, NdArray>>,
  o: CompileOptions & RunOptions & { readonly store: Store },
  at: { step: number; loss: number; norm: number },
): Promise<BowError> {
  const first = await findNotFinite(fn, inputs, o);
  const what = Number.isFinite(at.loss) ? 'the gradient' : 'the loss';
  const detail = { step: at.step, loss: String(at.loss), 'gradient norm': String(at.norm) };
  if (!first) {
    return new BowError('not-finite', `${what} is not finite at step ${at.step}, but was when computed again`, {
      detail,
    });
  }
  return new BowError('not-finite', `${what} is not finite at step ${at.step}`, {
    place: first.place,
    detail: {
      ...detail,
      first: first.op ?? 'a given value',
      shape: first.shape,
      NaN: first.nan,
      infinite: first.infinite,
    },
    hint: 'the last good checkpoint is kept; a lower learning rate, a longer warm-up or clipNorm are the usual cures',
  });
}
