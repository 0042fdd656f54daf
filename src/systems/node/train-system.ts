/** Training any system of the registry: recipe, data, model, run, in one call; one stage or several. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BowError, type Metrics, type OnProgress } from '../../base/index.ts';
import { readText, writeFileAtomic } from '../../base/node/index.ts';
import type { Store } from '../../engine/index.ts';
import { openModelFiles } from '../../hub/node/index.ts';
import type { LoadData } from '../../kinds/index.ts';
import { loadData } from '../../kinds/node/index.ts';
import type { Recipe, RecipeInput, RecipeSources } from '../../train/index.ts';
import { parseRecipe } from '../../train/index.ts';
import {
  listCheckpoints,
  type StageResult,
  stageRecipe,
  type TrainOptions,
  type TrainResult,
  train,
  trainStages,
} from '../../train/node/index.ts';
import { PACKAGED_EYES } from '../eyes.ts';
import { loadSystem, systemIds } from '../registry.ts';
import { defaultVariant, type PreparedTraining, type System, type SystemTraining } from '../system.ts';
import { modelFolder } from './models.ts';

/** The tower of the package, beside `src` and `dist`. */
const packagedEyes = fileURLToPath(new URL('../../../models/eyes', import.meta.url));

/** Options of {@link trainSystem}, beside those of the trainer. */
export type TrainSystemOptions = Omit<TrainOptions, 'store'> & {
  /** Data in memory (`dataInMemory`) or a loader of one's own; default: what the recipe's `data` names. */
  readonly load?: LoadData;
  /** A line now and then for the user: what was loaded, what was left out, which stage begins. */
  readonly say?: (line: string) => void;
  /** How the recipe is completed, beside the system's presets and its data's schema. */
  readonly sources?: RecipeSources;
};

/** What a training came to: its last stage, and all of them where there are several. */
export type SystemResult = {
  readonly step: number;
  readonly reason: TrainResult['reason'];
  readonly metrics: Metrics;
  readonly best: TrainResult['best'];
  readonly seconds: number;
  readonly folder: string | undefined;
  /** The trained state; undefined when the last stage had been finished before. */
  readonly store: Store | undefined;
  readonly stages: readonly Omit<StageResult, 'result'>[];
  /** What is worth knowing of the data. */
  readonly report: PreparedTraining['report'];
};

/** A system that the trainer trains. Error `usage` for one that learns in another way. */
export function trainingOf(system: System): SystemTraining {
  if (system.training) return system.training;
  throw new BowError('usage', `"${system.id}" is not trained by a recipe`, { detail: { systems: systemIds() } });
}

/** The preset of a recipe where none is named: the system's for a checkpoint or for LoRA on one, else `default`. */
export function presetOf(training: SystemTraining, recipe: RecipeInput): string | undefined {
  if (recipe.from === undefined || recipe.from === null) return undefined;
  const { from, lora } = training.presetFor;
  return recipe.lora === undefined || recipe.lora === null ? from : (lora ?? from);
}

/** The data and the model of a recipe, bound. Errors: `config`, `data`, those of the checkpoint that it starts from. */
export async function prepareTraining(
  system: System,
  recipe: Recipe,
  o: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: OnProgress | undefined;
    readonly load?: LoadData | undefined;
    readonly say?: ((line: string) => void) | undefined;
  } = {},
): Promise<PreparedTraining> {
  const { signal, onProgress, say } = o;
  return await trainingOf(system).prepare(recipe, {
    signal,
    onProgress,
    say,
    load: o.load ?? loadData,
    files: async (from) =>
      await openModelFiles(from === PACKAGED_EYES ? packagedEyes : await modelFolder(from, { signal, onProgress })),
  });
}

/** What completes a recipe of a system: its presets, the schema of its data, and what the caller adds. */
export function sourcesOf(system: System, recipe: RecipeInput, more: RecipeSources = {}): RecipeSources {
  const training = trainingOf(system);
  const { preset = presetOf(training, recipe), ...rest } = more;
  const variant = defaultVariant(system);
  const defaults = variant === undefined ? {} : { defaults: { variant } };
  return { presets: training.presets, ...defaults, data: training.data.schema, preset, ...rest };
}

/**
 * Trains a system: `await trainSystem('clip', { steps: 500, data: { source: 'pictures', path: 'photos' } }, { folder: 'runs/photos' })`. The recipe
 * is as in `recipe.json`; what it leaves out has the values of the system's preset. A system with several stages needs a folder: each stage has one
 * of its own in it. Errors as {@link prepareTraining}, `train` and `trainStages`.
 */
