/** Mistakes on the command line, as commander finds them, in the words of all other errors. */
import type { Command, CommanderError } from 'commander';
import { BowError, shellWord, unknownName } from '../base/index.ts';
import { asStarted } from './program.ts';

/** A mistake with the command that it was made at. */
export class UsageMistake extends Error {
  readonly found: CommanderError;
  readonly command: Command;

  constructor(found: CommanderError, command: Command) {
    super(found.message);
    this.found = found;
    this.command = command;
  }
}

/** Lets a command, and those below it, throw what is wrong instead of ending the process and printing it. */
export function throwMistakes(command: Command): void {
  command.configureOutput({
    writeOut: (text) => void process.stdout.write(asStarted(text)),
    writeErr: (text) => void process.stderr.write(asStarted(text)),
    outputError: () => {},
  });
  command.exitOverride((found) => {
    throw new UsageMistake(found, command);
  });
  for (const c of command.commands) throwMistakes(c);
}

/** Flags that had another name, by command where only one command had it. */
const renamed: Readonly<Record<string, string>> = {
  '--out': '--output',
  'world evaluate --episodes': '--count',
  'train word2vec --size': '--vector-size',
  'doctor --size': '--matrix-size',
};

/** `bow2bot train clip`, without `bow2bot`. */
function pathOf(command: Command): string {
  const above = command.parent ? pathOf(command.parent) : '';
  return command.parent ? `${above} ${command.name()}`.trim() : '';
}

const quoted = (text: string): string[] => [...text.matchAll(/'([^']*)'/g)].map((m) => m[1]!);

/** The error `usage` of a mistake. `argv`: what was typed. */
export async function usageError({ found, command }: UsageMistake, argv: readonly string[]): Promise<BowError> {
  const path = pathOf(command);
  const [first = '', second = ''] = quoted(found.message);
  const help = `bow2bot ${path} --help shows ${command.commands.length > 0 ? 'its commands' : 'its options'}`;
  const error = (what: string, hint = help): BowError => new BowError('usage', what, { hint });
  switch (found.code) {
    case 'commander.unknownOption':
      return await unknownOption(first, command, argv);
    case 'commander.unknownCommand':
      return error(
        unknownName(
          `command of ${path}`,
          first,
          command.commands.map((c) => c.name()),
        ),
        `one of ${command.commands.map((c) => c.name()).join(', ')}`,
      );
    case 'commander.missingArgument':
      return error(`no <${first}> given: ${path} takes ${argumentsOf(command)}`);
    case 'commander.missingMandatoryOptionValue':
      return error(`${first} is required`);
    case 'commander.optionMissingArgument':
      return error(`${first} needs a value`);
    case 'commander.excessArguments':
      return error(`more arguments than ${path} takes: ${argumentsOf(command) || 'none'}`);
    case 'commander.invalidArgument': {
      const flag = /--[\w-]+/.exec(first)?.[0] ?? first;
      const choices = /Allowed choices are (.*)\./.exec(found.message)?.[1];
      return error(choices ? `${flag} is one of ${choices}, not "${second}"` : `${flag} cannot be "${second}"`);
    }
    default:
      return error(found.message.replace(/^error: /, ''));
  }
}

function argumentsOf(command: Command): string {
  const parts = command.registeredArguments.map((a) => {
    const name = a.variadic ? `${a.name()}...` : a.name();
    return a.required ? `<${name}>` : `[${name}]`;
  });
  return parts.join(' ');
}

async function unknownOption(given: string, command: Command, argv: readonly string[]): Promise<BowError> {
  const flag = given.split('=')[0]!;
  const path = pathOf(command);
  const known = command.options.flatMap((o) => [o.long, o.short]).filter((name) => name !== undefined);
  const now = [`${path} ${flag}`, flag].map((name) => renamed[name]).find((name) => name && known.includes(name));
  if (now) return new BowError('usage', `${flag} is called ${now} now`, { hint: `write ${now} in its place` });
  if (path === 'analogy' && /^(-v|--vectors)$/.test(flag))
    return new BowError('usage', `${flag} is an argument now`, { hint: 'bow2bot analogy vectors/ man king woman' });
  const setting = known.includes('--set') ? await settingFor(flag, given, argv) : undefined;
  return new BowError('usage', unknownName('option', flag, known), {
    hint: setting ?? `bow2bot ${path} --help shows its options`,
  });
}

/** `--steps 5` means `--set steps=5`, `--lr 1e-3` means `--set optimizer.lr=1e-3`. */
async function settingFor(flag: string, given: string, argv: readonly string[]): Promise<string | undefined> {
  const { parseRecipe } = await import('../train/index.ts');
  const name = flag.replace(/^-+/, '').replace(/-(\w)/g, (_, c: string) => c.toUpperCase());
  const key = keysOf(parseRecipe({ system: 'any', epochs: 1 }))
    .concat('steps')
    .sort((a, b) => a.split('.').length - b.split('.').length)
    .find((k) => k === name || k.endsWith(`.${name}`));
  if (key === undefined) return undefined;
  const next = argv[argv.indexOf(given) + 1];
  const value = given.includes('=') ? given.slice(given.indexOf('=') + 1) : next?.startsWith('-') ? undefined : next;
  return `a key of the recipe: --set ${value === undefined ? `${key}=…` : shellWord(`${key}=${value}`)}`;
}

function keysOf(tree: object, above = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) => {
    const path = `${above}${key}`;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? [path, ...keysOf(value, `${path}.`)]
      : [path];
  });
}
