/** Does it answer questions about what it sees? */
import { can } from '../../capabilities/index.ts';
import type { Question } from '../../world/index.ts';
import type { Benchmark } from '../ladder.ts';
import { besideBlind, imageOfScene, mean, type Scenes, shareOf, sharesBy } from './shared.ts';
import { plainAnswer } from './text-metrics.ts';

/** Share of answers that the most frequent answer to each kind of question gets right: what the questions' own distribution gives away. */
export function majorityAccuracy(questions: readonly Pick<Question, 'kind' | 'answer'>[]): number {
  const counts = new Map<string, Map<string, number>>();
  for (const { kind, answer } of questions) {
    const of = counts.get(kind) ?? new Map<string, number>();
    counts.set(kind, of.set(answer, (of.get(answer) ?? 0) + 1));
  }
  const right = [...counts.values()].reduce((n, of) => n + Math.max(...of.values()), 0);
  return questions.length === 0 ? 0 : right / questions.length;
}

/**
 * The scenes' questions, answers compared without case, punctuation and articles. `answer_accuracy`, `answer_<kind>` and `answer_<kind>_majority`,
 * `answer_macro` (mean over the kinds), `blind_*`. Chance is always giving the kind's most frequent answer.
 */
export function answering(id: string, title: string, scenes: Scenes): Benchmark {
  const asked = scenes.flatMap((s) => s.questions.map((q) => ({ ...q, image: imageOfScene(s) })));
  const kinds = [...new Set(asked.map((q) => q.kind))].sort();
  const majority = Object.fromEntries(
    kinds.map((kind) => [`answer_${kind}_majority`, majorityAccuracy(asked.filter((q) => q.kind === kind))]),
  );
  return {
    id,
    title,
    headline: 'answer_accuracy',
    chance: majorityAccuracy(asked),
    optional: true,
    run: async (system, call) => {
      if (!can(system, 'answer')) return undefined;
      const measured = await besideBlind(async (see) => {
        const questions = asked.map((q) => ({ text: q.question, images: [see(q.image)] }));
        const given = await system.answer(questions, call);
        const hits = asked.map((q, i) => (plainAnswer(given[i]!.text) === plainAnswer(q.answer) ? 1 : 0));
        const each = sharesBy('answer', asked, hits, (q) => q.kind);
        return { ...shareOf('answer_accuracy', hits), answer_macro: mean(Object.values(each)), ...each };
      });
      return { ...measured, ...majority };
    },
  };
}
