/** What an open BEiT-3 can do with the heads that it has: texts and images into one space, answers, captions. */
import { BowError } from '../../base/index.ts';
import {
  type Answers,
  type CallOptions,
  type Captions,
  type DenseVectors,
  type EncodesImages,
  type EncodesText,
  type ImageQuestion,
  type OpenSystem,
  type RgbImage,
  refuseOptions,
  type ScoresPairs,
  type WrittenText,
} from '../../capabilities/index.ts';
import {
  type Compiled,
  compile,
  type F,
  type NdArray,
  ndarray,
  type Scope,
  type SessionOptions,
  type Tensor,
} from '../../engine/index.ts';
import { imageBatch } from '../../image/index.ts';
import { TRUTH } from '../../kinds/index.ts';
import { batched, pairedDots } from '../batched.ts';
import { classified } from '../classified-answers.ts';
import type { Model } from '../definition.ts';
import { type Beit3Config, longestText } from './config.ts';
import { captioner, released } from './decoding.ts';
import { encode } from './encoder.ts';
import { answerLogits, imageRows, textRows } from './heads.ts';
import type { Beit3Parts } from './layouts.ts';
import { statementLogits } from './objectives.ts';

/** A BEiT-3 with its weights. */
export type Beit3Model = Model<Beit3Config, Beit3Parts>;

/** An open BEiT-3. */
export type OpenBeit3 = OpenSystem & Partial<EncodesText & EncodesImages & ScoresPairs & Answers & Captions>;

/** Rows of `width` numbers for inputs of some kind, and the program behind it. */
type Rows<T> = { of(list: readonly T[], o?: CallOptions): Promise<DenseVectors>; close(): Promise<void> };

/** The capabilities of a model; `close` frees its sessions. */
export function openBeit3(model: Beit3Model, o: SessionOptions = {}): OpenBeit3 {
  const { config, parts, store } = model;
  const { tasks } = config;
  const closers: (() => Promise<void>)[] = [];
  const open = <T>(
    width: number,
    trace: (s: Scope, x: Record<string, Tensor>) => F,
    inputs: (list: readonly T[]) => Record<string, NdArray>,
  ): Rows<T> => {
    const found = rowsOf(
      compile((s, x) => ({ y: trace(s, x) }), { ...o, store }),
      width,
      inputs,
    );
    closers.push(found.close);
    return found;
  };
  const methods: Partial<OpenBeit3> = {
    ...(tasks.retrieval ? retrieval(model, open) : {}),
    ...(parts.answers || tasks.pairs === 2 ? { answer: answering(model, open) } : {}),
    ...(tasks.tokens ? { caption: captioning(model, o, closers) } : {}),
  };
  return {
    id: 'beit3',
    preprocessing: parts.pixels,
    ...methods,
    close: async () => void (await Promise.all(closers.map((close) => close()))),
  };
}

type Opener = <T>(
  width: number,
  trace: (s: Scope, x: Record<string, Tensor>) => F,
  inputs: (list: readonly T[]) => Record<string, NdArray>,
) => Rows<T>;

function rowsOf<T>(
  compiled: Compiled,
  width: number,
  inputs: (list: readonly T[]) => Record<string, NdArray>,
): Rows<T> {
  const run = async (some: readonly T[]) => (await compiled.run(inputs(some)))['y']!.data as Float32Array;
  return {
    of: (list, call = {}) => batched(list, width, run, { ...call, place: 'beit3' }),
    close: () => compiled.close(),
  };
}

/** Images as the model takes them: [b, 3, y, x]. */
function pixels(images: readonly RgbImage[], { parts }: Beit3Model): NdArray<'float32'> {
  const { shape, data } = imageBatch(images, parts.pixels);
  return ndarray('float32', [...shape], data);
}

function tokens(texts: readonly string[], { config, parts }: Beit3Model): NdArray<'int32'> {
  const length = parts.longest ?? longestText(config);
  return ndarray('int32', [texts.length, length], parts.tokenizer.rows(texts, length));
}

const image = (x: Record<string, Tensor>): F => x['image']!.asFloat();

