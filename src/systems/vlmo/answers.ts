/** Questions by the head that answers them. */
import { BowError } from '../../base/index.ts';
import type { ImageQuestion, TextImagePair } from '../../capabilities/index.ts';

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
