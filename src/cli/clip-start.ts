/** What a training of CLIP starts from: a row of the variant table with a vocabulary learned from the captions, or a checkpoint. */
import { BowError, type OnProgress, unknownName } from '../base/index.ts';
import { Store } from '../engine/index.ts';
import { clipPreprocessing, type ImageFit } from '../image/index.ts';
import { type ClipModel, clipVariants, forSize, loadClip } from '../systems/index.ts';
import { trainClipTokenizer } from '../text/index.ts';
import type { Recipe } from '../train/index.ts';
import { withVocabulary } from '../train/node/index.ts';
import { modelFolder } from './model.ts';

/** A model without its weights, or with those that it starts from. */
export type ClipParts = { readonly model: Omit<ClipModel, 'store'>; readonly store?: Store };

/** What is known before the data is: the size of the images, and how they become squares. The captions are asked for only when a vocabulary is learned from them. */
export type ClipStart = {
  readonly size: number;
  readonly fit: ImageFit;
  /** Tokens that the variant or the checkpoint knows. */
  readonly vocabulary: number;
  parts(captions: () => Iterable<string>, vocabulary: number | null): ClipParts;
};

type Options = { readonly signal?: AbortSignal | undefined; readonly onProgress?: OnProgress | undefined };

/** Reads `variant`, `from` and `size`. Errors: `config` for what does not fit, those of {@link modelFolder} and `loadClip`. */
export async function clipStart(
  recipe: Pick<Recipe, 'variant' | 'from' | 'seed'>,
  size: number | null,
  o: Options = {},
): Promise<ClipStart> {
  if (recipe.from !== null) return await fromCheckpoint(recipe.from, recipe.seed, size, o);
  const variants: Readonly<Record<string, (typeof clipVariants)['tiny']>> = clipVariants;
  const variant = Object.hasOwn(variants, recipe.variant) ? variants[recipe.variant] : undefined;
  if (!variant)
    throw new BowError('config', unknownName('variant', recipe.variant, Object.keys(variants)), { place: 'variant' });
  const config = forSize(variant, size ?? variant.visual.size);
  return {
    size: config.visual.size,
    fit: 'crop',
    vocabulary: variant.text.vocabulary,
    parts: (captions, vocabulary) => {
      const most = vocabulary ?? variant.text.vocabulary;
      const tokenizer = trainClipTokenizer(captions(), { vocabulary: most });
      return {
        model: {
          config: withVocabulary(config, tokenizer.vocabulary),
          tokenizer,
          pad: tokenizer.endOfText,
          pixels: clipPreprocessing(config.visual.size),
        },
      };
    },
  };
}

/** Config, tokenizer, channel statistics and weights of a checkpoint. New parameters (LoRA adapters) are drawn with the recipe's seed. */
async function fromCheckpoint(from: string, seed: number, size: number | null, o: Options): Promise<ClipStart> {
  const folder = await modelFolder(from, o);
  const { store: loaded, ...model } = await loadClip(folder, size === null ? {} : { size });
  const store = new Store(seed);
  for (const [path, array, kind] of loaded.entries()) store.set(path, array, kind);
  return {
    size: model.config.visual.size,
    fit: model.pixels.shape.kind === 'fixed' ? model.pixels.shape.fit : 'crop',
    vocabulary: model.config.text.vocabulary,
    parts: (_captions, vocabulary) => {
      if (vocabulary === null) return { model, store };
      throw new BowError('config', 'a checkpoint has its own vocabulary', { place: 'data.vocabulary' });
    },
  };
}
