/**
 * Steps on batches that are larger than what fits into memory, for losses that compare all samples of a batch (Gao et al. 2021, *Scaling Deep
 * Contrastive Learning Batch Size under Memory Limited Setup*, arXiv:2101.06983, §3.2). Averaging the gradients of small batches is another
 * loss; this is the same one: the samples are encoded a chunk at a time without gradients, the loss of all representations gives the gradient
 * of each, and every chunk is encoded once more to carry it on to the parameters. At most one chunk's intermediates are alive.
 */
import { BowError, Rng, throwIfAborted } from '../base/index.ts';
import {
  type Compiled,
  type CompileOptions,
  compile,
  grad,
  type ModelFunction,
  makeArray,
  type NdArray,
  type Scope,
  type Store,
  sizeOf,
  type Tensor,
} from '../engine/index.ts';
import { accumulate, minimize, SUMS } from '../nn/index.ts';
import { adapted } from './adapt.ts';
import type { Batch } from './batches.ts';
import { optimizerOf } from './optimizer.ts';
import type { Recipe } from './recipe-schema.ts';
import { type Attempt, figures, learningRate, notFinite, reportOf, type Stepper } from './step-parts.ts';
import type { Task, TwoPhaseLoss } from './task.ts';

type Arrays = Readonly<Record<string, NdArray>>;

const [representation, gradient] = ['representation/', 'gradient/'];

/** The halves of a task's loss. Error `config` when it has none, or when the chunks do not fill the batch. */
export function twoPhaseOf(task: Task, recipe: Pick<Recipe, 'chunk' | 'batchSize' | 'accumulate'>): TwoPhaseLoss {
  const { chunk, batchSize, accumulate: k } = recipe;
  const refuse = (what: string, hint: string): BowError => new BowError('config', what, { place: 'chunk', hint });
  if (!task.twoPhase)
    throw refuse(`the loss of "${task.id}" is a mean over samples`, 'accumulate gives it large batches');
  if (chunk !== null && batchSize % chunk !== 0)
    throw refuse(`chunks of ${chunk} do not fill a batch of ${batchSize}`, 'take a divisor of batchSize');
  if (k > 1)
    throw refuse('chunk and accumulate exclude each other', 'set accumulate to 1 and batchSize as large as wanted');
  return task.twoPhase;
}

/** A half of a model: rules of the recipe may be about the other half, so what they match is checked where both are traced. */
function half(s: Scope, recipe: Recipe | undefined): Scope {
  const model = recipe ? adapted(s, recipe) : s;
  s.trace.checks.take();
  return model;
}

/** Inputs whose name starts with `prefix`, without it, and the others. */
function split<T>(inputs: Readonly<Record<string, T>>, prefix: string): [Record<string, T>, Record<string, T>] {
  const [inner, rest]: [Record<string, T>, Record<string, T>] = [{}, {}];
  for (const [name, x] of Object.entries(inputs))
    if (name.startsWith(prefix)) inner[name.slice(prefix.length)] = x;
    else rest[name] = x;
  return [inner, rest];
}

const prefixed = <T>(prefix: string, record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([name, x]) => [prefix + name, x]));

/**
 * First phase: representations of a chunk, from a scope that the recipe (when given) is still to adapt. Error `config` for a model that remembers
 * something of a batch, as batch norm does: then a sample's representation depends on its neighbours, and those of a chunk are not the batch's.
 */
export function encodeFunction(loss: TwoPhaseLoss, recipe?: Recipe): ModelFunction {
  return (s, batch) => {
    const found = loss.encode(half(s, recipe), { ...batch }); // a half need not ask for all of the batch
    const [remembered] = s.trace.updates.keys();
    if (remembered !== undefined)
      throw new BowError('config', `chunks do not fit this model: "${remembered}" is taken from the whole batch`, {
        place: 'chunk',
        hint: 'leave chunk out, or take a model without batch norm',
      });
    return prefixed(representation, found);
  };
}

/** Loss and metrics of all representations. */
export function lossFunction(loss: TwoPhaseLoss): ModelFunction {
  return (s, inputs) => {
    const traced = loss.loss(half(s, undefined), ...split(inputs, representation));
    return { ...traced.metrics, loss: traced.loss };
  };
}

