import { join } from 'node:path';
import { Command } from 'commander';
import { BowError, isBowError } from '../../base/index.ts';
import { writeFileAtomic } from '../../base/node/index.ts';
import { can, type OpenSystem } from '../../capabilities/index.ts';
import {
  type ImageTest,
  ladderText,
  memoryTest,
  type ReportContent,
  reportHtml,
  searchFindings,
} from '../../evaluate/index.ts';
import { openModel } from '../../systems/node/index.ts';
import { type JobResult, runMainJob } from '../main-job/job.ts';
import { type JobPlan, plans, seed } from '../main-job/plan.ts';
import { imageSearch, searchPrompt } from '../main-job/search-prompt.ts';
import { trainedSystems } from '../main-job/systems.ts';
import { type OutputOptions, printResult, progressLine, sayLine, stopSignal } from '../output.ts';
import { reportFacts } from '../report-facts.ts';

type Options = OutputOptions & { output?: string; smoke?: boolean; fresh?: boolean; prompt: boolean };

/** `bow2bot start`: the main job, which `npm start` runs. */
export function command(): Command {
  return new Command('start')
    .description('from bag of words to CLIP in minutes: fit, train, compare, search images by text')
    .option('-o, --output <folder>', 'where everything is kept (default: runs/start)')
    .option('--smoke', 'a run of seconds that tries everything once; its results mean nothing')
    .option('--fresh', 'redo what an earlier run has done')
    .option('--no-prompt', 'end after the report')
    .addHelpText(
      'before',
      `Examples:
  bow2bot start
  bow2bot start --no-prompt --json > ladder.json
  bow2bot start --fresh -o /tmp/again
`,
    )
    .action(start);
}

async function start(o: Options): Promise<void> {
  const folder = o.output ?? join('runs', o.smoke ? 'start-smoke' : 'start');
  const say = (line: string): void => sayLine(o, line);
  say(
    'Scenes on a table, described in words and shown in images. What does a system need to find one by its description?',
  );
  const plan = o.smoke ? plans.smoke : plans.full;
  const job = await runMainJob({
    folder,
    plan,
    fresh: o.fresh === true,
    signal: stopSignal(),
    onProgress: progressLine(o),
    say,
  });
  const system = await openKept(join(folder, trainedSystems[trainedSystems.length - 1]!));
  try {
    if (!can(system, 'encodeText', 'encodeImages')) return;
    const gallery = memoryTest(job.gallery);
    const search = await imageSearch(system, gallery);
    const report = join(folder, 'report.html');
    await writeFileAtomic(report, reportHtml(await reportContent(job, plan, system, gallery)));
    printResult(o, { folder, report, ...withoutImages(job) }, () =>
      [
        ladderText(job.ladder),
        job.cached
          ? `\nfrom an earlier run of ${Math.round(job.seconds)} s in ${folder} (--fresh does it again)`
          : `\nin ${Math.round(job.seconds)} s; kept in ${folder}`,
        `report: ${report}`,
      ].join('\n'),
    );
    if (o.prompt && !o.json && process.stdin.isTTY && process.stdout.isTTY)
      await searchPrompt(search, job.gallery, folder);
  } finally {
    await system.close();
  }
}

/** The model that was kept; what has been damaged since can be made again. */
async function openKept(path: string): Promise<OpenSystem> {
  return await openModel(path).catch((e: unknown) => {
    if (!isBowError(e)) throw e;
    throw new BowError(e.code, `the model that an earlier run kept cannot be opened: ${e.message}`, {
      hint: '--fresh makes it again',
      cause: e,
    });
  });
}

function withoutImages({ ladder, seconds, cached }: JobResult): Pick<JobResult, 'ladder' | 'seconds' | 'cached'> {
  return { ladder, seconds, cached };
}

/** Ladder, loss, and what a few queries about the gallery find. */
async function reportContent(
  job: JobResult,
  plan: JobPlan,
  system: OpenSystem,
  gallery: ImageTest,
): Promise<ReportContent> {
  return {
    title: 'From bag of words to images',
    lead: [
      `Every system searches for the correct one of ${job.gallery.count} unseen scenes. "described scene" may read a plain description of each scene; "picture" sees only the pixels.`,
      'R@1 is the share of queries whose scene ranks first. "unseen pairs" are scenes with a combination of colour and shape that no training image shows. "colour × shape" classifies one object among all such combinations, zero-shot.',
    ],
    ladder: job.ladder,
    made: [
      ...reportFacts(new Date(job.date)),
      ['images', `${plan.pictures} for training, ${job.gallery.count} to search in`],
      ['training', `${plan.steps} steps, batch size ${plan.batchSize}`],
      ['seed', String(seed)],
      ['time', `${Math.round(job.seconds)} s`],
    ],
    curves: job.curves.map(({ title, points }) => ({ title: title.split(':')[0]!, label: 'training loss', points })),
    findings: [
      {
        heading: 'Queries and the images found',
        rows: await searchFindings(system, gallery, { count: 10 }),
      },
    ],
  };
}
