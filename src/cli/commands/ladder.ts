import { join } from 'node:path';
import { Command } from 'commander';
import { BowError, parseNumber } from '../../base/index.ts';
import { checkWritable, writeFileAtomic } from '../../base/node/index.ts';
import { parallelTabletopPairs } from '../../data/node/index.ts';
import {
  type Benchmark,
  capabilityBenchmarks,
  type Finding,
  type ImageTests,
  imageSetBenchmarks,
  type Ladder,
  ladderText,
  memoryTest,
  namingFindings,
  photoTemplates,
  type ReportContent,
  rawPixels,
  reportHtml,
  runLadder,
  searchFindings,
  soloImages,
  tabletopBenchmarks,
} from '../../evaluate/index.ts';
import { type ImageSetOptions, imageTests } from '../../evaluate/node/index.ts';
import { type CaptionSample, captionSamples } from '../../world/index.ts';
import { iconsThatAreThere } from '../icons-folder.ts';
import { contenders } from '../ladder/models.ts';
import { plans } from '../main-job/plan.ts';
import { choice, refuseGiven } from '../options.ts';
import { type OutputOptions, printResult, progressLine, sayLine, stopSignal } from '../output.ts';
import { reportFacts, trainingFacts } from '../report-facts.ts';

type Flags = OutputOptions & {
  data?: string[];
  tabletop: boolean;
  split: 'validation' | 'all';
  splitBy?: string;
  captions?: string;
  limit: string;
  template: string[];
  output: string;
};

const collect = (value: string, before: string[] = []): string[] => [...before, value];

/** `bow2bot ladder` */
export function command(): Command {
  return new Command('ladder')
    .description('every system on the same benchmarks: the tabletop, and images of your own')
    .argument(
      '[models...]',
      'checkpoint folders or names on the hub (default: what `bow2bot start` left in runs/start)',
    )
    .option(
      '-d, --data <path>',
      'an image set to measure on (repeatable; default: the icons, when `bow2bot data icons` has made them)',
      collect,
    )
    .option('--no-tabletop', 'leave the tabletop out')
    .addOption(
      choice(
        '--split <name>',
        'validation: the images that training on this set leaves out; all: every image',
        ['validation', 'all'],
        'validation',
      ),
    )
    .option(
      '--split-by <field>',
      'a field whose equal values stay on one side of the split; in a folder with train and validation in it, images of values that train lacks are measured apart',
    )
    .option('--captions <column>', 'column or key of the captions')
    .option('--limit <n>', 'most images of a set to evaluate on', '1000')
    .option('--template <text>', 'template of a class prompt, {} for the class name (repeatable)', collect, [])
    .option('-o, --output <file>', 'the report', join('runs', 'ladder.html'))
    .addHelpText(
      'before',
      `Examples:
  bow2bot ladder
  bow2bot ladder runs/clip/best --data photos/ -o photos.html
  bow2bot ladder openai/clip-vit-base-patch32 --data flowers/ --template "a photo of a {}, a type of flower."
`,
    )
    .addHelpText(
      'after',
      `
Captions give retrieval benchmarks in both directions, labels (class folders, .cls files) give classification: zero-shot, and
by a linear probe. What a system cannot do stays empty.`,
    )
    .action(ladder);
}

async function ladder(models: string[], f: Flags, command: Command): Promise<void> {
  const [signal, onProgress] = [stopSignal(), progressLine(f)];
  const o = { ...setOptions(f), signal, onProgress };
  const paths = f.data ?? iconsThatAreThere();
  if (paths.length === 0) refuseGiven(command, ['split', 'splitBy', 'captions', 'template'], 'without --data');
  if (f.split === 'all') refuseGiven(command, ['splitBy'], 'with --split all');
  if (!f.tabletop && paths.length === 0)
    throw new BowError('usage', 'nothing to measure on', { hint: '--data <path>' });
  await checkWritable(f.output);
  const climbing = await contenders(models, o);
  const things = f.data === undefined ? { splitBy: o.splitBy ?? 'concept' } : {}; // icons of things never trained count apart
  const sets = await imagesOf(paths, f, { ...o, ...things });
  const table = f.tabletop ? await tabletop(o) : undefined;
  const benchmarks = [...(table?.benchmarks ?? []), ...sets.flatMap(imageSetBenchmarks)];
  const findings: Findings = [];
  const result = await runLadder([...climbing, rawPixels], benchmarks, {
    signal,
    onRow: (row) => {
      if (!row.control) sayLine(f, `measured: ${row.title}`);
    },
    whileOpen: async (system, row) => {
      for (const { title, test, templates = photoTemplates } of [...(table ? [table] : []), ...sets]) {
        const rows = [...(await searchFindings(system, test)), ...(await namingFindings(system, test, templates))];
        if (rows.length > 0) findings.push({ heading: `${row.title} · ${title}`, rows });
      }
    },
  });
  const made = [
    ...reportFacts(new Date()),
    ...(await Promise.all(climbing.map(({ title, folder }) => trainingFacts(title, folder)))).flat(),
  ];
  await writeFileAtomic(f.output, reportHtml({ ...content(result, sets, findings), made }));
  const measured = sets.map(({ id, path, test, train }) => ({
    id,
    path,
    pictures: test.count,
    probe: train?.count ?? 0,
    skipped: test.skipped,
  }));
  printResult(
    f,
    { ladder: result, sets: measured, report: f.output },
    () => `${ladderText(result)}\n\nreport: ${f.output}`,
  );
}

