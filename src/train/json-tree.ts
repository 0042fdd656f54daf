/** Plain JSON values, as recipes and configurations are made of. */

import { isRecord } from '../base/index.ts';

/** A JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | JsonTree;
/** A JSON object. */
export type JsonTree = { readonly [key: string]: Json };

/** True for an object that is not an array. */
export function isPlain(value: Json | undefined): value is JsonTree {
  return isRecord(value);
}

/** `b` laid over `a`: objects are merged key by key, everything else is replaced. */
export function deepMerge(a: JsonTree, b: JsonTree): JsonTree {
  const out: Record<string, Json> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    if (value === undefined) continue;
    const before = Object.hasOwn(out, key) ? out[key] : undefined;
    out[key] = isPlain(before) && isPlain(value) ? deepMerge(before, value) : value;
  }
  return out;
}

/** Dotted paths at which two values differ. */
export function differences(a: Json | undefined, b: Json | undefined, path = ''): string[] {
  if (isPlain(a) && isPlain(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].flatMap((k) => differences(a[k], b[k], path === '' ? k : `${path}.${k}`));
  }
  return JSON.stringify(a) === JSON.stringify(b) ? [] : [path];
}
