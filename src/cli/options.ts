/** Values of options, checked as they are read, and options that another one leaves without effect. */
import { type Command, Option } from 'commander';
import { BowError } from '../base/index.ts';

/** A whole number within limits from the command line. */
export function wholeNumber(name: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const n = Number(text);
    if (text.trim() !== '' && Number.isInteger(n) && n >= low && n <= high) return n;
    throw new BowError('usage', `--${name} is a whole number from ${low} to ${high}, not "${text}"`);
  };
}

/** One of a list of words from the command line. */
export function oneOf<T extends string>(name: string, words: readonly T[]): (text: string) => T {
  return (text) => {
    if ((words as readonly string[]).includes(text)) return text as T;
    throw new BowError('usage', `--${name} is one of ${words.join(', ')}, not "${text}"`);
  };
}

/** An option that takes one of some words. */
export function choice(flags: string, description: string, words: readonly string[], value?: string): Option {
  const option = new Option(flags, description).choices(words);
  return value === undefined ? option : option.default(value);
}

/**
 * Refuses options that were given though they would have no effect. `names`: as the parsed options have them; `why`: where they have none, as in "with
 * --model". Error `usage`.
 */
export function refuseGiven(command: Command, names: readonly string[], why: string): void {
  const given = command.options.filter(
    (o) => names.includes(o.attributeName()) && command.getOptionValueSource(o.attributeName()) === 'cli',
  );
  if (given.length > 0)
    throw new BowError('usage', `${given.map((o) => o.long).join(', ')} has no effect ${why}`, {
      hint: 'leave it out',
    });
}
