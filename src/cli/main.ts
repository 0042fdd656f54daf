#!/usr/bin/env node
/** `bow2bot`: the command line. One file per command under `commands/`, loaded only when it is called. */
import { Command, CommanderError } from 'commander';
import { BowError, exitCode, isBowError, unknownName } from '../base/index.ts';
import { commands } from './commands.ts';
import { clearProgress, errorLine, outputOptions } from './output.ts';
import { asStarted } from './program.ts';
import { registerModule, splitSystems } from './systems-option.ts';
import { version } from './version.ts';

/** Help and complaints of the parser. */
const asIsStarted = {
  writeOut: (text: string): void => void process.stdout.write(asStarted(text)),
  writeErr: (text: string): void => void process.stderr.write(asStarted(text)),
};

async function main(given: string[]): Promise<void> {
  const { modules, rest: argv } = splitSystems(given);
  for (const module of modules) await registerModule(module);
  const program = new Command('bow2bot')
    .description('From bag of words to robot: train, load, compare and ship twenty systems, without Python.')
    .version(version(), '-V, --version')
    .option('--systems <module>', 'a module of systems of your own, before the command (again for another)')
    .enablePositionalOptions()
    .addHelpText(
      'before',
      `Start here:
  bow2bot start                        train and compare systems in minutes, then search images by text
  bow2bot train clip --data photos/    train on images of your own
  bow2bot ladder runs/clip-tiny        measure what was trained, beside others
  bow2bot <command> --help             examples of a command
`,
    )
    .showHelpAfterError('(run with --help for the options)')
    .configureOutput(asIsStarted)
    .exitOverride();
  const asked = argv.find((a) => !a.startsWith('-'));
  for (const [name, entry] of Object.entries(commands)) {
    if (name === asked) {
      const command = outputOptions(await entry.load());
      for (const c of [command, ...command.commands]) c.exitOverride().configureOutput(asIsStarted); // wrong flags end in the catch below, with exit code 2
      program.addCommand(command);
    } else program.command(name).description(entry.summary);
  }
  if (asked !== undefined && asked !== 'help' && !(asked in commands)) {
    throw new BowError('usage', unknownName('command', asked, Object.keys(commands)), {
      hint: 'bow2bot --help lists the commands',
    });
  }
  if (asked === undefined && argv.length === 0) program.help();
  await program.parseAsync(argv, { from: 'user' });
}

process.stdout.on('error', (e: NodeJS.ErrnoException) => {
  if (e.code === 'EPIPE') process.exit(0); // the reader of a pipe has gone
});

try {
  await main(process.argv.slice(2));
} catch (e) {
  if (e instanceof CommanderError) process.exit(e.exitCode === 0 ? 0 : 2);
  clearProgress();
  process.stderr.write(errorLine(e, process.argv.includes('--json')));
  if (!isBowError(e) && process.env['BOW2BOT_DEBUG']) process.stderr.write(`${(e as Error).stack}\n`);
  process.exit(exitCode(e));
}
