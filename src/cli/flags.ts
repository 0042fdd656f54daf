/** Flags that data kinds and systems bring, as options of a command. */
import { type Command, Option } from 'commander';
import type { Flag, FlagValues } from '../kinds/index.ts';

const append = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** Adds flags (and arguments, whose names stand in <>) to a command. */
export function addFlags(c: Command, flags: readonly Flag[]): Command {
  for (const { flags: notation, description, repeat, required, default: value } of flags) {
    if (!notation.startsWith('-')) {
      c.argument(notation, description, value);
      continue;
    }
    const option = new Option(notation, description).makeOptionMandatory(required === true);
    if (repeat) option.argParser(append);
    if (value !== undefined) option.default(value);
    c.addOption(option);
  }
  return c;
}

/** The values of a command's flags and arguments, by name. */
export function flagValues(c: Command): FlagValues {
  const named = c.registeredArguments.map((a, i) => [a.name(), c.processedArgs[i]] as const);
  return { ...c.opts<FlagValues>(), ...Object.fromEntries(named) };
}
