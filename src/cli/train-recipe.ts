/** The flags of `bow2bot train <id>` as a recipe: only what was given, so that a resumed run keeps the rest. */
import { basename, dirname, resolve } from 'node:path';
import { BowError, parseNumber } from '../base/index.ts';
import { type Flag, type FlagValues, flagText } from '../kinds/index.ts';
import { defaultVariant, type System, type SystemTraining } from '../systems/index.ts';
import type { RecipeInput } from '../train/index.ts';

/** Flags that every training has beside those of its data; some systems have no LoRA, some no variants. */
export function modelFlags(system: System, { loraLayers, stages }: SystemTraining): Flag[] {
  const variant = defaultVariant(system);
  const flags: Flag[] = [
    {
      flags: '--from <folder or name>',
      description: 'fine-tune a checkpoint: a folder, or a repository of the Hugging Face hub',
    },
    {
      flags: '--freeze <pattern>',
      description: 'parameters to freeze: --freeze "visual/**" (repeatable)',
      repeat: true,
    },
  ];
  if (loraLayers.length > 0)
    flags.push({
      flags: '--lora <rank>',
      description: `train a LoRA adapter of ${loraLayers.join(' and ')} instead of the weights`,
    });
  if (variant !== undefined)
    flags.push({
      flags: '--variant <name>',
      description: `size of the model when training from scratch: ${system.variants.join(', ')} (default: ${variant})`,
    });
  if (stages.length > 1)
    flags.push({
      flags: '--stage <id>',
      description: `one of the stages alone: ${stages.join(', ')} (default: all, one after another)`,
    });
  return flags;
}

/** Error `usage` for flags that exclude each other. */
export function recipeFromFlags({ data, presets, loraLayers }: SystemTraining, f: FlagValues): RecipeInput {
  const refuse = (what: string, hint: string): BowError => new BowError('usage', what, { hint });
  const [from, variant, lora, preset, stage] = ['from', 'variant', 'lora', 'preset', 'stage'].map((name) =>
    flagText(f, name),
  );
  const [file, resumed] = [f['recipe'] !== undefined, f['resume'] === true];
  if (from !== undefined && variant !== undefined)
    throw refuse('--from and --variant exclude each other', 'a checkpoint has its own sizes; --size is for its images');
  if (lora !== undefined && from === undefined && !resumed && !file)
    throw refuse('--lora adapts a checkpoint', 'name it with --from');
  const freeze = f['freeze'];
  return {
    ...(variant === undefined ? {} : { variant }),
    ...(stage === undefined ? {} : { stage }),
    ...(from === undefined ? {} : { from, variant: nameOf(from) }),
    ...(typeof freeze === 'object' ? { freeze: [...freeze] } : {}),
    ...(lora === undefined ? {} : { lora: { layers: [...loraLayers], rank: parseNumber(lora, '--lora') } }),
    ...data.fromFlags(f, {
      smoke: (f['smoke'] === true || preset === 'smoke') && !file,
      under: resumed || file,
      preset: preset === undefined ? undefined : { name: preset, data: presets[preset]?.data ?? {} },
    }),
  };
}

/** What a run from a checkpoint is called: the folder's or repository's name; that of the run for its `last` and `best`. */
function nameOf(from: string): string {
  const path = resolve(from);
  return /^(last|best|step-\d+)$/.test(basename(path)) ? basename(dirname(path)) : basename(path);
}
