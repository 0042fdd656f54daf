import { join } from 'node:path';
import { Command } from 'commander';
import { parseNumber } from '../../base/index.ts';
import { ownCacheDir } from '../../hub/node/index.ts';
import { iconsFolder } from '../icons-folder.ts';
import { type OutputOptions, printResult, progressLine, stopSignal } from '../output.ts';

type Options = OutputOptions & {
  output: string;
  size: string;
  styles?: string;
  validationStyles: string;
  heldOut?: string;
  cacheDir?: string;
};

/** `bow2bot data icons`: images of the openly licensed emoji sets. */
export function icons(): Command {
  return new Command('icons')
    .description(
      'render openly licensed icon sets of the npm registry: one thing drawn in up to six styles, with names and keywords',
    )
    .option('-o, --output <folder>', 'gets train/, validation/ (WebDataset) and LICENCES.md', iconsFolder)
    .option('--size <pixels>', 'width and height of the images', '64')
    .option(
      '--styles <names>',
      'styles to train on: noto, twemoji, openmoji, emojione, emojione-v1, fxemoji (default: all others)',
    )
    .option('--validation-styles <names>', 'styles held out for validation; "" for none', 'emojione-v1')
    .option(
      '--held-out <share>',
      'things that no training image shows, chosen by hash (default: 0.2; 0 without validation styles)',
    )
    .option('--cache-dir <folder>', 'keeps the npm packages (default: npm/ in $BOW2BOT_CACHE or ~/.cache/bow2bot)')
    .addHelpText(
      'before',
      `Examples:
  bow2bot data icons
  bow2bot data icons -o large --size 224 --styles twemoji,openmoji --validation-styles noto
  bow2bot train clip --data runs/icons/train --validation runs/icons/validation --preset icons
`,
    )
    .addHelpText(
      'after',
      `
The packages are fetched once by your own npm (its registry and proxy settings hold) and are pinned; a second run needs no network.`,
    )
    .action(run);
}

const names = (text: string): string[] =>
  text
    .split(',')
    .map((s) => s.trim())
    .filter((s) => s !== '');

async function run(o: Options): Promise<void> {
  const { renderIcons } = await import('../../data/node/index.ts');
  const report = await renderIcons(o.output, {
    size: parseNumber(o.size, '--size'),
    ...(o.styles === undefined ? {} : { styles: names(o.styles) }),
    validation: names(o.validationStyles),
    ...(o.heldOut === undefined ? {} : { heldOut: parseNumber(o.heldOut, '--held-out') }),
    cache: o.cacheDir ?? join(ownCacheDir(), 'npm'),
    signal: stopSignal(),
    onProgress: progressLine(o),
  });
  printResult(o, report, () =>
    [
      ...Object.entries(report.styles).map(([style, n]) => `${String(n).padStart(6)}  ${style}`),
      `${report.concepts} concepts${report.unseen > 0 ? `, ${report.unseen} of them only in the validation images` : ''}`,
      ...report.skipped.slice(0, 10).map((s) => `left out: ${s.place}: ${s.reason}`),
      `${[...report.train, ...report.validation].join('\n')}\nlicences: ${join(o.output, 'LICENCES.md')}`,
    ].join('\n'),
  );
}
