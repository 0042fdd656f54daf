/**
 * The main job: fits the text systems, trains the image system, evaluates all on one ladder, writes a report. What is finished is
 * kept in a folder, so that a second run takes seconds and an interrupted one resumes.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type OnProgress, throwIfAborted } from '../../base/index.ts';
import { acquireLock, makeFolder, readText, writeFileAtomic } from '../../base/node/index.ts';
import type { TabletopPairs } from '../../data/index.ts';
import { parallelTabletopPairs } from '../../data/node/index.ts';
import {
  type Benchmark,
  type Contender,
  type Ladder,
  type LadderRow,
  ladderOf,
  ladderText,
  runLadder,
  soloImages,
  tabletopBenchmarks,
} from '../../evaluate/index.ts';
import { captionedImages, captionedImagesData, dataInMemory, tabletopData } from '../../kinds/index.ts';
import { clipSystem, clipTraining, clipVariants, loadSystem } from '../../systems/index.ts';
import { loadModel, openModel, prepareTraining, saveModel } from '../../systems/node/index.ts';
import { parseRecipe, type Recipe } from '../../train/index.ts';
import { readJsonl, train } from '../../train/node/index.ts';
import { version } from '../version.ts';
import { wordSystems } from './word-systems.ts';

/** How much of everything. */
export type JobPlan = {
  readonly pictures: number;
  readonly gallery: number;
  readonly solo: number;
  readonly steps: number;
  readonly batchSize: number;
};

/** Sized for six minutes on two cores, and for a check of seconds. */
export const plans: Readonly<Record<'full' | 'smoke', JobPlan>> = {
  full: { pictures: 8192, gallery: 256, solo: 1000, steps: 1000, batchSize: 64 },
  smoke: { pictures: 256, gallery: 32, solo: 24, steps: 8, batchSize: 16 },
};

/** What the job needs of its surroundings. */
export type JobOptions = {
  readonly folder: string;
  readonly plan: JobPlan;
  /** Redo what has been done. */
  readonly fresh: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** A line of progress for the user. */
  readonly say: (line: string) => void;
};

/** What came of it. */
export type JobResult = {
  readonly ladder: Ladder;
  /** Loss by step. */
  readonly curve: readonly (readonly [number, number])[];
  readonly seconds: number;
  /** True when all of it had been done before. */
  readonly cached: boolean;
  readonly gallery: TabletopPairs;
};

const seed = 0;
const { size } = clipVariants.tiny.visual;

/** Does what has not been done yet. Errors: `data` when another run is at work in the folder; `aborted` after saving the training's state; what training and evaluation throw. */
export async function runMainJob(o: JobOptions): Promise<JobResult> {
  const started = performance.now();
  await makeFolder(o.folder); // what cannot be written is reported now, not after minutes
  await using _ = await acquireLock(join(o.folder, 'start.lock'), { signal: o.signal }); // --fresh removes what another run is at
  const common = { size, seed, workers: 2, signal: o.signal, distinct: true, count: o.plan.gallery };
  const gallery = await parallelTabletopPairs({ ...common, split: 'validation' });
  const key = JSON.stringify({ version: version(), plan: o.plan, recipe: jobRecipe(o.plan) });
  const before = o.fresh ? undefined : await readResults(o.folder, key);
  if (before) return { ...before, cached: true, gallery };
  const unseen = await parallelTabletopPairs({ ...common, split: 'held-out' });
  const benchmarks = tabletopBenchmarks({ gallery, unseen, solo: soloImages({ size, seed, limit: o.plan.solo }) });
  const pairs = await parallelTabletopPairs({
    size,
    seed,
    workers: 2,
    count: o.plan.pictures,
    signal: o.signal,
    onProgress: o.onProgress,
  });
  const words = await fitWords(o, pairs, benchmarks);
  o.say(
    `\nWords alone, after ${Math.round((performance.now() - started) / 1000)} s:\n${ladderText(ladderOf(benchmarks, words))}\n`,
  );
  const { curve, contender } = await trainClip(o, { train: pairs, validation: gallery }, key);
  const seen = await runLadder([contender], benchmarks, { signal: o.signal });
  const ladder = ladderOf(benchmarks, [...words, ...seen.rows]);
  const seconds = (performance.now() - started) / 1000;
  await writeFileAtomic(
    join(o.folder, 'results.json'),
    `${JSON.stringify({ key, ladder, curve, seconds }, null, 1)}\n`,
  );
  return { ladder, curve, seconds, cached: false, gallery };
}

