/** What the flags of `bow2bot train clip` say, as a recipe: only what was given, so that a resumed run keeps the rest. */
import { basename, dirname, resolve } from 'node:path';
import { BowError, parseNumber } from '../base/index.ts';
import { captionedImages } from '../kinds/index.ts';
import { clipTraining } from '../systems/index.ts';
import type { RecipeInput } from '../train/index.ts';

/** Flags that decide keys of the recipe. */
export type ClipRecipeFlags = {
  data?: string;
  validation?: string;
  splitBy?: string;
  captions?: string;
  from?: string;
  variant?: string;
  size?: string;
  pictures?: string;
  lora?: string;
  freeze?: string[];
  smoke?: boolean;
  preset?: string;
  recipe?: string;
  resume?: boolean;
};

/** The layers that the paper of low-rank adaptation adapts (Hu et al. 2021, §4.2, table 5). */
const loraLayers = ['**/attn/q', '**/attn/v'];

/** Error `usage` for flags that exclude each other. */
export function clipRecipe(f: ClipRecipeFlags): RecipeInput {
  const refuse = (what: string, hint: string): BowError => new BowError('usage', what, { hint });
  if (f.from !== undefined && f.variant !== undefined)
    throw refuse('--from and --variant exclude each other', 'a checkpoint has its own sizes; --size is for its images');
  if (f.lora !== undefined && f.from === undefined && !f.resume && f.recipe === undefined)
    throw refuse('--lora adapts a checkpoint', 'name it with --from');
  return {
    ...(f.variant === undefined ? {} : { variant: f.variant }),
    ...(f.from === undefined ? {} : { from: f.from, variant: nameOf(f.from) }),
    ...(f.freeze === undefined ? {} : { freeze: f.freeze }),
    ...(f.lora === undefined ? {} : { lora: { layers: loraLayers, rank: parseNumber(f.lora, '--lora') } }),
    ...captionedImages.fromFlags(f, {
      smoke: (f.smoke === true || f.preset === 'smoke') && f.recipe === undefined,
      under: f.resume === true || f.recipe !== undefined,
      preset: f.preset === undefined ? undefined : { name: f.preset, data: clipTraining.presets[f.preset]?.data ?? {} },
    }),
  };
}

/** What a run from a checkpoint is called: the folder's or repository's name; that of the run for its `last` and `best`. */
function nameOf(from: string): string {
  const path = resolve(from);
  return /^(last|best|step-\d+)$/.test(basename(path)) ? basename(dirname(path)) : basename(path);
}
