import { BowError } from '../../base/index.ts';

/** A whole number within limits from the command line. */
export function wholeNumber(name: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const n = Number(text);
    if (Number.isInteger(n) && n >= low && n <= high) return n;
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
