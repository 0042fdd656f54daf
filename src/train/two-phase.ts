/**
 * Steps on batches that are larger than what fits into memory, for losses that compare all samples of a batch (Gao et al. 2021, *Scaling Deep
 * Contrastive Learning Batch Size under Memory Limited Setup*, arXiv:2101.06983, §3.2). Averaging the gradients of small batches is another
 * loss; this is the same one: the samples are encoded a chunk at a time without gradients, the loss of all representations gives the gradient
 * of each, and every chunk is encoded once more to carry it on to the parameters. At most one chunk's intermediates are alive.
 * (One algorithm with all its phases: longer than a file should be.)
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
  pickCompileOptions,
  type Scope,
  type Store,
  sizeOf,
  type Tensor,
} from '../engine/index.ts';
import { accumulate, minimize, SUMS } from '../nn/index.ts';
import { adapted } from './adapt.ts';
import type { Batch } from './batches.ts';
import { inputsOf, reportOf } from './objectives.ts';
import { learningRate, optimizerOf, rateInputs } from './optimizer.ts';
import type { Recipe } from './recipe-schema.ts';
import { scalarInputs } from './scalars.ts';
import { type Census, counters, recordForward, stepContext } from './step-context.ts';
import {
  type Attempt,
  notFinite,
  type Passes,
  type StepOptions,
  type StepperOptions,
  scalarsOf,
} from './step-parts.ts';
import type { Inputs, StepContext, Trainable, TwoPhaseLoss } from './trainable.ts';

type Arrays = Readonly<Record<string, NdArray>>;

const [representation, gradient] = ['representation/', 'gradient/'];

/** The halves of a trainable's one loss, with its name. Error `config` when it has none, or when the chunks do not fill the batch. */
export function twoPhaseOf(
  trainable: Trainable,
  recipe: Pick<Recipe, 'chunk' | 'batchSize' | 'accumulate'>,
): { readonly name: string; readonly halves: TwoPhaseLoss } {
  const { chunk, batchSize, accumulate: k } = recipe;
  const refuse = (what: string, hint: string): BowError => new BowError('config', what, { place: 'chunk', hint });
  const names = Object.keys(trainable.objectives);
  if (names.length !== 1)
    throw refuse(`chunks are for one objective, "${trainable.id}" has ${names.join(', ')}`, 'leave chunk out');
  const name = names[0]!;
  const halves = trainable.objectives[name]!.twoPhase;
  if (!halves)
    throw refuse(`the loss "${name}" of "${trainable.id}" is a mean over samples`, 'accumulate gives it large batches');
  if (chunk !== null && batchSize % chunk !== 0)
    throw refuse(`chunks of ${chunk} do not fill a batch of ${batchSize}`, 'take a divisor of batchSize');
  if (k > 1)
    throw refuse('chunk and accumulate exclude each other', 'set accumulate to 1 and batchSize as large as wanted');
  return { name, halves };
}

/** What the graphs of a loss in two halves have in common. `recipe`: adapts the scope, where that is not done yet. */
export type HalvesTracing = {
  readonly trainable: Trainable;
  readonly halves: TwoPhaseLoss;
  readonly recipe?: Recipe;
  readonly census?: Census;
};

/** The context of a half, whose batch are the inputs that no prefix marks. */
function contextOf(t: HalvesTracing, model: Scope, batch: Inputs, inputs: Inputs): StepContext {
  return stepContext(t.trainable, model, { batch, inputs, ...(t.census ? { census: t.census } : {}) });
}

/** A half of a model: rules of the recipe may be about the other half, so what they match is checked where both are traced. */
function half(s: Scope, recipe: Recipe | undefined): Scope {
  const model = recipe ? adapted(s, recipe) : s;
  s.trace.checks.take();
  return model;
}

/** What is named with `prefix`, without it, and the others. */
function divided<T>(record: Readonly<Record<string, T>>, prefix: string): [Record<string, T>, Record<string, T>] {
  const [inner, rest]: [Record<string, T>, Record<string, T>] = [{}, {}];
  for (const [name, x] of Object.entries(record))
    if (name.startsWith(prefix)) inner[name.slice(prefix.length)] = x;
    else rest[name] = x;
  return [inner, rest];
}

