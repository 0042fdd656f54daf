/** Answers of an open ALBEF: ranked by the decoder (VQA), or a class by its head (SNLI-VE, NLVR²). Li et al. 2021, §5. */
import { BowError, throwIfAborted } from '../../base/index.ts';
import {
  type Answers,
  type CallOptions,
  type ImageQuestion,
  oneImage,
  type RgbImage,
  refuseOptions,
  type ScoredText,
  type WrittenText,
} from '../../capabilities/index.ts';
import { type NdArray, ndarray } from '../../engine/index.ts';
import { type AlbefModel, type AlbefPrograms, cut, encodedOnce, stacked } from './programs.ts';
import { LOOKED_AT, likeliestFirst, type RankedAnswer, rankAnswers } from './ranking.ts';
import { answerRows, captionTokens, questionTokens } from './text.ts';

type AnswerOptions = NonNullable<Parameters<Answers['answer']>[1]>;

/** The method of a model with a decoder, or with a head for classes. */
export function answering(model: AlbefModel, programs: AlbefPrograms): Answers['answer'] {
  const rank = model.config.heads.decoder !== undefined;
  return async (questions, o = {}) => {
    refuseOptions('albef.answer', o, rank ? ['candidates', 'n'] : ['n']);
    const candidates = candidatesOf(model, o);
    if (questions.length === 0) return [];
    const ranked = rank
      ? await rankedAnswers(questions, candidates, model, programs, o)
      : await rankedClasses(questions, model, programs, o);
    return ranked.map((list) => written(list, candidates, o.candidates ? list.length : (o.n ?? 1)));
  };
}

/** What may be answered. Errors `usage` without any, and for a number of answers that is none. */
function candidatesOf(
  { config, parts }: AlbefModel,
  { candidates = parts.answers, n = 1 }: AnswerOptions,
): readonly string[] {
  const refuse = (what: string, hint?: string): BowError =>
    new BowError('usage', what, { place: 'albef.answer', ...(hint === undefined ? {} : { hint }) });
  if (!(Number.isInteger(n) && n >= 1)) throw refuse(`n must be a whole number ≥ 1, not ${n}`);
  if (candidates.length === 0)
    throw config.heads.decoder
      ? refuse('it ranks answers and has none to rank', 'give candidates')
      : refuse('its classes have no names', 'answer_list.json, a list of texts, names them in their order');
  return candidates;
}

function written(ranked: readonly RankedAnswer[], candidates: readonly string[], most: number): WrittenText {
  const all = ranked.slice(0, most).map(({ index, score }): ScoredText => ({ text: candidates[index]!, score }));
  return { ...all[0]!, ...(most > 1 ? { alternatives: all } : {}), end: 'stop' };
}

/** Of each question all classes with ln p. */
async function rankedClasses(
  questions: readonly ImageQuestion[],
  model: AlbefModel,
  programs: AlbefPrograms,
  call: CallOptions,
): Promise<RankedAnswer[][]> {
  const many = model.config.images;
  const items = questions.map((q) => imagesOf(q, many));
  const found = questions.map((): RankedAnswer[] => []);
  for await (const { members, images } of encodedOnce(items, many, model, programs, call)) {
    const tokens = captionTokens(
      members.map((i) => questions[i]!.text),
      model,
    );
    const second = images[1] ? { second: images[1] } : {};
    const { y } = await programs.classes.run({ image: images[0]!, tokens, ...second });
    const classes = y.shape[1]!;
    members.forEach((i, at) => {
      const row = y.data.subarray(at * classes, (at + 1) * classes);
      found[i] = Array.from(row, (score, index) => ({ index, score: Number(score) })).sort((a, b) => b.score - a.score);
    });
  }
  return found;
}

function imagesOf(question: ImageQuestion, many: 1 | 2): readonly RgbImage[] {
  if (many === 1) return [oneImage('albef.answer', question)];
  if (question.images.length === 2) return question.images;
  throw new BowError('usage', `it looks at two images a question, not at ${question.images.length}`, {
    place: 'albef.answer',
  });
}

/** Candidates as rows of the decoder. */
export type Candidates = { readonly ids: Int32Array; readonly length: number };

