/** A run's state as a checkpoint, and back: a resumed run starts from exactly the tensors and counters of the step it stopped at. */
import { z } from 'zod';
import { BowError } from '../base/index.ts';
import { type NdArray, Store } from '../engine/index.ts';
import type { WritableTensor } from '../hub/node/index.ts';
import type { Checkpoint, CheckpointContent } from './checkpoint-folder.ts';
import { showModel } from './evaluation.ts';
import { differences, type JsonTree } from './json-tree.ts';
import type { Recipe } from './recipe-schema.ts';
import { isTransient } from './step.ts';

const progressSchema = z.object({
  /** Optimiser steps done. */
  step: z.int().nonnegative(),
  /** Step of the last evaluation; −1 before the first. */
  evaluated: z.int(),
  best: z.object({ metric: z.string(), value: z.number(), step: z.int() }).nullable(),
  /** Evaluations since the best. */
  stale: z.int().nonnegative(),
  /** Seconds of training so far, over all processes that took part. */
  seconds: z.number(),
  threads: z.int().positive(),
  /** Figures of the last evaluation, those that are finite. */
  metrics: z.record(z.string(), z.number()),
});

/** Where a run stands. */
export type RunProgress = z.output<typeof progressSchema>;

const raw = 'raw/';
const average = 'ema/';

/** The tensors of a checkpoint. With a moving average the model is the average, and the weights that go on being trained are state. */
export function tensorsOf(store: Store): Pick<CheckpointContent, 'model' | 'state'> {
  const model = new Map<string, WritableTensor>();
  const state = new Map<string, WritableTensor>();
  for (const [path, array] of showModel(store, new Store()).entries()) model.set(path, array as WritableTensor);
  for (const [path, array, kind] of store.entries()) {
    const averaged = kind === 'param' && store.has(average + path);
    if (averaged) state.set(raw + path, array as WritableTensor);
    else if (kind === 'state' && !isTransient(path) && !isAverageOf(store, path))
      state.set(path, array as WritableTensor);
  }
  return { model, state };
}

/** True for a moving average that is saved as the model. */
function isAverageOf(store: Store, path: string): boolean {
  return path.startsWith(average) && store.has(path.slice(average.length));
}

/** Progress as the strings that a safetensors header takes. */
export function progressMetadata(progress: RunProgress): Record<string, string> {
  return { progress: JSON.stringify(progress) };
}

/** Puts a checkpoint's tensors into a store and returns where the run stood and the names that were read. */
export async function restore(
  checkpoint: Checkpoint,
  store: Store,
): Promise<{ progress: RunProgress; names: ReadonlySet<string> }> {
  const { state, folder, model } = checkpoint;
  if (!state) {
    throw new BowError('checkpoint', 'this checkpoint has no training state, so its run cannot be resumed', {
      place: folder,
      hint: 'start a new run from its weights instead',
    });
  }
  const progress = parseProgress(state.metadata['progress'], state.place);
  const names = new Set<string>();
  const put = (path: string, array: NdArray, kind: 'param' | 'state'): void => {
    store.set(path, array, kind);
    names.add(path);
  };
  for (const name of model.names) {
    const averaged = state.has(raw + name);
    put(averaged ? average + name : name, (await model.read(name)) as NdArray, averaged ? 'state' : 'param');
  }
  for (const name of state.names) {
    const isRaw = name.startsWith(raw);
    put(isRaw ? name.slice(raw.length) : name, (await state.read(name)) as NdArray, isRaw ? 'param' : 'state');
  }
  return { progress, names };
}

function parseProgress(text: string | undefined, place: string): RunProgress {
  try {
    return progressSchema.parse(JSON.parse(text ?? ''));
  } catch (e) {
    throw new BowError('checkpoint', 'the training state does not say where the run stood', { place, cause: e });
  }
}

/** Keys that a resumed run may change: how long, how often looked at, how reported; none of them changes a step that was made. */
const free = /^(steps|epochs|evaluateEvery|checkpointEvery|keepCheckpoints|prefetch|threads|log(\..*)?|select(\..*)?)$/;

/** Throws `config` when a run is resumed with a recipe that would have made other steps. */
export function checkSameRun(before: JsonTree, now: Recipe, place: string): void {
  const changed = differences(before, JSON.parse(JSON.stringify(now)) as JsonTree).filter((path) => !free.test(path));
  if (changed.length === 0) return;
  throw new BowError('config', 'a run is resumed with the recipe it was started with', {
    place: changed[0]!,
    detail: { changed, run: place },
    hint: 'leave the changed keys as they were, or start a new run in another folder',
  });
}