export async function trainSystem(
  system: string | System,
  recipe: RecipeInput & { readonly preset?: string },
  o: TrainSystemOptions = {},
): Promise<SystemResult> {
  const found = typeof system === 'string' ? await loadSystem(system) : system;
  const { preset, ...own } = { system: found.id, ...recipe }; // a recipe of another system is refused by the trainer
  const sources = sourcesOf(found, own, { ...(preset === undefined ? {} : { preset }), ...o.sources });
  return trainingOf(found).stages.length > 1
    ? await inStages(found, own, sources, o)
    : await inOneStage(found, own, sources, o);
}

async function inOneStage(
  system: System,
  recipe: RecipeInput,
  sources: RecipeSources,
  o: TrainSystemOptions,
): Promise<SystemResult> {
  const { load, say, sources: _, ...options } = o;
  if (o.folder !== undefined && (await stagedRecipe(o.folder)))
    throw new BowError('usage', 'a run in stages is stored here', { place: o.folder, hint: 'name another folder' });
  const { stages, data, store, report } = await prepareTraining(system, parseRecipe(recipe, sources), {
    ...options,
    load,
    say,
  });
  const [stage] = stages;
  const whole = stageRecipe(stage, recipe, sources);
  const start = store ? { store } : {};
  const result = await train(await stage.trainable(data), whole, { ...options, ...start });
  return { ...result, stages: [], report };
}

/** The recipe that a run in stages was started with. */
const recipeFile = 'recipe.json';

/**
 * The recipe of a run in stages as it was given, for resuming it without saying it again; undefined where there is none. Error `checkpoint` for a
 * file that is not one.
 */
export async function stagedRecipe(folder: string): Promise<RecipeInput | undefined> {
  const place = join(folder, recipeFile);
  if (!existsSync(place)) return undefined;
  const notOne = (cause?: unknown): BowError =>
    new BowError('checkpoint', 'not the recipe of a run in stages', { place, cause, hint: 'name another folder' });
  let tree: unknown;
  try {
    tree = JSON.parse(await readText(place));
  } catch (e) {
    throw notOne(e);
  }
  if (typeof tree !== 'object' || tree === null || !('system' in tree) || typeof tree.system !== 'string')
    throw notOne();
  return tree as RecipeInput;
}

/** Throws `usage` for a folder with a run of another kind, `config` for one with a run of another system, `checkpoint` as {@link stagedRecipe}. */
async function checkFolder(system: System, folder: string): Promise<void> {
  const before = await stagedRecipe(folder);
  if (!before && (await listCheckpoints(folder)).length > 0)
    throw new BowError('usage', 'a run without stages is stored here', { place: folder, hint: 'name another folder' });
  if (before && before.system !== system.id)
    throw new BowError('config', `a run of "${before.system}" is stored here, not of "${system.id}"`, {
      place: folder,
    });
}

/** Writes the recipe of a run in stages once a stage has begun: by then everything that could refuse it was asked. */
function recipeNote(folder: string, recipe: RecipeInput): { begun(): void; written(): Promise<void> } {
  let writing: Promise<void> | undefined;
  const write = (): Promise<void> => writeFileAtomic(join(folder, recipeFile), `${JSON.stringify(recipe, null, 2)}\n`);
  return {
    begun: () => {
      writing ??= write();
      writing.catch(() => {}); // reported by `written`
    },
    written: async () => await writing,
  };
}

async function inStages(
  system: System,
  recipe: RecipeInput,
  sources: RecipeSources,
  o: TrainSystemOptions,
): Promise<SystemResult> {
  const started = performance.now();
  const { load, say, folder, sources: _, ...options } = o;
  if (folder === undefined)
    throw new BowError('usage', 'a training in stages needs a folder', { place: system.id, hint: '{ folder } or -o' });
  await checkFolder(system, folder);
  const { stage, stages: parts, ...whole } = parseRecipe(recipe, sources); // what --set says of stages counts too
  const prepared = await prepareTraining(system, { ...whole, stage: null, stages: null }, { ...options, load, say });
  const note = recipeNote(folder, recipe);
  const start = prepared.store ? { store: prepared.store } : {};
  const results = await trainStages(
    prepared.stages,
    { ...recipe, stage, stages: parts },
    {
      ...options,
      ...start,
      folder,
      sources,
      data: prepared.data,
      onStage: ({ id, skipped }) => say?.(skipped ? `stage ${id}: finished before` : `stage ${id}`),
      onEvent: (e) => {
        if (e.type === 'run-start') note.begun();
        o.onEvent?.(e);
      },
    },
  ).finally(() => note.written());
  const last = results.at(-1)!;
  const { result } = last;
  return {
    step: last.step,
    reason: last.reason,
    metrics: last.metrics,
    best: result?.best ?? null,
    seconds: (performance.now() - started) / 1000,
    folder,
    store: result?.store,
    stages: results.map(({ result: _result, ...rest }) => rest),
    report: prepared.report,
  };
}
