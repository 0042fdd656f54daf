import { join } from 'node:path';
import type { Command } from 'commander';
import { BowError, type OnProgress } from '../../base/index.ts';
import { writeFileAtomic } from '../../base/node/index.ts';
import { type RobotEpisode, type WebSample, writeLeRobot, writeWebDataset } from '../../data/node/index.ts';
import { encodePng } from '../../image/index.ts';
import {
  ACTION_NAMES,
  type CameraName,
  type CaptionSample,
  cameraByName,
  cameras,
  type Demonstration,
  type Family,
  families,
  familyNames,
  type Level,
  levels,
  type Split,
  STATE_NAMES,
  splits,
} from '../../world/index.ts';
import { parallelCaptionSamples, parallelDemonstrations } from '../../world/node/index.ts';
import { choice, oneOf, wholeNumber } from '../options.ts';
import { type OutputOptions, printResult, progressLine, stopSignal } from '../output.ts';

type Kind = 'captions' | 'questions';
type ImageOptions = OutputOptions & {
  output: string;
  count: number;
  size: number;
  seed: string;
  split: Split;
  workers: number;
  format: 'folder' | 'webdataset';
};
type EpisodeOptions = OutputOptions & {
  output: string;
  count: number;
  size: number;
  seed: string;
  level: Level;
  families: string;
  camera: CameraName;
  workers: number;
};

/** Adds `world generate`. */
export function addGenerate(world: Command): void {
  const generate = world.command('generate').description('data sets from random scenes');
  addImages(generate, 'captions', 'images with captions, boxes and referring expressions');
  addImages(generate, 'questions', 'images with questions and answers');
  generate
    .command('demonstrations')
    .description(
      'episodes of the scripted expert as a LeRobotDataset v3 folder (images as PNG inside parquet, not video)',
    )
    .requiredOption('-o, --output <folder>', 'folder to write')
    .option('-n, --count <n>', 'how many episodes', wholeNumber('count', 1, 1_000_000), 100)
    .option('--families <list>', 'task families in turn', 'T1,T2,T3,T4,T5')
    .addOption(choice('--level <name>', 'level of generalisation', levels, 'G0'))
    .addOption(choice('--camera <name>', 'where it is seen from', Object.keys(cameras), 'oblique'))
    .option('--size <pixels>', 'width and height', wholeNumber('size', 8, 640), 64)
    .option('--seed <seed>', 'seed of the episodes', '0')
    .option('--workers <n>', 'worker threads', wholeNumber('workers', 1, 256), 2)
    .addHelpText(
      'before',
      `Examples:
  bow2bot world generate demonstrations -o demos -n 200 --families T1,T3
`,
    )
    .action(writeDemonstrations);
}

function addImages(generate: Command, kind: Kind, what: string): void {
  generate
    .command(kind)
    .description(`${what}: a folder with metadata.jsonl, or WebDataset shards`)
    .requiredOption('-o, --output <folder>', 'folder to write')
    .option('-n, --count <n>', 'how many images', wholeNumber('count', 1, 10_000_000), 1000)
    .option('--size <pixels>', 'width and height', wholeNumber('size', 8, 1024), 64)
    .option('--seed <seed>', 'seed of the images', '0')
    .addOption(choice('--split <name>', 'split of the scenes', splits, 'train'))
    .addOption(choice('--format <name>', 'what is written', ['folder', 'webdataset'], 'folder'))
    .option('--workers <n>', 'worker threads', wholeNumber('workers', 1, 256), 2)
    .addHelpText(
      'before',
      `Examples:\n  bow2bot world generate ${kind} -o tabletop -n 10000 --size 96 --format webdataset\n`,
    )
    .action((o: ImageOptions) => writeImages(kind, o));
}

async function writeImages(kind: Kind, o: ImageOptions): Promise<void> {
  const started = performance.now();
  const samples = watched(parallelCaptionSamples({ ...o, signal: stopSignal() }), progressLine(o), 'images', o.count);
  if (o.format === 'webdataset') await writeWebDataset(o.output, webSamples(kind, samples), { prefix: kind });
  else await writeFolder(kind, o.output, samples);
  finish(o, o.count, 'pictures', started);
}

async function writeFolder(kind: Kind, out: string, samples: AsyncIterable<CaptionSample>): Promise<void> {
  const lines: string[] = [];
  for await (const s of samples) {
    const file = `images/${String(s.index).padStart(7, '0')}.png`;
    await writeFileAtomic(join(out, file), png(s.image, s.width));
    lines.push(JSON.stringify({ file_name: file, ...record(kind, s) }));
  }
  await writeFileAtomic(join(out, 'metadata.jsonl'), `${lines.join('\n')}\n`);
}

async function* webSamples(kind: Kind, samples: AsyncIterable<CaptionSample>): AsyncGenerator<WebSample> {
  const encoder = new TextEncoder();
  for await (const s of samples) {
    const parts = {
      png: png(s.image, s.width),
      txt: encoder.encode(s.caption),
      json: encoder.encode(JSON.stringify(record(kind, s))),
    };
    yield { key: String(s.index).padStart(9, '0'), parts };
  }
}

function png(image: Uint8Array, size: number): Uint8Array {
  return encodePng({ width: size, height: image.length / (3 * size), channels: 3, data: image });
}

/** Columns of one image besides its file. */
function record(kind: Kind, s: CaptionSample): Record<string, unknown> {
  if (kind === 'questions') return { questions: s.questions };
  return { text: s.caption, captions: s.captions, boxes: s.boxes, references: s.references, scene: s.scene };
}

async function writeDemonstrations(o: EpisodeOptions): Promise<void> {
  const started = performance.now();
  cameraByName(o.camera);
  const work = { ...o, families: familyList(o.families), signal: stopSignal() };
  const made = watched(parallelDemonstrations(work), progressLine(o), 'episodes', o.count);
  await writeLeRobot(o.output, robotEpisodes(made, o.camera), {
    fps: 10,
    robotType: 'bow2bot-tabletop',
    stateNames: [...STATE_NAMES],
    actionNames: [...ACTION_NAMES],
    cameras: { [o.camera]: { width: o.size, height: o.size } },
  });
  finish(o, o.count, 'episodes', started);
}

function familyList(text: string): Family[] {
  const known = familyNames.filter((f) => f in families);
  const list = text.split(',').map(oneOf('families', known));
  if (list.length === 0) throw new BowError('usage', 'no task family');
  return list;
}

async function* robotEpisodes(made: AsyncIterable<Demonstration>, camera: string): AsyncGenerator<RobotEpisode> {
  for await (const d of made) {
    const frames = d.steps.map((s) => ({
      images: { [camera]: png(s.image, d.size) },
      state: s.state,
      action: s.action,
    }));
    yield { task: d.task.instruction, frames };
  }
}

async function* watched<T>(
  items: AsyncIterable<T>,
  report: OnProgress,
  unit: string,
  total: number,
): AsyncGenerator<T> {
  let done = 0;
  for await (const item of items) {
    yield item;
    report({ task: `make ${unit}`, done: ++done, total, unit });
  }
}

function finish(o: OutputOptions & { output: string }, count: number, unit: string, started: number): void {
  const seconds = (performance.now() - started) / 1000;
  const result = { folder: o.output, [unit]: count, seconds, perSecond: count / seconds };
  printResult(
    o,
    result,
    () => `${o.output}  ${count} ${unit} in ${seconds.toFixed(1)} s (${(count / seconds).toFixed(1)}/s)`,
  );
}
