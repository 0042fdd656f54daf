import { Command } from 'commander';
import { parseNumber } from '../../base/index.ts';
import { refuseGiven } from '../options.ts';
import { type OutputOptions, printResult } from '../output.ts';
import { openVectors } from '../vectors.ts';

type Flags = OutputOptions & { top: string; minus?: string[]; odd?: boolean };

/** `bow2bot similar` */
export function command(): Command {
  return new Command('similar')
    .description('the words nearest to a word, or to a mix of words')
    .argument(
      '<vectors>',
      'a word2vec folder, or a file: binary or text, with or without a first line of sizes, plain or gzip',
    )
    .argument('<words...>', 'words to be near to')
    .option('-k, --top <n>', 'how many', '10')
    .option('--minus <words...>', 'words to be far from')
    .option('--odd', 'instead: which of the words fits least')
    .addHelpText(
      'before',
      `Examples:
  bow2bot similar vectors/ king
  bow2bot similar vectors.bin king woman --minus man
  bow2bot similar vectors/ red green blue cup --odd
`,
    )
    .action(async (path: string, words: string[], f: Flags, c: Command) => {
      if (f.odd) refuseGiven(c, ['top', 'minus'], 'with --odd');
      const wv = await openVectors(path, f);
      if (f.odd) {
        const ranked = wv.rankByCentrality(words);
        printResult(f, { odd: ranked.at(-1)!.word, ranked }, () => ranked.at(-1)!.word);
        return;
      }
      const found = wv.mostSimilar({ positive: words, negative: f.minus ?? [], topn: parseNumber(f.top, '--top') });
      printResult(f, { similar: found }, () => found.map((w) => `${w.score.toFixed(4)}  ${w.word}`).join('\n'));
    });
}
