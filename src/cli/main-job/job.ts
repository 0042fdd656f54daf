/**
 * The main job: fits the text systems, trains the image system, evaluates all on one ladder, writes a report. What is finished is
 * kept in a folder, so that a second run takes seconds and an interrupted one resumes.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { throwIfAborted } from '../../base/index.ts';
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
import { loadSystem } from '../../systems/index.ts';
import { openModel } from '../../systems/node/index.ts';
import { version } from '../version.ts';
import { type JobOptions, seed, size } from './plan.ts';
import { trainedSystems, wordSystems } from './systems.ts';
import { type Curve, jobRecipe, trainJobSystem } from './training.ts';

/** What came of it. */
export type JobResult = {
  readonly ladder: Ladder;
  /** Of each trained system. */
  readonly curves: readonly { readonly title: string; readonly points: Curve }[];
  readonly seconds: number;
  /** When it was done, as ISO 8601. */
  readonly date: string;
  /** True when all of it had been done before. */
  readonly cached: boolean;
  readonly gallery: TabletopPairs;
};

/** Does what has not been done yet. Errors: `data` when another run is at work in the folder; `aborted` after saving the training's state; what training and evaluation throw. */
export async function runMainJob(o: JobOptions): Promise<JobResult> {
  const started = performance.now();
  await makeFolder(o.folder); // what cannot be written is reported now, not after minutes
  await using _ = await acquireLock(join(o.folder, 'start.lock'), { signal: o.signal }); // --fresh removes what another run is at
  const common = { size, seed, workers: 2, signal: o.signal, distinct: true, count: o.plan.gallery };
  const gallery = await parallelTabletopPairs({ ...common, split: 'validation' });
  const recipes = await Promise.all(trainedSystems.map((id) => jobRecipe(id, o.plan)));
  const key = JSON.stringify({ version: version(), plan: o.plan, recipes });
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
  const curves: { title: string; points: Curve }[] = [];
  const trained: Contender[] = [];
  for (const id of trainedSystems) {
    const points = await trainJobSystem(id, o, { train: pairs, validation: gallery }, key);
    const contender = await contenderOf(id, join(o.folder, id));
    curves.push({ title: contender.title, points });
    trained.push(contender);
  }
  const seen = await runLadder(trained, benchmarks, { signal: o.signal });
  const ladder = ladderOf(benchmarks, [...words, ...seen.rows]);
  const seconds = (performance.now() - started) / 1000;
  const results: Results = { ladder, curves, seconds, date: new Date().toISOString() };
  await writeFileAtomic(join(o.folder, 'results.json'), `${JSON.stringify({ key, ...results }, null, 1)}\n`);
  return { ...results, cached: false, gallery };
}

type Results = Pick<JobResult, 'ladder' | 'curves' | 'seconds' | 'date'>;

/** Results of an earlier run with the same plan; a damaged or other file counts as none. */
async function readResults(folder: string, key: string): Promise<Results | undefined> {
  const path = join(folder, 'results.json');
  if (!existsSync(path)) return undefined;
  try {
    const found = JSON.parse(await readText(path)) as Results & { key: string };
    const kept = trainedSystems.every((id) => existsSync(join(folder, id, 'config.json')));
    return found.key === key && kept && Number.isFinite(Date.parse(found.date)) ? found : undefined;
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
