/**
 * Training in stages: one after another, each in a subfolder of the run, starting from the weights of an earlier one, on data that may be made with
 * that one's model. Resumable at any moment: finished stages are skipped, made data is not made again, a stage that was killed resumes bit for bit.
 */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BowError, type Metrics, throwIfAborted, unknownName } from '../../base/index.ts';
import { readText, writeFileAtomic } from '../../base/node/index.ts';
import { type NdArray, Store } from '../../engine/index.ts';
import { keysOf, readTensors, type TensorNames } from '../../hub/index.ts';
import { matcher } from '../../nn/index.ts';
import { differences, type JsonTree } from '../json-tree.ts';
import { parseRecipe, type RecipeSources } from '../recipe.ts';
import type { Recipe, RecipeInput } from '../recipe-schema.ts';
import type { MadeData, Trainable } from '../trainable.ts';
import { readCheckpoint } from './checkpoints.ts';
import { type TrainOptions, type TrainResult, train } from './train.ts';

/** A finished stage, as later ones see it. */
export type FinishedStage = {
  readonly id: string;
  /** Its run's folder, and in it the checkpoint that later stages start from: a model like any other. */
  readonly folder: string;
  readonly checkpoint: string;
};

/** One stage of a training on data D. */
export type Stage<D> = {
  readonly id: string;
  /** The stage whose weights it starts from; default: the one before; null: initial values. */
  readonly from?: string | null;
  /** Paths whose weights it does not take over. */
  readonly reset?: readonly string[];
  /** What becomes of the weights that it takes over. */
  convert?(store: Store): void;
  /** Path patterns that stay as they are, besides those of the recipe. */
  readonly freeze?: readonly string[];
  /** The stage's own defaults: under the recipe's preset, over the system's. */
  readonly recipe?: RecipeInput;
  readonly make?: MadeData<D, FinishedStage>;
  /** What is trained on the data. */
  trainable(data: D, recipe: Recipe): Trainable | Promise<Trainable>;
};

/** Options of {@link trainStages}. */
export type StagesOptions<D> = Omit<TrainOptions, 'folder'> & {
  readonly folder: string;
  readonly data: D;
  /** How recipes are completed: presets, the schema of `data`. */
  readonly sources?: RecipeSources;
  /** Called when a stage begins or is skipped because it is finished; after the recipes of all finished stages were compared. */
  readonly onStage?: (stage: { readonly id: string; readonly folder: string; readonly skipped: boolean }) => void;
};

/** What a stage came to. `result` is missing when it was finished before. */
export type StageResult = FinishedStage & {
  readonly step: number;
  readonly reason: TrainResult['reason'];
  readonly metrics: Metrics;
  readonly result?: TrainResult;
};

/**
 * The recipe of a stage: defaults, the system's, the stage's own, a preset that was asked for, the recipe, and its part for this stage (`stages`);
 * later ones win. Patterns that the stage freezes are always among those of the recipe.
 */
export function stageRecipe(
  stage: Pick<Stage<never>, 'id' | 'freeze' | 'recipe'>,
  recipe: RecipeInput,
  sources: RecipeSources = {},
): Recipe {
  const { stages, stage: _, ...common } = recipe;
  const own = (stages?.[stage.id] ?? {}) as RecipeInput;
  const parsed = parseRecipe(common, { ...sources, base: stage.recipe ?? {}, stage: own });
  return { ...parsed, freeze: [...new Set([...(stage.freeze ?? []), ...parsed.freeze])] };
}

/**
 * Runs the stages (with `recipe.stage` that one alone) and returns what each came to. Errors: `config` for unknown stages, a stage that is asked for
 * before the one it starts from is finished, and a finished one whose recipe has changed; otherwise those of {@link train}.
 */
export async function trainStages<D>(
  stages: readonly Stage<D>[],
  recipe: RecipeInput,
  o: StagesOptions<D>,
): Promise<StageResult[]> {
  checkStages(stages, recipe);
  const finished: StageResult[] = [];
  const isWanted = (stage: Stage<D>): boolean => (recipe.stage ?? stage.id) === stage.id;
  const runs: { stage: Stage<D>; folder: string; own: Recipe; before: StageResult | undefined }[] = [];
  for (const [i, stage] of stages.entries()) {
    const folder = join(o.folder, `${i + 1}-${stage.id}`);
    const own = stageRecipe(stage, recipe, o.sources);
    if (isWanted(stage) && !o.resume && existsSync(join(folder, marker)))
      throw new BowError('usage', 'a run is stored here already', { place: folder, hint: 'resume it (--resume)' });
    runs.push({ stage, folder, own, before: await readFinished(stage.id, folder, isWanted(stage) ? own : undefined) });
  }
  for (const [i, { stage, folder, own, before }] of runs.entries()) {
    const wanted = isWanted(stage);
    if (before) finished.push(before);
    if (wanted) o.onStage?.({ id: stage.id, folder, skipped: before !== undefined });
    if (!before && wanted) finished.push(await runStage(stage, own, folder, sourceOf(stage, i, stages, finished), o));
  }
  return finished;
}

