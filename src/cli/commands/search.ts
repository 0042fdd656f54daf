import { Command } from 'commander';
import { BowError } from '../../base/index.ts';
import { type OutputOptions, printResult } from '../output.ts';
import { number } from '../text-options.ts';

type Flags = OutputOptions & { top: string; explain?: boolean };

/** How each kind of index is searched, by `model_type` in its config.json. */
const searchers: Readonly<Record<string, (index: string, query: string, f: Flags) => Promise<void>>> = {
  'tf-idf': searchText,
};

/** `bow2bot search` */
export function command(): Command {
  return new Command('search')
    .description('find documents in an index; the kind of index is read from its folder')
    .argument('<index>', 'a folder written by bow2bot fit')
    .argument('<query>', 'what to look for')
    .option('-k, --top <n>', 'how many results', '10')
    .option('--explain', 'what each term of the query added')
    .addHelpText(
      'after',
      '\nExamples:\n  bow2bot search index/ "a red block left of a bowl"\n  bow2bot search index/ "robot arm" -k 3 --explain --json',
    )
    .action(async (index: string, query: string, f: Flags) => {
      const { readConfig } = await import('../../systems/index.ts');
      const { model_type: type } = await readConfig(index);
      const search = Object.hasOwn(searchers, type) ? searchers[type] : undefined;
      if (!search)
        throw new BowError('usage', `a model of "${type}" cannot be searched`, {
          place: index,
          detail: { searchable: Object.keys(searchers) },
        });
      await search(index, query, f);
    });
}

async function searchText(folder: string, query: string, f: Flags): Promise<void> {
  const { openTextIndex } = await import('../../systems/index.ts');
  const index = await openTextIndex(folder);
  try {
    const hits = index.search(query, { k: number(f.top, '--top') });
    const shown = f.explain ? hits : hits.map(({ terms: _, ...h }) => h);
    printResult(f, { query, hits: shown }, () =>
      hits.length === 0
        ? 'nothing found'
        : hits
            .flatMap((h) => [
              `${h.score.toFixed(4)}  ${h.id}  ${h.start.slice(0, 120)}`,
              ...(f.explain ? [`        ${h.terms.map((t) => `${t.term} ${t.score.toFixed(4)}`).join(' · ')}`] : []),
            ])
            .join('\n'),
    );
  } finally {
    index.close();
  }
}
