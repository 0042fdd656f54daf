import { Command } from 'commander';
import { BowError, unknownName } from '../../base/index.ts';
import { loadSystems, type OwnTraining, type System, type SystemTraining, systemIds } from '../../systems/index.ts';
import { trainByItself } from '../../systems/node/index.ts';
import { addFlags, flagValues } from '../flags.ts';
import { examples, noticeLine, printable, printResult, progressLine, stopSignal } from '../output.ts';
import { asStarted } from '../program.ts';
import { modelFlags, recipeFromFlags } from '../train-recipe.ts';
import { runTraining, type TrainingOptions, trainingOptions } from '../training.ts';

/** `bow2bot train`: one subcommand for every system of the registry that can be trained. */
export async function command(): Promise<Command> {
  const train = new Command('train')
    .description('train a system on your data')
    .usage('<system> [options]')
    .argument('[system]')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', '\nEvery system has its own options: bow2bot train <system> --help');
  examples(train, ['train clip --smoke', 'train clip --data photos/', 'train word2vec corpus.txt -o vectors/']);
  for (const system of await loadSystems()) {
    if (system.training) train.addCommand(trainedByTrainer(system, system.training));
    else if (system.ownTraining) train.addCommand(trainedByItself(system, system.ownTraining));
  }
  return train.action((asked: string | undefined) => {
    if (asked === undefined) return train.help({ error: true });
    throw unknownSystem(
      asked,
      train.commands.map((c) => c.name()),
    );
  });
}

function unknownSystem(asked: string, names: readonly string[]): BowError {
  const known = systemIds().includes(asked);
  const hint = 'bow2bot train --help lists the systems that can be trained';
  return new BowError('usage', known ? `"${asked}" cannot be trained here` : unknownName('system', asked, names), {
    hint: known ? `${hint}; bow2bot fit counts words` : hint,
    detail: { systems: names },
  });
}

function trainedByItself(system: System, training: OwnTraining): Command {
  const { id, title, paper } = system;
  const c = new Command(id).summary(title).description(`${title}. ${paper}`);
  examples(c, training.examples);
  const [corpus, ...reading] = training.data.flags;
  return addFlags(c, [...(corpus ? [corpus] : []), ...training.flags, ...reading]).action(async () => {
    const o = c.opts<TrainingOptions>();
    const onNotice = (text: string): void => {
      if (!o.quiet) noticeLine(printable(text));
    };
    const options = { signal: stopSignal(), onProgress: progressLine(o), onNotice };
    const { result, lines, next } = await trainByItself(system, flagValues(c), options);
    printResult(o, result, () => [...lines, ...(next && !o.quiet ? [asStarted(next)] : [])].join('\n'));
  });
}

function trainedByTrainer(system: System, training: SystemTraining): Command {
  const { id, title, paper } = system;
  const { data } = training;
  const own = [
    '--smoke',
    `${data.example} -o runs/mine`,
    ...training.examples,
    '-o runs/mine --resume --set steps=3000',
  ];
  const c = new Command(id).summary(title).description(`${title}. ${paper}. Learns from ${data.title}.`);
  examples(
    c,
    own.map((e) => `train ${id} ${e}`),
  );
  addFlags(c, [...data.flags, ...modelFlags(system, training)]);
  return trainingOptions(c)
    .addHelpText('after', `\nPresets: ${presetList(training)}`)
    .action(() => run(system, training, c));
}

/** The presets by name, with what makes them the default. */
function presetList({ presets, presetFor: { from = '', lora = '' } }: SystemTraining): string {
  const notes: Record<string, string> = {
    default: 'from scratch',
    [from]: 'with --from',
    [lora]: 'with --from and --lora',
  };
  const names = [...new Set(['default', ...Object.keys(presets), 'smoke'])];
  return names.map((name) => (notes[name] === undefined ? name : `${name} (${notes[name]})`)).join(', ');
}

async function run(system: System, training: SystemTraining, c: Command): Promise<void> {
  await runTraining(system, recipeFromFlags(training, flagValues(c)), c.opts<TrainingOptions>());
}
