/** Keys of published preprocessing files: obeyed or refused by name. */
import { BowError, nearest } from '../base/index.ts';
import type { ChannelStatistics } from './clip-pixels.ts';

export type Json = Readonly<Record<string, unknown>>;

export const jsonObject = (x: unknown): Json => (typeof x === 'object' && x !== null ? (x as Json) : {});

/** Throws `checkpoint` for a value that cannot be obeyed. */
export function refuse(key: string, value: unknown, known: string, place: string): never {
  throw new BowError('checkpoint', `unknown image preprocessing: ${key} ${JSON.stringify(value)}`, {
    place,
    hint: `known: ${known}; with other pixels than it was trained on the model would see worse`,
  });
}

/** Throws `checkpoint` for a key that nobody knows, with the nearest one that is known. */
export function byName(key: string, value: unknown, known: readonly string[], place: string): never {
  const near = nearest(key, known);
  return refuse(near === undefined ? key : `${key} (did you mean "${near}"?)`, value, known.join(', '), place);
}

/** The key must have one of these values, of which the first is what its absence means. */
export function wantOneOf<T>(j: Json, key: string, values: readonly T[], place: string): T {
  const value = j[key] ?? values[0];
  if (values.includes(value as T)) return value as T;
  return refuse(key, value, values.map((v) => JSON.stringify(v)).join(', '), place);
}

/** Largest side of an image that a file may ask for: more would only exhaust memory. */
const LARGEST_SIDE = 16384;

/** A side in pixels. */
export function sideLength(x: unknown, key: string, place: string): number {
  if (typeof x === 'number' && Number.isInteger(x) && x >= 1 && x <= LARGEST_SIDE) return x;
  return refuse(key, x, `whole numbers from 1 to ${LARGEST_SIDE}`, place);
}

/** Three means and deviations; one number stands for all three. */
export function checkStatistics(
  mean: unknown,
  std: unknown,
  place: string,
  keys: readonly [string, string] = ['image_mean', 'image_std'],
): ChannelStatistics {
  const three = (x: unknown): number[] => {
    const list: readonly unknown[] = typeof x === 'number' ? [x, x, x] : Array.isArray(x) ? x : [];
    const numbers = list.filter((v) => typeof v === 'number' && Number.isFinite(v)) as number[];
    return list.length === 3 ? numbers : [];
  };
  const found = { mean: three(mean), std: three(std) };
  if (found.mean.length === 3 && found.std.length === 3 && found.std.every((v) => v > 0)) return found;
  throw new BowError(
    'checkpoint',
    'mean and deviation of the channels are not three numbers each, the deviations above 0',
    { place, hint: `${keys.join(' and ')}: three numbers each, or one for all` },
  );
}
