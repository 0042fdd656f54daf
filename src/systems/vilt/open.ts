/** What an open ViLT can do: scores of texts with images, answers to questions, truth of statements about two images. */

import { BowError } from '../../base/index.ts';
import {
  type Answers,
  type CallOptions,
  type DenseVectors,
  type ImageQuestion,
  type OpenSystem,
  refuseOptions,
  type ScoresPairs,
  type WrittenText,
} from '../../capabilities/index.ts';
import { compile, type F, ndarray, type Scope, type SessionOptions } from '../../engine/index.ts';
import { TRUTH } from '../../kinds/index.ts';
import { batched } from '../batched.ts';
import { classified } from '../classified-answers.ts';
import { answerLogits, matchLogits, rankScore, statementLogits } from './heads.ts';
import { type PairEncoder, type Paired, pairEncoder, type ViltModel } from './pairs.ts';

/** An open ViLT has the methods that it has heads for. */
export type OpenVilt = OpenSystem & Partial<ScoresPairs & Answers>;

/** The capabilities of a model; `close` frees its sessions. */
export function openVilt(model: ViltModel, session: SessionOptions = {}): OpenVilt {
  const { config: c, parts, store } = model;
  const { tasks } = c;
  const o = { ...session, store };
  const encoder = pairEncoder(model, session);
  const score = head(c.width, 1, (s, x) => pairScore(s, x, model), o);
  const answers = head(c.width, tasks.answers ?? 0, (s, x) => answerLogits(s, x, c), o);
  const truth = head(2 * c.width, 2, (s, x) => statementLogits(s, x.slice(1, 0, c.width), x.slice(1, c.width), c), o);
  const scorePairs: ScoresPairs['scorePairs'] = async (pairs, call = {}) => {
    refuseOptions('vilt.scorePairs', call, []);
    return (await score.rows(await encoder.pooled(pairs, call), call)).data;
  };
  return {
    id: 'vilt',
    preprocessing: parts.pixels,
    ...(tasks.itm || tasks.rank ? { scorePairs } : {}),
    ...(tasks.answers || tasks.statements ? { answer: answering(model, encoder, answers, truth) } : {}),
    close: async () => void (await Promise.all([encoder, score, answers, truth].map((x) => x.close()))),
  };
}

/** The score of retrieval where there is a head for it (§4.4), else the log-odds that text and image belong to each other. */
function pairScore(s: Scope, pooled: F<'b d'>, { config: c }: ViltModel): F<'b k'> {
  if (c.tasks.rank) return rankScore(s, pooled, c).unsqueeze(1);
  const logits = matchLogits(s, pooled, c);
  return logits.slice(1, 1, 2).sub(logits.slice(1, 0, 1));
}

/** A head over rows of vectors. */
type Head = { rows(x: DenseVectors, o: CallOptions): Promise<DenseVectors>; close(): Promise<void> };

function head(
  width: number,
  classes: number,
  fn: (s: Scope, x: F<'b d'>) => F<'b k'>,
  o: SessionOptions & { readonly store: ViltModel['store'] },
): Head {
  const compiled = compile((s, { x }: { x: F<'b d'> }) => ({ y: fn(s, x) }), o);
  return {
    rows: async ({ rows, data }, call) =>
      batched(
        Array.from({ length: rows }, (_, i) => data.subarray(i * width, (i + 1) * width)),
        classes,
        async (some) => {
          const x = new Float32Array(some.length * width);
          some.forEach((row, i) => x.set(row, i * width));
          return (await compiled.run({ x: ndarray('float32', [some.length, width], x) })).y.data;
        },
        { ...call, place: 'vilt' },
      ),
    close: () => compiled.close(),
  };
}

/** Answers of the classifier to questions about one image, `true` or `false` to statements about two. */
function answering({ config, parts }: ViltModel, encoder: PairEncoder, answers: Head, truth: Head): Answers['answer'] {
  const { tasks, width } = config;
  return async (questions, o = {}) => {
    refuseOptions('vilt.answer', o, ['candidates', 'n']);
    const counts = [...(tasks.answers ? [1] : []), ...(tasks.statements ? [2] : [])];
    for (const { text, images } of questions) if (!counts.includes(images.length)) throw wrongImages(text, images.length, counts); // biome-ignore format: one line
    const out = new Array<WrittenText>(questions.length);
    const places = (n: number): number[] => [...questions.keys()].filter((at) => questions[at]!.images.length === n);
    const fill = (
      at: readonly number[],
      { data, width: n }: DenseVectors,
      names: readonly string[],
      kind: 'independent' | 'exclusive', // biome-ignore format: one line
    ) =>
      at.forEach((place, i) => {
        const { candidates, n: most } = o;
        const row = data.subarray(i * n, (i + 1) * n);
        out[place] = classified(row, names, { place: 'vilt.answer', kind, candidates, n: most });
      });
    const [one, two] = [places(1), places(2)];
    if (one.length > 0) {
      const pairs = one.map((at) => pairOf(questions[at]!, 0));
      fill(one, await answers.rows(await encoder.pooled(pairs, o), o), parts.answers, 'independent');
    }
    if (two.length > 0) {
      const pairs = two.flatMap((at) => [pairOf(questions[at]!, 0), pairOf(questions[at]!, 1)]);
      const { data } = await encoder.pooled(pairs, o); // both vectors of a statement lie side by side
      const both = { rows: two.length, width: 2 * width, data };
      fill(two, await truth.rows(both, o), TRUTH, 'exclusive');
    }
    return out;
  };
}

const pairOf = ({ text, images }: ImageQuestion, i: 0 | 1): Paired => ({
  text,
  image: images[i]!,
  which: i === 0 ? 'image' : 'second',
});

function wrongImages(question: string, images: number, counts: readonly number[]): BowError {
  return new BowError('usage', `it has no head for questions about ${images} images`, {
    place: 'vilt.answer',
    detail: { question },
    hint: `${counts.map((n) => (n === 1 ? 'one image a question' : 'two images a statement')).join(', ')}`,
  });
}