type Findings = { heading: string; rows: readonly Finding[] }[];
type NamedTests = ImageTests & { readonly path: string };

async function imagesOf(paths: readonly string[], f: Flags, o: ImageSetOptions): Promise<NamedTests[]> {
  const sets: NamedTests[] = [];
  for (const path of paths) {
    const set = await imageTests(path, o);
    sets.push(sets.some((s) => s.id === set.id) ? { ...set, id: path } : set);
    const { skipped } = set.test;
    if (skipped[0])
      sayLine(f, `${skipped.length} images left out, the first: ${skipped[0].place}: ${skipped[0].reason}`);
  }
  return sets;
}

function setOptions(f: Flags): Omit<ImageSetOptions, 'signal' | 'onProgress'> {
  const limit = parseNumber(f.limit, '--limit');
  if (!Number.isInteger(limit) || limit < 1)
    throw new BowError('usage', `--limit ${f.limit} is not a number of images`);
  for (const t of f.template)
    if (!t.includes('{}')) throw new BowError('usage', `the template "${t}" has no {} for the class name`);
  return {
    split: f.split,
    splitBy: f.splitBy,
    captions: f.captions,
    limit,
    templates: f.template.length > 0 ? f.template : undefined,
  };
}

/** The main job's tasks, on as many scenes as it takes unless `limit` is less. */
async function tabletop(o: ImageSetOptions): Promise<ImageTests & { readonly benchmarks: Benchmark[] }> {
  const common = {
    size: 64,
    seed: 0,
    workers: 2,
    distinct: true,
    count: Math.min(plans.full.gallery, o.limit),
    signal: o.signal,
  };
  const gallery = await parallelTabletopPairs({ ...common, onProgress: o.onProgress, split: 'validation' });
  const unseen = await parallelTabletopPairs({ ...common, onProgress: o.onProgress, split: 'held-out' });
  const solo = soloImages({ size: common.size, seed: 0, limit: Math.min(plans.full.solo, o.limit) });
  const title = `tabletop: ${gallery.count} scenes`;
  const benchmarks = tabletopBenchmarks({ gallery, unseen, solo }).map((b) => ({ ...b, group: title }));
  const test = memoryTest(gallery);
  return { id: 'tabletop', title, test, benchmarks: [...benchmarks, ...(await capabilityTests(o))] };
}

/** What systems can do beside encoding: a table of its own, with the columns that some contender has the method for. */
async function capabilityTests(o: ImageSetOptions): Promise<Benchmark[]> {
  const scenes: CaptionSample[] = [];
  const wanted = {
    size: 64,
    seed: 'capabilities',
    split: 'validation',
    ...(o.signal ? { signal: o.signal } : {}),
  } as const;
  for await (const s of captionSamples({ ...wanted, count: Math.min(200, o.limit) })) scenes.push(s);
  const group = `tabletop, by capability: ${scenes.length} scenes`;
  return capabilityBenchmarks(scenes).map((b) => ({ ...b, group }));
}

function content(result: Ladder, sets: readonly ImageTests[], findings: Findings): ReportContent {
  const probes = sets.filter((s) => s.train).map((s) => `${s.train!.count} of ${s.id}`);
  const lead = [
    'Every system runs the benchmarks that it supports; an empty cell is one that it does not. R@1 is the share of queries (texts or images) whose correct match ranks first in the whole set; where an image has several captions, any of them is correct.',
    ...(probes.length > 0
      ? [`Linear probes were fitted on other images than those they are evaluated on: ${probes.join(', ')}.`]
      : []),
  ];
  return { title: 'The ladder', lead, ladder: result, findings };
}
