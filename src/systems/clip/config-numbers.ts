/** Numbers of published configs, checked before any work is done on them. */
import { isRecord, refuseSetting } from '../../base/index.ts';

export type Json = Readonly<Record<string, unknown>>;

/** Largest counts of a model: larger ones are no CLIP, and would cost hours before anything else failed. */
export const largest = {
  embed: 2 ** 16,
  width: 2 ** 16,
  depth: 256,
  heads: 2 ** 10,
  hidden: 2 ** 18,
  size: 2 ** 14,
  patch: 2 ** 12,
  stages: 8,
  vocabulary: 2 ** 24,
  context: 2 ** 12,
} as const;

/** One object of a config file: `path` is where it stands in it. */
export type Section = { readonly json: Json; readonly path: string; readonly place: string };

const at = (s: Section, key: string): string => (s.path === '' ? key : `${s.path}.${key}`);

/** An object inside another; an absent one and null are empty. */
export function section(parent: Section, key: string): Section {
  const json = parent.json[key] ?? {};
  const path = at(parent, key);
  return { json: isRecord(json) ? json : refuse(parent, key, 'an object'), path, place: parent.place };
}

/** The error for a value that is not one of those that are `known`. */
export function refuse(s: Section, key: string, known: string): never {
  return refuseSetting(at(s, key), s.json[key] ?? null, { place: s.place, known });
}

/** A whole number from 1 to `most`; `fallback` where the key is absent, as in the library's classes. */
export function whole(s: Section, key: string, fallback: number, most: number): number {
  const x = key in s.json ? s.json[key] : fallback;
  if (typeof x === 'number' && Number.isInteger(x) && x >= 1 && x <= most) return x;
  return refuse(s, key, `whole numbers from 1 to ${most}`);
}

/** A number above 0. */
export function positive(s: Section, key: string, fallback: number, most: number): number {
  const x = key in s.json ? s.json[key] : fallback;
  if (typeof x === 'number' && x > 0 && x <= most) return x;
  return refuse(s, key, `numbers above 0, up to ${most}`);
}

/** Throws for a key with another value than these; an absent one has the first, and so has null where it is not one of them. */
export function only(s: Section, key: string, values: readonly unknown[]): void {
  if (!values.includes(s.json[key] ?? values[0])) refuse(s, key, values.map((v) => JSON.stringify(v)).join(', '));
}

/** Throws unless the first number divides by the second. */
export function divides(s: Section, width: number, heads: number, key: string): void {
  if (width % heads !== 0) refuse(s, key, `divisors of the width, ${width}`);
}
