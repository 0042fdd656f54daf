/** `bow2bot index`: a set of images becomes a folder that `bow2bot search` searches. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { BowError, parseNumber } from '../../base/index.ts';
import type { ImageSetFormat } from '../../data/index.ts';
import type { BuiltImageIndex, ImageIndexConfig, IndexingModel } from '../../indexes/index.ts';
import type { ModelOptions } from '../../systems/node/index.ts';
import { choice } from '../options.ts';
import {
  noticeLine,
  type OutputOptions,
  printable,
  printResult,
  progressLine,
  shellWord,
  stopSignal,
} from '../output.ts';
import { asStarted } from '../program.ts';

type Flags = OutputOptions & {
  model?: string;
  output?: string;
  store?: 'exact' | 'lance';
  format?: ImageSetFormat;
  captions?: string;
  batch: string;
  fresh?: boolean;
};

/** `bow2bot index` */
export function command(): Command {
  return new Command('index')
    .description('encode images so that they can be searched by text or image; a second run encodes only what is new')
    .argument('<images>', 'a folder of images, a metadata .jsonl or .csv, COCO .json, WebDataset .tar, .parquet')
    .option(
      '-m, --model <model>',
      'a folder, or owner/name of the Hugging Face hub (default: the one of the index that is there)',
    )
    .option('-o, --output <folder>', 'the index to write (default: <name of the images>.index)')
    .addOption(
      new Option(
        '--store <kind>',
        'exact compares with all; lance is for large sets (npm install @lancedb/lancedb)',
      ).choices(['exact', 'lance']),
    )
    .addOption(
      choice('--format <name>', 'instead of the detected one', ['folder', 'classes', 'coco', 'webdataset', 'parquet']),
    )
    .option('--captions <column>', 'column or key of the captions')
    .option('--batch <n>', 'images encoded together; a kill loses at most these', '64')
    .option('--fresh', 'encode everything again')
    .addHelpText(
      'before',
      `Examples:
  bow2bot index photos/ --model openai/clip-vit-large-patch14
  bow2bot index photos/                        the same index again: what is new or changed is encoded, what is gone goes
  bow2bot index icons-val.tar -m runs/start/clip -o icons.index
  bow2bot search photos.index "a red block left of a bowl" --sheet found.png
`,
    )
    .action(run);
}

async function run(images: string, f: Flags): Promise<void> {
  const { openImages } = await import('../../data/node/index.ts');
  const { buildImageIndex } = await import('../../indexes/index.ts');
  const signal = stopSignal();
  const onProgress = progressLine(f);
  const batch = parseNumber(f.batch, '--batch');
  if (!Number.isInteger(batch) || batch < 1)
    throw new BowError('usage', `--batch must be a number of at least 1, not ${f.batch}`);
  const folder =
    f.output ?? `${basename(resolve(images)).replace(/\.(tar|tar\.gz|tgz|jsonl|csv|json|parquet)$/, '')}.index`;
  const before = await earlierOf(folder, f.fresh === true);
  if (before && f.output === undefined && !f.fresh) refuseOtherImages(before, images, folder);
  const captions = f.captions ?? before?.source.captions;
  const set = await openImages(images, { format: f.format, captions });
  const model = await modelOf(f.model ?? before?.model.name, { signal, onProgress });
  const started = performance.now();
  try {
    const store = f.store ?? before?.store ?? 'exact';
    const built = await buildImageIndex(folder, set, model, {
      store,
      batch,
      captions,
      fresh: f.fresh === true,
      signal,
      onProgress,
    });
    const seconds = (performance.now() - started) / 1000;
    printResult(f, { folder, store, model: model.name, ...built, seconds }, () =>
      text(folder, built, seconds, f.quiet),
    );
  } finally {
    await model.close();
  }
}

/** What an index that is there says of itself; a damaged one says nothing under `--fresh`. */
async function earlierOf(folder: string, fresh: boolean): Promise<ImageIndexConfig | undefined> {
  const { damageOf, readImageIndexConfig } = await import('../../indexes/index.ts');
  if (!existsSync(join(folder, 'config.json'))) return undefined;
  try {
    return await readImageIndexConfig(folder);
  } catch (e) {
    if (fresh) return undefined;
    throw damageOf(folder, e);
  }
}

/** Two folders may have one name, and an index forgets what its images no longer have. A set that has moved is the same still. */
function refuseOtherImages({ source }: ImageIndexConfig, images: string, folder: string): void {
  if (source.path === resolve(images) || !existsSync(source.path) || !existsSync(images)) return;
  throw new BowError('usage', 'the index belongs to other images', {
    place: folder,
    detail: { made: source.path, asked: resolve(images) },
    hint: `-o chooses another index; -o ${shellWord(folder)} reuses it for these images`,
  });
}

/** The model as an index needs it; opened when the first image is to be encoded. */
async function modelOf(name: string | undefined, o: ModelOptions): Promise<IndexingModel & { close(): Promise<void> }> {
  if (name === undefined)
    throw new BowError('usage', 'no model given', {
      hint: '--model <folder, or owner/name of the Hugging Face hub>',
    });
  const { indexingModel } = await import('../../indexes/index.ts');
  return await indexingModel(name, { ...o, onNotice: noticeLine });
}

function text(folder: string, built: BuiltImageIndex, seconds: number, quiet = false): string {
  const { count, encoded, kept, removed, skipped } = built;
  const news = [
    `${encoded} encoded`,
    ...(kept > 0 ? [`${kept} known already`] : []),
    ...(removed > 0 ? [`${removed} gone`] : []),
  ];
  return [
    `${printable(folder)}: ${count} images (${news.join(', ')}) in ${seconds.toFixed(1)} s`,
    ...(skipped.length > 0 ? [`${skipped.length} left out:`] : []),
    ...skipped.slice(0, 10).map((s) => `  ${printable(s.place)}: ${printable(s.reason)}`),
    ...(skipped.length > 10 ? [`  and ${skipped.length - 10} more (--json names all)`] : []),
    ...(quiet ? [] : [asStarted(`search it: bow2bot search ${printable(shellWord(folder))} "some words"`)]),
  ].join('\n');
}
