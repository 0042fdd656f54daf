import { Command } from 'commander';
import { BowError, parseNumber } from '../../base/index.ts';
import { can } from '../../capabilities/index.ts';
import { openModel } from '../../systems/node/index.ts';
import { readImage } from '../image-file.ts';
import { noticeLine, type OutputOptions, printable, printResult, progressLine, stopSignal } from '../output.ts';

type Flags = OutputOptions & { model: string; image: string[]; candidates?: string; top: string };

/** `bow2bot ask` */
export function command(): Command {
  return new Command('ask')
    .description('answer a question about an image, or say whether a statement about it is true')
    .argument('<image>', 'an image file')
    .argument('<question>', 'what is asked')
    .requiredOption('-m, --model <model>', 'a run, a checkpoint folder, or a name on the hub of a system that answers')
    .option(
      '-i, --image <file>',
      'a further image, in the order in which the question speaks of them',
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option('--candidates <list>', 'the answers that are allowed, separated by commas (default: those of the model)')
    .option('-k, --top <n>', 'answers to show, the likeliest first', '5')
    .addHelpText(
      'before',
      `Examples:
  bow2bot ask picture.png "what colour is the cube?" -m runs/vilt
  bow2bot ask picture.png "is there a bowl?" -m runs/albef --candidates "yes,no" --json
  bow2bot ask left.png "both images show a dog" -m runs/nlvr2 -i right.png
`,
    )
    .action(ask);
}

async function ask(image: string, question: string, f: Flags): Promise<void> {
  const top = parseNumber(f.top, '--top');
  if (!Number.isInteger(top) || top < 1)
    throw new BowError('usage', `--top must be a whole number of at least 1, not ${f.top}`);
  if (question.trim() === '') throw new BowError('usage', 'the question is empty');
  const candidates = f.candidates
    ?.split(',')
    .map((c) => c.trim())
    .filter((c) => c !== '');
  if (candidates && candidates.length < 2)
    throw new BowError('usage', '--candidates needs at least two answers', { hint: '--candidates "yes,no"' });
  const paths = [image, ...f.image];
  const images = await Promise.all(paths.map(readImage));
  const signal = stopSignal();
  const system = await openModel(f.model, { signal, onProgress: progressLine(f), onNotice: noticeLine });
  try {
    if (!can(system, 'answer'))
      throw new BowError('usage', `a ${system.id} answers no questions`, {
        place: f.model,
        hint: 'vilt, albef, vlmo, beit3 do',
      });
    const asked = [{ text: question.trim(), images }];
    const [found] = await system.answer(asked, { signal, n: top, ...(candidates ? { candidates } : {}) });
    const answers = (found!.alternatives ?? [found!]).slice(0, top).map(({ text, score }) => ({
      text,
      ...(score === undefined ? {} : { probability: Math.exp(score) }),
    }));
    printResult(f, { images: paths, question: question.trim(), answer: found!.text, answers }, () =>
      answers
        .map((a) =>
          a.probability === undefined ? printable(a.text) : `${a.probability.toFixed(3)}  ${printable(a.text)}`,
        )
        .join('\n'),
    );
  } finally {
    await system.close();
  }
}
