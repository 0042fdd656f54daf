/** Does it answer questions about what it sees? */
import { BowError, type Metrics } from '../../base/index.ts';
import { can, type RgbImage } from '../../capabilities/index.ts';
import type { Benchmark } from '../ladder.ts';
import { vqaAccuracy } from '../vqa.ts';
import { majorityAccuracy, questionOnly } from './question-only.ts';
import { besideBlind, imageOfScene, mean, type Scenes, shareOf, sharesBy } from './shared.ts';
import { plainAnswer } from './text-metrics.ts';

/** A question of a test, without its images. */
export type TestQuestion = {
  /** What is asked for; answers are counted by it. */
  readonly kind: string;
  readonly question: string;
  /** The annotators' answers, at least one. */
  readonly given: readonly string[];
  /** Questions that are right only together (NLVR2's consistency). */
  readonly group?: string;
};

/** A question with its images, in the order in which it speaks of them. */
export type AskedItem = TestQuestion & { readonly images: readonly RgbImage[] };

/** The scenes' questions as {@link asking} takes them. */
export const questionsOfScenes = (scenes: Scenes): AskedItem[] =>
  scenes.flatMap((s) =>
    s.questions.map((q) => ({ kind: q.kind, question: q.question, given: [q.answer], images: [imageOfScene(s)] })),
  );

/** {@link asking} with the scenes' questions. */
export const answering = (id: string, title: string, scenes: Scenes): Benchmark =>
  asking(id, title, questionsOfScenes(scenes));

/** What annotators answered most often. */
const commonest = ({ given }: TestQuestion): string => {
  const counts = new Map<string, number>();
  for (const a of given) counts.set(a, (counts.get(a) ?? 0) + 1);
  return [...counts].reduce((best, x) => (x[1] > best[1] ? x : best))[0];
};

/**
 * Questions with their images; with one annotator answers are compared without case, punctuation and articles, with several by VQA v2's accuracy. `answer_accuracy`,
 * `answer_<kind>` and `answer_<kind>_majority`, `answer_macro` (mean over the kinds), `answer_consistency` (share of groups in which all is right), `blind_*`;
 * with `train` also what the words of the questions give away (`question_only_*`). Chance is always giving the kind's most frequent answer.
 */
export function asking(
  id: string,
  title: string,
  items: readonly AskedItem[],
  o: { readonly train?: readonly TestQuestion[] } = {},
): Benchmark {
  const plain = (list: readonly TestQuestion[]): { kind: string; question: string; answer: string }[] =>
    list.map((q) => ({ kind: q.kind, question: q.question, answer: commonest(q) }));
  for (const { question, given } of [...items, ...(o.train ?? [])])
    if (given.length === 0) throw new BowError('data', 'a question without an answer', { place: question });
  const asked = plain(items);
  const kinds = [...new Set(asked.map((q) => q.kind))].sort();
  const majority = Object.fromEntries(
    kinds.map((kind) => [
      `answer_${kind.replaceAll(' ', '_')}_majority`,
      majorityAccuracy(asked.filter((q) => q.kind === kind)),
    ]),
  );
  let words: Promise<Metrics> | undefined;
  return {
    id,
    title,
    headline: 'answer_accuracy',
    chance: majorityAccuracy(asked),
    optional: true,
    run: async (system, call) => {
      if (!can(system, 'answer') || items.length === 0) return undefined;
      const measured = await besideBlind(async (see) => {
        const questions = items.map((q) => ({ text: q.question, images: q.images.map(see) }));
        const given = await system.answer(questions, call);
        const hits = items.map((q, i) => rightness(given[i]!.text, q));
        const each = sharesBy('answer', items, hits, (q) => q.kind);
        const macro = mean(Object.values(each));
        return { ...shareOf('answer_accuracy', hits), answer_macro: macro, ...each, ...consistency(items, hits) };
      });
      if (o.train) words ??= questionOnly(plain(o.train), asked);
      return { ...measured, ...majority, ...(await words) };
    },
  };
}

const rightness = (answer: string, { given }: TestQuestion): number =>
  given.length > 1 ? vqaAccuracy(answer, given) : plainAnswer(answer) === plainAnswer(given[0]!) ? 1 : 0;

/** The share of groups in which every answer is right; nothing where there are no groups. */
function consistency(items: readonly TestQuestion[], hits: readonly number[]): Metrics {
  const groups = new Map<string, number>();
  items.forEach(({ group }, i) => {
    if (group !== undefined) groups.set(group, Math.min(groups.get(group) ?? 1, hits[i]!));
  });
  return groups.size === 0 ? {} : { answer_consistency: mean([...groups.values()].map((x) => (x === 1 ? 1 : 0))) };
}
