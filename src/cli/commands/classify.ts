import { Command } from 'commander';
import { BowError, parseNumber } from '../../base/index.ts';
import { refuseGiven } from '../options.ts';
import { type OutputOptions, printResult, progressLine, stopSignal } from '../output.ts';
import {
  type CountingFlags,
  countingFlags,
  countingNames,
  countingOptions,
  type InputFlags,
  inputFlags,
  inputOptions,
} from '../text-options.ts';

type Flags = OutputOptions &
  InputFlags &
  CountingFlags & { output?: string; model?: string; c?: string; heldOut: string };

/** `bow2bot classify` */
export function command(): Command {
  const c = new Command('classify')
    .description('train a text classifier, or label texts with a trained one')
    .argument('<input>', 'labelled texts to learn from (JSON, CSV, a folder of folders); with --model: texts to label')
    .option('-o, --output <folder>', 'train, and write the classifier here')
    .option('-m, --model <folder>', 'label the texts of the input with this classifier')
    .option('--label-field <name>', 'field of the label; in a folder the sub-folder is the label', 'label')
    .option(
      '-C, --c <x>',
      'inverse strength of the L2 penalty (default: of 0.5, 2, 10 and 50 the smallest within one standard error of the best on texts kept aside)',
    )
    .option('--held-out <share>', 'share of the texts held out to measure accuracy', '0.2');
  return countingFlags(inputFlags(c, { ids: true }))
    .addHelpText(
      'before',
      `Examples:
  bow2bot classify news.jsonl -o classifier/
  echo "shares fell sharply" | bow2bot classify - --model classifier/
`,
    )
    .action(run);
}

async function run(input: string, f: Flags, command: Command): Promise<void> {
  if (f.model !== undefined) {
    const learning = ['output', 'labelField', 'c', 'heldOut', ...countingNames];
    refuseGiven(command, learning, 'with --model, which labels texts as the model was made to');
  } else if (f.output === undefined)
    throw new BowError('usage', 'either -o (learn) or --model (label)', {
      hint: 'bow2bot classify texts.jsonl -o classifier/',
    });
  const counting = countingOptions(f);
  const { classify, fitTextClassifier, openTextClassifier } = await import('../../systems/index.ts');
  const { saveTextClassifier } = await import('../../systems/node/index.ts');
  const { openModelFiles } = await import('../../hub/node/index.ts');
  const { readDocuments } = await import('../../text/node/index.ts');
  const signal = stopSignal();
  const decoder = new TextDecoder();
  const texts: { id: string; text: string; label: string }[] = [];
  const { labelField: _, ...unlabelled } = inputOptions(f, signal);
  for await (const d of readDocuments(input, f.model !== undefined ? unlabelled : inputOptions(f, signal))) {
    texts.push({ id: d.id, text: typeof d.text === 'string' ? d.text : decoder.decode(d.text), label: d.label ?? '' });
  }
  if (f.model !== undefined) {
    const found = await classify(
      await openTextClassifier(await openModelFiles(f.model)),
      texts.map((t) => t.text),
    );
    const labels = texts.map((t, i) => ({
      id: t.id,
      label: found[i]![0]!.label,
      probability: found[i]![0]!.probability,
    }));
    printResult(f, { labels }, () => labels.map((l) => `${l.id}  ${l.label}  ${l.probability.toFixed(3)}`).join('\n'));
    return;
  }
  const folder = f.output!;
  const c = await fitTextClassifier(texts, {
    counting,
    ...(f.c === undefined ? {} : { c: parseNumber(f.c, '--c') }),
    heldOut: parseNumber(f.heldOut, '--held-out'),
    signal,
    onProgress: progressLine(f),
  });
  await saveTextClassifier(folder, c);
  const r = c.report;
  printResult(
    f,
    { folder, ...r },
    () =>
      `${folder}: ${r.classes.length} classes from ${r.texts} texts; ${r.heldOut === 0 ? 'none held out to measure accuracy' : `accuracy ${r.accuracy.toFixed(4)} on ${r.heldOut} held out`}; C = ${r.c}${chosen(r.tried)}`,
  );
}

/** How C was chosen, in brackets; nothing where it was given. */
function chosen(tried: readonly { readonly c: number; readonly accuracy: number }[]): string {
  if (tried.length === 0) return '';
  return ` (the smallest within one standard error of the best on texts kept aside: ${tried.map((t) => `${t.accuracy.toFixed(4)} with ${t.c}`).join(', ')})`;
}
