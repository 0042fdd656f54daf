import { Command } from 'commander';
import { BowError, unknownName } from '../../base/index.ts';
import { type Bm25Method, bm25Methods } from '../../text/index.ts';
import { choice, refuseGiven, wholeNumber } from '../options.ts';
import { type OutputOptions, printResult, progressLine, shellWord, stopSignal } from '../output.ts';
import { asStarted } from '../program.ts';
import {
  type CountingFlags,
  countingFlags,
  countingOptions,
  type InputFlags,
  inputFlags,
  inputOptions,
} from '../text-options.ts';

type Flags = OutputOptions &
  InputFlags &
  CountingFlags & {
    output: string;
    method?: string;
    sublinear?: boolean;
    norm: string;
    index?: boolean;
    memory: string;
  };

const kinds = ['bag-of-words', 'tf-idf', 'bm25'];

/** `bow2bot fit` */
export function command(): Command {
  const c = new Command('fit')
    .description('learn a counting model from a collection of texts; tf-idf and bm25 also write an index to search')
    .argument('<system>', kinds.join(', '))
    .argument('<input>', 'a folder of texts, JSON, CSV, TSV, plain lines, any of them gzip, or - for standard input')
    .requiredOption('-o, --output <folder>', 'the checkpoint folder to write')
    .addOption(choice('--method <name>', 'bm25: the formula', bm25Methods))
    .option('--no-sublinear', 'tf-idf: plain tf instead of 1 + ln tf')
    .addOption(choice('--norm <name>', 'tf-idf: length of the vectors', ['l2', 'l1', 'none'], 'l2'))
    .option('--no-index', 'tf-idf, bm25: the model alone')
    .option('--memory <MiB>', 'memory for terms, and for sorting postings; the rest goes to disk', '512');
  return countingFlags(inputFlags(c, { ids: true }))
    .addHelpText(
      'before',
      `Examples:
  bow2bot fit tf-idf docs/ -o index/
  bow2bot fit bm25 articles.jsonl.gz --field body --stop-words english -o index/
  cat lines.txt | bow2bot fit bag-of-words - --ngrams 1,2 --min-df 2 -o model/
`,
    )
    .action(run);
}

async function run(system: string, input: string, f: Flags, command: Command): Promise<void> {
  if (!kinds.includes(system))
    throw new BowError('usage', unknownName('system', system, kinds), { hint: `one of ${kinds.join(', ')}` });
  if (system !== 'bm25') refuseGiven(command, ['method'], `on ${system}`);
  if (system !== 'tf-idf') refuseGiven(command, ['sublinear', 'norm'], `on ${system}`);
  if (system === 'bag-of-words') refuseGiven(command, ['index'], 'on bag-of-words, which writes none');
  const { buildTextIndex } = await import('../../systems/node/index.ts');
  const { readDocuments } = await import('../../text/node/index.ts');
  const signal = stopSignal();
  const scheme =
    system === 'bm25'
      ? { kind: 'bm25' as const, ...(f.method ? { method: f.method as Bm25Method } : {}) }
      : system === 'tf-idf'
        ? {
            kind: 'tf-idf' as const,
            sublinearTf: f.sublinear !== false,
            norm: f.norm === 'none' ? null : (f.norm as 'l1' | 'l2'),
          }
        : { kind: 'bag-of-words' as const };
  const started = performance.now();
  const built = await buildTextIndex(f.output, readDocuments(input, inputOptions(f, signal)), {
    counting: countingOptions(f),
    scheme,
    index: f.index !== false,
    memory: wholeNumber('memory', 1, 1 << 20)(f.memory) * 2 ** 20,
    signal,
    onProgress: progressLine(f),
  });
  const seconds = (performance.now() - started) / 1000;
  printResult(f, { folder: f.output, ...built, seconds }, () =>
    [
      `${f.output}: ${built.documents} documents, ${built.terms} terms, ${built.tokens} tokens in ${seconds.toFixed(1)} s`,
      ...(system !== 'bag-of-words' && f.index !== false && !f.quiet
        ? [asStarted(`search it: bow2bot search ${shellWord(f.output)} "some words"`)]
        : []),
    ].join('\n'),
  );
}
