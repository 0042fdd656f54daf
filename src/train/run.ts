/** Everything that belongs to one run, opened and closed together: its storage, its weights, its programs, its batches, its logs. */
import { BowError, type OnProgress } from '../base/index.ts';
import { type Device, Store, sizeOf } from '../engine/index.ts';
import type { Batch } from './batches.ts';
import type { TrainControl } from './control.ts';
import { createEvaluator, type Evaluator } from './evaluation.ts';
import type { TrainEvent } from './events.ts';
import type { JsonTree } from './json-tree.ts';
import { type Rates, ratesOf } from './optimizer.ts';
import { type Prefetched, prefetch } from './prefetch.ts';
import type { Recipe } from './recipe-schema.ts';
import { checkSameData, checkSameRun, type RunProgress, restore } from './run-state.ts';
import { selectionRule } from './select.ts';
import { createStepper, isTransient } from './step.ts';
import type { Batches, Stepper } from './step-parts.ts';
import { type Feed, planOf, type StepPlan } from './step-plan.ts';
import type { OpenStorage, RunLog, RunStorage } from './storage.ts';
import type { Trainable } from './trainable.ts';

/** Options of `train`. */
export type TrainOptions = {
  /** Where checkpoints and logs go; without it nothing is written. */
  readonly storage?: RunStorage;
  /** Go on with the run that is stored, or start one when there is none yet. Without it a storage that holds a run is refused. */
  readonly resume?: boolean;
  /** Initial weights by path, from a published checkpoint for instance; what is missing is initialised from the recipe's seed. */
  readonly store?: Store;
  readonly device?: Device;
  /** When it fires the run writes a checkpoint and throws `aborted`. */
  readonly signal?: AbortSignal;
  readonly control?: TrainControl;
  readonly onEvent?: (event: TrainEvent) => void;
  readonly onProgress?: OnProgress;
};

/** An open run. */
export type Run = {
  readonly trainable: Trainable;
  readonly plan: StepPlan;
  readonly recipe: Recipe;
  readonly o: TrainOptions;
  /** Length in optimiser steps. */
  readonly steps: number;
  /** What a step is fed beside its data. */
  readonly rates: (step: number) => Rates;
  readonly store: Store;
  readonly stepper: Stepper;
  readonly batches: Batches;
  readonly evaluator: Evaluator;
  readonly writer: OpenStorage | undefined;
  readonly log: RunLog;
  readonly parameters: number;
  readonly device: string;
  readonly emit: (event: TrainEvent) => void;
  /** Seconds of the run so far. */
  readonly seconds: () => number;
  readonly close: () => Promise<void>;
  progress: RunProgress;
  /** Step of the last checkpoint; −1 for none. */
  written: number;
  /** The last evaluation was the best and its checkpoint is not written yet. */
  isBest: boolean;
};

/** Opens a run, new or resumed, compiles its step and says so. */
export async function openRun(trainable: Trainable, recipe: Recipe, o: TrainOptions): Promise<Run> {
  if (recipe.system !== trainable.id) {
    throw new BowError('config', `the recipe is for "${recipe.system}", the model is "${trainable.id}"`, {
      place: 'system',
    });
  }
  const plan = planOf(trainable, recipe);
  const steps = stepsOf(plan, recipe);
  selectionRule(recipe, trainable); // reported now, not at the first evaluation
  const closers: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (let c = closers.pop(); c; c = closers.pop()) await c();
  };
  try {
    return await openParts(trainable, recipe, o, { steps, plan, closers, close });
  } catch (e) {
    await close();
    throw e;
  }
}

type Opening = {
  readonly steps: number;
  readonly plan: StepPlan;
  readonly closers: (() => Promise<void> | void)[];
  readonly close: () => Promise<void>;
};

