import { join } from 'node:path';
import type { Command } from 'commander';
import type { OnProgress } from '../../base/index.ts';
import { writeFileAtomic } from '../../base/node/index.ts';
import { encodePng } from '../../image/index.ts';
import { type CaptionSample, type Split, splits } from '../../world/index.ts';
import { parallelCaptionSamples } from '../../world/node/index.ts';
import { type OutputOptions, printResult, progressLine, stopSignal } from '../output.ts';
import { oneOf, wholeNumber } from './world-options.ts';

type Options = OutputOptions & {
  out: string;
  count: number;
  size: number;
  seed: string;
  split: Split;
  workers: number;
};

/** Adds `world generate`. */
export function addGenerate(world: Command): void {
  const generate = world.command('generate').description('data sets from random scenes');
  for (const kind of ['captions', 'questions'] as const) {
    generate
      .command(kind)
      .description(
        kind === 'captions'
          ? 'pictures with captions, boxes and referring expressions: a folder with metadata.jsonl'
          : 'pictures with questions and answers: a folder with metadata.jsonl',
      )
      .requiredOption('-o, --out <folder>', 'folder to write')
      .option('-n, --count <pictures>', 'how many pictures', wholeNumber('count', 1, 10_000_000), 1000)
      .option('--size <pixels>', 'width and height', wholeNumber('size', 8, 1024), 64)
      .option('--seed <seed>', 'another seed, other pictures', '0')
      .option('--split <name>', splits.join(', '), oneOf('split', splits), 'train')
      .option('--workers <threads>', 'worker threads', wholeNumber('workers', 1, 256), 2)
      .addHelpText('after', `\nExample:\n  bow2bot world generate ${kind} -o tabletop -n 10000 --size 96`)
      .action((_: unknown, c: Command) => write(kind, c.optsWithGlobals()));
  }
}

async function write(kind: 'captions' | 'questions', o: Options): Promise<void> {
  const started = performance.now();
  const lines: string[] = [];
  const samples = parallelCaptionSamples({ ...o, signal: stopSignal() });
  const report = progressLine(o);
  for await (const s of samples) {
    const file = `images/${String(s.index).padStart(7, '0')}.png`;
    await writeFileAtomic(
      join(o.out, file),
      encodePng({ width: s.width, height: s.height, channels: 3, data: s.image }),
    );
    lines.push(JSON.stringify({ file_name: file, ...record(kind, s) }));
    progress(report, lines.length, o.count);
  }
  await writeFileAtomic(join(o.out, 'metadata.jsonl'), `${lines.join('\n')}\n`);
  const seconds = (performance.now() - started) / 1000;
  const result = { folder: o.out, pictures: lines.length, seconds, perSecond: lines.length / seconds };
  printResult(
    o,
    result,
    () => `${o.out}  ${lines.length} pictures in ${seconds.toFixed(1)} s (${result.perSecond.toFixed(0)}/s)`,
  );
}

function progress(report: OnProgress, done: number, total: number): void {
  report({ task: 'render pictures', done, total, unit: 'pictures' });
}

/** Columns of one picture besides its file. */
function record(kind: 'captions' | 'questions', s: CaptionSample): Record<string, unknown> {
  if (kind === 'questions') return { questions: s.questions };
  return { text: s.caption, captions: s.captions, boxes: s.boxes, references: s.references, scene: s.scene };
}
