/** Captioned images as batches of a model's inputs. */
import { BowError, type Rng, throwIfAborted } from '../../base/index.ts';
import { augmentImage, type ChannelStatistics, normalizeChannels, shiftImage } from '../../image/index.ts';
import { type BatchSource, indexedSource } from '../../train/index.ts';
import type { CaptionedImages, CaptionedSide } from './data.ts';

/** A model's inputs, and what becomes of a training image. */
export type ImageTextInputs = Partial<Pick<CaptionedImages, 'shift' | 'augment'>> & {
  /** Width and height of the images, in pixels. */
  readonly size: number;
  /** Tokens a text has: longer ones are cut, shorter ones filled up. */
  readonly context: number;
  /** Token ids of texts, [texts × context]. */
  readonly tokens: (texts: readonly string[]) => Int32Array;
  readonly normalisation: ChannelStatistics;
  /** Hides tokens of a row, to be guessed (`maskTokens`): batches have `masked` and `labels`, too. In evaluations the same tokens every time. */
  readonly mask?: (ids: Int32Array, labels: Int32Array, rng: Rng) => void;
};

/** Batches of both sides, as an objective takes them. Errors as {@link captionedImageBatches}. */
export function captionedImageSources(
  data: CaptionedImages,
  o: ImageTextInputs,
): { readonly source: BatchSource; readonly validation?: BatchSource } {
  const { train, validation, shift, augment } = data;
  const inputs = { shift, ...(augment ? { augment } : {}), ...o };
  const source = captionedImageBatches(train, inputs);
  return validation ? { source, validation: captionedImageBatches(validation, inputs) } : { source };
}

/**
 * Batches of `image` float32 [b, 3, size, size], `tokens` int32 [b, context], where the images have `positives`, `group` int32 [b], and with `mask`
 * `masked` and `labels` int32 [b, context]. While training each image takes one of its captions at random and is changed a little; in evaluations it has its first caption and stays as it is.
 * Errors: `config` for images of another size than the model sees, `data` for an image without a caption and for lists of other lengths.
 */
export function captionedImageBatches(side: CaptionedSide, o: ImageTextInputs): BatchSource {
  const { size, context } = o;
  checkSide(side, size);
  const each = 3 * size * size;
  const changed = changer(o);
  const rows = side.captions.map((captions) => captions.map((text) => o.tokens([text])));
  const { positives, distinct } = side;
  const row = { dtype: 'int32', shape: [context] } as const;
  return indexedSource({
    size: side.count,
    inputs: {
      image: { dtype: 'float32', shape: [3, size, size] },
      tokens: row,
      ...(positives ? { group: { dtype: 'int32', shape: [] } } : {}),
      ...(o.mask ? { masked: row, labels: row } : {}),
    },
    ...(distinct ? { groups: distinct } : {}),
    load: (indices, { image, tokens, group, masked, labels }, { rng, training, signal }) => {
      throwIfAborted(signal);
      const [x, ids] = [image!.data as Float32Array, tokens!.data as Int32Array];
      indices.forEach((index, i) => {
        const choices = rows[index]!;
        ids.set(training ? rng.pick(choices) : choices[0]!, i * context);
        if (positives) (group!.data as Int32Array)[i] = positives[index]!;
        const rgb = side.pixels.subarray(index * each, (index + 1) * each);
        const seen = training ? changed(rgb, rng) : rgb;
        normalizeChannels(seen, x, i * each, o.normalisation);
      });
      if (o.mask)
        maskRows(ids, masked!.data as Int32Array, labels!.data as Int32Array, (a, b) => o.mask!(a, b, rng), context);
    },
  });
}

/** Copies the rows and hides tokens in the copies. */
function maskRows(
  ids: Int32Array,
  masked: Int32Array,
  labels: Int32Array,
  mask: (ids: Int32Array, labels: Int32Array) => void,
  context: number,
): void {
  masked.set(ids.subarray(0, masked.length));
  for (let at = 0; at < masked.length; at += context)
    mask(masked.subarray(at, at + context), labels.subarray(at, at + context));
}

function checkSide({ count, captions, pixels, positives, distinct, ...side }: CaptionedSide, size: number): void {
  if (side.width !== size || side.height !== size)
    throw new BowError(
      'config',
      `images of ${side.width}×${side.height} pixels for a model that sees ${size}×${size}`,
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
export function changer({
  size,
  shift = 0,
  augment,
}: Pick<ImageTextInputs, 'size' | 'shift' | 'augment'>): (rgb: Uint8Array, rng: Rng) => Uint8Array {
  const out = new Uint8Array(3 * size * size);
  return (rgb, rng) => {
    if (!augment && shift === 0) return rgb;
    const step = (): number => rng.int(2 * shift + 1) - shift;
    if (augment) augmentImage(rgb, size, out, rng, augment);
    else shiftImage(rgb, size, step(), step(), out);
    return out;
  };
}
