/** Recipes from presets, trees and the command line: merged, validated, with errors that name the key. */
import { z } from 'zod';
import { BowError, unknownName } from '../base/index.ts';
import { deepMerge, isPlain, type Json, type JsonTree } from './json-tree.ts';
import { recipeError } from './recipe-error.ts';
import { type Recipe, type RecipeInput, recipeSchema } from './recipe-schema.ts';

/** Presets that every system has; a system may bring more and refine these. */
export const presets: Readonly<Record<string, RecipeInput>> = {
  default: { optimizer: { name: 'adamw' }, schedule: { name: 'cosine' } },
  /** Through everything once, in seconds: does it run at all? */
  smoke: {
    steps: 20,
    batchSize: 8,
    evaluateEvery: 10,
    checkpointEvery: 10,
    schedule: { name: 'constant' },
    log: { every: 5 },
  },
};

/** Where a recipe comes from; later parts win: defaults, the system's, preset, `under`, the recipe itself, `over`, `set`, `stage`. */
export type RecipeSources = {
  /** Schema of the `data` key; without one the key must be an object and is kept as it is. */
  readonly data?: z.ZodType<Json>;
  readonly presets?: Readonly<Record<string, RecipeInput>>;
  /** What the system takes where nothing else is said: under all presets. */
  readonly defaults?: RecipeInput;
  readonly preset?: string | undefined;
  /** Defaults of a stage: over the system's default preset, under any other preset. */
  readonly base?: RecipeInput;
  /** What the recipe is laid over, that of a run that is resumed for instance. */
  readonly under?: RecipeInput;
  /** What is laid over the recipe: keys that a command's arguments decide. */
  readonly over?: RecipeInput;
  /** `key.path=value`, the value as JSON or, where that is none, as a string: `optimizer.lr=3e-4`. */
  readonly set?: readonly string[];
  /** What is said of one stage, which counts more than what is said of all. */
  readonly stage?: RecipeInput;
  /** What `recipe` is called in errors, usually its file. */
  readonly place?: string;
};

/** Length of a run when neither the recipe nor its preset says it, steps. */
const defaultSteps = 1000;

/** Validates a recipe and fills in the defaults. Throws `config` errors whose place is the path of the key. */
export function parseRecipe(recipe: RecipeInput | JsonTree, o: RecipeSources = {}): Recipe {
  const all: Readonly<Record<string, RecipeInput>> = { ...presets, ...o.presets };
  const preset = o.preset ?? 'default';
  const chosen = Object.hasOwn(all, preset) ? all[preset] : undefined;
  if (!chosen) {
    throw new BowError('config', unknownName('preset', preset, Object.keys(all)), {
      place: 'preset',
      hint: `one of ${Object.keys(all).join(', ')}`,
    });
  }
  let tree: JsonTree = {};
  const named = preset === 'default' ? [chosen, o.base] : [o.base, presets[preset], chosen];
  for (const part of [presets['default'], o.defaults, ...named, o.under, recipe, o.over])
    tree = mergeRecipe(tree, (part ?? {}) as JsonTree);
  for (const text of o.set ?? []) tree = mergeRecipe(tree, parseSetting(text));
  tree = mergeRecipe(tree, (o.stage ?? {}) as JsonTree);
  if (!('steps' in tree) && !('epochs' in tree)) tree = { ...tree, steps: defaultSteps };
  const schema = recipeSchema(o.data ?? (z.record(z.string(), z.json()) as z.ZodType<Json>));
  const result = schema.safeParse({ data: {}, ...tree });
  if (result.success) return result.data;
  throw recipeError(schema, { data: {}, ...tree }, result.error, o.place);
}

/** Keys whose other keys depend on one of them. */
const alternatives = { optimizer: 'name', schedule: 'name', data: 'source' } as const;

/** Later parts win; naming another optimiser, schedule or source of data drops the earlier one's keys, `epochs` drops `steps` and the reverse. */
function mergeRecipe(before: JsonTree, after: JsonTree): JsonTree {
  const kept = { ...before };
  for (const [key, name] of Object.entries(alternatives)) {
    const [a, b] = [before[key], after[key]];
    if (isPlain(a) && isPlain(b) && b[name] !== undefined && b[name] !== (a[name] ?? b[name])) delete kept[key];
  }
  if ('epochs' in after) delete kept['steps'];
  if ('steps' in after) delete kept['epochs'];
  return deepMerge(kept, after);
}

/** `optimizer.lr=3e-4` → `{ optimizer: { lr: 3e-4 } }` */
function parseSetting(text: string): JsonTree {
  const at = text.indexOf('=');
  const keys = text.slice(0, Math.max(0, at)).split('.');
  if (keys.some((k) => k === '' || k === '__proto__')) {
    throw new BowError('usage', `"${text}" is no setting`, { hint: 'write key.path=value: optimizer.lr=3e-4' });
  }
  let value: unknown = text.slice(at + 1);
  try {
    value = JSON.parse(value as string);
  } catch {
    // a plain word is a string
  }
  return keys.reduceRight((inner, key) => ({ [key]: inner }), value as Json) as JsonTree;
}
