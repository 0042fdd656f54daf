/** Training any system of the registry from code: recipe, data, model, run, in one call. */
import type { OnProgress } from '../../base/index.ts';
import { BowError } from '../../base/index.ts';
import { openModelFiles } from '../../hub/node/index.ts';
import type { LoadData } from '../../kinds/index.ts';
import { loadData } from '../../kinds/node/index.ts';
import { parseRecipe, type Recipe, type RecipeInput } from '../../train/index.ts';
import { type TrainOptions, type TrainResult, train } from '../../train/node/index.ts';
import { loadSystem, systemIds } from '../registry.ts';
import type { PreparedTraining, System, SystemTraining } from '../system.ts';
import { modelFolder } from './models.ts';

/** Options of {@link trainSystem}, beside those of the trainer. */
export type TrainSystemOptions = Omit<TrainOptions, 'store'> & {
  /** Data in memory (`dataInMemory`) or a loader of one's own; default: what the recipe's `data` names. */
  readonly load?: LoadData;
  /** A line now and then for the person who waits: what was loaded, what was left out. */
  readonly say?: (line: string) => void;
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
    readonly load?: LoadData;
    readonly say?: ((line: string) => void) | undefined;
  },
): Promise<PreparedTraining> {
  const { signal, onProgress, say } = o;
  return await trainingOf(system).prepare(recipe, {
    signal,
    onProgress,
    say,
    load: o.load ?? loadData,
    files: async (from) => await openModelFiles(await modelFolder(from, { signal, onProgress })),
  });
}

/**
 * Trains a system: `await trainSystem('clip', { steps: 500, data: { source: 'pictures', path: 'photos' } }, { folder: 'runs/photos' })`. The recipe
 * is as in `recipe.json`; what it leaves out has the values of the system's preset. Errors as {@link prepareTraining} and `train`.
 */
export async function trainSystem(
  system: string | System,
  recipe: RecipeInput & { readonly preset?: string },
  o: TrainSystemOptions = {},
): Promise<TrainResult> {
  const found = typeof system === 'string' ? await loadSystem(system) : system;
  const training = trainingOf(found);
  const { preset = presetOf(training, recipe), ...own } = recipe;
  const whole = parseRecipe(
    { ...own, system: found.id },
    { presets: training.presets, preset, data: training.data.schema },
  );
  const { load, say, ...options } = o;
  const { trainable, store } = await prepareTraining(found, whole, { ...options, say, ...(load ? { load } : {}) });
  return await train(trainable, whole, { ...options, ...(store ? { store } : {}) });
}
