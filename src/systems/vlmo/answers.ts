/** From a classifier's logits to answers. */
import { BowError, unknownName } from '../../base/index.ts';
import type { ImageQuestion, TextImagePair, WrittenText } from '../../capabilities/index.ts';

/** Questions by the number of their images, with their places in the list. */
export type SortedQuestions = {
  readonly single: readonly { readonly at: number; readonly pair: TextImagePair }[];
  readonly double: readonly { readonly at: number; readonly question: ImageQuestion }[];
};

/** Sorts questions; error `usage` for a number of images that no head of the model takes. */
export function questionsOf(
  questions: readonly ImageQuestion[],
  has: { readonly answers?: readonly string[] | undefined; readonly statements: boolean },
): SortedQuestions {
  const single: { at: number; pair: TextImagePair }[] = [];
  const double: { at: number; question: ImageQuestion }[] = [];
  questions.forEach((question, at) => {
    const { images, text } = question;
    if (images.length === 1 && has.answers) single.push({ at, pair: { text, image: images[0]! } });
    else if (images.length === 2 && has.statements) double.push({ at, question });
    else
      throw new BowError('usage', `it has no head for questions about ${images.length} images`, {
        place: 'vlmo.answer',
        detail: { question: text },
        hint: has.answers ? 'one image a question' : 'two images a statement',
      });
  });
  return { single, double };
}

/**
 * The likeliest answer, its score the logarithm of its probability: of each answer by itself (a classifier trained by binary cross-entropy) or among all.
 * `candidates`: the answers that are allowed, all of which come back as alternatives; `n`: so many of the best do. Error `usage` for a candidate that is
 * no answer of the classifier.
 */
export function written(
  logits: Float32Array,
  names: readonly string[],
  kind: 'independent' | 'exclusive',
  o: { readonly candidates?: readonly string[]; readonly n?: number | undefined },
): WrittenText {
  const allowed = o.candidates ? indicesOf(o.candidates, names) : names.map((_, i) => i);
  if (allowed.length === 0) throw new BowError('usage', 'there is no answer to choose from', { place: 'vlmo.answer' });
  const top = Math.max(...logits);
  const all = top + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - top), 0));
  const score = (i: number): number => (kind === 'exclusive' ? logits[i]! - all : -softplus(-logits[i]!));
  const sorted = allowed
    .map((i) => ({ text: names[i]!, score: score(i), logit: logits[i]! }))
    .sort((a, b) => b.logit - a.logit)
    .map(({ text, score: s }) => ({ text, score: s }));
  const shown = o.candidates ? sorted : sorted.slice(0, o.n ?? 0);
  return { ...sorted[0]!, ...(shown.length > 0 ? { alternatives: shown } : {}) };
}

/** ln(1 + eˣ) without overflow. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

function indicesOf(candidates: readonly string[], names: readonly string[]): number[] {
  return [...new Set(candidates)].map((name) => {
    const at = names.indexOf(name);
    if (at >= 0) return at;
    throw new BowError('usage', unknownName('answer', name, names), { place: 'vlmo.answer.candidates' });
  });
}
