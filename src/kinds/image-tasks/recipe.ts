/** Images with captions and questions as recipes and command lines name them: the keys of captioned images, and those of questions. */
import { z } from 'zod';
import { BowError } from '../../base/index.ts';
import type { Json, JsonTree } from '../../train/index.ts';
import {
  captionedImagesFlags,
  captionedImagesFromFlags,
  imageSetKeys,
  tabletopKeys,
} from '../captioned-images/recipe.ts';
import { flagText } from '../flags.ts';
import type { Flag, FlagContext, FlagValues } from '../kind.ts';

/** Answers of a classifier's vocabulary at most: VQA v2's own has 3,129 (those that occur nine times). */
const mostAnswers = z.int().positive().max(100_000).default(3129);

const tabletop = tabletopKeys.extend({
  /** Whether questions are trained on beside captions. */
  questions: z.boolean().default(true),
  mostAnswers,
});

const imageSet = imageSetKeys.extend({
  /** Questions about the images: VQA v2 JSON, easy-VQA, NLVR, rows of question, answer, image. Null: captions alone. */
  questions: z.string().min(1).nullable().default(null),
  /** Answers that lie apart (VQA v2). */
  annotations: z.string().min(1).nullable().default(null),
  /** Questions about the images of `validation`, where these are a set of their own. Null: those of `questions` that are about them. */
  validationQuestions: z.string().min(1).nullable().default(null),
  validationAnnotations: z.string().min(1).nullable().default(null),
  mostAnswers,
});

/** The key `data` of a recipe. */
export const imageTasksData: z.ZodDiscriminatedUnion<[typeof tabletop, typeof imageSet]> = z.discriminatedUnion(
  'source',
  [tabletop, imageSet],
);

/** The schema as recipes take it (see `captionedImagesSchema`). */
export const imageTasksSchema: z.ZodType<Json> = imageTasksData as unknown as z.ZodType<Json>;

/** Flags that decide keys of `data`. */
export const imageTasksFlags: readonly Flag[] = [
  ...captionedImagesFlags,
  {
    flags: '--questions <file>',
    description: 'questions about the images: VQA v2, easy-VQA, NLVR, or rows of question, answer, image',
  },
  { flags: '--annotations <file>', description: 'the answers, where they lie apart (VQA v2)' },
];

/** The keys of `data` that flags decide. Error `usage` for flags that exclude each other. */
export function imageTasksFromFlags(f: FlagValues, o: FlagContext): { readonly data: JsonTree } {
  const { data } = captionedImagesFromFlags(f, o);
  const [questions, annotations] = [flagText(f, 'questions'), flagText(f, 'annotations')];
  for (const [flag, value, needs, there] of [
    ['--questions', questions, '--data', f['data'] !== undefined],
    ['--annotations', annotations, '--questions', questions !== undefined],
  ] as const)
    if (value !== undefined && !there)
      throw new BowError('usage', `${flag} needs ${needs}`, {
        hint: 'the images that are asked about: --data images/ --questions questions.jsonl',
      });
  return {
    data: {
      ...data,
      ...(questions === undefined ? {} : { questions }),
      ...(annotations === undefined ? {} : { annotations }),
    },
  };
}
