/** CLIP as the trainer sees it: batches of images with one caption each, the loss, the bound of the temperature. */
import { createHash } from 'node:crypto';
import { BowError, type Rng, throwIfAborted } from '../../../base/index.ts';
import type { ImageTextPairs } from '../../../data/index.ts';
import type { F, I } from '../../../engine/index.ts';
import { type Augmentation, augmentImage, normalizeChannels, shiftImage } from '../../../image/index.ts';
import {
  type ClipConfig,
  type ClipModel,
  type ClipPairs,
  clipFiles,
  clipObjective,
  configToHuggingFace,
  encodePairs,
  huggingFaceNames,
  LARGEST_SCALE,
  traceClip,
} from '../../../systems/index.ts';
import { type BatchSource, indexedSource } from '../../batches.ts';
import type { JsonTree } from '../../json-tree.ts';
import type { Trainable, TwoPhaseLoss } from '../../trainable.ts';

/** Pairs to train on, with what may be said of several of them at once; each one number per image. */
export type TrainingPairs = ImageTextPairs & {
  /** Images with equal numbers show the same: in a batch the captions of one belong to the others too. */
  readonly positives?: ArrayLike<number>;
  /** Images with equal numbers never meet in a training batch. */
  readonly distinct?: ArrayLike<number>;
};

/** What {@link clipTask} is made of: the model without its weights, and the pairs. */
export type ClipTaskOptions = Omit<ClipModel, 'store'> & {
  readonly train: TrainingPairs;
  /** Has `positives` where `train` has them. */
  readonly validation?: TrainingPairs;
  /** Largest shift of a training image in pixels, each way; 0 leaves it. */
  readonly shift?: number;
  /** Changes of training images instead of the shift. */
  readonly augment?: Augmentation;
};

/** The task of training CLIP on pairs in memory. */
export function clipTask(o: ClipTaskOptions): Trainable {
  const { config, tokenizer, pixels } = o;
  return {
    id: 'clip',
    objectives: {
      contrastive: {
        trace: (s, batch) => traceClip(s, batch, config),
        twoPhase: clipHalves(config, o.train.positives !== undefined),
        source: pairSource(o.train, o),
        ...(o.validation ? { validation: pairSource(o.validation, o) } : {}),
      },
    },
    limits: { logit_scale: [0, LARGEST_SCALE] }, // §2.5; the lower bound is open_clip's
    config: configToHuggingFace(config) as JsonTree,
    ...(config.visual.stages
      ? {} // no other library has this tower: our own paths are its names
      : { tensors: [...huggingFaceNames({ visual: config.visual.depth, text: config.text.depth })] }),
    files: clipFiles(tokenizer, config, pixels),
    fingerprint: fingerprintOf(o),
    card: {
      summary: 'Images and sentences in one space: finds images by what is said about them, and names what is on them.',
      pipelineTag: 'zero-shot-image-classification',
    },
  };
}

/** The loss in two halves, for batches in chunks. */
function clipHalves(config: ClipConfig, positives: boolean): TwoPhaseLoss {
  return {
    encode: (s, { image, tokens }) =>
      encodePairs(s, { image: image as F<'b c y x'>, tokens: tokens as I<'b n'> }, config),
    loss: (s, found, { group }) => clipObjective(s, found as ClipPairs, group as I<'i'> | undefined),
    inputs: positives ? ['group'] : [],
  };
}

/** A digest of all that the steps of a run see: images, captions, tokens, sizes. */
function fingerprintOf({ train, config, tokenizer, pixels }: ClipTaskOptions): string {
  const groups = [train.positives, train.distinct].map((g) => (g ? Array.from(g) : null));
  const said = JSON.stringify([train.width, train.captions, groups, config, pixels, tokenizer.toJson()]);
  return createHash('sha256').update(said).update(train.pixels).digest('hex');
}