function checkStages<D>(stages: readonly Stage<D>[], recipe: RecipeInput): void {
  const ids = stages.map((s) => s.id);
  const asked = [...(recipe.stage ? [recipe.stage] : []), ...Object.keys(recipe.stages ?? {})];
  for (const id of asked)
    if (!ids.includes(id)) throw new BowError('config', unknownName('stage', id, ids), { place: 'stages' });
  for (const [i, { id, from, make }] of stages.entries()) {
    const earlier = ids.slice(0, i);
    if (!/^[\w.-]+$/.test(id) || earlier.includes(id))
      throw new BowError('config', `"${id}" is not a name of its own for a stage`, { place: 'stages' });
    if (typeof from === 'string' && !earlier.includes(from))
      throw new BowError('config', unknownName('earlier stage', from, earlier), { place: `stages.${id}.from` });
    if (make && (from === null || i === 0))
      throw new BowError('config', `stage "${id}" makes data with a model, but starts from none`, { place: 'stages' });
  }
}

/** The finished stage that a stage starts from; undefined for none. */
function sourceOf<D>(
  stage: Stage<D>,
  i: number,
  stages: readonly Stage<D>[],
  finished: readonly FinishedStage[],
): FinishedStage | undefined {
  const from = stage.from === undefined ? stages[i - 1]?.id : stage.from;
  if (from === undefined || from === null) return undefined;
  const found = finished.find((f) => f.id === from);
  if (found) return found;
  throw new BowError('config', `stage "${stage.id}" starts from "${from}", which is not finished`, {
    place: 'stage',
    hint: 'train the stages in their order: leave `stage` out',
  });
}

async function runStage<D>(
  stage: Stage<D>,
  recipe: Recipe,
  folder: string,
  previous: FinishedStage | undefined,
  o: StagesOptions<D>,
): Promise<StageResult> {
  const { data, sources: _, onStage: __, folder: ___, store, ...rest } = o;
  const own = stage.make && previous ? await madeData(stage.make, { previous, data, folder, signal: o.signal }) : data;
  const trainable = await stage.trainable(own, recipe);
  const start = previous ? await weightsOf(previous, trainable, stage.reset ?? []) : store;
  if (previous && start) stage.convert?.(start);
  const result = await train(trainable, recipe, { ...rest, folder, ...(start ? { store: start } : {}) });
  const { step, reason, metrics } = result;
  await writeFileAtomic(join(folder, marker), `${JSON.stringify({ step, reason, metrics, recipe }, null, 2)}\n`);
  return { id: stage.id, folder, checkpoint: join(folder, 'last'), step, reason, metrics, result };
}

/** Says that a stage is finished, and with which recipe. */
const marker = 'finished.json';

/** What a finished stage came to; undefined when it is not finished. Error `config` when it was finished with another recipe. */
async function readFinished(id: string, folder: string, recipe: Recipe | undefined): Promise<StageResult | undefined> {
  const place = join(folder, marker);
  if (!existsSync(place)) return undefined;
  const { recipe: before, ...found } = finishedOf(await readText(place), place);
  const changed = recipe ? differences(before, JSON.parse(JSON.stringify(recipe)) as JsonTree) : [];
  if (changed.length > 0)
    throw new BowError('config', `stage "${id}" is finished, with another recipe`, {
      place: changed[0]!,
      detail: { changed, run: folder },
      hint: 'leave the changed keys as they were, or start a new run in another folder',
    });
  return { id, folder, checkpoint: join(folder, 'last'), ...found };
}

const finishedSchema = z.object({
  step: z.int(),
  reason: z.enum(['finished', 'early-stop']),
  metrics: z.record(z.string(), z.number()),
  recipe: z.record(z.string(), z.json()),
});

/** Error `checkpoint` for a damaged file. */
function finishedOf(text: string, place: string): z.infer<typeof finishedSchema> & { readonly recipe: JsonTree } {
  const result = finishedSchema.safeParse(jsonOf(text));
  if (result.success) return result.data;
  throw new BowError('checkpoint', 'what says that a stage is finished is damaged', {
    place,
    hint: 'remove it, and the stage goes on from its last checkpoint',
  });
}

/** Undefined for what is not JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Data of a stage: made in a folder aside, which takes its name when it is complete. */
async function madeData<D>(
  make: NonNullable<Stage<D>['make']>,
  o: { previous: FinishedStage; data: D; folder: string; signal: AbortSignal | undefined },
): Promise<D> {
  const made = join(o.folder, 'made');
  if (!existsSync(made)) {
    const temporary = `${made}.tmp`;
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    await make.run({ ...o, folder: temporary });
    throwIfAborted(o.signal);
    await rename(temporary, made);
  }
  return await make.load(made, o.data);
}

/** The weights of a finished stage under our paths, by the layout of the model that goes on with them. */
async function weightsOf(
  { checkpoint }: FinishedStage,
  { tensors = [] }: Trainable,
  reset: readonly string[],
): Promise<Store> {
  await using opened = await readCheckpoint(checkpoint);
  const published = tensors.filter((name) => keysOf(name).every((key) => opened.model.has(key)));
  const keys = new Set(published.flatMap(keysOf));
  const own = opened.model.names.flatMap((key): TensorNames => (keys.has(key) ? [] : [[key, key]]));
  const store = new Store();
  const left = matcher(reset);
  for (const [path, array] of await readTensors(opened.model, [...published, ...own], { as: 'stored' }))
    if (!left(path)) store.set(path, array as NdArray);
  return store;
}
