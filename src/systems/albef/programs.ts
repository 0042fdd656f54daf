/** The compiled parts of an open ALBEF, and images encoded once for all that is asked about them. */
import { throwIfAborted } from '../../base/index.ts';
import type { CallOptions, RgbImage } from '../../capabilities/index.ts';
import {
  type Compiled,
  compile,
  type F,
  type I,
  logSoftmax,
  type NdArray,
  ndarray,
  type SessionOptions,
} from '../../engine/index.ts';
import { imageBatch } from '../../image/index.ts';
import { BATCH_SIZES } from '../batched.ts';
import type { Model } from '../definition.ts';
import {
  classLogits,
  decodeAnswers,
  encodeImage,
  encodePair,
  encodeTokens,
  firstOf,
  keptTokens,
  matchLogits,
  projectImage,
  projectText,
} from './albef.ts';
import type { AlbefConfig } from './config.ts';
import { groundingMap } from './grounding.ts';
import type { AlbefParts } from './layouts.ts';
import { answerLosses } from './objectives.ts';

/** An ALBEF with its weights. */
export type AlbefModel = Model<AlbefConfig, AlbefParts>;

type Images = { image: F<'b c y x'> };
type Texts = { tokens: I<'b n'> };
/** Vectors of images, and token rows: what the multimodal encoder takes. */
type Pairs = { image: F<'b m d'>; tokens: I<'b n'> };
type Asked = { states: F<'a n d'>; question: I<'a n'>; answers: I<'a m'> };
type Y = { y: F };

/** The parts of a model; each is compiled when it is first used. */
export type AlbefPrograms = {
  /** Images → the vectors of [CLS] and their patches. */
  readonly states: Compiled<Images, Y>;
  /** Images, texts → the shared space. */
  readonly image: Compiled<Images, Y>;
  readonly text: Compiled<Texts, Y>;
  /** The logit of "belong together" [b]. */
  readonly match: Compiled<Pairs, Y>;
  /** Maps over the patches [b p]. */
  readonly ground: Compiled<Pairs, Y>;
  /** ln p of the classes [b v]; `second`: the second images of NLVR². */
  readonly classes: Compiled<Pairs & { second?: F<'b m d'> }, Y>;
  /** States of questions [b n d], and ln p of every token at the first place of an answer [b v]. `cls`: [CLS] for each. */
  readonly questions: Compiled<Pairs & { cls: I<'b 1'> }, { states: F; first: F }>;
  /** −ln p of whole answers [a], given the states and the tokens of their questions. */
  readonly answers: Compiled<Asked, Y>;
  close(): Promise<void>;
};

/** The parts of a model, on one store. */
export function albefPrograms({ config: c, store }: AlbefModel, session: SessionOptions): AlbefPrograms {
  const o = { ...session, store };
  const parts = {
    states: compile((s, { image }: Images) => ({ y: encodeImage(s, image, c) }), o),
    image: compile((s, { image }: Images) => ({ y: projectImage(s, encodeImage(s, image, c), c) }), o),
    text: compile((s, { tokens }: Texts) => ({ y: projectText(s, encodeTokens(s, tokens, c), c) }), o),
    match: compile((s, { image, tokens }: Pairs) => {
      const fused = encodePair(s, tokens, [image], c, { first: true });
      return { y: matchLogits(s, fused).slice(1, 1, 2).squeeze(1) };
    }, o),
    ground: compile((s, { image, tokens }: Pairs) => ({ y: groundingMap(s, { image, tokens }, c) }), o),
    classes: compile((s, { image, tokens, second }: Pairs & { second?: F }) => {
      const fused = encodePair(s, tokens, [image, second], c, { first: true });
      return { y: logSoftmax(classLogits(s, fused, c)) };
    }, o),
    questions: compile((s, { image, tokens, cls }: Pairs & { cls: I }) => {
      const states = encodePair(s, tokens, [image], c);
      const first = decodeAnswers(s, cls, { states, keep: keptTokens(tokens, c) }, c);
      return { states, first: logSoftmax(firstOf(first)) };
    }, o),
    answers: compile((s, { states, question, answers }: Asked) => {
      const logits = decodeAnswers(s, answers, { states, keep: keptTokens(question, c) }, c);
      return { y: answerLosses(logits, answers, c) };
    }, o),
  };
  return { ...parts, close: async () => void (await Promise.all(Object.values(parts).map((p) => p.close()))) };
}

/** Images as the model takes them: [b 3 y x]. */
export function pixelsOf(images: readonly RgbImage[], { parts }: AlbefModel): NdArray<'float32'> {
  const { shape, data } = imageBatch(images, parts.pixels);
  return ndarray('float32', [...shape], data);
}

/** A list in parts of the few sizes that are compiled, with the place of each part's first element. */
export function* cut<T>(list: readonly T[]): Generator<{ readonly at: number; readonly part: readonly T[] }> {
  for (let at = 0; at < list.length; ) {
    const size = BATCH_SIZES.find((b) => b <= list.length - at)!;
    yield { at, part: list.slice(at, at + size) };
    at += size;
  }
}

/** Rows of numbers one after the other. */
export function stacked(rows: readonly Float32Array[], shape: readonly number[]): NdArray<'float32'> {
  const width = rows[0]!.length;
  const data = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    data.set(row, i * width);
  });
  return ndarray('float32', [rows.length, ...shape], data);
}

/** What is asked about images, in the parts in which it is run: the members' numbers, and the vectors of their images. */
export type ImagePart = { readonly members: readonly number[]; readonly images: readonly NdArray<'float32'>[] };

/**
 * Goes through items with `count` images each so that every distinct image (by identity) is encoded once, and held no longer than needed: items with the
 * same first image come together. Yields parts of the compiled sizes, `images[k]` being the vectors of their k-th images [part m d].
 */
export async function* encodedOnce(
  items: readonly (readonly RgbImage[])[],
  count: number,
  model: AlbefModel,
  programs: Pick<AlbefPrograms, 'states'>,
  { signal }: CallOptions = {},
): AsyncGenerator<ImagePart> {
  const order = new Map<RgbImage, number>();
  for (const images of items) for (const image of images) if (!order.has(image)) order.set(image, order.size);
  const place = (i: number): number => order.get(items[i]![0]!)!;
  const parts = [...cut([...items.keys()].sort((a, b) => place(a) - place(b)))].map(({ part }) => part);
  const lastUse = new Map(
    parts.flatMap((part, at) => part.flatMap((i) => items[i]!.map((image) => [image, at] as const))),
  );
  const held = new Map<RgbImage, Float32Array>();
  let shape: readonly number[] = [];
  for (const [at, part] of parts.entries()) {
    const needed = [...new Set(part.flatMap((i) => items[i]!))].filter((image) => !held.has(image));
    for (const { part: some } of cut(needed)) {
      throwIfAborted(signal, 'albef');
      const { y } = await programs.states.run({ image: pixelsOf(some, model) });
      shape = y.shape.slice(1);
      const width = y.data.length / some.length;
      some.forEach((image, k) => {
        held.set(image, (y.data as Float32Array).slice(k * width, (k + 1) * width));
      });
    }
    throwIfAborted(signal, 'albef');
    yield {
      members: part,
      images: Array.from({ length: count }, (_, k) =>
        stacked(
          part.map((i) => held.get(items[i]![k]!)!),
          shape,
        ),
      ),
    };
    for (const image of held.keys()) if (lastUse.get(image) === at) held.delete(image);
  }
}
