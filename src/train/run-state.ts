/** A run's state as a checkpoint, and back: a resumed run starts from exactly the tensors and counters of the step it stopped at. */
import { z } from 'zod';
import { BowError } from '../base/index.ts';
import { type NdArray, Store } from '../engine/index.ts';
import {
  keysOf,
  pathsOf,
  readTensors,
  type Safetensors,
  type TensorData,
  type TensorNames,
  writeTensors,
} from '../hub/index.ts';
import { LORA_FACTORS, mergeLora } from '../nn/index.ts';
import { adapterOf } from './adapter.ts';
import { showModel } from './evaluation.ts';
import { differences, isPlain, type Json, type JsonTree } from './json-tree.ts';
import type { Recipe } from './recipe-schema.ts';
import { isTransient } from './step.ts';
import type { CheckpointContent, StoredCheckpoint } from './storage.ts';
import type { Trainable } from './trainable.ts';

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
  /** Metrics of the last evaluation, those that are finite. */
  metrics: z.record(z.string(), z.number()),
});

/** Where a run stands. */
export type RunProgress = z.output<typeof progressSchema>;

const raw = 'raw/';
const average = 'ema/';

/** What decides how a checkpoint's tensors are laid out. */
export type Layout = Pick<Trainable, 'tensors'> & Pick<Recipe, 'lora'> & Partial<Pick<Recipe, 'from'>>;

/**
 * The tensors of a checkpoint. The model is what is used: moving averages where there are any, LoRA adapters merged into their layers'
 * weights, in the published layout; the adapter alone too, as PEFT reads it. Whatever that does not hold (weights that go on being trained, the adapter's
 * matrices, teachers, queues) is state.
 */
export function tensorsOf(
  store: Store,
  o: Layout = { lora: null },
): Pick<CheckpointContent, 'model' | 'state' | 'adapter'> {
  const view = showModel(store, new Store());
  const plain = o.lora
    ? mergeLora(view, { alpha: o.lora.alpha ?? o.lora.rank })
    : new Map([...view.entries()].map(([path, array]) => [path, array]));
  const published = new Set((o.tensors ?? []).flatMap(pathsOf));
  for (const [path, array] of store.entries('state')) if (published.has(path)) plain.set(path, array);
  const own = [...plain.keys()].flatMap((path): TensorNames => (published.has(path) ? [] : [[path, path]]));
  const model = writeTensors(plain as ReadonlyMap<string, TensorData>, [...(o.tensors ?? []), ...own], {
    partial: true,
  });
  const state = new Map<string, TensorData>();
  for (const [path, array, kind] of store.entries()) {
    const shown = path.startsWith(average) ? path.slice(average.length) : path;
    if (isTransient(path) || plain.get(shown) === array) continue;
    state.set(kind === 'state' ? path : raw + path, array as TensorData);
  }
  const adapter = o.lora ? adapterOf(view, { ...o, lora: o.lora, from: o.from ?? null }) : undefined;
  return { model, state, ...(adapter ? { adapter } : {}) };
}

/** Progress, and what identifies the data, as the strings that a safetensors header takes. */
export function progressMetadata(progress: RunProgress, fingerprint: string | undefined): Record<string, string> {
  return { progress: JSON.stringify(progress), ...(fingerprint === undefined ? {} : { data: fingerprint }) };
}

/** Throws `config` when a run is resumed on other data than it was started on. */
export function checkSameData(checkpoint: StoredCheckpoint, fingerprint: string | undefined): void {
  const before = checkpoint.state?.metadata['data'];
  if (before === undefined || fingerprint === undefined || before === fingerprint) return;
  throw new BowError('config', 'the data is not what the run was started with', {
    place: 'data',
    detail: { run: checkpoint.folder },
    hint: 'put it back as it was, or start a new run (its `from` may be a checkpoint of this one)',
  });
}

/** Puts a checkpoint's tensors into a store and returns where the run stood and the names that were read. */
export async function restore(
  checkpoint: StoredCheckpoint,
  store: Store,
  layout: Pick<Trainable, 'tensors'> = {},
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
  const put = (path: string, array: NdArray, kind?: 'state'): void => {
    store.set(path, array, kind);
    names.add(path);
  };
  const published = (layout.tensors ?? []).filter((name) => keysOf(name).every((key) => model.has(key)));
  const keys = new Set(published.flatMap(keysOf));
  const own = model.names.flatMap((key): TensorNames => (keys.has(key) ? [] : [[key, key]]));
  for (const [path, array] of await readTensors(model, [...published, ...own], { as: 'stored' })) {
    if (isMerged(state, path)) continue;
    const averaged = state.has(raw + path);
    put(averaged ? average + path : path, array as NdArray, averaged ? 'state' : undefined);
  }
  for (const name of state.names) {
    const isRaw = name.startsWith(raw);
    put(isRaw ? name.slice(raw.length) : name, (await state.read(name)) as NdArray, isRaw ? undefined : 'state');
  }
  return { progress, names };
}

/** True for a weight that an adapter was merged into: the state has it as it was, and the adapter. */
function isMerged(state: Safetensors, path: string): boolean {
  return path.endsWith('/weight') && state.has(`${raw}${path.slice(0, -'weight'.length)}${LORA_FACTORS[0]}`);
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
  const plain = withoutNulls(JSON.parse(JSON.stringify(now)) as JsonTree);
  const changed = differences(withoutNulls(before), plain).filter((path) => !free.test(path));
  if (changed.length === 0) return;
  throw new BowError('config', 'a run is resumed with the recipe it was started with', {
    place: changed[0]!,
    detail: { changed, run: place },
    hint: 'leave the changed keys as they were, or start a new run in another folder',
  });
}

/** Without the keys that are off or empty: a recipe from before a key was there is the recipe with the key off. */
function withoutNulls(x: Json): Json {
  if (!isPlain(x)) return x;
  return Object.fromEntries(
    Object.entries(x).flatMap(([k, v]) =>
      v === null || (Array.isArray(v) && v.length === 0) ? [] : [[k, withoutNulls(v)]],
    ),
  );
}
