import { Command, Option } from 'commander';
import { BowError, parseNumber } from '../../base/index.ts';
import { statIfThere } from '../../base/node/index.ts';
import { type OutputOptions, printable, printResult } from '../output.ts';
import { type ImageSearchFlags, searchImages } from '../search-images.ts';

type Flags = OutputOptions & ImageSearchFlags & { top: string; explain?: boolean };

/** How each kind of index is searched, by `model_type` in its config.json. */
const searchers: Readonly<Record<string, (index: string, query: string | undefined, f: Flags) => Promise<void>>> = {
  'tf-idf': searchText,
  'picture-index': (index, query, f) => {
    if (f.explain)
      throw new BowError('usage', '--explain is for text indexes, this is an image index', { place: index });
    return searchImages(index, query, { ...f, k: hits(f) });
  },
};

/** `bow2bot search` */
export function command(): Command {
  return new Command('search')
    .description('find texts or images in an index; the kind of index is read from its folder')
    .argument('<index>', 'a folder written by bow2bot fit or bow2bot index')
    .argument('[query]', 'the query; without it, a terminal prompts for one (images)')
    .option('-k, --top <n>', 'how many results', '10')
    .option('--explain', 'texts: what each term of the query contributed')
    .option('--picture <file>', 'images: similar to this one, alone or combined with the query')
    .addOption(
      new Option(
        '--mode <mode>',
        'images: by their content, by their captions, or both (default: both where there are captions)',
      ).choices(['picture', 'text', 'hybrid']),
    )
    .option('--filter <condition>', 'images: only those whose fields match')
    .option('--sheet <file.png>', 'images: write the hits as one contact sheet')
    .option('--rerank <model>', 'images: order the best 64 again by a system that looks at text and image together')
    .option('-m, --model <model>', 'images: where the model of the index is now')
    .addHelpText(
      'before',
      `Examples:
  bow2bot search index/ "robot arm" -k 3 --explain --json
  bow2bot search photos.index "a red block left of a bowl" --sheet found.png
  bow2bot search photos.index --picture cat.jpg --filter 'year >= 2020 and not (album in ("work", scans))'
  bow2bot search photos.index "at night" --picture cat.jpg -k 20
  bow2bot search photos.index "a red block left of a bowl" --rerank runs/albef
  bow2bot search photos.index IMG_2041 --mode text
  bow2bot search photos.index                  prompts for one query after another
`,
    )
    .addHelpText(
      'after',
      `
Filters compare fields with numbers, true, false and texts (in quotes where they hold spaces): = != < <= > >= in (…), and, or, not, ( ).`,
    )
    .action(run);
}

async function run(index: string, query: string | undefined, f: Flags): Promise<void> {
  const { readConfig } = await import('../../hub/index.ts');
  const { openModelFiles } = await import('../../hub/node/index.ts');
  const there = await statIfThere(index);
  const files = there?.isDirectory() ? await openModelFiles(index) : undefined;
  if (!files?.names.has('config.json'))
    throw new BowError('data', 'no index here', {
      place: index,
      hint: 'make one of texts: bow2bot fit tf-idf texts/ -o index/ or of images: bow2bot index photos/ -o index/ -m runs/start/clip',
    });
  const { model_type: type } = await readConfig(files);
  const search = Object.hasOwn(searchers, type) ? searchers[type] : undefined;
  if (!search)
    throw new BowError('usage', `a model of "${type}" cannot be searched`, {
      place: index,
      detail: { searchable: Object.keys(searchers) },
    });
  await search(index, query, f);
}

function hits(f: Flags): number {
  const k = parseNumber(f.top, '--top');
  if (!Number.isInteger(k) || k < 1)
    throw new BowError('usage', `--top must be a whole number of at least 1, not ${f.top}`);
  return k;
}

async function searchText(folder: string, query: string | undefined, f: Flags): Promise<void> {
  for (const flag of ['picture', 'mode', 'filter', 'sheet', 'model', 'rerank'] as const)
    if (f[flag] !== undefined)
      throw new BowError('usage', `--${flag} is for image indexes, this is a text index`, { place: folder });
  if (query === undefined || query.trim() === '')
    throw new BowError('usage', 'no query given', { place: folder, hint: 'name a query' });
  const { openTextIndex } = await import('../../systems/node/index.ts');
  const index = await openTextIndex(folder);
  try {
    const found = index.search(query, { k: hits(f) });
    const shown = f.explain ? found : found.map(({ terms: _, ...h }) => h);
    printResult(f, { query, hits: shown }, () =>
      found.length === 0
        ? 'nothing found'
        : found
            .flatMap((h) => [
              `${h.score.toFixed(4)}  ${printable(h.id)}  ${printable(h.start).slice(0, 120)}`,
              ...(f.explain ? [`        ${h.terms.map((t) => `${t.term} ${t.score.toFixed(4)}`).join(' · ')}`] : []),
            ])
            .join('\n'),
    );
  } finally {
    index.close();
  }
}
