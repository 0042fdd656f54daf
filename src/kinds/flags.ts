/** Values of flags as kinds and systems read them. */
import type { FlagValues } from './kind.ts';

/** A flag that takes a value; undefined when it was not given. */
export function flagText(f: FlagValues, name: string): string | undefined {
  const value = f[name];
  return typeof value === 'string' ? value : undefined;
}