/** Second phase: the loss, its gradient for every representation, and for parameters of the loss itself, such as a temperature. */
function judgeFunction(loss: TwoPhaseLoss, recipe: Recipe): ModelFunction {
  return (s, inputs) => {
    const [found, batch] = split(inputs, representation);
    const traced = loss.loss(half(s, recipe), found, batch);
    accumulate(s, traced.loss);
    const names = Object.keys(found);
    const gradients = grad(
      traced.loss,
      names.map((name) => found[name]!),
    );
    return {
      ...reportOf(traced),
      ...Object.fromEntries(names.map((name, i) => [gradient + name, gradients[i]!])),
    };
  };
}

/** A scalar whose gradient for the parameters is the loss's, by the chain rule: Σ representation · its gradient (§3.2, "step 3"). */
function carried(found: Readonly<Record<string, Tensor>>, gradients: Readonly<Record<string, Tensor>>): Tensor {
  return Object.entries(found)
    .map(([name, x]) => x.mul(gradients[name]!).sum())
    .reduce((a, b) => a.add(b));
}

/** Last phase for all chunks but one: gradients are gathered. */
function gatherFunction(loss: TwoPhaseLoss, recipe: Recipe): ModelFunction {
  return (s, inputs) => {
    const [gradients, batch] = split(inputs, gradient);
    accumulate(s, carried(loss.encode(half(s, recipe), batch), gradients));
    return {};
  };
}

/** Last phase for the last chunk: its gradients with the gathered ones make the step. */
function stepFunction(task: Task, loss: TwoPhaseLoss, recipe: Recipe): ModelFunction {
  const optimizer = optimizerOf(recipe, task.limits);
  return (s, { [learningRate]: lr, ...inputs }) => {
    const [gradients, batch] = split(inputs, gradient);
    const model = adapted(s, recipe);
    const found = loss.encode(model, batch);
    loss.loss(model, found, batch); // asks for the loss's own parameters, whose gradients are gathered; nothing of it is computed
    s.trace.checks.run();
    const reported = minimize(s, carried(found, gradients), optimizer, { lr: lr!, gathered: true });
    return { 'train/grad_norm': reported['grad_norm']! };
  };
}

/** Rows `from` to `to` of arrays that have the samples on their first axis: views, not copies. */
function rows(arrays: Arrays, from: number, to: number): Record<string, NdArray> {
  const cut = ([name, a]: [string, NdArray]): [string, NdArray] => {
    const each = sizeOf(a.shape.slice(1));
    const data = a.data.subarray(from * each, to * each) as typeof a.data;
    return [name, { ...a, shape: [to - from, ...a.shape.slice(1)], data } as NdArray];
  };
  return Object.fromEntries(Object.entries(arrays).map(cut));
}

/** Runs `call` on the chunks of `samples`; the last may be smaller. */
async function eachChunk(
  samples: number,
  chunk: number,
  call: (from: number, to: number, index: number) => Promise<void>,
): Promise<void> {
  for (let [at, i] = [0, 0]; at < samples; at += chunk, i++) await call(at, Math.min(samples, at + chunk), i);
}

