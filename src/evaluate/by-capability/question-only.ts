/** What the words of questions give away: a bag of words that is asked everything and sees nothing. */
import type { Metrics } from '../../base/index.ts';
import { CountVectorizer, fitLogisticRegression, predictLabels } from '../../text/index.ts';
import { mean, shareOf } from './shared.ts';

type Asked = { readonly kind: string; readonly question: string; readonly answer: string };

/** Share of answers that the most frequent answer to each kind of question gets right: what the questions' own distribution gives away. */
export function majorityAccuracy(questions: readonly { readonly kind: string; readonly answer: string }[]): number {
  const counts = new Map<string, Map<string, number>>();
  for (const { kind, answer } of questions) {
    const of = counts.get(kind) ?? new Map<string, number>();
    counts.set(kind, of.set(answer, (of.get(answer) ?? 0) + 1));
  }
  const right = [...counts.values()].reduce((n, of) => n + Math.max(...of.values()), 0);
  return questions.length === 0 ? 0 : right / questions.length;
}

/**
 * The question-only baseline (Antol et al. 2015, §5): logistic regression on the words and pairs of words of the questions, one for each kind, fitted on
 * the answers of `train`. `question_only_accuracy` with its interval, `question_only_<kind>`, and `chance_<kind>`: one over the answers that occur.
 */
export async function questionOnly(train: readonly Asked[], test: readonly Asked[]): Promise<Metrics> {
  const metrics: Record<string, number> = {};
  const all: number[] = [];
  for (const kind of [...new Set(test.map((q) => q.kind))].sort()) {
    const [known, asked] = [train, test].map((list) => list.filter((q) => q.kind === kind)) as [Asked[], Asked[]];
    const hits = await hitsOf(known, asked);
    metrics[`question_only_${kind}`] = mean(hits);
    metrics[`chance_${kind}`] = 1 / new Set(asked.map((q) => q.answer)).size;
    all.push(...hits);
  }
  return { ...shareOf('question_only_accuracy', all), ...metrics, majority_accuracy: majorityAccuracy(test) };
}

async function hitsOf(train: readonly Asked[], test: readonly Asked[]): Promise<number[]> {
  const answers = train.map((q) => q.answer);
  if (new Set(answers).size < 2) return test.map((q) => (q.answer === answers[0] ? 1 : 0));
  const words = new CountVectorizer({ ngramRange: [1, 2], tokenPattern: '(?u)\\S+' });
  const model = await fitLogisticRegression(words.fitTransform(train.map((q) => q.question)), answers, { c: 0.1 });
  const given = predictLabels(model, words.transform(test.map((q) => q.question)));
  return test.map((q, i) => (q.answer === given[i] ? 1 : 0));
}
