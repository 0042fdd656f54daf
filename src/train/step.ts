/**
 * The training step as one graph: objectives, gradients, optimiser. With `accumulate` there are two: one that adds a micro-batch's gradients to what
 * has been gathered, and one that takes the last micro-batch and makes the step. Steps with different sets of objectives have graphs of their
 * own. With `chunk`, see two-phase.ts.
 */
import { BowError, Rng, throwIfAborted } from '../base/index.ts';
import {
  type Compiled,
  type CompileOptions,
  compile,
  type ModelFunction,
  type NdArray,
  pickCompileOptions,
  type Scope,
  trace,
} from '../engine/index.ts';
import { accumulate, minimize, SUMS } from '../nn/index.ts';
import { adapted } from './adapt.ts';
import type { Batch } from './batches.ts';
import { reportOf, totalLoss, traceObjectives } from './objectives.ts';
import { learningRate, optimizerOf, rateInputs } from './optimizer.ts';
import type { Recipe } from './recipe-schema.ts';
import { scalarInputs } from './scalars.ts';
import { type Census, counters, newCensus, own, recordForward } from './step-context.ts';
import {
  type Batches,
  notFinite,
  type Passes,
  type StepOptions,
  type Stepper,
  type StepperOptions,
  type StepResult,
  scalarsOf,
  stateGuard,
} from './step-parts.ts';
import { feedsOf } from './step-plan.ts';
import { createTeacherMover, type TeacherMover } from './teacher.ts';
import type { Inputs, Trainable } from './trainable.ts';
import { twoPhasePasses } from './two-phase.ts';

const keepInput = `${own}keep`;

/** True for what lives within one step only and is never saved: gradients gathered so far. */
export function isTransient(path: string): boolean {
  return path.startsWith(SUMS);
}

/** Compiles the steps of a trainable: passes, the teacher's move, and the state from before for steps that are not finished. */
export function createStepper(trainable: Trainable, recipe: Recipe, o: StepperOptions): Stepper {
  const census = newCensus();
  const options = { ...o, dtype: recipe.precision, training: true };
  const passes = (recipe.chunk === null ? onePhasePasses : twoPhasePasses)(trainable, recipe, options, census);
  const guard = stateGuard(o.store, passes.early);
  let mover: TeacherMover | undefined;
  const { teacher } = trainable;
  return {
    prepare: async (first) => {
      if (recipe.chunk === null && (o.plan.sets.length > 1 || teacher))
        survey(trainable, recipe, options, census, first);
      const where = await passes.prepare(first);
      if (teacher) mover = createTeacherMover(teacher, census, options);
      return where;
    },
    run: async (step, batches, so) => {
      guard.begin();
      let result: StepResult;
      try {
        if (teacher?.update === 'before') await mover?.move(step);
        result = await passes.run(step, batches, so);
      } catch (e) {
        guard.restore();
        await mover?.revert();
        throw e;
      }
      if (teacher?.update === 'after') await mover?.move(step);
      return result;
    },
    close: async () => {
      await passes.close();
      await mover?.close();
    },
  };
}

/**
 * Traces all objectives once, where no single program does: rules by pattern are checked against the whole model, and a teacher starts as a copy of
 * all its student's parts.
 */
function survey(
  trainable: Trainable,
  recipe: Recipe,
  o: StepperOptions,
  census: Census,
  first: ReadonlyMap<string, Batch>,
): void {
  const names = Object.keys(trainable.objectives);
  const scalars = scalarInputs(recipe.precision);
  trace(
    (s, inputs) => {
      forward(trainable, recipe, s, inputs, { names, plan: o.plan, census });
      s.trace.checks.run();
      return {};
    },
    { ...batchInputs(o, names, first), ...scalars(counters(0, o.steps)) },
    o,
  );
  const specs = [...census.specs.values()];
  for (const spec of specs) if (spec.like === undefined) o.store.ensure(spec);
  for (const spec of specs) if (spec.like !== undefined) o.store.ensure(spec);
}

