/** The program: finds the command that is asked for and runs it. One file per command under `commands/`, loaded only when it is called. */
import { Command } from 'commander';
import { BowError, isBowError, unknownName } from '../base/index.ts';
import { typedError } from '../base/node/index.ts';
import { commands } from './commands.ts';
import { inFlags } from './flag-words.ts';
import { programHelp, styleHelp } from './help.ts';
import { outputOptions } from './output.ts';
import { asStarted } from './program.ts';
import { registerModule, splitSystems } from './systems-option.ts';
import { throwMistakes, UsageMistake, usageError } from './usage-errors.ts';
import { version } from './version.ts';

/** Runs a command line. Throws what goes wrong: {@link asPrinted} makes of it what the user reads. */
export async function runProgram(given: readonly string[]): Promise<void> {
  const { modules, rest } = splitSystems(given);
  for (const module of modules) await registerModule(module);
  const [asked, ...more] = rest;
  if (asked === undefined) {
    process.stderr.write(asStarted(programHelp()));
    process.exitCode = 2;
  } else if (asked === '--version' || asked === '-V') process.stdout.write(`${version()}\n`);
  else if (['--help', '-h'].includes(asked) || (asked === 'help' && more.length === 0))
    process.stdout.write(asStarted(programHelp()));
  else if (asked === 'help') await showHelp(more);
  else if (asked.startsWith('-'))
    throw new BowError('usage', unknownName('option', asked, ['--systems', '--version', '--help']), {
      hint: 'options of a command stand after it; bow2bot --help lists the commands',
    });
  else await (await program(asked)).parseAsync(rest, { from: 'user' });
}

/** The command whose action runs: its errors name its flags. */
let running: Command | undefined;

/** The program with the one command that is asked for. */
async function program(name: string): Promise<Command> {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!entry)
    throw new BowError('usage', unknownName('command', name, Object.keys(commands)), {
      hint: 'bow2bot --help lists the commands',
    });
  const command = styleHelp(outputOptions(await entry.load()), entry.page);
  const whole = new Command('bow2bot').enablePositionalOptions().addCommand(command);
  whole.hook('preAction', (_, acting) => {
    running = acting;
  });
  throwMistakes(whole);
  return whole;
}

/** `bow2bot help world generate`: the help of a command, or of one below it. */
async function showHelp([name = '', ...below]: readonly string[]): Promise<void> {
  let command = (await program(name)).commands[0]!;
  for (const part of below.filter((p) => !p.startsWith('-'))) {
    const next = command.commands.find((c) => c.name() === part);
    const known = command.commands.map((c) => c.name());
    if (!next) throw new BowError('usage', unknownName(`command of ${command.name()}`, part, known));
    command = next;
  }
  command.outputHelp();
}

/** What was thrown as what is printed: mistakes on the command line and what the file system refuses are errors with a code. */
export async function asPrinted(e: unknown, argv: readonly string[]): Promise<unknown> {
  if (e instanceof UsageMistake) return await usageError(e, argv);
  const typed = typedError(e, (e as NodeJS.ErrnoException | null)?.path ?? '');
  return running && isBowError(typed) ? inFlags(typed, running) : typed;
}
