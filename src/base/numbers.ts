import { BowError } from './errors.ts';

/** A number as it is given on a command line. `name` is the flag's. Error `usage` when it is not a number. */
export function parseNumber(text: string, name: string): number {
  const n = Number(text);
  if (text.trim() === '' || !Number.isFinite(n)) throw new BowError('usage', `${name} needs a number, not "${text}"`);
  return n;
}
