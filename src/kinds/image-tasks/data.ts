/** Images with captions, questions, or both, in memory. */
import {
  imageFinder,
  type QuestionRecord,
  type SkippedImage,
  type TabletopPairs,
  tabletopSamples,
} from '../../data/index.ts';
import { answerScores, type Scenes } from '../../evaluate/index.ts';
import { type CaptionedImages, type CaptionedSide, tabletopData } from '../captioned-images/data.ts';

/** A question about images of one side. A statement is a question of kind `statement` with the answers `true` and `false`. */
export type AskedQuestion = {
  /** Rows of the side's images, in the order in which the text speaks of them (NLVR2: left, right). */
  readonly images: readonly number[];
  readonly text: string;
  /** Accepted answers with their scores in (0, 1], the best first: shares of annotators as VQA v2 scores them, or one answer with 1. */
  readonly answers: readonly (readonly [answer: string, score: number])[];
  /** What the annotators answered, for the official accuracy. */
  readonly given: readonly string[];
  readonly kind?: string;
  /** Questions that are right only together (NLVR2's consistency). */
  readonly group?: string;
};

/** Images of one side of the split; an image may have no captions. `scenes`: what is known of each where the world made them. */
export type TaskSide = CaptionedSide & { readonly questions: readonly AskedQuestion[]; readonly scenes?: Scenes };

/** Images with what is said and asked about them. */
export type ImageTasks = Omit<CaptionedImages, 'train' | 'validation'> & {
  readonly train: TaskSide;
  readonly validation: TaskSide | undefined;
  /** Answers of the training questions, the most frequent first: what a classifier may answer. Empty where nothing is asked. */
  readonly answers: readonly string[];
};

/** Every image has a caption: objectives of captions can be trained. */
export const allCaptioned = (side: TaskSide): boolean => side.captions.every((list) => list.length > 0);

/** Answers to questions about one image, the most frequent first: a statement about two has a head of its own. */
export function answersToOne(data: ImageTasks): string[] {
  const asked = data.train.questions.filter((q) => q.images.length === 1);
  const known = new Set(asked.flatMap((q) => q.answers.map(([answer]) => answer)));
  return data.answers.filter((answer) => known.has(answer));
}

/** What a statement about images may be, in the order of a classifier's classes. */
export const TRUTH: readonly string[] = ['false', 'true'];

/** The tabletop with its captions and questions. `most`: answers of the vocabulary. */
export function tabletopTasks(
  train: TabletopPairs,
  validation: TabletopPairs | undefined,
  o: { readonly shift: number; readonly questions: boolean; readonly mostAnswers: number },
): ImageTasks {
  const side = (pairs: TabletopPairs): TaskSide => ({
    ...pairs,
    scenes: tabletopSamples(pairs),
    questions: o.questions ? pairs.samples.flatMap((sample, row) => sample.questions.map((q) => ofScene(q, row))) : [],
  });
  const sides = { train: side(train), validation: validation && side(validation) };
  return {
    ...tabletopData(train, validation, o),
    ...sides,
    answers: vocabularyOf(sides.train.questions, o.mostAnswers),
  };
}

const ofScene = (q: { kind: string; question: string; answer: string }, row: number): AskedQuestion => ({
  images: [row],
  text: q.question,
  answers: [[q.answer, 1]],
  given: [q.answer],
  kind: q.kind,
});

/**
 * Captioned images with the questions of a file. `ids`: of each side's images. A question belongs to the side that has all its images; those of no side
 * are named in `skipped`.
 */
export function withQuestions(
  data: CaptionedImages,
  ids: { readonly train: readonly string[]; readonly validation: readonly string[] | undefined },
  asked: { readonly train: readonly QuestionRecord[]; readonly validation: readonly QuestionRecord[] },
  o: { readonly mostAnswers: number },
): ImageTasks {
  const used = new Set<QuestionRecord>();
  const of = (names: readonly string[], records: readonly QuestionRecord[]): AskedQuestion[] => {
    const find = imageFinder(names);
    return records.flatMap((r) => {
      const images = r.images.map(find);
      if (!images.every((i) => i !== undefined)) return [];
      used.add(r);
      return [questionOf(r, images as number[])];
    });
  };
  const train: TaskSide = { ...data.train, questions: of(ids.train, asked.train) };
  const validation = data.validation && { ...data.validation, questions: of(ids.validation ?? [], asked.validation) };
  const lost = [...new Set([...asked.train, ...asked.validation])].filter((r) => !used.has(r));
  const skipped: SkippedImage[] = lost.map((r) => ({
    place: r.place,
    reason: `no image of one side is called ${r.images.map((n) => JSON.stringify(n)).join(' and ')}`,
  }));
  return {
    ...data,
    train,
    validation,
    answers: vocabularyOf(train.questions, o.mostAnswers),
    skipped: [...data.skipped, ...skipped],
  };
}

function questionOf(r: QuestionRecord, images: readonly number[]): AskedQuestion {
  return {
    images,
    text: r.text,
    answers: answerScores(r.answers),
    given: r.answers,
    ...(r.kind === undefined ? {} : { kind: r.kind }),
    ...(r.group === undefined ? {} : { group: r.group }),
  };
}

/** The best answers of the questions, the most frequent first, in alphabetical order among equals. */
export function vocabularyOf(questions: readonly AskedQuestion[], most: number): string[] {
  const counts = new Map<string, number>();
  for (const { answers } of questions) {
    const best = answers[0]?.[0];
    if (best !== undefined) counts.set(best, (counts.get(best) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([answer]) => answer);
}
