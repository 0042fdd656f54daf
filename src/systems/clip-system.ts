/** CLIP as a system of the registry: texts and images into one space, scores of pairs. */
import { throwIfAborted } from '../base/index.ts';
import type {
  CallOptions,
  DenseVectors,
  EncodesImages,
  EncodesText,
  OpenSystem,
  RgbImage,
  ScoresPairs,
} from '../capabilities/index.ts';
import {
  type Compiled,
  compile,
  type F,
  type I,
  l2Normalize,
  type ModelFunction,
  ndarray,
  type SessionOptions,
} from '../engine/index.ts';
import { imageBatch } from '../image/index.ts';
import { encodeImage, encodeText } from './clip.ts';
import { type ClipModel, loadClip } from './clip-folder.ts';
import type { System } from './system.ts';

/** An open CLIP: unit vectors in the shared space; `scale` is exp(logit_scale), the factor of cosines in the loss. */
export type ClipSystem = OpenSystem &
  EncodesText &
  EncodesImages &
  ScoresPairs & { readonly model: ClipModel; readonly scale: number };

/** Sizes of the batches that are compiled, largest first: a batch is cut into these, so that few programs serve all. */
const BATCHES = [64, 8, 1] as const;

/** Largest vision tower, in numbers, that is frozen: while a frozen program is made, it holds its weights several times. */
const LARGEST_FROZEN = 2 ** 27;

/**
 * The capabilities of a model; `close` frees its sessions. Batches of 64 images run through a program with the weights frozen into it, a tenth
 * faster for ViT-B/32: after changing the model's store, open the system again.
 */
export function clipSystem(model: ClipModel, o: SessionOptions = {}): ClipSystem {
  const { config, store } = model;
  const options = { ...o, store };
  const encodeBatch: ModelFunction = (s, x) => ({ y: l2Normalize(encodeImage(s, x['image'] as F<'b c y x'>, config)) });
  const images = compile(encodeBatch, options);
  const many = compile(encodeBatch, { ...options, frozen: visualSize(model) <= LARGEST_FROZEN });
  const texts = compile((s, x) => ({ y: l2Normalize(encodeText(s, x['tokens'] as I<'b n'>, config)) }), options);
  const encodeTexts = (list: readonly string[], call: CallOptions = {}): Promise<DenseVectors> =>
    batched(list, config.embed, call, async (part) => {
      const ids = model.tokenizer.rows(part, config.text.context, { pad: model.pad });
      return run(texts, { tokens: ndarray('int32', [part.length, config.text.context], ids) });
    });
  const encodeImageRecords = (list: readonly RgbImage[], call: CallOptions = {}): Promise<DenseVectors> =>
    batched(list, config.embed, call, async (part) =>
      run(part.length === BATCHES[0] ? many : images, { image: pixelBatch(part, model) }),
    );
  const scorePairs: ScoresPairs['scorePairs'] = async (pairs, call = {}) => {
    const t = await encodeTexts(
      pairs.map((p) => p.text),
      call,
    );
    const v = await encodeImageRecords(
      pairs.map((p) => p.image),
      call,
    );
    return Float32Array.from(pairs, (_, i) => dotRows(t, v, i));
  };
  const scale = Math.exp(Number(store.get('logit_scale').data[0]));
  const close = async (): Promise<void> => void (await Promise.all([images.close(), many.close(), texts.close()]));
  return {
    id: 'clip',
    preprocessing: model.pixels,
    model,
    scale,
    encodeText: encodeTexts,
    encodeImages: encodeImageRecords,
    scorePairs,
    close,
  };
}

/** Numbers in the vision tower. */
function visualSize({ store }: ClipModel): number {
  const own = [...store.entries('param')].filter(([path]) => path.startsWith('visual'));
  return own.reduce((sum, [, array]) => sum + array.data.length, 0);
}

async function run(program: Compiled, inputs: Parameters<Compiled['run']>[0]): Promise<Float32Array> {
  return (await program.run(inputs))['y']!.data as Float32Array;
}

/** Cuts a list into compiled batch sizes and puts the rows that come back one after the other. */
async function batched<T>(
  list: readonly T[],
  width: number,
  o: CallOptions,
  encode: (part: readonly T[]) => Promise<Float32Array>,
): Promise<DenseVectors> {
  const data = new Float32Array(list.length * width);
  for (let at = 0; at < list.length; ) {
    throwIfAborted(o.signal, 'clip');
    const size = BATCHES.find((b) => b <= list.length - at)!;
    data.set(await encode(list.slice(at, at + size)), at * width);
    at += size;
  }
  return { rows: list.length, width, data };
}

/** Images as the model takes them: [b, 3, y, x]. */
function pixelBatch(images: readonly RgbImage[], { pixels }: ClipModel): ReturnType<typeof ndarray<'float32'>> {
  const { shape, data } = imageBatch(images, pixels);
  return ndarray('float32', [...shape], data);
}

function dotRows(a: DenseVectors, b: DenseVectors, i: number): number {
  let sum = 0;
  for (let k = 0; k < a.width; k++) sum += a.data[i * a.width + k]! * b.data[i * b.width + k]!;
  return sum;
}

/** The system for the registry. */
export const system: System = { id: 'clip', open: async (folder) => clipSystem(await loadClip(folder)) };