/** Representations of a whole batch, encoded a chunk at a time, named as inputs of the loss; with its own inputs. */
export async function encodeInChunks(
  encode: (inputs: Arrays, chunk: number) => Promise<Arrays>,
  batch: Batch,
  o: {
    readonly chunk: number;
    readonly inputs: readonly string[] | undefined;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Record<string, NdArray>> {
  const whole: Record<string, NdArray> = {};
  await eachChunk(batch.samples, o.chunk, async (from, to, i) => {
    throwIfAborted(o.signal);
    for (const [name, part] of Object.entries(await encode(rows(batch.inputs, from, to), i))) {
      const shape = [batch.samples, ...part.shape.slice(1)];
      whole[name] ??= { dtype: part.dtype, shape, data: makeArray(part.dtype, sizeOf(shape)) } as NdArray;
      (rows({ part: whole[name] }, from, to)['part']!.data as Float32Array).set(part.data as Float32Array);
    }
  });
  for (const name of o.inputs ?? []) whole[name] = batch.inputs[name]!;
  return whole;
}

type Programs = Readonly<Record<'encode' | 'judge' | 'gather' | 'step', { fn: ModelFunction; program: Compiled }>>;

function programsOf(task: Task, loss: TwoPhaseLoss, recipe: Recipe, o: CompileOptions): Programs {
  const part = (fn: ModelFunction): Programs['encode'] => ({ fn, program: compile(fn, o) });
  return {
    encode: part(encodeFunction(loss, recipe)),
    judge: part(judgeFunction(loss, recipe)),
    gather: part(gatherFunction(loss, recipe)),
    step: part(stepFunction(task, loss, recipe)),
  };
}

/** Compiles the phases of a step. Errors: as {@link twoPhaseOf}. */
export function createTwoPhaseStepper(
  task: Task,
  recipe: Recipe,
  o: CompileOptions & { readonly store: Store },
): Stepper {
  const loss = twoPhaseOf(task, recipe);
  const options = { ...o, dtype: recipe.precision, training: true };
  const programs = programsOf(task, loss, recipe, options);
  const chunk = recipe.chunk ?? recipe.batchSize;
  const lr: NdArray = { dtype: recipe.precision, shape: [], data: makeArray(recipe.precision, 1) };
  const noise = new Rng(recipe.seed).split('noise');
  return {
    prepare: async ({ inputs, samples }) => {
      const parts = rows(inputs, 0, Math.min(chunk, samples));
      const found = await programs.encode.program.run(parts, { rng: noise }); // for its shapes
      const gradients = prefixed(gradient, split(found, representation)[0]);
      const { session } = await programs.step.program.program({ ...parts, ...gradients, [learningRate]: lr });
      return { device: session.device, threads: session.threads };
    },
    run: async (step, batches, { lr: rate, signal }) => {
      const started = performance.now();
      lr.data[0] = rate;
      const batch = await batches.next();
      const loading = (performance.now() - started) / 1000;
      if (!batch) throw new BowError('data', 'the source of batches ended in the middle of the training');
      const metrics = await oneStep({ programs, loss, options, chunk, lr, noise }, batch, { step, signal });
      const { samples, epoch } = batch;
      return { metrics, samples, epoch, seconds: (performance.now() - started) / 1000, loading };
    },
    close: async () => {
      for (const { program } of Object.values(programs)) await program.close();
    },
  };
}

type Making = {
  readonly programs: Programs;
  readonly loss: TwoPhaseLoss;
  readonly options: CompileOptions & { readonly store: Store };
  readonly chunk: number;
  readonly lr: NdArray;
  readonly noise: Rng;
};

async function oneStep(
  m: Making,
  batch: Batch,
  o: { readonly step: number; readonly signal: AbortSignal | undefined },
): Promise<Record<string, number>> {
  const { programs, loss, chunk } = m;
  clearSums(m.options.store);
  const rngOf = (i: number): Rng => m.noise.split(`${o.step}/${i}`); // the same for both times that a chunk is encoded
  const tried: Attempt[] = [];
  const call = async (which: keyof Programs, inputs: Arrays, rng: Rng): Promise<Record<string, NdArray>> => {
    tried.push({ fn: programs[which].fn, inputs, rng });
    return await programs[which].program.run(inputs, { rng });
  };
  const found = await encodeInChunks((inputs, i) => call('encode', inputs, rngOf(i)), batch, {
    chunk,
    inputs: loss.inputs,
    signal: o.signal,
  });
  const [gradients, others] = split(await call('judge', found, m.noise.split(`${o.step}/loss`)), gradient);
  const metrics = figures(others);
  const at = (norm?: number): Parameters<typeof notFinite>[2] => ({
    step: o.step + 1,
    loss: metrics['train/loss']!,
    norm,
  });
  if (!Number.isFinite(metrics['train/loss'])) throw await notFinite(tried, m.options, at());
  await eachChunk(batch.samples, chunk, async (from, to, i) => {
    throwIfAborted(o.signal);
    const inputs = { ...rows(batch.inputs, from, to), ...prefixed(gradient, rows(gradients, from, to)) };
    if (to < batch.samples) return void (await call('gather', inputs, rngOf(i)));
    const withRate = { ...inputs, [learningRate]: m.lr };
    Object.assign(metrics, figures(await call('step', withRate, rngOf(i))));
    if (Number.isFinite(metrics['train/grad_norm'])) return;
    (await programs.step.program.program(withRate)).revert();
    throw await notFinite(tried, m.options, at(metrics['train/grad_norm']!));
  });
  return metrics;
}

/** What an earlier step gathered is forgotten. */
function clearSums(store: Store): void {
  for (const [path, { data }] of store.entries('state')) if (path.startsWith(SUMS)) (data as Float32Array).fill(0);
}
