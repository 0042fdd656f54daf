/**
 * What every `bow2bot train <system>` does alike: the recipe from preset, file, `--set` or the run that is resumed; progress and evaluations on
 * stderr; Ctrl-C writes a checkpoint and exits with 130.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { BowError } from '../base/index.ts';
import { refuseForeign } from '../base/node/index.ts';
import type { Device } from '../engine/index.ts';
import { probeInProcess } from '../engine/node/index.ts';
import type { System } from '../systems/index.ts';
import { sourcesOf, stagedRecipe, trainSystem } from '../systems/node/index.ts';
import { parseRecipe, type Recipe, type RecipeInput, type RecipeSources, type TrainEvent } from '../train/index.ts';
import { holdsRun, listCheckpoints, readCheckpoint, readRecipeFile } from '../train/node/index.ts';
import { type OutputOptions, printResult, progressLine, sayLine, shellWord, stopSignal } from './output.ts';
import { programName } from './program.ts';
import { splitSystems } from './systems-option.ts';

/** Options that {@link trainingOptions} adds. */
export type TrainingOptions = OutputOptions & {
  output?: string;
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
    .option('-o, --output <folder>', 'folder of the run: checkpoints, logs (default: runs/<system>-<variant>)')
    .option('--recipe <file>', 'recipe as JSON; - reads standard input')
    .option('--preset <name>', 'preset of the recipe to start from')
    .option('--smoke', 'a run of seconds that tries everything once (same as --preset smoke)')
    .option('--set <key=value>', 'override a key of the recipe: --set optimizer.lr=3e-4 (repeatable)', append)
    .option('--resume', 'resume the run in the folder')
    .addOption(
      new Option('--device <name>', 'where to run').choices(['auto', 'cpu', 'webgpu', 'cuda']).default('auto'),
    );
}

/** Runs a training from the command line to its end and prints the result. `recipe`: the keys that the command's own arguments decide. */
export async function runTraining(
  system: System,
  recipe: RecipeInput,
  o: TrainingOptions,
  next: (folder: string) => string = (folder) => `measure it: ${ownProgram()} ladder ${shellWord(folder)}`,
): Promise<void> {
  const started = await recipeOf(system, recipe, o);
  const whole = parseRecipe(started.recipe, started.sources);
  const folder = o.output ?? defaultFolder(whole);
  const resume = o.resume ?? false;
  const staged = isStaged(system);
  const isThere = staged ? await stagedRecipe(folder) : await holdsRun(folder, whole, { resume });
  if (!isThere && resume) {
    const inside = await readdir(folder).catch(() => undefined);
    if (!inside?.every((name) => runFiles.test(name)))
      // a kill before the first checkpoint leaves logs
      throw new BowError('usage', 'no run to resume', {
        place: folder,
        hint: 'check the name; without --resume a new run is started (an empty folder is taken for one)',
      });
    sayLine(o, `nothing to resume in ${folder} yet: starting a new run`);
  }
  if (!isThere && !resume) await refuseForeign(folder, runFiles);
  const device = o.device ?? 'auto';
  if (device !== 'auto') await checkDevice(device);
  const result = await trainSystem(system, started.recipe, {
    folder,
    resume,
    sources: started.sources,
    device,
    signal: stopSignal(),
    say: (line) => sayLine(o, line),
    onProgress: progressLine(o),
    onEvent: eventLine(o),
  });
  const { step, reason, metrics, best, seconds, report, stages } = result;
  const named = staged ? { stages } : {};
  printResult(o, { system: system.id, folder, step, reason, metrics, best, seconds, data: report, ...named }, () => {
    const shownMetrics = Object.entries(metrics).map(([name, value]) => `${name}  ${Number(value.toPrecision(5))}`);
    const end = reason === 'early-stop' ? 'stopped early, no improvement' : 'finished';
    return [
      `${end} after ${step} steps, ${Math.round(seconds)} s`,
      ...shownMetrics,
      `saved in ${folder}`,
      ...(o.quiet ? [] : [next(folder)]),
    ].join('\n');
  });
}

