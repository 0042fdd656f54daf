/** CLIP on pictures of the tabletop: what `bow2bot train clip` and the main job train. */
import { z } from 'zod';
import { BowError, type OnProgress, unknownName } from '../base/index.ts';
import { type TabletopPairs, tabletopPairs } from '../data/index.ts';
import { pictureRetrieval } from '../evaluate/index.ts';
import { CLIP_MEAN, CLIP_STD } from '../image/index.ts';
import { type ClipModel, clipSystem, clipVariants } from '../systems/index.ts';
import { trainClipTokenizer } from '../text/index.ts';
import { clipTask, type Json, type Recipe, type RecipeInput, type Task, withVocabulary } from '../train/index.ts';

/** The recipe's `data` key. */
export const clipData = z.strictObject({
  source: z.literal('tabletop').default('tabletop'),
  /** Pictures to train on, and to be judged by. */
  pictures: z.int().positive().default(8192),
  validation: z.int().positive().default(256),
  /** Largest shift of a training picture in pixels. */
  shift: z.int().nonnegative().default(2),
  seed: z.int().nonnegative().default(0),
});

export type ClipData = z.infer<typeof clipData>;

/** Adam as in the paper (table 18: β₂ 0.98, ε 1e-6 for vision transformers); the rest is for pictures of the tabletop on two cores. */
export const clipPresets: Readonly<Record<string, RecipeInput>> = {
  default: {
    steps: 1000,
    batchSize: 64,
    optimizer: { name: 'adamw', lr: 1e-3, betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.1 },
    schedule: { name: 'cosine', warmup: 100 },
    evaluateEvery: 200,
    select: { metric: 'eval/text_to_image_R@1', mode: 'max' },
  },
  smoke: {
    steps: 6,
    batchSize: 16,
    evaluateEvery: 6,
    checkpointEvery: 6,
    data: { pictures: 96, validation: 24 },
    schedule: { name: 'constant' },
  },
};

/** A task with the parts that a model is put together from. */
export type TabletopClip = {
  readonly task: Task;
  readonly model: Omit<ClipModel, 'store'>;
  readonly train: TabletopPairs;
};

/** Makes the pictures, learns a small vocabulary from their sentences, and gives the task. Error `config` for an unknown variant. */
export async function tabletopClip(
  recipe: Pick<Recipe, 'variant' | 'data'>,
  o: { readonly signal?: AbortSignal; readonly onProgress?: OnProgress; readonly train?: TabletopPairs } = {},
): Promise<TabletopClip> {
  const variants: Readonly<Record<string, (typeof clipVariants)['tiny']>> = clipVariants;
  const variant = Object.hasOwn(variants, recipe.variant) ? variants[recipe.variant] : undefined;
  if (!variant)
    throw new BowError('config', unknownName('variant', recipe.variant, Object.keys(variants)), { place: 'variant' });
  const data = recipe.data as ClipData;
  const common = { size: variant.visual.size, seed: data.seed, workers: 2, signal: o.signal, onProgress: o.onProgress };
  const train = o.train ?? (await tabletopPairs({ ...common, count: data.pictures }));
  const validation = await tabletopPairs({ ...common, count: data.validation, split: 'validation', distinct: true });
  const tokenizer = trainClipTokenizer(train.captions.flat(), { vocabulary: Math.min(1024, variant.text.vocabulary) });
  const model = {
    config: withVocabulary(variant, tokenizer.vocabulary),
    tokenizer,
    pad: tokenizer.endOfText,
    pixels: { mean: CLIP_MEAN, std: CLIP_STD },
  };
  const judge = pictureRetrieval('validation', 'validation', validation);
  const task: Task = {
    ...clipTask({ ...model, train, validation, shift: data.shift }),
    evaluate: async ({ store, signal }) => {
      const system = clipSystem({ ...model, store });
      try {
        return (await judge.run(system, { signal })) ?? {};
      } finally {
        await system.close();
      }
    },
  };
  return { task, model, train };
}

/** The schema as recipes take it. */
export const clipDataSchema: z.ZodType<Json> = clipData as unknown as z.ZodType<Json>;
