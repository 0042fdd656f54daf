/** CLIP as the trainer sees it: batches of pictures with one sentence each, the loss, the bound of the temperature. */
import { createHash } from 'node:crypto';
import { BowError, type Rng, throwIfAborted } from '../../base/index.ts';
import type { PicturePairs } from '../../data/index.ts';
import type { F, I } from '../../engine/index.ts';
import { type Augmentation, augmentPicture, normalizeChannels, shiftPicture } from '../../image/index.ts';
import {
  type ClipConfig,
  type ClipModel,
  type ClipPairs,
  clipFiles,
  configToHuggingFace,
  encodePairs,
  huggingFaceNames,
  judgePairs,
  LARGEST_SCALE,
  traceClip,
} from '../../systems/index.ts';
import { type BatchSource, indexedSource } from '../batches.ts';
import type { JsonTree } from '../json-tree.ts';
import type { Task } from '../task.ts';

/** Pairs to train on, with what may be said of several of them at once; each a number a picture. */
export type TrainingPairs = PicturePairs & {
  /** Pictures with equal numbers show the same: in a batch the sentences of one belong to the others too. */
  readonly positives?: ArrayLike<number>;
  /** Pictures with equal numbers never meet in a training batch. */
  readonly distinct?: ArrayLike<number>;
};

/** What {@link clipTask} is made of: the model without its weights, and the pairs. */
export type ClipTaskOptions = Omit<ClipModel, 'store'> & {
  readonly train: TrainingPairs;
  /** Has `positives` where `train` has them. */
  readonly validation?: TrainingPairs;
  /** Largest shift of a training picture in pixels, each way; 0 leaves it. */
  readonly shift?: number;
  /** Changes of training pictures instead of the shift. */
  readonly augment?: Augmentation;
};

/** The task of training CLIP on pairs in memory. */
export function clipTask(o: ClipTaskOptions): Task {
  const { config, tokenizer, pixels } = o;
  return {
    id: 'clip',
    trace: (s, batch) => traceClip(s, batch, config),
    twoPhase: {
      encode: (s, { image, tokens }) =>
        encodePairs(s, { image: image as F<'b c y x'>, tokens: tokens as I<'b n'> }, config),
      loss: (s, found, { group }) => judgePairs(s, found as ClipPairs, group as I<'i'> | undefined),
      inputs: o.train.positives ? ['group'] : [],
    },
    limits: { logit_scale: [0, LARGEST_SCALE] }, // §2.5; the lower bound is open_clip's
    source: pairSource(o.train, o),
    ...(o.validation ? { validation: pairSource(o.validation, o) } : {}),
    config: configToHuggingFace(config) as JsonTree,
    ...(config.visual.stages
      ? {} // no other library has this tower: our own paths are its names
      : { names: huggingFaceNames({ visual: config.visual.depth, text: config.text.depth }) }),
    files: clipFiles(tokenizer, config, pixels),
    fingerprint: fingerprintOf(o),
    card: {
      summary:
        'Pictures and sentences in one space: finds pictures by what is said about them, and names what is on them.',
      pipelineTag: 'zero-shot-image-classification',
    },
  };
}

/** A digest of all that the steps of a run see: pictures, sentences, tokens, sizes. */
function fingerprintOf({ train, config, tokenizer, pixels }: ClipTaskOptions): string {
  const groups = [train.positives, train.distinct].map((g) => (g ? Array.from(g) : null));
  const said = JSON.stringify([train.size, train.captions, groups, config, pixels, tokenizer.toJson()]);
  return createHash('sha256').update(said).update(train.pixels).digest('hex');
}

/**
 * Batches `image`, `tokens`, and `group` where the pairs have `positives`. While training each picture takes one of its sentences by chance and is
 * moved a little; in evaluations it has its first sentence and stays.
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
  const rows = sentenceRows(pairs, o);
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
        const picture = pairs.pixels.subarray(index * each, (index + 1) * each);
        const seen = training ? changed(picture, rng) : picture;
        normalizeChannels(seen, x, i * each, o.pixels);
      });
    },
  });
}

/** Errors: `config` for pictures of another size than the model sees, `data` for a picture without a sentence and for lists of other lengths. */
function checkPairs(pairs: TrainingPairs, size: number): void {
  const { count, captions, pixels, positives, distinct } = pairs;
  if (pairs.size !== size)
    throw new BowError('config', `pictures of ${pairs.size} pixels for a model that sees ${size}`, {
      place: 'variant',
    });
  const silent = captions.findIndex((list) => list.length === 0);
  if (silent >= 0)
    throw new BowError('data', `picture ${silent} has no sentence`, {
      place: 'captions',
      hint: 'loadPictures with needCaptions leaves such pictures out',
    });
  const lengths = {
    captions: captions.length,
    pixels: pixels.length / (3 * size * size),
    positives: positives?.length ?? count,
    distinct: distinct?.length ?? count,
  };
  for (const [place, length] of Object.entries(lengths))
    if (length !== count) throw new BowError('data', `${place} of ${length} pictures, there are ${count}`, { place });
}

/** What becomes of a training picture; the result holds until the next call. */
function changer(
  size: number,
  { shift = 0, augment }: Pick<ClipTaskOptions, 'shift' | 'augment'>,
): (picture: Uint8Array, rng: Rng) => Uint8Array {
  const out = new Uint8Array(3 * size * size);
  return (picture, rng) => {
    if (!augment && shift === 0) return picture;
    const step = (): number => rng.int(2 * shift + 1) - shift;
    if (augment) augmentPicture(picture, size, out, rng, augment);
    else shiftPicture(picture, size, step(), step(), out);
    return out;
  };
}

/** Token rows of every sentence of every picture; too long ones are cut. */
function sentenceRows(pairs: PicturePairs, o: Pick<ClipTaskOptions, 'config' | 'tokenizer' | 'pad'>): Int32Array[][] {
  const { context } = o.config.text;
  return pairs.captions.map((captions) => captions.map((text) => o.tokenizer.rows([text], context, { pad: o.pad })));
}

/** A model's config with the vocabulary of a tokenizer that was made for the data. */
export function withVocabulary(config: ClipConfig, vocabulary: number): ClipConfig {
  return { ...config, text: { ...config.text, vocabulary } };
}
