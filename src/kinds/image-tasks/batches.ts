/** Questions about images as batches of a model's inputs. */
import { BowError, throwIfAborted } from '../../base/index.ts';
import { type ChannelStatistics, normalizeChannels } from '../../image/index.ts';
import { type BatchSource, indexedSource } from '../../train/index.ts';
import { changer } from '../captioned-images/batches.ts';
import type { AskedQuestion, ImageTasks, TaskSide } from './data.ts';

/** A model's inputs. */
export type QuestionInputs = {
  /** Width and height of the images, in pixels. */
  readonly size: number;
  /** Tokens a question has: longer ones are cut, shorter ones filled up. */
  readonly context: number;
  /** Token ids of texts, [texts × context]. */
  readonly tokens: (texts: readonly string[]) => Int32Array;
  readonly normalisation: ChannelStatistics;
  /** What may be answered. */
  readonly answers: readonly string[];
  /** Images that a question is about; default 1. */
  readonly images?: 1 | 2;
};

/** Questions of a side that a model with these inputs can be asked: about so many images, and with an answer that it can give. */
export function askable(
  questions: readonly AskedQuestion[],
  o: Pick<QuestionInputs, 'answers' | 'images'>,
): AskedQuestion[] {
  const known = new Set(o.answers);
  return questions.filter(
    (q) => q.images.length === (o.images ?? 1) && q.answers.some(([answer]) => known.has(answer)),
  );
}

/** Batches of both sides, as an objective takes them. Errors as {@link questionBatches}. */
export function questionSources(
  data: ImageTasks,
  o: QuestionInputs,
): { readonly source: BatchSource; readonly validation?: BatchSource } {
  const source = questionBatches(data.train, { ...o, change: data });
  const held = data.validation && askable(data.validation.questions, o).length > 0 ? data.validation : undefined;
  return held ? { source, validation: questionBatches(held, o) } : { source };
}

/**
 * Batches of `image` float32 [b, 3, size, size] (of two images `image0` and `image1`), `tokens` int32 [b, context], `targets` float32 [b, answers] (each
 * answer's score) and `answer` int32 [b] (one answer: drawn by its score while training, the best in evaluations). Images of training are changed a little as `change` says.
 * Errors: `data` without a question that can be asked, `config` for images of another size.
 */
export function questionBatches(
  side: TaskSide,
  o: QuestionInputs & { readonly change?: Pick<ImageTasks, 'shift' | 'augment'> },
): BatchSource {
  const { size, context, answers } = o;
  if (side.width !== size || side.height !== size)
    throw new BowError(
      'config',
      `images of ${side.width}×${side.height} pixels for a model that sees ${size}×${size}`,
      { place: 'variant' },
    );
  const questions = askable(side.questions, o);
  if (questions.length === 0)
    throw new BowError(
      'data',
      `no question about ${o.images ?? 1} image${o.images === 2 ? 's' : ''} with an answer that the model can give`,
      {
        detail: { questions: side.questions.length, answers: answers.length },
      },
    );
  const places = new Map(answers.map((a, i) => [a, i]));
  const targets = questions.map((q) =>
    q.answers.flatMap(([answer, score]) => (places.has(answer) ? [[places.get(answer)!, score] as const] : [])),
  );
  const rows = o.tokens(questions.map((q) => q.text));
  const each = 3 * size * size;
  const change = o.change ? changer({ size, ...o.change }) : undefined;
  const names = o.images === 2 ? ['image0', 'image1'] : ['image'];
  return indexedSource({
    size: questions.length,
    inputs: {
      ...Object.fromEntries(names.map((name) => [name, { dtype: 'float32', shape: [3, size, size] }] as const)),
      tokens: { dtype: 'int32', shape: [context] },
      targets: { dtype: 'float32', shape: [answers.length] },
      answer: { dtype: 'int32', shape: [] },
    },
    load: (indices, into, { rng, training, signal }) => {
      throwIfAborted(signal);
      const [ids, scores] = [into['tokens']!.data as Int32Array, into['targets']!.data as Float32Array];
      const one = into['answer']!.data as Int32Array;
      scores.fill(0);
      indices.forEach((index, i) => {
        ids.set(rows.subarray(index * context, (index + 1) * context), i * context);
        for (const [place, score] of targets[index]!) scores[i * answers.length + place] = score;
        one[i] = training ? drawn(targets[index]!, rng.float()) : targets[index]![0]![0];
        questions[index]!.images.forEach((row, k) => {
          const rgb = side.pixels.subarray(row * each, (row + 1) * each);
          const seen = training && change ? change(rgb, rng) : rgb;
          normalizeChannels(seen, into[names[k]!]!.data as Float32Array, i * each, o.normalisation);
        });
      });
    },
  });
}

/** One of the answers by its score; `u` in [0, 1). */
function drawn(targets: readonly (readonly [place: number, score: number])[], u: number): number {
  let left = u * targets.reduce((sum, [, score]) => sum + score, 0);
  for (const [place, score] of targets) {
    left -= score;
    if (left < 0) return place;
  }
  return targets.at(-1)![0];
}
