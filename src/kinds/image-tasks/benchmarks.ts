/** What a held-out side of images with captions and questions allows to measure. */
import { imageOf } from '../../data/index.ts';
import {
  type AskedItem,
  asking,
  type Benchmark,
  grounding,
  matching,
  memoryTest,
  reranking,
  type TestQuestion,
} from '../../evaluate/index.ts';
import { captionedImagesBenchmarks } from '../captioned-images/benchmarks.ts';
import { type AskedQuestion, allCaptioned, type ImageTasks, type TaskSide } from './data.ts';

/**
 * Questions by kind with their controls, retrieval by the towers and with a second look, and where the world made the images, texts that are wrong in one
 * respect and phrases to be found. A system is measured by what it can.
 */
export function imageTasksBenchmarks(d: ImageTasks): Benchmark[] {
  const { train, validation } = d;
  if (!validation) return [];
  const captioned = allCaptioned(validation) && allCaptioned(train);
  const items = itemsOf(validation);
  return [
    ...(items.length > 0
      ? [asking('questions', 'questions', items, { train: train.questions.map(testQuestion) })]
      : []),
    ...(captioned ? captionedImagesBenchmarks({ ...d, train, validation }) : []),
    ...(captioned ? [reranking('rerank', 'text → image, best 16 again', memoryTest(validation))] : []),
    ...(validation.scenes ? worldBenchmarks(validation.scenes) : []),
  ];
}

const worldBenchmarks = (scenes: NonNullable<TaskSide['scenes']>): Benchmark[] => [
  matching('match', 'right text of 2', scenes),
  grounding('ground', 'grounding IoU ≥ 0.5', scenes),
];

const testQuestion = (q: AskedQuestion): TestQuestion => ({
  kind: q.kind ?? 'all',
  question: q.text,
  given: q.given,
  ...(q.group === undefined ? {} : { group: q.group }),
});

/** A side's questions with their images. */
const itemsOf = (side: TaskSide): AskedItem[] =>
  side.questions.map((q) => ({ ...testQuestion(q), images: q.images.map((row) => imageOf(side, row)) }));
