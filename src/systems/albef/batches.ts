/** Batches of ALBEF's objectives from images with captions and questions. */

import { type NdArray, ndarray } from '../../engine/index.ts';
import { captionedImageSources, type ImageTasks, type QuestionInputs, questionSources } from '../../kinds/index.ts';
import { maskTokens } from '../../text/index.ts';
import type { Batch, BatchSource } from '../../train/index.ts';
import type { ModelParts } from '../definition.ts';
import type { AlbefConfig } from './config.ts';
import type { AlbefParts } from './layouts.ts';
import { answerRows, captionRows, cleanCaption, cleanQuestion, longestRow, questionRows } from './text.ts';

type Parts = ModelParts<AlbefConfig, AlbefParts>;
type Sources = { readonly source: BatchSource; readonly validation?: BatchSource };

/** Tokens of a text at most while training, [CLS] included (released code, Pretrain.py and VQA.py: `max_length=25`). */
const MOST_TOKENS = 25;
/** Share of the tokens that are hidden (§3.2: 15 %). */
const MASKED = 0.15;

function rowLength(texts: Iterable<string>, { config, parts }: Parts): number {
  return longestRow(parts.tokenizer, texts, Math.min(MOST_TOKENS, config.text.context));
}

/**
 * `image`, `tokens`, `masked`, `labels`; `group` instead of the latter two where nothing is hidden: equal for images that show the same, else the image's
 * own number.
 */
export function captionBatches({ config, parts }: Parts, data: ImageTasks): Sources {
  const { tokenizer, pixels } = parts;
  const { pad, cls, mask } = tokenizer.ids;
  const context = rowLength(data.train.captions.flat().map(cleanCaption), { config, parts });
  const hidden = {
    share: MASKED,
    mask,
    vocabulary: tokenizer.vocabulary,
    may: (id: number) => id !== pad && id !== cls,
  };
  const { words } = config.heads;
  return captionedImageSources(words ? withoutGroups(data) : withGroups(data), {
    ...{ size: config.visual.size, context, normalisation: pixels },
    tokens: (texts) => captionRows(tokenizer, texts, context),
    ...(words ? { mask: (ids, labels, rng) => maskTokens(ids, labels, rng, hidden) } : {}),
  });
}

type Side = ImageTasks['train'];

const sides = (data: ImageTasks, change: (side: Side) => Side): ImageTasks => ({
  ...data,
  train: change(data.train),
  validation: data.validation && change(data.validation),
});

/** Pre-training takes every pair of a batch for another (released code, model_pretrain.py). */
const withoutGroups = (data: ImageTasks): ImageTasks => sides(data, ({ positives: _, ...side }) => side);

const withGroups = (data: ImageTasks): ImageTasks =>
  sides(data, (side) => ({
    ...side,
    positives: side.positives ?? Int32Array.from({ length: side.count }, (_, i) => i),
  }));

function questionInputs(
  { config, parts }: Parts,
  data: ImageTasks,
  rows: typeof questionRows,
  clean: (text: string) => string,
): QuestionInputs {
  const context = rowLength(
    data.train.questions.map((q) => clean(q.text)),
    { config, parts },
  );
  return {
    ...{
      size: config.visual.size,
      context,
      normalisation: parts.pixels,
      answers: parts.answers,
      images: config.images,
    },
    tokens: (texts) => rows(parts.tokenizer, texts, context),
  };
}

/**
 * `image`, `tokens`, `answers`, `question`, `weights`: one answer a question, drawn by its score. DIFFERS: the released code has all answers of a
 * question in every step, weighed by their scores; the mean over steps is the same.
 */
export function questionBatchesOf(model: Parts, data: ImageTasks): Sources {
  const { tokenizer, answers } = model.parts;
  const rows = answerRows(tokenizer, answers, model.config.text.context);
  const asked = (inputs: Batch['inputs']): Batch['inputs'] => {
    const { image, tokens, answer } = inputs as Record<'image' | 'tokens' | 'answer', NdArray<'int32'>>;
    const b = answer.data.length;
    const ids = new Int32Array(b * rows.length);
    answer.data.forEach((index, i) => {
      ids.set(rows.ids.subarray(index * rows.length, (index + 1) * rows.length), i * rows.length);
    });
    return {
      ...{ image, tokens, answers: ndarray('int32', [b, rows.length], ids) },
      question: ndarray(
        'int32',
        [b],
        Int32Array.from({ length: b }, (_, i) => i),
      ),
      weights: ndarray('float32', [b], new Float32Array(b).fill(1)),
    };
  };
  return mapped(questionSources(data, questionInputs(model, data, questionRows, cleanQuestion)), asked);
}

/** `image` (or `image0`, `image1`), `tokens`, `labels`: the number of the best answer. Statements are read as captions are. */
export function classBatches(model: Parts, data: ImageTasks): Sources {
  const labelled = ({ targets: _, answer, ...inputs }: Batch['inputs']): Batch['inputs'] => ({
    ...inputs,
    labels: answer!,
  });
  return mapped(questionSources(data, questionInputs(model, data, captionRows, cleanCaption)), labelled);
}

function mapped({ source, validation }: Sources, change: (inputs: Batch['inputs']) => Batch['inputs']): Sources {
  const changed = (from: BatchSource): BatchSource => ({
    ...from,
    open: async function* (o) {
      for await (const batch of from.open(o)) yield { ...batch, inputs: change(batch.inputs) };
    },
  });
  return { source: changed(source), ...(validation ? { validation: changed(validation) } : {}) };
}
