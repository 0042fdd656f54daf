import { readFile, stat } from 'node:fs/promises';
import { Command } from 'commander';
import { BowError, parseNumber } from '../../base/index.ts';
import { fileError } from '../../base/node/index.ts';
import { can, type OpenSystem } from '../../capabilities/index.ts';
import type { ImageRecord, SkippedImage } from '../../data/index.ts';
import { encodeImageRecords, openImages } from '../../data/node/index.ts';
import { classVectors, type NamedClass, nameClasses, photoTemplates } from '../../evaluate/index.ts';
import { openModel } from '../../systems/node/index.ts';
import {
  noticeLine,
  type OutputOptions,
  printable,
  printResult,
  progressLine,
  sayLine,
  stopSignal,
} from '../output.ts';

type Flags = OutputOptions & { labels: string; template: string[]; top: string };

/** `bow2bot zero-shot` */
export function command(): Command {
  return new Command('zero-shot')
    .description('which of some labels fits an image best, by a model that was not trained on these labels')
    .argument('<model>', 'checkpoint folder or name on the hub of a system that encodes images and text, such as CLIP')
    .argument('<images...>', 'files, or image sets')
    .requiredOption('-l, --labels <list>', 'the labels, separated by commas')
    .option(
      '--template <text>',
      'a prompt with {} for the label; several are averaged (default: eight for photographs)',
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option('-k, --top <n>', 'labels to show for each image', '3')
    .addHelpText(
      'before',
      `Examples:
  bow2bot zero-shot openai/clip-vit-base-patch32 cat.jpg --labels "cat,dog,bird"
  bow2bot zero-shot runs/start/clip photos/ --labels "cube,ball,bowl" --template "a photo of a red {}" --json
`,
    )
    .action(zeroShot);
}

async function zeroShot(model: string, paths: string[], f: Flags): Promise<void> {
  const labels = [...new Set(f.labels.split(',').map((l) => l.trim()))].filter((l) => l !== '');
  const top = parseNumber(f.top, '--top');
  if (!Number.isInteger(top) || top < 1)
    throw new BowError('usage', `--top must be a whole number of at least 1, not ${f.top}`);
  if (labels.length < 2)
    throw new BowError('usage', '--labels needs at least two labels', { hint: '--labels "cat,dog"' });
  for (const t of f.template)
    if (!t.includes('{}')) throw new BowError('usage', `the template "${t}" has no {} for the label`);
  const signal = stopSignal();
  for (const path of paths) await stat(path).catch((e: unknown) => Promise.reject(fileError(e, path)));
  const system = await openModel(model, { signal, onProgress: progressLine(f), onNotice: noticeLine });
  try {
    const templates = f.template.length > 0 ? f.template : photoTemplates;
    const { named, skipped } = await nameImages(system, recordsOf(paths, signal), { labels, templates, signal });
    const [first] = skipped;
    if (named.length === 0)
      throw new BowError('data', first ? first.reason : 'no image', { place: first?.place ?? paths.join(' ') });
    if (first) sayLine(f, `${skipped.length} left out, the first: ${printable(first.place)}: ${first.reason}`);
    const images = named.map((n) => ({ ...n, labels: n.labels.slice(0, top) }));
    printResult(f, { pictures: images, skipped }, () =>
      images.map((p) => `${printable(p.picture)}\n${lines(p.labels)}`).join('\n'),
    );
  } finally {
    await system.close();
  }
}

function lines(labels: readonly NamedClass[]): string {
  return labels.map((l) => `  ${(l.probability ?? l.similarity).toFixed(3)}  ${l.label}`).join('\n');
}

/** The images of files and sets, one after the other. */
async function* recordsOf(paths: readonly string[], signal: AbortSignal): AsyncGenerator<ImageRecord> {
  for (const path of paths) {
    const isImage = (await stat(path)).isFile() && !/\.(jsonl|json|csv|tar|tar\.gz|tgz|parquet)$/.test(path);
    if (isImage) yield { id: path, place: path, captions: [], fields: {}, file: path, read: () => readFile(path) };
    else yield* (await openImages(path)).records({ signal });
  }
}

type Named = { readonly picture: string; readonly labels: NamedClass[] };

async function nameImages(
  system: OpenSystem,
  records: AsyncIterable<ImageRecord>,
  o: { readonly labels: readonly string[]; readonly templates: readonly string[]; readonly signal: AbortSignal },
): Promise<{ named: Named[]; skipped: SkippedImage[] }> {
  if (!can(system, 'encodeText', 'encodeImages'))
    throw new BowError('usage', `${system.id} does not encode both images and text`, { hint: 'CLIP does' });
  const classes = await classVectors(system, o.labels, o.templates, o);
  const [named, skipped]: [Named[], SkippedImage[]] = [[], []];
  for await (const part of encodeImageRecords(system, records, o)) {
    skipped.push(...part.skipped);
    if ('indptr' in part.vectors) throw new BowError('usage', `${system.id} gives sparse vectors of images`);
    const found = nameClasses(part.vectors, classes, o.labels, system.scale);
    part.records.forEach((r, i) => void named.push({ picture: r.place, labels: found[i]! }));
  }
  return { named, skipped };
}