/** Of each question the candidates by rank: all that were given, or of the model's own the {@link LOOKED_AT} that begin likeliest. */
async function rankedAnswers(
  questions: readonly ImageQuestion[],
  candidates: readonly string[],
  model: AlbefModel,
  programs: AlbefPrograms,
  call: AnswerOptions,
): Promise<RankedAnswer[][]> {
  const { tokenizer } = model.parts;
  const rows = answerRows(tokenizer, candidates, model.config.text.context);
  const most = call.candidates ? candidates.length : LOOKED_AT;
  const items = questions.map((q) => [oneImage('albef.answer', q)]);
  const found = questions.map((): RankedAnswer[] => []);
  for await (const { members, images } of encodedOnce(items, 1, model, programs, call)) {
    const tokens = questionTokens(
      members.map((i) => questions[i]!.text),
      model,
    );
    const ranked = await rankRows(programs, { image: images[0]!, tokens }, rows, {
      most,
      cls: tokenizer.ids.cls,
      signal: call.signal,
    });
    members.forEach((i, at) => {
      found[i] = ranked[at]!;
    });
  }
  return found;
}

/** A question's place in its part, with a candidate that is looked at whole and ln p of its first token. */
type Looked = { readonly question: number; readonly index: number; readonly first: number };

/** Ranks candidates for the questions of a part: vectors of their images [b m d], their tokens [b n]. `most`: candidates that are looked at whole. */
export async function rankRows(
  programs: Pick<AlbefPrograms, 'questions' | 'answers'>,
  part: { readonly image: NdArray<'float32'>; readonly tokens: NdArray },
  candidates: Candidates,
  o: CallOptions & { readonly most: number; readonly cls: number },
): Promise<RankedAnswer[][]> {
  const { ids, length } = candidates;
  const firstTokens = Array.from({ length: ids.length / length }, (_, i) => ids[i * length + 1]!);
  const b = part.tokens.shape[0]!;
  const tokens = part.tokens as NdArray<'int32'>;
  const cls = ndarray('int32', [b, 1], new Array<number>(b).fill(o.cls));
  const { states, first } = await programs.questions.run({ image: part.image, tokens, cls });
  const v = first.shape[1]!;
  const looked = Array.from({ length: b }, (_, question): Looked[] => {
    const row = first.data.subarray(question * v, (question + 1) * v) as Float32Array;
    return likeliestFirst(row, firstTokens, o.most).map((index) => ({
      question,
      index,
      first: row[firstTokens[index]!]!,
    }));
  });
  const losses = await lossesOf(programs, looked.flat(), {
    states: states as NdArray<'float32'>,
    tokens,
    candidates,
    signal: o.signal,
  });
  let at = 0;
  return looked.map((own) => rankAnswers(own.map((c) => ({ ...c, loss: losses[at++]! }))));
}

/** −ln p of candidates for their questions. */
async function lossesOf(
  programs: Pick<AlbefPrograms, 'answers'>,
  looked: readonly Looked[],
  o: CallOptions & {
    readonly states: NdArray<'float32'>;
    readonly tokens: NdArray<'int32'>;
    readonly candidates: Candidates;
  },
): Promise<Float32Array> {
  const losses = new Float32Array(looked.length);
  const { ids, length } = o.candidates;
  const [b, n] = o.tokens.shape as [number, number];
  const [width, shape] = [o.states.data.length / b, o.states.shape.slice(1)];
  for (const { at, part } of cut(looked)) {
    throwIfAborted(o.signal, 'albef');
    const answers = new Int32Array(part.length * length);
    const question = new Int32Array(part.length * n);
    part.forEach((c, k) => {
      answers.set(ids.subarray(c.index * length, (c.index + 1) * length), k * length);
      question.set(o.tokens.data.subarray(c.question * n, (c.question + 1) * n), k * n);
    });
    const { y } = await programs.answers.run({
      states: stacked(
        part.map((c) => o.states.data.subarray(c.question * width, (c.question + 1) * width)),
        shape,
      ),
      question: ndarray('int32', [part.length, n], question),
      answers: ndarray('int32', [part.length, length], answers),
    });
    losses.set(y.data as Float32Array, at);
  }
  return losses;
}
