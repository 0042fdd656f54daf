/** Golden cases of the released code: a model with its inputs, outputs, gradients and one step. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type NdArray, ndarray, type Scope, Store } from '../../../engine/index.ts';
import { readTensors, type Safetensors } from '../../../hub/index.ts';
import { openSafetensors } from '../../../hub/node/index.ts';
import { zeros } from '../../../nn/index.ts';
import type { Inputs, QueueSpec, StepContext } from '../../../train/index.ts';
import type { AlbefConfig } from '../config.ts';
import { configFromOfficial } from '../config-official.ts';
import { albefNames, besideWeights } from '../names.ts';
import { readTrainingState } from '../state.ts';

/** All folders of a case, wherever goldens lie: `albef-vqa` and `albef-vqa-…`. */
export function foldersOf(name: string): string[] {
  return ['../shared/goldens', 'src/systems/albef/testing'].flatMap((at) => {
    const root = resolve(at);
    try {
      return readdirSync(root)
        .filter((folder) => folder === name || folder.startsWith(`${name}-`))
        .map((folder) => join(root, folder));
    } catch {
      return [];
    }
  });
}

/** Every tensor of a file: floats as float32, whole numbers as they are. */
export async function allTensors(path: string): Promise<Record<string, NdArray>> {
  await using file = await openSafetensors(path);
  const out: Record<string, NdArray> = {};
  for (const name of file.names) {
    const { dtype, shape, data } = await file.read(name);
    out[name] = ndarray(dtype as 'float32', shape, (data as Float32Array).slice());
  }
  return out;
}

/** An opened case. */
export type Golden = {
  readonly folder: string;
  readonly config: AlbefConfig;
  readonly inputs: Record<string, NdArray>;
  readonly outputs: Record<string, NdArray>;
  /** A new store with weights, twins and queues as they were before the step. */
  store(): Promise<Store>;
  json<T>(name: string): T;
};

/** Opens a case; α as its config says, from the first step on. */
export async function openGolden(folder: string): Promise<Golden> {
  const json = <T>(name: string): T => JSON.parse(readFileSync(join(folder, name), 'utf8')) as T;
  const open = (): Promise<Safetensors> => openSafetensors(join(folder, 'model.safetensors'));
  await using file = await open();
  const read = configFromOfficial(json('config.json'), file, folder);
  const config = { ...read, distillation: { ...read.distillation, ramp: 0 } };
  const store = async (): Promise<Store> => {
    await using weights = await open();
    const made = new Store(0);
    const copy = (a: NdArray): NdArray => ndarray(a.dtype, a.shape, (a.data as Float32Array).slice());
    for (const [path, a] of await readTensors(weights, albefNames(config), { ignore: besideWeights }))
      made.set(path, copy(a as NdArray), 'param');
    for (const [path, a] of await readTrainingState(weights, config)) made.set(path, copy(a), 'state');
    return made;
  };
  return {
    ...{ folder, config, store, json },
    inputs: await allTensors(join(folder, 'inputs.safetensors')),
    outputs: await allTensors(join(folder, 'outputs.safetensors')),
  };
}

/** Largest difference over the largest magnitude wanted; infinite where lengths differ or something is not finite. */
export function relative(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length) return Number.POSITIVE_INFINITY;
  let [worst, scale] = [0, 1e-6];
  for (let i = 0; i < wanted.length; i++) {
    const gap = Math.abs(found[i]! - wanted[i]!);
    worst = Math.max(worst, Number.isNaN(gap) ? Number.POSITIVE_INFINITY : gap);
    scale = Math.max(scale, Math.abs(wanted[i]!));
  }
  return worst / scale;
}

/** Twins ← m · twins + (1 − m) · weights, as a step does before its forward pass. */
export function moveTwins(store: Store, momentum: number): void {
  for (const [path, { data }] of store.entries('state')) {
    if (!path.startsWith('teacher/')) continue;
    const own = store.get(path.slice('teacher/'.length)).data;
    for (let i = 0; i < data.length; i++) data[i] = momentum * Number(data[i]) + (1 - momentum) * Number(own[i]);
  }
}

/** A step's context outside of the trainer: twins and queues lie in the store, draws are those of the inputs. */
export function recordedContext(
  s: Scope,
  batch: Inputs,
  queues: Readonly<Record<string, QueueSpec>> = {},
): StepContext {
  const counter = s.constant(0);
  return {
    step: counter,
    progress: counter,
    teacher: s.redirect((path) => `teacher/${path}`, { training: false }),
    queue: (name) => ({
      rows: s.at('queue').at(name).state('rows', [queues[name]!.size, queues[name]!.width], zeros),
      enqueue: () => {},
    }),
    draw: (name) => batch[`recorded/${name}`]!,
  };
}