/** The inputs of a step with the given objectives, from a batch of each feed. */
function batchInputs(
  { plan }: Pick<StepperOptions, 'plan'>,
  names: readonly string[],
  batches: ReadonlyMap<string, Batch>,
): Record<string, NdArray> {
  const out: Record<string, NdArray> = {};
  for (const feed of feedsOf(plan, names))
    for (const [name, array] of Object.entries(batches.get(feed.name)!.inputs)) out[feed.prefix + name] = array;
  return out;
}

/** Losses and metrics of a step's objectives, from the scope that the recipe adapts. */
function forward(
  trainable: Trainable,
  recipe: Recipe,
  s: Scope,
  inputs: Inputs,
  o: { readonly names: readonly string[]; readonly plan: StepperOptions['plan']; readonly census: Census },
): ReturnType<typeof traceObjectives> {
  const prefixOf = (name: string): string => o.plan.feeds.find((f) => f.objectives.includes(name))!.prefix;
  const terms = traceObjectives(trainable, adapted(s, recipe, trainable), { ...inputs }, { ...o, prefixOf });
  recordForward(s, o.census);
  return terms;
}

type Part = { readonly fn: ModelFunction; readonly program: Compiled };

function onePhasePasses(
  trainable: Trainable,
  recipe: Recipe,
  o: StepperOptions & CompileOptions,
  census: Census,
): Passes {
  const k = recipe.accumulate;
  const parts = new Map<string, { readonly gather: Part; readonly last: Part }>();
  const partsOf = (names: readonly string[]): { readonly gather: Part; readonly last: Part } => {
    const key = names.join();
    const part = (fn: ModelFunction): Part => ({ fn, program: compile(fn, pickCompileOptions(o)) });
    const made = parts.get(key) ?? {
      gather: part(gatherFunction(trainable, recipe, { names, plan: o.plan, census })),
      last: part(stepFunction(trainable, recipe, { names, plan: o.plan, census })),
    };
    parts.set(key, made);
    return made;
  };
  const scalars = scalarInputs(recipe.precision);
  const noise = new Rng(recipe.seed).split('noise');

  const micro = async (p: Part, inputs: Record<string, NdArray>, step: number, i: number) => {
    const rng = noise.split(`${step}/${i}`);
    const out = scalarsOf(await p.program.run(inputs, { rng }));
    const [loss, norm] = [out['train/loss']!, out['train/grad_norm']]; // the norm is known to the last micro-batch only
    if (Number.isFinite(loss) && Number.isFinite(norm ?? 0)) return out;
    (await p.program.program(inputs)).revert();
    throw await notFinite([{ fn: p.fn, inputs, rng }], o, { step: step + 1, loss, norm });
  };

  return {
    early: () => (k > 1 ? census.updates : []),
    prepare: async (first) => {
      let where = { device: '', threads: 0 };
      for (const names of o.plan.sets) {
        const inputs = { ...batchInputs(o, names, first), ...scalars(counters(0, o.steps)) };
        const { gather, last } = partsOf(names);
        if (k > 1) await gather.program.program({ ...inputs, ...scalars({ [keepInput]: 0 }) });
        const rates = Object.fromEntries(rateInputs(recipe).map((name) => [name, 0]));
        const { session } = await last.program.program({ ...inputs, ...scalars(rates) });
        where = { device: session.device, threads: session.threads };
      }
      return where;
    },
    run: (step, batches, so) => {
      const names = o.plan.activeAt(step);
      const { gather, last } = partsOf(names);
      return accumulated(batches, { names, k, o, so }, (i, taken) => {
        const shared = { ...batchInputs(o, names, taken), ...scalars(counters(step, o.steps)) };
        const part = i < k - 1 ? gather : last;
        const values = part === last ? so.rates : { [keepInput]: i === 0 ? 0 : 1 };
        return micro(part, { ...shared, ...scalars(values) }, step, i);
      });
    },
    close: async () => {
      for (const { gather, last } of parts.values()) {
        await last.program.close();
        await gather.program.close();
      }
    },
  };
}