async function openParts(trainable: Trainable, recipe: Recipe, o: TrainOptions, c: Opening): Promise<Run> {
  const started = performance.now();
  const keeping = <T extends { close(): Promise<void> | void }>(part: T): T => {
    c.closers.push(() => part.close());
    return part;
  };
  const { storage } = o;
  const { steps, plan } = c;
  const writer = storage ? keeping(await storage.open({ keep: recipe.keepCheckpoints })) : undefined;
  const store = o.store ?? new Store(recipe.seed);
  const before = storage ? await restored(trainable, recipe, storage, { resume: o.resume ?? false, store }) : undefined;
  const threads = recipe.threads ?? before?.progress.threads;
  const session = { device: o.device ?? ('auto' as const), ...(threads === undefined ? {} : { threads }) };
  const stepper = keeping(createStepper(trainable, recipe, { ...session, store, plan, steps }));
  const evaluator = keeping(createEvaluator(trainable, recipe, store, { ...session, steps }));
  const batches = new Map<string, Prefetched<Batch>>();
  for (const feed of plan.feeds) {
    const position = plan.stepsOf(feed, before?.progress.step ?? 0) * recipe.accumulate;
    batches.set(feed.name, keeping(openBatches(feed, recipe, position, o.signal)));
  }
  const first = await firstBatches(batches, trainable.id);
  const used = await stepper.prepare(first);
  for (const [path, spec] of trainable.parameters ?? [])
    if (!store.has(path)) store.ensure({ ...spec, dtype: recipe.precision });
  if (before) checkComplete(store, before.names, storage!.place);
  const progress = before?.progress ?? newProgress(used.threads);
  const log = writer ? keeping(await writer.openLog(recipe, progress.step)) : noLog;
  const [parameters, secondsBefore] = [countParameters(store), progress.seconds];
  const run: Run = {
    ...{ trainable, plan, recipe, o, steps, store, stepper, batches, evaluator, writer, log, parameters, progress },
    rates: ratesOf(recipe, steps),
    device: used.device,
    emit: (event) => o.onEvent?.(event),
    seconds: () => secondsBefore + (performance.now() - started) / 1000,
    close: c.close,
    written: before ? progress.step : -1,
    isBest: false,
  };
  const { system, variant } = recipe;
  const resumed = before !== undefined;
  run.emit({ type: 'run-start', step: progress.step, steps, system, variant, parameters, ...used, resumed });
  return run;
}

const noLog: RunLog = { write: () => {}, close: () => {} };

/** Length of the run in optimiser steps. */
function stepsOf(plan: StepPlan, recipe: Recipe): number {
  if (recipe.steps !== undefined) return recipe.steps;
  const feed = plan.feeds[0]!; // passes are those over the data of the first objective
  const { size } = feed.source;
  if (size === undefined) {
    throw new BowError('config', 'this data has no end, so its passes cannot be counted', {
      place: 'epochs',
      hint: 'give the length of the run in steps',
    });
  }
  const batches = (recipe.epochs ?? 1) * Math.floor(size / recipe.batchSize);
  return Math.max(1, Math.floor(batches / recipe.accumulate / plan.share(feed)));
}

/**
 * True when there is a run to go on with. Errors: `usage` when there is one and it is not to be resumed, `config` when it was started with another
 * recipe; so that both are reported before the data is made.
 */
export async function holdsRun(storage: RunStorage, recipe: Recipe, o: { readonly resume: boolean }): Promise<boolean> {
  const checkpoint = await storage.last();
  if (!checkpoint) return false;
  try {
    if (!o.resume) {
      throw new BowError('usage', 'a run is stored here already', {
        place: storage.place,
        hint: 'resume it (--resume), or choose another folder',
      });
    }
    checkSameRun((checkpoint.recipe ?? {}) as JsonTree, recipe, storage.place);
    return true;
  } finally {
    await checkpoint.close();
  }
}

/** Reads the last stored checkpoint into the store; undefined when there is none. */
async function restored(
  trainable: Trainable,
  recipe: Recipe,
  storage: RunStorage,
  { resume, store }: { readonly resume: boolean; readonly store: Store },
): Promise<Awaited<ReturnType<typeof restore>> | undefined> {
  if (!(await holdsRun(storage, recipe, { resume }))) return undefined;
  const checkpoint = await storage.last();
  if (!checkpoint) return undefined;
  try {
    checkSameData(checkpoint, trainable.fingerprint);
    return await restore(checkpoint, store, trainable);
  } finally {
    await checkpoint.close();
  }
}

function openBatches(
  { source, seed }: Feed,
  { batchSize, prefetch: ahead }: Recipe,
  position: number,
  signal: AbortSignal | undefined,
): Prefetched<Batch> {
  const slots = ahead + 1; // one in use, the others ready or being filled
  return prefetch((s) => source.open({ seed, position, batchSize, mode: 'train', slots, signal: s }), ahead, {
    signal,
  });
}

/** A look at the first batch of every feed: their shapes decide the graphs. */
async function firstBatches(batches: Batches, place: string): Promise<Map<string, Batch>> {
  const first = new Map<string, Batch>();
  for (const [name, feed] of batches) {
    const batch = await feed.peek();
    if (!batch) throw new BowError('data', 'the source has no batches', { place: batches.size === 1 ? place : name });
    first.set(name, batch);
  }
  return first;
}

/** A resumed run must find every tensor in its checkpoint: a silently initialised one would be another run. */
function checkComplete(store: Store, names: ReadonlySet<string>, place: string): void {
  for (const [path] of store.entries()) {
    if (names.has(path) || isTransient(path)) continue;
    throw new BowError('checkpoint', `the checkpoint lacks "${path}", which this run needs`, { place });
  }
}

function newProgress(threads: number): RunProgress {
  return { step: 0, evaluated: -1, best: null, stale: 0, seconds: 0, threads, metrics: {} };
}

function countParameters(store: Store): number {
  return [...store.entries('param', 'buffer')].reduce((n, [, { shape }]) => n + sizeOf(shape), 0);
}
