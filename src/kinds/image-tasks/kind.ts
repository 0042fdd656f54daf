/** Images with captions, questions, or both: the kind of data that systems of images and texts together learn from. */

import type { ImageNeeds } from '../captioned-images/data.ts';
import { captionedImages } from '../captioned-images/kind.ts';
import { digestOf } from '../fingerprint.ts';
import type { DataKind } from '../kind.ts';
import { imageTasksBenchmarks } from './benchmarks.ts';
import type { ImageTasks } from './data.ts';
import { imageTasksData, imageTasksFlags, imageTasksFromFlags, imageTasksSchema } from './recipe.ts';

/** The kind. Without `--data` scenes of the tabletop, with captions and questions, are made on the spot. */
export const imageTasks: DataKind<ImageTasks, ImageNeeds> = {
  id: 'image-tasks',
  title: 'images with captions, questions, or both',
  schema: imageTasksSchema,
  flags: imageTasksFlags,
  example: '--data photos/ --questions questions.jsonl',
  fromFlags: imageTasksFromFlags,
  imageSize: (data) => imageTasksData.parse(data).size ?? undefined,
  texts: (d) => [...d.train.captions.flat(), ...d.train.questions.map((q) => q.text), ...d.answers],
  benchmarks: imageTasksBenchmarks,
  summary: (d) => {
    const questions = `${d.train.questions.length} and ${d.validation?.questions.length ?? 0} questions, ${d.answers.length} answers`;
    return captionedImages.summary(d) + (d.train.questions.length > 0 ? `\n${questions}` : '');
  },
  report: (d) => ({
    ...captionedImages.report(d),
    questions: d.train.questions.length,
    validationQuestions: d.validation?.questions.length ?? 0,
    answers: d.answers.length,
  }),
  fingerprint: async (d) =>
    await digestOf([await captionedImages.fingerprint(d), d.train.questions, d.answers], new Uint8Array(0)),
};