/** Each modality by itself: unit rows, and cosines of pairs. */
function retrieval(model: Beit3Model, open: Opener): Partial<OpenBeit3> {
  const { config, store } = model;
  const images = open<RgbImage>(
    config.width,
    (s, x) => imageRows(s, encode(s, { image: image(x) }, config)),
    (list) => ({ image: pixels(list, model) }),
  );
  const texts = open<string>(
    config.width,
    (s, x) => textRows(s, encode(s, { tokens: x['tokens']!.asInt() }, config)),
    (list) => ({ tokens: tokens(list, model) }),
  );
  return {
    scale: Math.exp(Number(store.get('logit_scale').data[0])),
    encodeText: (list, call) => texts.of(list, call),
    encodeImages: (list, call) => images.of(list, call),
    scorePairs: async (pairs, call = {}) => {
      refuseOptions('beit3.scorePairs', call, []);
      const t = await texts.of(pairs.map((p) => p.text), call); // biome-ignore format: one line
      return pairedDots(t, await images.of(pairs.map((p) => p.image), call)); // biome-ignore format: one line
    },
  };
}

/** One image: the VQA head's answers. Two: whether the statement about them is true. */
function answering(model: Beit3Model, open: Opener): Answers['answer'] {
  const { config, parts } = model;
  const { answers } = parts;
  const single =
    answers &&
    open<ImageQuestion>(
      answers.length,
      (s, x) => answerLogits(s, encode(s, { image: image(x), tokens: x['tokens']!.asInt() }, config), answers.length),
      (list) => ({ image: pixels(list.map((q) => q.images[0]!), model), tokens: tokens(list.map((q) => q.text), model) }), // biome-ignore format: one line
    );
  const double =
    config.tasks.pairs === 2
      ? open<ImageQuestion>(
          2,
          (s, x) => statementLogits(s, x, config),
          (list) => ({
            image0: pixels(list.map((q) => q.images[0]!), model), // biome-ignore format: one line
            image1: pixels(list.map((q) => q.images[1]!), model), // biome-ignore format: one line
            tokens: tokens(list.map((q) => q.text), model), // biome-ignore format: one line
          }),
        )
      : undefined;
  return async (questions, o = {}) => {
    refuseOptions('beit3.answer', o, ['candidates', 'n']);
    const out = new Array<WrittenText>(questions.length);
    for (const [count, rows, names, kind] of [
      [1, single, answers ?? [], 'independent'],
      [2, double, TRUTH, 'exclusive'],
    ] as const) {
      const places = questions.flatMap((q, i) => (q.images.length === count ? [i] : []));
      if (places.length === 0 || !rows) continue;
      const found = await rows.of(places.map((i) => questions[i]!), o); // biome-ignore format: one line
      places.forEach((i, at) => {
        const row = found.data.subarray(at * found.width, (at + 1) * found.width);
        out[i] = classified(row, names, { place: 'beit3.answer', kind, candidates: o.candidates, n: o.n });
      });
    }
    const missed = questions.find((_, i) => out[i] === undefined);
    if (missed) throw noHead(missed.images.length, answers !== undefined);
    return out;
  };
}

const noHead = (images: number, hasAnswers: boolean): BowError =>
  new BowError('usage', `it has no head for questions about ${images} images`, {
    place: 'beit3.answer',
    hint: hasAnswers ? 'one image a question' : 'two images a statement',
  });

/** The start, the mask that is left over, and the end. */
const AROUND = 3;

const unfit = (name: string, value: unknown, wanted: string): BowError =>
  new BowError('usage', `${name} must be ${wanted}, not ${String(value)}`, { place: 'beit3.caption' });

/** Images in one batch of the decoder. */
const TOGETHER = 8;

function captioning(model: Beit3Model, session: SessionOptions, closers: (() => Promise<void>)[]): Captions['caption'] {
  const { tokenizer } = model.parts;
  const found = captioner(model, tokenizer.ids, session);
  closers.push(found.close);
  return async (images, o = {}) => {
    refuseOptions('beit3.caption', o, ['beams', 'lengthPenalty', 'maxTokens']);
    const { beams = released.beams, lengthPenalty = released.lengthPenalty, maxTokens } = o;
    if (!(Number.isInteger(beams) && beams >= 1)) throw unfit('beams', beams, 'a whole number from 1 on');
    if (!Number.isFinite(lengthPenalty)) throw unfit('lengthPenalty', lengthPenalty, 'a number');
    if (maxTokens !== undefined && !(Number.isInteger(maxTokens) && maxTokens >= 1))
      throw unfit('maxTokens', maxTokens, 'a whole number from 1 on');
    const wanted = maxTokens === undefined ? released.longest : maxTokens + AROUND;
    const longest = Math.min(longestText(model.config), wanted);
    const out: WrittenText[] = [];
    for (let at = 0; at < images.length; at += TOGETHER) {
      const rows = await found.generate(pixels(images.slice(at, at + TOGETHER), model), {
        ...{ beams, lengthPenalty, longest, signal: o.signal },
      });
      out.push(...rows.map((ids) => ({ text: tokenizer.decode(ids) })));
    }
    return out;
  };
}
