import { Command } from 'commander';
import { parseNumber } from '../../base/index.ts';
import { refuseGiven } from '../options.ts';
import { type OutputOptions, printResult } from '../output.ts';
import {
  type CountingFlags,
  countingFlags,
  countingNames,
  countingOptions,
  type InputFlags,
  inputFlags,
  inputOptions,
} from '../text-options.ts';

type Flags = OutputOptions & InputFlags & CountingFlags & { top: string; model?: string };

/** `bow2bot keywords` */
export function command(): Command {
  const c = new Command('keywords')
    .description('the most characteristic words of a text: frequent in it, rare elsewhere')
    .argument('<input>', 'a text file, or - for standard input')
    .option('-k, --top <n>', 'how many words', '10')
    .option(
      '-m, --model <folder>',
      'a tf-idf model; without one, each line or record of the input is a document to compare with',
    );
  return countingFlags(inputFlags(c, { ids: false }))
    .addHelpText(
      'before',
      `Examples:
  bow2bot keywords report.txt
  bow2bot keywords report.txt -m index/ -k 5
`,
    )
    .action(run);
}

async function run(input: string, f: Flags, command: Command): Promise<void> {
  if (f.model !== undefined) refuseGiven(command, countingNames, 'with --model, which counts as it was made to');
  const counting = countingOptions(f);
  const { fitTfIdf, openTfIdf } = await import('../../systems/index.ts');
  const { openModelFiles } = await import('../../hub/node/index.ts');
  const { readDocuments } = await import('../../text/node/index.ts');
  const decoder = new TextDecoder();
  const parts: string[] = [];
  for await (const d of readDocuments(input, inputOptions(f))) {
    const text = typeof d.text === 'string' ? d.text : decoder.decode(d.text);
    if (text.trim() !== '') parts.push(text);
  }
  // Without a collection the parts of the text are one; the English list then stands for "rare elsewhere".
  const model =
    f.model !== undefined
      ? await openTfIdf(await openModelFiles(f.model))
      : fitTfIdf(parts, { stopWords: 'english', ...counting }, { kind: 'tf-idf', sublinearTf: false, smoothIdf: true });
  const words = model.keywords(parts.join('\n'), parseNumber(f.top, '--top'));
  printResult(f, { keywords: words }, () => words.map((w) => `${w.weight.toFixed(4)}  ${w.term}`).join('\n'));
}
