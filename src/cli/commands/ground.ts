import { Command } from 'commander';
import { BowError } from '../../base/index.ts';
import { writeFileAtomic } from '../../base/node/index.ts';
import { can, type HeatMap } from '../../capabilities/index.ts';
import { encodePng, paintHeat } from '../../image/index.ts';
import { openModel } from '../../systems/node/index.ts';
import { readImage } from '../image-file.ts';
import { noticeLine, type OutputOptions, printable, printResult, progressLine, stopSignal } from '../output.ts';

type Flags = OutputOptions & { model: string; output?: string };

/** `bow2bot ground` */
export function command(): Command {
  return new Command('ground')
    .description('find what a phrase means in an image: a box, and a map of where the system looked')
    .argument('<image>', 'an image file')
    .argument('<phrase>', 'what is looked for')
    .requiredOption(
      '-m, --model <model>',
      'a run, a checkpoint folder, or a name on the hub of a system that grounds phrases',
    )
    .option('-o, --output <file.png>', 'write the image with the map and the box in it')
    .addHelpText(
      'before',
      `Examples:
  bow2bot ground picture.png "the red cube left of the bowl" -m runs/albef -o found.png
  bow2bot ground picture.png "the cup" -m runs/albef --json
`,
    )
    .action(ground);
}

async function ground(file: string, phrase: string, f: Flags): Promise<void> {
  if (phrase.trim() === '') throw new BowError('usage', 'the phrase is empty');
  if (f.output !== undefined && /\.(jpe?g|webp|gif|avif|tiff?|bmp|svg|pdf)$/i.test(f.output))
    throw new BowError('usage', 'the image is written as PNG', { place: f.output, hint: '-o <file.png>' });
  const image = await readImage(file);
  const signal = stopSignal();
  const system = await openModel(f.model, { signal, onProgress: progressLine(f), onNotice: noticeLine });
  try {
    if (!can(system, 'ground'))
      throw new BowError('usage', `a ${system.id} grounds no phrases`, { place: f.model, hint: 'albef does' });
    let map: HeatMap | undefined;
    const onMap = (found: HeatMap): void => {
      map = found;
    };
    const [boxes] = await system.ground([{ text: phrase.trim(), image }], { signal, onMap });
    if (f.output !== undefined) await writeFileAtomic(f.output, encodePng(paintHeat(image, { map, box: boxes![0] })));
    const written = f.output === undefined ? {} : { output: f.output };
    printResult(f, { image: file, phrase: phrase.trim(), boxes, ...written }, () =>
      [
        ...boxes!.map(
          ({ x, y, width, height, score }) =>
            `${score.toFixed(3)}  x ${Math.round(x)} y ${Math.round(y)} width ${Math.round(width)} height ${Math.round(height)}`,
        ),
        ...(f.output === undefined ? [] : [printable(f.output)]),
      ].join('\n'),
    );
  } finally {
    await system.close();
  }
}
