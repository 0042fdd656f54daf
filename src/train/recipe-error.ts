/** Turns a schema's complaint into an error that a person can act on: the key's path, and for unknown names the nearest known one. */
import { z } from 'zod';
import { BowError, nearest, unknownName } from '../base/index.ts';
import { isPlain, type Json, type JsonTree } from './json-tree.ts';

/** Keys that choose between the options of a union. */
const choosers = ['name', 'source'];

/** The first problem as a typed error: what, at which key, and for unknown keys the nearest known one. */
export function recipeError(schema: z.ZodType, value: JsonTree, error: z.ZodError, file: string | undefined): BowError {
  const issue = error.issues[0]!;
  const path = issue.path.map(String);
  const at = (keys: readonly string[]): string => keys.join('.') || 'recipe';
  const detail = file === undefined ? {} : { recipe: file };
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!;
    const known = keysAt(schema, value, path);
    const place = at([...path, key]);
    const owners = optionsAt(schema, value, path).filter((option) => key in option.shape);
    if (owners.length > 0) return strayKey(key, place, path, owners, detail);
    const guess = nearest(key, known);
    return new BowError('config', unknownName('key', key, known), {
      place,
      detail: guess === undefined ? { ...detail, known } : detail,
    });
  }
  if (issue.code === 'invalid_union' && issue.discriminator !== undefined)
    return unionError(schema, value, path, detail);
  return new BowError('config', issue.message, { place: at(path), detail });
}

/** A key that is right elsewhere: with another optimiser, another source of data. An option's description says how it is had. */
function strayKey(
  key: string,
  place: string,
  path: readonly string[],
  owners: readonly z.ZodObject[],
  detail: Record<string, string>,
): BowError {
  const by = choosers.find((name) => owners.some((option) => valuesOf(option, name).size > 0)) ?? '';
  const names = owners.flatMap((option) => [...valuesOf(option, by)]).map((name) => `"${name}"`);
  const hint = owners.find((option) => option.description !== undefined)?.description;
  const what = `unknown key "${key}" here: it belongs to ${[...path, by].join('.')} ${names.join(' or ')}`;
  return new BowError('config', what, { place, detail, ...(hint === undefined ? {} : { hint }) });
}

function unionError(schema: z.ZodType, value: JsonTree, path: string[], detail: Record<string, string>): BowError {
  const key = path.at(-1)!;
  const names = optionsAt(schema, value, path.slice(0, -1)).flatMap((option) => [...valuesOf(option, key)]);
  const given = path.reduce<unknown>((v, k) => (isPlain(v as Json) ? (v as JsonTree)[k] : undefined), value);
  const what = typeof given === 'string' ? unknownName(key, given, names) : `a ${key} is needed`;
  return new BowError('config', what, { place: path.join('.'), detail: { ...detail, known: names } });
}

/** Object schemas that can stand at a path; several for a union. */
function optionsAt(schema: z.ZodType, value: unknown, path: readonly string[]): z.ZodObject[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodDiscriminatedUnion) {
    return (inner.options as z.ZodType[]).flatMap((option) => optionsAt(option, value, path));
  }
  const [key, ...rest] = path;
  if (inner instanceof z.ZodArray)
    return optionsAt(inner.element as z.ZodType, (value as unknown[])[Number(key)], rest);
  if (!(inner instanceof z.ZodObject)) return [];
  if (key === undefined) return [inner];
  const next = inner.shape[key] as z.ZodType | undefined;
  return next ? optionsAt(next, (value as JsonTree | undefined)?.[key], rest) : [];
}

/** Keys that are known at a path; in a union those of the option that the value names. */
function keysAt(schema: z.ZodType, value: JsonTree, path: readonly string[]): string[] {
  const here = path.reduce<unknown>((v, k) => (v as Record<string, unknown> | undefined)?.[k], value) as JsonTree;
  const options = optionsAt(schema, value, path);
  const fits = (option: z.ZodObject, key: string): boolean => valuesOf(option, key).has(String(here?.[key]));
  const fitting = options.filter((option) => choosers.some((key) => fits(option, key)));
  return (fitting.length > 0 ? fitting : options).flatMap((option) => Object.keys(option.shape));
}

/** The values that a key of an option is fixed to; none for a key that is free. */
function valuesOf(option: z.ZodObject, key: string): Set<string> {
  const fixed = option.shape[key] as z.ZodType | undefined;
  const inner = fixed ? unwrap(fixed) : undefined;
  return new Set(inner instanceof z.ZodLiteral ? [...inner.values].map(String) : []);
}

function unwrap(schema: z.ZodType): z.ZodType {
  const inner = (schema.def as { innerType?: z.ZodType }).innerType;
  return inner ? unwrap(inner) : schema;
}