/** Inputs with `prefix`, without it, and those of the batch: the others but for what the trainer feeds. */
function split(inputs: Inputs, prefix: string): [Inputs, Inputs] {
  const [inner, rest] = divided(inputs, prefix);
  return [inner, inputsOf(rest, '')];
}

const prefixed = <T>(prefix: string, record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([name, x]) => [prefix + name, x]));

/**
 * First phase: representations of a chunk, from a scope that the recipe (when given) is still to adapt. Error `config` for a model that remembers
 * something of a batch, as batch norm does: then a sample's representation depends on its neighbours, and those of a chunk are not the batch's.
 */
export function encodeFunction(t: HalvesTracing): ModelFunction {
  return (s, inputs) => {
    const model = half(s, t.recipe);
    const batch = inputsOf(inputs, '');
    const found = t.halves.encode(model, batch, contextOf(t, model, batch, inputs));
    if (t.census) recordForward(s, t.census);
    const [remembered] = s.trace.updates.keys();
    if (remembered !== undefined)
      throw new BowError('config', `chunks do not fit this model: "${remembered}" is taken from the whole batch`, {
        place: 'chunk',
        hint: 'leave chunk out, or take a model without batch norm',
      });
    return prefixed(representation, found);
  };
}

/** Loss and metrics of all representations, as they are reported in evaluations. */
export function lossFunction(t: HalvesTracing, name: string): ModelFunction {
  return (s, inputs) => {
    const model = half(s, undefined);
    const [found, batch] = split(inputs, representation);
    const terms = t.halves.loss(model, found, batch, contextOf(t, model, batch, inputs));
    return reportOf(t.trainable, new Map([[name, terms]]), 'eval/');
  };
}

