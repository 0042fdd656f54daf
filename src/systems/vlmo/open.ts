/** What an open VLMo can do: as a dual encoder, vectors of texts and images; as a fusion encoder, scores of pairs and answers. One set of weights. */
import {
  type Answers,
  type CallOptions,
  type DenseVectors,
  type EncodesImages,
  type EncodesText,
  type ImageQuestion,
  type OpenSystem,
  refuseOptions,
  type ScoresPairs,
  type TextImagePair,
} from '../../capabilities/index.ts';
import { type Compiled, compile, type F, type ModelFunction, type NdArray, ndarray, type SessionOptions, type Tensor } from '../../engine/index.ts'; // biome-ignore format: one line
import { type ImageInput, imageBatch } from '../../image/index.ts';
import { TRUTH } from '../../kinds/index.ts';
import { batched, pairedDots } from '../batched.ts';
import { classified } from '../classified-answers.ts';
import type { Model } from '../definition.ts';
import { questionsOf } from './answers.ts';
import type { VlmoConfig } from './config.ts';
import { answerLogits, matchLogits } from './heads.ts';
import type { VlmoParts } from './layouts.ts';
import { statement } from './objectives.ts';
import { embedImage, encodeImage, encodeText, encodeTogether, pooled, readout } from './vlmo.ts';

/** A VLMo with its weights. */
export type VlmoModel = Model<VlmoConfig, VlmoParts>;

/** An open VLMo has the methods that it has heads for. `scale`: exp(logit_scale). */
export type OpenVlmo = OpenSystem & Partial<EncodesText & EncodesImages & ScoresPairs & Answers>;

type Rows<T> = (list: readonly T[], o?: CallOptions) => Promise<DenseVectors>;

/** Batches of inputs, and rows of results. */
type Encoder<T> = { readonly rows: Rows<T>; readonly close: () => Promise<void> };

/** A function of the model over lists of any length; `inputs`: the batch of some. */
function encoder<T>(
  fn: (...args: Parameters<ModelFunction>) => Tensor,
  width: number,
  inputs: (some: readonly T[]) => Record<string, NdArray>,
  o: SessionOptions & { readonly store: VlmoModel['store'] },
): Encoder<T> {
  const compiled: Compiled = compile((s, x) => ({ y: fn(s, x).asFloat() }), o);
  const run = async (some: readonly T[]) => (await compiled.run(inputs(some)))['y']!.data as Float32Array;
  return { rows: (list, call = {}) => batched(list, width, run, { ...call, place: 'vlmo' }), close: compiled.close };
}

/** The capabilities of a model; `close` frees its sessions. */
export function openVlmo(model: VlmoModel, session: SessionOptions = {}): OpenVlmo {
  const { config: c, parts, store } = model;
  const { tasks, width } = c;
  const o = { ...session, store };
  const pixels = (images: readonly ImageInput[]): NdArray<'float32'> => {
    const { shape, data } = imageBatch(images, parts.pixels);
    return ndarray('float32', [...shape], data);
  };
  const ids = (texts: readonly string[]): NdArray<'int32'> =>
    ndarray('int32', [texts.length, c.text.context], parts.tokenizer.rows(texts, c.text.context));
  const together = (s: Parameters<ModelFunction>[0], x: Record<string, Tensor>): F =>
    pooled(s, encodeTogether(s, x['tokens']!.asInt(), embedImage(s, x['image']!.asFloat(), c), c), c);
  const pairInputs = (some: readonly TextImagePair[]) => ({
    image: pixels(some.map((p) => p.image)),
    tokens: ids(some.map((p) => p.text)),
  });
  const texts = encoder<string>((s, x) => readout(s, encodeText(s, x['tokens']!.asInt(), c).states, 'text', c), width, (some) => ({ tokens: ids(some) }), o); // biome-ignore format: one line
  const images = encoder<ImageInput>((s, x) => readout(s, encodeImage(s, embedImage(s, x['image']!.asFloat(), c), c).states, 'image', c), width, (some) => ({ image: pixels(some) }), o); // biome-ignore format: one line
  const pairs = encoder<TextImagePair>((s, x) => matchLogits(s, together(s, x), c), 2, pairInputs, o);
  const answers = encoder<TextImagePair>((s, x) => answerLogits(s, together(s, x), c), tasks.vqa ?? 0, pairInputs, o);
  const statements = encoder<ImageQuestion>(
    (s, x) => statement(s, x['tokens']!.asInt(), [x['image0']!.asFloat(), x['image1']!.asFloat()], c),
    2,
    (some) => ({
      image0: pixels(some.map((q) => q.images[0]!)),
      image1: pixels(some.map((q) => q.images[1]!)),
      tokens: ids(some.map((q) => q.text)),
    }),
    o,
  );
  const all = [texts, images, pairs, answers, statements];
  return {
    id: 'vlmo',
    preprocessing: parts.pixels,
    ...(tasks.itc ? { scale: Math.exp(Number(store.get('logit_scale').data[0])) } : {}),
    ...(tasks.itc ? { encodeText: texts.rows, encodeImages: images.rows } : {}),
    ...(tasks.itm || tasks.itc
      ? { scorePairs: tasks.itm ? matched(pairs.rows) : cosines(texts.rows, images.rows) }
      : {}),
    ...(tasks.nlvr2 || parts.answers ? { answer: answering(model, answers.rows, statements.rows) } : {}),
    close: async () => void (await Promise.all(all.map((e) => e.close()))),
  };
}

/** Log-odds that text and image belong together, from the fusion encoder. */
function matched(rows: Rows<TextImagePair>): ScoresPairs['scorePairs'] {
  return async (pairs, o = {}) => {
    refuseOptions('vlmo.scorePairs', o, []);
    const { data } = await rows(pairs, o);
    return Float32Array.from(pairs, (_, i) => data[2 * i + 1]! - data[2 * i]!);
  };
}

/** Cosines, where there is no head for matching: a model fine-tuned for retrieval. */
function cosines(texts: Rows<string>, images: Rows<ImageInput>): ScoresPairs['scorePairs'] {
  return async (pairs, o = {}) => {
    refuseOptions('vlmo.scorePairs', o, []);
    const read = await texts(pairs.map((p) => p.text), o); // biome-ignore format: one line
    return pairedDots(read, await images(pairs.map((p) => p.image), o)); // biome-ignore format: one line
  };
}

/** Answers of the classifier to questions about one image, true or false for statements about two. */
function answering(
  { config, parts }: VlmoModel,
  one: Rows<TextImagePair>,
  two: Rows<ImageQuestion>,
): Answers['answer'] {
  return async (questions, o = {}) => {
    refuseOptions('vlmo.answer', o, ['candidates', 'n']);
    const shown = { place: 'vlmo.answer', candidates: o.candidates, n: o.n };
    const { single, double } = questionsOf(questions, {
      answers: parts.answers,
      statements: config.tasks.nlvr2 === true,
    });
    const [found, judged] = [await one(single.map((q) => q.pair), o), await two(double.map((q) => q.question), o)]; // biome-ignore format: one line
    const out = new Array<Awaited<ReturnType<Answers['answer']>>[number]>(questions.length);
    single.forEach(({ at }, i) => {
      const row = found.data.subarray(i * found.width, (i + 1) * found.width);
      out[at] = classified(row, parts.answers ?? [], { ...shown, kind: 'independent' });
    });
    double.forEach(({ at }, i) => {
      const row = judged.data.subarray(2 * i, 2 * i + 2);
      out[at] = classified(row, TRUTH, { ...shown, kind: 'exclusive' });
    });
    return out;
  };
}
