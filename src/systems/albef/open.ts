/** What an open ALBEF can do: images and texts into one space, scores of pairs, answers, boxes; each where its heads are there. */
import { BowError } from '../../base/index.ts';
import {
  type Answers,
  type CallOptions,
  type EncodesImages,
  type EncodesText,
  type Grounds,
  type OpenSystem,
  type RgbImage,
  refuseOptions,
  type ScoresPairs,
} from '../../capabilities/index.ts';
import type { NdArray, SessionOptions } from '../../engine/index.ts';
import { batched } from '../batched.ts';
import { answering } from './answer.ts';
import { boxesOf } from './grounding.ts';
import { type AlbefModel, type AlbefPrograms, albefPrograms, encodedOnce, pixelsOf } from './programs.ts';
import { captionTokens } from './text.ts';

/** An open ALBEF; which of the methods are there follows from its heads. */
export type OpenAlbef = OpenSystem & Partial<EncodesText & EncodesImages & ScoresPairs & Answers & Grounds>;

/** The capabilities of a model; `close` frees its sessions. */
export function openAlbef(model: AlbefModel, o: SessionOptions = {}): OpenAlbef {
  const programs = albefPrograms(model, o);
  const { heads } = model.config;
  return {
    id: 'albef',
    preprocessing: model.parts.pixels,
    ...(heads.contrast
      ? { scale: 1 / Number(model.store.get('temperature').data[0]), ...encoders(model, programs) }
      : {}),
    ...(heads.match ? { ...pairs(model, programs) } : {}),
    ...(heads.decoder || heads.classes ? { answer: answering(model, programs) } : {}),
    close: programs.close,
  };
}

function encoders(model: AlbefModel, programs: AlbefPrograms): EncodesText & EncodesImages {
  const width = model.config.heads.contrast!;
  return {
    encodeText: (texts, call = {}) =>
      batched(texts, width, async (some) => (await programs.text.run({ tokens: captionTokens(some, model) })).y.data, {
        ...call,
        place: 'albef',
      }),
    encodeImages: (images, call = {}) =>
      batched(images, width, async (some) => (await programs.image.run({ image: pixelsOf(some, model) })).y.data, {
        ...call,
        place: 'albef',
      }),
  };
}

/** A score is the matching logit (released code: not its probability, nor added to the cosine); a box is where the attention speaks for it. */
function pairs(model: AlbefModel, programs: AlbefPrograms): ScoresPairs & Grounds {
  const scorePairs: ScoresPairs['scorePairs'] = async (list, call = {}) => {
    const scores = new Float32Array(list.length);
    await overPairs(list, model, programs, call, async (members, image, tokens) => {
      const { y } = await programs.match.run({ image, tokens });
      members.forEach((i, k) => {
        scores[i] = Number(y.data[k]);
      });
    });
    return scores;
  };
  const ground: Grounds['ground'] = async (list, call = {}) => {
    const { proposals, k, onMap } = checkedGround(list.length, call);
    const found = list.map((): ReturnType<typeof boxesOf> => []);
    const side = model.config.visual.size / model.config.visual.patch;
    await overPairs(list, model, programs, call, async (members, image, tokens) => {
      const { y } = await programs.ground.run({ image, tokens });
      members.forEach((i, at) => {
        const data = y.data.slice(at * side * side, (at + 1) * side * side) as Float32Array;
        onMap?.({ width: side, height: side, data }, i); // images are squashed, so the map is over the whole image
        found[i] = boxesOf({ side, data }, list[i]!.image, model.parts.pixels, { proposals: proposals?.[i], k });
      });
    });
    return found;
  };
  return { scorePairs, ground };
}

type GroundOptions = NonNullable<Parameters<Grounds['ground']>[1]>;

function checkedGround(count: number, o: GroundOptions): GroundOptions {
  refuseOptions('albef.ground', o, ['proposals', 'k', 'onMap']);
  const { proposals, k } = o;
  if (k !== undefined && !(Number.isInteger(k) && k >= 1))
    throw new BowError('usage', `k must be a whole number ≥ 1, not ${k}`, { place: 'albef.ground' });
  if (proposals && (proposals.length !== count || proposals.some((list) => list.length === 0)))
    throw new BowError(
      'usage',
      `${proposals.length} lists of proposals for ${count} pairs, of which none may be empty`,
      {
        place: 'albef.ground',
      },
    );
  return o;
}

/** Runs over pairs in parts, each distinct image encoded once. */
async function overPairs(
  list: readonly { readonly text: string; readonly image: RgbImage }[],
  model: AlbefModel,
  programs: AlbefPrograms,
  call: CallOptions,
  run: (members: readonly number[], image: NdArray<'float32'>, tokens: NdArray<'int32'>) => Promise<void>,
): Promise<void> {
  const items = list.map((pair) => [pair.image]);
  for await (const { members, images } of encodedOnce(items, 1, model, programs, call)) {
    const tokens = captionTokens(
      members.map((i) => list[i]!.text),
      model,
    );
    await run(members, images[0]!, tokens);
  }
}