/**
 * Batches `image`, `tokens`, and `group` where the pairs have `positives`. While training each image takes one of its captions at random and is
 * moved a little; in evaluations it has its first caption and stays.
 */
export function pairSource(
  pairs: TrainingPairs,
  o: Pick<ClipTaskOptions, 'config' | 'tokenizer' | 'pad' | 'pixels' | 'shift' | 'augment'>,
): BatchSource {
  const { size } = o.config.visual;
  const { context } = o.config.text;
  checkPairs(pairs, size);
  const each = 3 * size * size;
  const changed = changer(size, o);
  const rows = tokenRows(pairs, o);
  const { positives, distinct } = pairs;
  return indexedSource({
    size: pairs.count,
    inputs: {
      image: { dtype: 'float32', shape: [3, size, size] },
      tokens: { dtype: 'int32', shape: [context] },
      ...(positives ? { group: { dtype: 'int32', shape: [] } } : {}),
    },
    ...(distinct ? { groups: distinct } : {}),
    load: (indices, { image, tokens, group }, { rng, training, signal }) => {
      throwIfAborted(signal);
      const [x, ids] = [image!.data as Float32Array, tokens!.data as Int32Array];
      indices.forEach((index, i) => {
        const choices = rows[index]!;
        ids.set(training ? rng.pick(choices) : choices[0]!, i * context);
        if (positives) (group!.data as Int32Array)[i] = positives[index]!;
        const rgb = pairs.pixels.subarray(index * each, (index + 1) * each);
        const seen = training ? changed(rgb, rng) : rgb;
        normalizeChannels(seen, x, i * each, o.pixels);
      });
    },
  });
}

/** Errors: `config` for images of another size than the model sees, `data` for an image without a caption and for lists of other lengths. */
function checkPairs(pairs: TrainingPairs, size: number): void {
  const { count, captions, pixels, positives, distinct } = pairs;
  if (pairs.width !== size || pairs.height !== size)
    throw new BowError(
      'config',
      `images of ${pairs.width}×${pairs.height} pixels for a model that sees ${size}×${size}`,
      {
        place: 'variant',
      },
    );
  const silent = captions.findIndex((list) => list.length === 0);
  if (silent >= 0)
    throw new BowError('data', `image ${silent} has no caption`, {
      place: 'captions',
      hint: 'loadImages with needCaptions leaves such images out',
    });
  const lengths = {
    captions: captions.length,
    pixels: pixels.length / (3 * size * size),
    positives: positives?.length ?? count,
    distinct: distinct?.length ?? count,
  };
  for (const [place, length] of Object.entries(lengths))
    if (length !== count) throw new BowError('data', `${place} of ${length} images, there are ${count}`, { place });
}

/** What becomes of a training image; the result holds until the next call. */
function changer(
  size: number,
  { shift = 0, augment }: Pick<ClipTaskOptions, 'shift' | 'augment'>,
): (rgb: Uint8Array, rng: Rng) => Uint8Array {
  const out = new Uint8Array(3 * size * size);
  return (rgb, rng) => {
    if (!augment && shift === 0) return rgb;
    const step = (): number => rng.int(2 * shift + 1) - shift;
    if (augment) augmentImage(rgb, size, out, rng, augment);
    else shiftImage(rgb, size, step(), step(), out);
    return out;
  };
}

/** Token rows of every caption of every image; too long ones are cut. */
function tokenRows(pairs: ImageTextPairs, o: Pick<ClipTaskOptions, 'config' | 'tokenizer' | 'pad'>): Int32Array[][] {
  const { context } = o.config.text;
  return pairs.captions.map((captions) => captions.map((text) => o.tokenizer.rows([text], context, { pad: o.pad })));
}

/** A model's config with the vocabulary of a tokenizer that was made for the data. */
export function withVocabulary(config: ClipConfig, vocabulary: number): ClipConfig {
  return { ...config, text: { ...config.text, vocabulary } };
}
