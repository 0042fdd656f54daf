/** What an open CLIP can do: texts and images into one space, scores of pairs. */
import type {
  DenseVectors,
  EncodesImages,
  EncodesText,
  OpenSystem,
  RgbImage,
  ScoresPairs,
} from '../../capabilities/index.ts';
import {
  compile,
  type F,
  type I,
  l2Normalize,
  type NdArray,
  ndarray,
  type Scope,
  type SessionOptions,
} from '../../engine/index.ts';
import { imageBatch } from '../../image/index.ts';
import { BATCH_SIZES, batched, pairedDots } from '../batched.ts';
import type { Model } from '../definition.ts';
import { type ClipConfig, encodeImage, encodeText } from './clip.ts';
import type { ClipParts } from './layouts.ts';

/** A CLIP with its weights. */
export type ClipModel = Model<ClipConfig, ClipParts>;

/** An open CLIP: unit vectors in the shared space; `scale` is exp(logit_scale), the factor of cosines in the loss. */
export type OpenClip = OpenSystem & EncodesText & EncodesImages & ScoresPairs & { readonly scale: number };

/** Largest vision tower, in numbers, that is frozen: while a frozen program is made, it holds its weights several times. */
const LARGEST_FROZEN = 2 ** 27;

/**
 * The capabilities of a model; `close` frees its sessions. Batches of 64 images run through a program with the weights frozen into it, a tenth
 * faster for ViT-B/32: after changing the model's store, open the system again.
 */
export function openClip(model: ClipModel, o: SessionOptions = {}): OpenClip {
  const { config, parts, store } = model;
  const longest = parts.longest ?? config.text.context;
  const options = { ...o, store };
  const encodeBatch = (s: Scope, { image }: { image: F<'b c y x'> }) => ({
    y: l2Normalize(encodeImage(s, image, config)),
  });
  const images = compile(encodeBatch, options);
  const many = compile(encodeBatch, { ...options, frozen: visualSize(model) <= LARGEST_FROZEN });
  const texts = compile(
    (s, { tokens }: { tokens: I<'b n'> }) => ({ y: l2Normalize(encodeText(s, tokens, config)) }),
    options,
  );
  const encodeTexts = (list: readonly string[], call: { signal?: AbortSignal | undefined } = {}) =>
    batched(
      list,
      config.embed,
      async (some) => {
        const ids = parts.tokenizer.rows(some, longest, { pad: parts.pad });
        const tokens = ndarray('int32', [some.length, longest], ids);
        return (await texts.run({ tokens })).y.data;
      },
      { ...call, place: 'clip' },
    );
  const encodeAll = (list: readonly RgbImage[], call: { signal?: AbortSignal | undefined } = {}) =>
    batched(
      list,
      config.embed,
      async (some) => {
        const program = some.length === BATCH_SIZES[0] ? many : images;
        return (await program.run({ image: pixelBatch(some, model) })).y.data;
      },
      { ...call, place: 'clip' },
    );
  const scorePairs: ScoresPairs['scorePairs'] = async (pairs, call = {}) => {
    const t: DenseVectors = await encodeTexts(
      pairs.map((p) => p.text),
      call,
    );
    const v = await encodeAll(
      pairs.map((p) => p.image),
      call,
    );
    return pairedDots(t, v);
  };
  return {
    id: 'clip',
    preprocessing: parts.pixels,
    scale: Math.exp(Number(store.get('logit_scale').data[0])),
    encodeText: encodeTexts,
    encodeImages: encodeAll,
    scorePairs,
    close: async () => void (await Promise.all([images.close(), many.close(), texts.close()])),
  };
}

/** Numbers in the vision tower. */
function visualSize({ store }: ClipModel): number {
  const own = [...store.entries('param')].filter(([path]) => path.startsWith('visual'));
  return own.reduce((sum, [, array]) => sum + array.data.length, 0);
}

/** Images as the model takes them: [b, 3, y, x]. */
function pixelBatch(images: readonly RgbImage[], { parts }: ClipModel): NdArray<'float32'> {
  const { shape, data } = imageBatch(images, parts.pixels);
  return ndarray('float32', [...shape], data);
}