/** Second phase: the loss, its gradient for every representation, and for parameters of the loss itself, such as a temperature. */
function lossGradientFunction(t: HalvesTracing, name: string): ModelFunction {
  return (s, inputs) => {
    const [found, batch] = split(inputs, representation);
    const model = half(s, t.recipe);
    const terms = t.halves.loss(model, found, batch, contextOf(t, model, batch, inputs));
    if (t.census) recordForward(s, t.census);
    accumulate(s, terms.loss);
    const names = Object.keys(found);
    const gradients = grad(
      terms.loss,
      names.map((key) => found[key]!),
    );
    return {
      ...reportOf(t.trainable, new Map([[name, terms]]), 'train/'),
      ...Object.fromEntries(names.map((key, i) => [gradient + key, gradients[i]!])),
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
function gatherFunction(t: HalvesTracing): ModelFunction {
  return (s, inputs) => {
    const [gradients, batch] = split(inputs, gradient);
    const model = half(s, t.recipe);
    accumulate(s, carried(t.halves.encode(model, batch, contextOf(t, model, batch, inputs)), gradients));
    return {};
  };
}

/** Last phase for the last chunk: its gradients with the gathered ones make the step. */
function stepFunction(t: HalvesTracing, recipe: Recipe): ModelFunction {
  return (s, inputs) => {
    const [gradients, batch] = split(inputs, gradient);
    const model = adapted(s, recipe, t.trainable);
    const context = contextOf(t, model, batch, inputs);
    const found = t.halves.encode(model, batch, context);
    t.halves.loss(model, found, batch, context); // asks for the loss's own parameters, whose gradients are gathered; nothing of it is computed
    s.trace.updates.clear(); // what the loss remembers was updated from the whole batch
    s.trace.checks.run();
    const optimizer = optimizerOf(recipe, t.trainable.limits, inputs);
    const reported = minimize(s, carried(found, gradients), optimizer, { lr: inputs[learningRate]!, gathered: true });
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

type Programs = Readonly<Record<'encode' | 'loss' | 'gather' | 'step', { fn: ModelFunction; program: Compiled }>>;

function programsOf(t: HalvesTracing & { readonly recipe: Recipe }, name: string, o: CompileOptions): Programs {
  const part = (fn: ModelFunction): Programs['encode'] => ({ fn, program: compile(fn, pickCompileOptions(o)) });
  return {
    encode: part(encodeFunction(t)),
    loss: part(lossGradientFunction(t, name)),
    gather: part(gatherFunction(t)),
    step: part(stepFunction(t, t.recipe)),
  };
}

/** Compiles the phases of a step. Errors: as {@link twoPhaseOf}. */
export function twoPhasePasses(
  trainable: Trainable,
  recipe: Recipe,
  o: StepperOptions & CompileOptions,
  census: Census,
): Passes {
  const { name, halves } = twoPhaseOf(trainable, recipe);
  const programs = programsOf({ trainable, halves, recipe, census }, name, o);
  const chunk = recipe.chunk ?? recipe.batchSize;
  const scalars = scalarInputs(recipe.precision);
  const noise = new Rng(recipe.seed).split('noise');
  const feed = o.plan.feeds[0]!.name;
  const making: Making = { programs, halves, options: o, chunk, scalars, noise };
  return {
    early: () => census.updates,
    prepare: async (first) => {
      const batch = first.get(feed)!;
      const count = scalars(counters(0, o.steps));
      const parts = rows(batch.inputs, 0, Math.min(chunk, batch.samples));
      const found = await programs.encode.program.run({ ...parts, ...count }, { rng: noise }); // for its shapes
      const gradients = prefixed(gradient, divided(found, representation)[0]);
      const rates = scalars(Object.fromEntries(rateInputs(recipe).map((input) => [input, 0])));
      const { session } = await programs.step.program.program({ ...parts, ...gradients, ...count, ...rates });
      const whole = Object.entries(found).map(([key, x]): [string, NdArray] => [
        key,
        { ...x, shape: [batch.samples, ...x.shape.slice(1)] } as NdArray,
      ]);
      await programs.loss.program.program({ ...Object.fromEntries(whole), ...named(batch, halves.inputs), ...count });
      return { device: session.device, threads: session.threads };
    },
    run: async (step, batches, so) => {
      const started = performance.now();
      const batch = await batches.get(feed)!.next();
      const loading = (performance.now() - started) / 1000;
      if (!batch) throw new BowError('data', 'the source of batches ended in the middle of the training');
      const metrics = await oneStep(making, batch, { ...so, step });
      const { samples, epoch } = batch;
      return { metrics, samples, epoch, seconds: (performance.now() - started) / 1000, loading };
    },
    close: async () => {
      for (const { program } of Object.values(programs)) await program.close();
    },
  };
}

/** The inputs of a batch that the loss looks at itself. */
function named(batch: Batch, inputs: readonly string[] = []): Record<string, NdArray> {
  return Object.fromEntries(inputs.map((input) => [input, batch.inputs[input]!]));
}

type Making = {
  readonly programs: Programs;
  readonly halves: TwoPhaseLoss;
  readonly options: StepperOptions & CompileOptions;
  readonly chunk: number;
  readonly scalars: ReturnType<typeof scalarInputs>;
  readonly noise: Rng;
};

async function oneStep(
  m: Making,
  batch: Batch,
  o: StepOptions & { readonly step: number },
): Promise<Record<string, number>> {
  const { programs, halves, chunk } = m;
  clearSums(m.options.store);
  const rngOf = (i: number): Rng => m.noise.split(`${o.step}/${i}`); // the same for both times that a chunk is encoded
  const tried: Attempt[] = [];
  const count = m.scalars(counters(o.step, m.options.steps));
  const call = async (which: keyof Programs, own: Arrays, rng: Rng): Promise<Record<string, NdArray>> => {
    const inputs = { ...own, ...count };
    tried.push({ fn: programs[which].fn, inputs, rng });
    return await programs[which].program.run(inputs, { rng });
  };
  const found = await encodeInChunks((inputs, i) => call('encode', inputs, rngOf(i)), batch, {
    chunk,
    inputs: halves.inputs,
    signal: o.signal,
  });
  const [gradients, reported] = divided(await call('loss', found, m.noise.split(`${o.step}/loss`)), gradient);
  const metrics = scalarsOf(reported);
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
    const withRates = { ...inputs, ...m.scalars(o.rates) };
    Object.assign(metrics, scalarsOf(await call('step', withRates, rngOf(i))));
    if (Number.isFinite(metrics['train/grad_norm'])) return;
    (await programs.step.program.program({ ...withRates, ...count })).revert();
    throw await notFinite(tried, m.options, at(metrics['train/grad_norm']!));
  });
  return metrics;
}

/** What an earlier step gathered is forgotten. */
function clearSums(store: Store): void {
  for (const [path, { data }] of store.entries('state')) if (path.startsWith(SUMS)) (data as Float32Array).fill(0);
}
