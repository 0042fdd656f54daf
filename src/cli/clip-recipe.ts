/** What the flags of `bow2bot train clip` say, as a recipe: only what was given, so that a resumed run keeps the rest. */
import { basename, dirname, resolve } from 'node:path';
import { BowError } from '../base/index.ts';
import type { JsonTree, RecipeInput } from '../train/index.ts';
import { smokeData } from './clip-data.ts';
import { number } from './text-options.ts';

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
  if (f.preset === 'icons' && f.data === undefined && !f.resume && f.recipe === undefined)
    throw refuse('--preset icons is for drawings', 'name them with --data; bow2bot data icons makes some');
  if (f.data !== undefined && f.pictures !== undefined)
    throw refuse('--pictures is for the tabletop', 'with --data: --set data.limit=1000');
  for (const [flag, value] of [
    ['--validation', f.validation],
    ['--split-by', f.splitBy],
    ['--captions', f.captions],
  ])
    if (value !== undefined && f.data === undefined) throw refuse(`${flag} needs --data`, 'the tabletop has its own');
  return {
    ...(f.variant === undefined ? {} : { variant: f.variant }),
    ...(f.from === undefined ? {} : { from: f.from, variant: nameOf(f.from) }),
    ...(f.freeze === undefined ? {} : { freeze: f.freeze }),
    ...(f.lora === undefined ? {} : { lora: { layers: loraLayers, rank: number(f.lora, '--lora') } }),
    data: dataOf(f),
  };
}

/** What a run from a checkpoint is called: the folder's or repository's name; that of the run for its `last` and `best`. */
function nameOf(from: string): string {
  const path = resolve(from);
  return /^(last|best|step-\d+)$/.test(basename(path)) ? basename(dirname(path)) : basename(path);
}

function dataOf(f: ClipRecipeFlags): JsonTree {
  const size = f.size === undefined ? {} : { size: number(f.size, '--size') };
  const smoke = (f.smoke || f.preset === 'smoke') && f.recipe === undefined;
  if (f.data === undefined) {
    const pictures = f.pictures === undefined ? {} : { pictures: number(f.pictures, '--pictures') };
    return { ...(smoke ? smokeData.tabletop : {}), ...pictures, ...size };
  }
  const held = f.validation;
  return {
    source: 'pictures',
    path: f.data,
    ...(smoke ? smokeData.pictures : {}),
    ...(held === undefined ? {} : { validation: /^\d*\.?\d+$/.test(held) ? Number(held) : held }),
    ...(f.splitBy === undefined ? {} : { splitBy: f.splitBy }),
    ...(f.captions === undefined ? {} : { captions: f.captions }),
    ...size,
  };
}