/** Takes the batches of k micro-batches and calls `run` with each; metrics are means over them, but for the norm, which the last one knows. */
async function accumulated(
  batches: Batches,
  c: { names: readonly string[]; k: number; o: StepperOptions; so: StepOptions },
  run: (i: number, taken: ReadonlyMap<string, Batch>) => Promise<Record<string, number>>,
): Promise<StepResult> {
  const started = performance.now();
  const metrics: Record<string, number> = {};
  let [loading, samples, epoch] = [0, 0, undefined as number | undefined];
  for (let i = 0; i < c.k; i++) {
    if (i > 0) throwIfAborted(c.so.signal);
    const waiting = performance.now();
    const taken = await takeBatches(batches, c.names, c.o);
    loading += performance.now() - waiting;
    for (const [name, value] of Object.entries(await run(i, taken)))
      metrics[name] = (metrics[name] ?? 0) + (name === 'train/grad_norm' ? value : value / c.k);
    for (const batch of taken.values()) samples += batch.samples;
    epoch = taken.values().next().value?.epoch;
  }
  return { metrics, samples, epoch, seconds: (performance.now() - started) / 1000, loading: loading / 1000 };
}

/** A batch of every feed that the objectives need. */
async function takeBatches(
  batches: Batches,
  names: readonly string[],
  { plan }: StepperOptions,
): Promise<Map<string, Batch>> {
  const out = new Map<string, Batch>();
  for (const { name } of feedsOf(plan, names)) {
    const batch = await batches.get(name)!.next();
    if (!batch)
      throw new BowError('data', 'the source of batches ended in the middle of the training', { place: name });
    out.set(name, batch);
  }
  return out;
}

type Traced = { readonly names: readonly string[]; readonly plan: StepperOptions['plan']; readonly census: Census };

/** The loss and what is reported. Rules by pattern are checked here when this graph holds the whole model, by the survey when not. */
function lossOf(
  trainable: Trainable,
  recipe: Recipe,
  s: Scope,
  inputs: Inputs,
  t: Traced,
): { readonly loss: ReturnType<typeof totalLoss>; readonly outputs: Record<string, ReturnType<typeof totalLoss>> } {
  const terms = forward(trainable, recipe, s, inputs, t);
  if (t.plan.sets.length === 1)
    s.trace.checks.run(); // before "nothing to train", which may follow from a rule that matches nothing
  else s.trace.checks.take();
  const loss = totalLoss(trainable, terms);
  return { loss, outputs: { ...reportOf(trainable, terms, 'train/'), 'train/loss': loss } };
}

function gatherFunction(trainable: Trainable, recipe: Recipe, t: Traced): ModelFunction {
  return (s, inputs) => {
    const { loss, outputs } = lossOf(trainable, recipe, s, inputs, t);
    accumulate(s, loss, { keep: inputs[keepInput]! });
    return outputs;
  };
}

function stepFunction(trainable: Trainable, recipe: Recipe, t: Traced): ModelFunction {
  return (s, inputs) => {
    const { loss, outputs } = lossOf(trainable, recipe, s, inputs, t);
    const reported = minimize(s, loss, optimizerOf(recipe, trainable.limits, inputs), {
      lr: inputs[learningRate]!,
      microBatches: recipe.accumulate,
      known: [...modelPaths(t.census), ...(trainable.parameters?.keys() ?? [])], // rules may name what other objectives or stages train
    });
    return { ...outputs, 'train/grad_norm': reported['grad_norm']! };
  };
}

/** Parameters and buffers of the whole model. */
function modelPaths({ specs }: Census): string[] {
  return [...specs.values()].flatMap(({ path, kind }) => (kind === 'state' ? [] : [path]));
}
