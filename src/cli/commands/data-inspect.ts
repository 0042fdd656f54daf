import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { BowError } from '../../base/index.ts';
import { writeFileAtomic } from '../../base/node/index.ts';
import type { Counted, ImageSetFormat } from '../../data/index.ts';
import type { ImageReport } from '../../data/node/index.ts';
import { encodePng, imageGrid } from '../../image/index.ts';
import { choice, refuseGiven, wholeNumber } from '../options.ts';
import { type OutputOptions, printResult, progressLine, stopSignal } from '../output.ts';

const formats = ['folder', 'classes', 'coco', 'webdataset', 'parquet'] as const satisfies readonly ImageSetFormat[];

type Options = OutputOptions & {
  format?: ImageSetFormat;
  captions?: string;
  validation: number;
  splitBy?: string;
  seed: number;
  sheet?: string;
  sheetSize: number;
  workers: number;
};

const columns = 10;
const most = 20;

/** `bow2bot data inspect` */
export function inspect(): Command {
  return new Command('inspect')
    .description('summarise an image set: captions, classes, fields, sizes, unreadable files and why')
    .argument(
      '<path>',
      'folder of images, metadata.jsonl, .csv or .parquet, COCO .json, WebDataset .tar, .parquet, or a folder of those',
    )
    .addOption(choice('--format <name>', 'instead of the detected one', formats))
    .option('--captions <column>', 'column or key of the captions, where it has none of the usual names')
    .option('--validation <share>', 'share held out for validation', share, 0.1)
    .option('--split-by <field>', 'a field whose equal values stay on one side of the split')
    .option('--seed <n>', 'seed of the split', wholeNumber('seed', 0, 2 ** 31), 0)
    .option('--sheet <file>', 'PNG file to write: a hundred images of the set')
    .option('--sheet-size <pixels>', 'width and height of each', wholeNumber('sheet-size', 8, 512), 96)
    .option('--workers <n>', 'worker threads', wholeNumber('workers', 1, 64), availableParallelism())
    .addHelpText(
      'before',
      `Examples:
  bow2bot data inspect photos/ --sheet sheet.png
  bow2bot data inspect icons.tar --split-by concept
  bow2bot data inspect captions_val2017.json --json
`,
    )
    .action(run);
}

function share(text: string): number {
  const n = Number(text);
  if (text !== '' && n >= 0 && n <= 1) return n;
  throw new BowError('usage', `--validation is a share from 0 to 1, not "${text}"`);
}

async function run(path: string, o: Options, command: Command): Promise<void> {
  if (o.sheet === undefined) refuseGiven(command, ['sheetSize'], 'without --sheet');
  if (o.validation === 0) refuseGiven(command, ['splitBy', 'seed'], 'with --validation 0, which splits nothing');
  const { inspectImages, openImages } = await import('../../data/node/index.ts');
  const set = await openImages(path, o);
  const samples = o.sheet === undefined ? undefined : { count: columns * columns, size: o.sheetSize };
  const report = await inspectImages(set, { ...o, samples, signal: stopSignal(), onProgress: progressLine(o) });
  if (o.sheet !== undefined) await writeSheet(o.sheet, o.sheetSize, report);
  const { samples: shown, ...rest } = report;
  const sheet = shown.map(({ id, caption }) => ({ id, caption }));
  printResult(o, o.sheet === undefined ? rest : { ...rest, sheet: { file: o.sheet, pictures: sheet } }, () =>
    lines(report, o).join('\n'),
  );
}

async function writeSheet(file: string, size: number, { samples, path }: ImageReport): Promise<void> {
  if (samples.length === 0)
    throw new BowError('data', 'no image can be read, so there is nothing for a sheet', { place: path });
  const images = samples.map((s) => ({ width: size, height: size, data: s.square }));
  await writeFileAtomic(file, encodePng(imageGrid(images, { columns })));
}

function lines(r: ImageReport, o: Options): string[] {
  const part = (n: number): string => `${n} of ${r.readable}`;
  const decoder = r.decoder.reason ? `plain TypeScript (sharp: ${r.decoder.reason})` : r.decoder.name;
  const rows: [string, string][] = [
    ['path', r.path],
    ['format', r.format],
    ['decoder', decoder],
    ['images', `${r.readable}${r.skipped.length > 0 ? ` (and ${r.skipped.length} skipped)` : ''}`],
  ];
  if (r.width && r.height) rows.push(['width', range(r.width)], ['height', range(r.height)]);
  rows.push(['captions', `${r.captions.total}, on ${part(r.captions.pictures)} images`]);
  for (const text of r.captions.examples) rows.push(['', plain(JSON.stringify(cut(text, 200)))]);
  rows.push([
    'labels',
    r.labels.length === 0 ? 'none' : `${counted(r.labels.length)}: ${top(r.labels.slice(0, 5), r.labels.length)}`,
  ]);
  r.fields.forEach((f, i) => {
    rows.push([
      i === 0 ? 'fields' : '',
      `${plain(f.name)}: ${counted(f.distinct)} ${f.distinct === 1 ? 'value' : 'values'} on ${part(f.pictures)}: ${top(f.top, f.distinct)}`,
    ]);
  });
  rows.push([
    'split',
    `train ${r.split.train}, validation ${r.split.validation}${o.splitBy ? ` by ${o.splitBy}` : ''}`,
  ]);
  rows.push(...named('skipped', r.skipped), ...named('notes', r.notes));
  if (o.sheet !== undefined) rows.push(['sheet', o.sheet]);
  return rows.map(([name, text]) => `${name.padEnd(9)} ${text}`);
}

function named(what: string, list: ImageReport['notes']): [string, string][] {
  const rows = list.slice(0, most).map((s): [string, string] => ['', plain(`${s.place}: ${s.reason}`)]);
  if (rows[0]) rows[0][0] = what;
  return list.length > most ? [...rows, ['', `and ${list.length - most} more (--json names them all)`]] : rows;
}

const range = (s: { min: number; median: number; max: number }): string =>
  s.min === s.max ? `${s.min}` : `${s.min} to ${s.max}, half of them up to ${s.median}`;

/** Values are counted up to ten thousand. */
const counted = (distinct: number): string => (distinct < 10_000 ? `${distinct}` : `at least ${distinct}`);

const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** On one line and without what a terminal would obey: names and texts come from untrusted data. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function top(values: readonly Counted[], distinct: number): string {
  const shown = values.map((v) => `${plain(cut(v.value, 24))} (${v.count})`).join(', ');
  return values.length < distinct ? `${shown} …` : shown;
}
