import { join } from 'node:path';
import { Command } from 'commander';
import { BowError, parseNumber, unknownName } from '../../base/index.ts';
import { writeFileAtomic } from '../../base/node/index.ts';
import { insights, markdown, runInsight } from '../../insights/index.ts';
import { refuseGiven } from '../options.ts';
import { type OutputOptions, printResult, progressLine, stopSignal } from '../output.ts';

/** `bow2bot insights` */
export function command(): Command {
  return new Command('insights')
    .description('test a claim about a system by an experiment with controls; without an id: the list')
    .argument('[id]', Object.keys(insights).join(', '))
    .option('-s, --seeds <n>', 'how many seeds', '5')
    .option('-o, --output <folder>', 'write <id>.json and <id>.md there')
    .option('--work <folder>', 'where long experiments keep trained models and finished seeds', 'runs/insights')
    .option('--smoke', 'CLIP: a quick run at tiny settings, in seconds; its results mean nothing, and nothing is kept')
    .addHelpText(
      'before',
      `Examples:
  bow2bot insights
  bow2bot insights word-order -o reports/
  bow2bot insights clip-prompts --seeds 5
  bow2bot insights clip-third-modality --smoke --seeds 1
`,
    )
    .addHelpText(
      'after',
      `
Experiments on CLIP train small models, a minute or two per seed; a stopped one continues when the same command is run again.`,
    )
    .action(run);
}

type Flags = OutputOptions & { seeds: string; output?: string; work: string; smoke?: boolean };

async function run(id: string | undefined, f: Flags, command: Command): Promise<void> {
  if (f.smoke) refuseGiven(command, ['work'], 'with --smoke');
  if (id === undefined) {
    refuseGiven(command, ['seeds', 'output', 'work', 'smoke'], 'without an id');
    const list = Object.values(insights).map(({ id, title, claim }) => ({ id, title, claim }));
    printResult(f, { insights: list }, () => list.map((i) => `${i.id.padEnd(21)}${i.title}`).join('\n'));
    return;
  }
  const insight = Object.hasOwn(insights, id) ? insights[id] : undefined;
  if (!insight)
    throw new BowError('usage', unknownName('insight', id, Object.keys(insights)), {
      hint: `one of ${Object.keys(insights).join(', ')}`,
    });
  if (!insight.long) refuseGiven(command, ['smoke', 'work'], `on ${id}, which takes seconds`);
  const seeds = parseNumber(f.seeds, '--seeds');
  if (!(Number.isInteger(seeds) && seeds > 0)) throw new BowError('usage', '--seeds needs a positive integer');
  const kept = f.smoke ? { smoke: true } : { work: f.work };
  const report = await runInsight(insight, { seeds, ...kept, signal: stopSignal(), onProgress: progressLine(f) });
  if (f.output) {
    await writeFileAtomic(join(f.output, `${id}.json`), `${JSON.stringify(report, null, 2)}\n`);
    await writeFileAtomic(join(f.output, `${id}.md`), markdown(report));
  }
  printResult(f, report, () => markdown(report));
}
