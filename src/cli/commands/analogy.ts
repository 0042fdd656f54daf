import { Command } from 'commander';
import { BowError, parseNumber } from '../../base/index.ts';
import { readText } from '../../base/node/index.ts';
import { evaluateAnalogies, evaluateWordPairs } from '../../systems/index.ts';
import { refuseGiven } from '../options.ts';
import { type OutputOptions, printResult } from '../output.ts';
import { openVectors } from '../vectors.ts';

type Flags = OutputOptions & {
  top: string;
  mul?: boolean;
  questions?: string;
  pairs?: string;
  restrict: string;
};

/** `bow2bot analogy` */
export function command(): Command {
  return new Command('analogy')
    .description('a is to b as c is to …; or the accuracy on a file of questions')
    .argument(
      '<vectors>',
      'a word2vec folder, or a file: binary or text, with or without a first line of sizes, plain or gzip',
    )
    .argument('[words...]', 'three words: man king woman')
    .option('-k, --top <n>', 'how many answers', '5')
    .option('--mul', '3CosMul instead of 3CosAdd')
    .option('--questions <file>', 'analogy questions (a b c d under : section) to answer and score')
    .option('--pairs <file>', 'human-scored pairs (word, word, score separated by tabs) to correlate with')
    .option('--restrict <n>', 'questions: only the n most frequent words take part', '300000')
    .addHelpText(
      'before',
      `Examples:
  bow2bot analogy vectors/ man king woman
  bow2bot analogy vectors.bin --questions questions-words.txt
`,
    )
    .action(run);
}

async function run(vectors: string, words: string[], f: Flags, command: Command): Promise<void> {
  if (f.questions !== undefined) refuseGiven(command, ['pairs', 'top', 'mul'], 'with --questions');
  else refuseGiven(command, ['restrict'], 'without --questions');
  if (f.pairs !== undefined) refuseGiven(command, ['top', 'mul'], 'with --pairs');
  const asked = f.questions ?? f.pairs;
  if (asked === undefined ? words.length !== 3 : words.length > 0)
    throw new BowError(
      'usage',
      asked === undefined ? 'three words, or --questions or --pairs' : 'words or a file, not both',
      {
        hint: 'bow2bot analogy vectors/ man king woman',
      },
    );
  const wv = await openVectors(vectors, f);
  if (f.questions !== undefined) {
    const r = evaluateAnalogies(wv, await readText(f.questions), {
      restrictVocab: parseNumber(f.restrict, '--restrict'),
    });
    printResult(f, r, () =>
      [
        ...r.sections.map((s) => `${s.name}  ${s.correct}/${s.total}`),
        `accuracy ${r.accuracy.toFixed(4)} (semantic ${r.semantic.toFixed(4)}, syntactic ${r.syntactic.toFixed(4)}), ${r.asked} asked, ${r.skipped} skipped`,
      ].join('\n'),
    );
    return;
  }
  if (f.pairs !== undefined) {
    const r = evaluateWordPairs(wv, await readText(f.pairs));
    printResult(
      f,
      r,
      () =>
        `Spearman ${r.spearman.toFixed(4)}, Pearson ${r.pearson.toFixed(4)} on ${r.pairs} pairs, ${r.unknownPercent.toFixed(1)} % unknown`,
    );
    return;
  }
  const [a, b, c] = words as [string, string, string];
  const o = { positive: [b, c], negative: [a], topn: parseNumber(f.top, '--top') };
  const found = f.mul ? wv.mostSimilarCosmul(o) : wv.mostSimilar(o);
  printResult(f, { analogy: words, answers: found }, () =>
    found.map((w) => `${w.score.toFixed(4)}  ${w.word}`).join('\n'),
  );
}