/** What a run leaves in its folder, from its first seconds on; a stage has a folder with more of the same. */
const runFiles = /^(\..*|recipe\.json|checkpoints\.(json|lock.*)|log\.jsonl|tensorboard|last|best|step-\d+.*)$/;

/**
 * Error `backend` for a device that does not start, before any data is made; asked in a process of its own, since native libraries write their own
 * complaints to stderr.
 */
async function checkDevice(device: Exclude<Device, 'auto'>): Promise<void> {
  if (device === 'cpu') return;
  const { works, why = '' } = await probeInProcess(device);
  if (works) return;
  throw new BowError('backend', `${device} is not available: ${why.replace(` (at ${device})`, '')}`, {
    hint: `bow2bot doctor says what it needs on this machine; --device cpu always works`,
  });
}

/** This program with the modules of systems that this command was given. */
function ownProgram(): string {
  const { modules } = splitSystems(process.argv.slice(2));
  return [programName(), ...modules.map((module) => `--systems ${shellWord(module)}`)].join(' ');
}

const isStaged = (system: System): boolean => (system.training?.stages.length ?? 1) > 1;

function defaultFolder(recipe: Recipe): string {
  return join('runs', `${recipe.system}-${recipe.variant}`.replaceAll(/[^\w.-]/g, '-'));
}

type Started = { readonly recipe: RecipeInput; readonly sources: RecipeSources };

/** The recipe of a new run, or that of the run that is resumed with the command's arguments and `--set` on top. */
async function recipeOf(system: System, given: RecipeInput, o: TrainingOptions): Promise<Started> {
  if (o.smoke && o.preset !== undefined && o.preset !== 'smoke') {
    throw new BowError('usage', '--smoke and --preset name two presets', { hint: 'leave one of them out' });
  }
  const own: RecipeInput = { system: system.id, ...given };
  const asked = o.smoke ? 'smoke' : o.preset;
  const sources = sourcesOf(system, own, { ...(asked === undefined ? {} : { preset: asked }), set: o.set ?? [] });
  if (o.recipe !== undefined) {
    const file = await readRecipeFile(o.recipe);
    return { recipe: file, sources: { ...sources, under: { system: system.id }, over: given, place: o.recipe } };
  }
  const before = o.resume
    ? await earlierRecipe(system, o.output ?? defaultFolder(parseRecipe(own, sources)))
    : undefined;
  if (!before) return { recipe: own, sources };
  return { recipe: own, sources: { ...sources, preset: undefined, under: before.recipe, place: before.place } };
}

/** The recipe of the run in a folder; undefined where there is none. */
async function earlierRecipe(
  system: System,
  folder: string,
): Promise<{ readonly recipe: RecipeInput; readonly place: string } | undefined> {
  if (isStaged(system)) {
    const recipe = await stagedRecipe(folder);
    return recipe && { recipe, place: join(folder, 'recipe.json') };
  }
  if ((await listCheckpoints(folder)).length === 0) return undefined;
  await using checkpoint = await readCheckpoint(folder, 'last');
  const recipe = checkpoint.recipe as RecipeInput | undefined;
  return recipe && { recipe, place: join(folder, 'last', 'recipe.json') };
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
    if (e.type === 'evaluation-end') sayLine(o, evaluationLine(e));
  };
}

/** The metric that selects checkpoints, the loss, and what is not finite; the others stand in the run's logs and at its end. */
export function evaluationLine(e: Extract<TrainEvent, { type: 'evaluation-end' }>): string {
  const broken = Object.keys(e.metrics).filter((name) => !Number.isFinite(e.metrics[name]));
  const names = new Set([e.selectionMetric, 'eval/loss', ...broken]);
  const shown = [...names].filter((name) => e.metrics[name] !== undefined);
  const metrics = shown.map((name) => ` · ${name} ${Number(e.metrics[name]!.toPrecision(4))}`);
  return `step ${e.step}${metrics.join('')}${e.isBest ? ' · best so far' : ''}`;
}
