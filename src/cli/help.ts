/** Help in one style: of the program, and of every command under it. */
import { fileURLToPath } from 'node:url';
import type { Command, Option } from 'commander';
import { groups } from './commands.ts';

/** A page of `docs/` where this package lies: in a clone or in node_modules. */
const page = (name: string): string => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));

/** `bow2bot --help`: where to start, the commands with an example each, the pages. */
export function programHelp(): string {
  const rows = Object.entries(groups).flatMap(([heading, commands]) => [
    '',
    `${heading}:`,
    ...Object.entries(commands).flatMap(([name, { summary, example }]) => [
      `  ${name.padEnd(11)} ${summary}`,
      `  ${''.padEnd(11)}   bow2bot ${example}`,
    ]),
  ]);
  return `From bag of words to robot: train, load, compare and ship twenty systems, without Python.

Start here:
  bow2bot start                 train and compare systems in minutes, then search images by text
  bow2bot help <command>        examples and options of a command

Usage: bow2bot [--systems <module>] <command> [options]
${rows.join('\n')}

Options before the command:
  --systems <module>  a module of systems of your own (again for another)
  -V, --version       print the version
  -h, --help          print this help

Every command takes --json (one JSON document on stdout) and -q, --quiet.
Documentation: ${page('index.md')}
`;
}

/** Gives a command, and those below it, one style of options; the page stands at the end. */
export function styleHelp(command: Command, pageName: string): Command {
  command.configureHelp({
    optionDescription,
    argumentDescription: (argument) => argument.description, // what may be left out is said there
  });
  command.addHelpText('after', `\nDocumentation: ${page(pageName)}`);
  for (const c of command.commands) styleHelp(c, pageName);
  return command;
}

/** The description with what may be chosen and the default in one pair of brackets. */
function optionDescription(o: Option): string {
  const notes: string[] = [];
  if (o.argChoices) notes.push(o.argChoices.join(', '));
  const { defaultValue: value } = o;
  const isShown = typeof value === 'number' || (typeof value === 'string' && value !== '');
  if (isShown) notes.push(`default: ${value}`);
  if (o.mandatory) notes.push('required');
  return [o.description, ...(notes.length > 0 ? [`(${notes.join('; ')})`] : [])].join(' ');
}