type Results = Pick<JobResult, 'ladder' | 'curve' | 'seconds'>;

/** Results of an earlier run with the same plan; a damaged or other file counts as none. */
async function readResults(folder: string, key: string): Promise<Results | undefined> {
  const path = join(folder, 'results.json');
  if (!existsSync(path)) return undefined;
  try {
    const found = JSON.parse(await readText(path)) as Results & { key: string };
    return found.key === key && existsSync(join(folder, 'clip', 'config.json')) ? found : undefined;
  } catch {
    return undefined;
  }
}

async function contenderOf(id: string, folder: string): Promise<Contender> {
  const { title } = await loadSystem(id);
  return { title, open: () => openModel(folder) };
}

async function fitWords(
  o: JobOptions,
  pairs: TabletopPairs,
  benchmarks: readonly Benchmark[],
): Promise<readonly LadderRow[]> {
  const captions = pairs.captions.flat();
  const contenders: Contender[] = [];
  for (const [id, learn] of Object.entries(wordSystems)) {
    throwIfAborted(o.signal, id);
    const folder = join(o.folder, id);
    await learn(folder, captions, o);
    contenders.push(await contenderOf(id, folder));
  }
  return (await runLadder(contenders, benchmarks, { signal: o.signal })).rows;
}

function jobRecipe(plan: JobPlan): Recipe {
  const { pictures, gallery, steps, batchSize } = plan;
  const evaluateEvery = Math.max(1, Math.ceil(steps / 5));
  const data = { pictures, validation: gallery, seed };
  const own = {
    system: 'clip',
    steps,
    batchSize,
    evaluateEvery,
    checkpointEvery: evaluateEvery,
    seed,
    data,
    log: { every: Math.max(1, Math.ceil(steps / 100)), tensorboard: false },
  };
  return parseRecipe(
    { ...own, schedule: { warmup: Math.min(100, steps) } },
    { data: captionedImages.schema, presets: clipTraining.presets },
  );
}

/** Trains CLIP, resuming an interrupted run of the same plan, and saves it as Hugging Face's `CLIPModel`. */
async function trainClip(
  o: JobOptions,
  images: { readonly train: TabletopPairs; readonly validation: TabletopPairs },
  key: string,
): Promise<{ curve: (readonly [number, number])[]; contender: Contender }> {
  const recipe = jobRecipe(o.plan);
  const run = join(o.folder, 'clip-run');
  const mark = join(o.folder, 'clip-run.json');
  if (o.fresh || !existsSync(mark) || (await readText(mark)) !== key) {
    await rm(run, { recursive: true, force: true });
    await writeFileAtomic(mark, key);
  }
  const data = tabletopData(images.train, images.validation, captionedImagesData.parse(recipe.data));
  const load = dataInMemory(captionedImages, data);
  const { trainable } = await prepareTraining(clipSystem, recipe, { signal: o.signal, load });
  await train(trainable, recipe, {
    folder: run,
    resume: true,
    signal: o.signal,
    onProgress: o.onProgress,
    onEvent: (e) => {
      if (e.type === 'evaluation-end') {
        const at = Number(e.metrics['eval/text_to_image_R@1']?.toFixed(3));
        o.say(`step ${e.step}: the right one of ${o.plan.gallery} images ranks first for ${at} of the captions`);
      }
    },
  });
  const folder = join(o.folder, 'clip');
  await saveModel(clipSystem, folder, await loadModel(clipSystem, join(run, 'last')));
  return { curve: await lossCurve(join(run, 'log.jsonl')), contender: await contenderOf('clip', folder) };
}

/** The loss from a run's log, which also knows the steps before an interruption. */
async function lossCurve(path: string): Promise<[number, number][]> {
  const points: [number, number][] = [];
  for await (const record of readJsonl(path)) {
    const loss = record['train/loss'];
    if (typeof loss === 'number') points.push([record.step, loss]);
  }
  return points;
}
