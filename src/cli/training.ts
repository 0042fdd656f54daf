/**
 * What every `bow2bot train <system>` does alike: the recipe from preset, file, `--set` or the run that is resumed; progress and evaluations on
 * stderr; Ctrl-C writes a checkpoint and exits with 130.
 */
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { BowError } from '../base/index.ts';
import type { Device } from '../engine/index.ts';
import type { PreparedTraining } from '../systems/index.ts';
import {
  type Json,
  parseRecipe,
  type Recipe,
  type RecipeInput,
  type RecipeSources,
  type TrainEvent,
} from '../train/index.ts';
import { holdsRun, listCheckpoints, readCheckpoint, readRecipe, type TrainResult, train } from '../train/node/index.ts';
import { type OutputOptions, printResult, progressLine, sayLine, stopSignal } from './output.ts';

/** Options that {@link trainingOptions} adds. */
export type TrainingOptions = OutputOptions & {
  out?: string;
  recipe?: string;
  preset?: string;
  smoke?: boolean;
  set?: string[];
  resume?: boolean;
  device?: Device;
};

/** Adds the options of a training run to a subcommand. */
export function trainingOptions(command: Command): Command {
  const append = (value: string, before: string[] = []): string[] => [...before, value];
  return command
    .option('-o, --out <folder>', 'folder of the run: checkpoints, logs (default: runs/<system>-<variant>)')
    .option('--recipe <file>', 'recipe as JSON; - reads standard input')
    .option('--preset <name>', 'preset of the recipe to start from')
    .option('--smoke', 'a run of seconds that tries everything once (same as --preset smoke)')
    .option('--set <key=value>', 'override a key of the recipe: --set optimizer.lr=3e-4 (repeatable)', append)
    .option('--resume', 'resume the run in the folder')
    .addOption(
      new Option('--device <name>', 'where to run').choices(['auto', 'cpu', 'webgpu', 'cuda']).default('auto'),
    );
}

/** What a subcommand brings. */
export type Training = {
  readonly system: string;
  /** Keys of the recipe that the subcommand's own arguments decide, the data folder for instance. */
  readonly recipe?: RecipeInput;
  readonly presets?: Readonly<Record<string, RecipeInput>>;
  /** Schema of the recipe's `data` key. */
  readonly data?: z.ZodType<Json>;
  /** The model bound to its data, for a validated recipe. */
  prepare(recipe: Recipe, o: { readonly signal: AbortSignal }): PreparedTraining | Promise<PreparedTraining>;
  /** What to try with the run's folder, a line for the end. */
  readonly next?: (folder: string) => string;
};

/** Runs a training from the command line to its end and prints the result. */
export async function runTraining(training: Training, o: TrainingOptions): Promise<TrainResult> {
  const recipe = await recipeOf(training, o);
  const folder = o.out ?? defaultFolder(recipe);
  if (!(await holdsRun(folder, recipe, { resume: o.resume ?? false })) && o.resume)
    sayLine(o, `nothing to resume in ${folder} yet: starting a new run`);
  const signal = stopSignal();
  const { trainable, store, report } = await training.prepare(recipe, { signal });
  const result = await train(trainable, recipe, {
    folder,
    ...(store ? { store } : {}),
    resume: o.resume ?? false,
    device: o.device ?? 'auto',
    signal,
    onProgress: progressLine(o),
    onEvent: eventLine(o),
  });
  const { step, reason, metrics, best, seconds } = result;
  printResult(o, { system: training.system, folder, step, reason, metrics, best, seconds, data: report }, () => {
    const shownMetrics = Object.entries(metrics).map(([name, value]) => `${name}  ${Number(value.toPrecision(5))}`);
    const end = reason === 'early-stop' ? 'stopped early, no improvement' : 'finished';
    const next = training.next ? [training.next(folder)] : [];
    return [
      `${end} after ${step} steps, ${Math.round(seconds)} s`,
      ...shownMetrics,
      `saved in ${folder}`,
      ...next,
    ].join('\n');
  });
  return result;
}

function defaultFolder(recipe: Recipe): string {
  return join('runs', `${recipe.system}-${recipe.variant}`.replaceAll(/[^\w.-]/g, '-'));
}

/** The recipe of a new run, or that of the run that is resumed with the command's arguments and `--set` on top. */
async function recipeOf(t: Training, o: TrainingOptions): Promise<Recipe> {
  if (o.smoke && o.preset !== undefined && o.preset !== 'smoke') {
    throw new BowError('usage', '--smoke and --preset name two presets', { hint: 'leave one of them out' });
  }
  const sources: RecipeSources = {
    ...(t.data ? { data: t.data } : {}),
    ...(t.presets ? { presets: t.presets } : {}),
    preset: o.smoke ? 'smoke' : o.preset,
    set: o.set ?? [],
  };
  const own: RecipeInput = { system: t.system, ...t.recipe };
  if (o.recipe !== undefined)
    return readRecipe(o.recipe, { ...sources, under: { system: t.system }, over: t.recipe ?? {} });
  const fresh = parseRecipe(own, sources);
  const folder = o.out ?? defaultFolder(fresh);
  if (!o.resume || (await listCheckpoints(folder)).length === 0) return fresh;
  await using checkpoint = await readCheckpoint(folder, 'last');
  if (!checkpoint.recipe) return fresh;
  const place = join(folder, 'last', 'recipe.json');
  return parseRecipe(own, { ...sources, preset: undefined, under: checkpoint.recipe as RecipeInput, place });
}

/** Evaluations and where things run, as lines on stderr. */
function eventLine(o: OutputOptions): (event: TrainEvent) => void {
  return (e) => {
    if (e.type === 'run-start') {
      const from = e.resumed ? `, resumed after step ${e.step}` : '';
      sayLine(
        o,
        `${e.system} ${e.variant}: ${e.parameters} parameters, ${e.steps} steps on ${e.device} (${e.threads} threads)${from}`,
      );
    }
    if (e.type === 'evaluation-end') {
      const names = new Set([e.selectionMetric, 'eval/loss']); // the others stand in the run's logs and at its end
      const shown = [...names].filter((name) => e.metrics[name] !== undefined);
      const shownMetrics = shown.map((name) => ` · ${name} ${Number(e.metrics[name]!.toPrecision(4))}`);
      sayLine(o, `step ${e.step}${shownMetrics.join('')}${e.isBest ? ' · best so far' : ''}`);
    }
  };
}
