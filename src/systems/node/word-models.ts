/** Fitted word systems as checkpoint folders. */
import { join } from 'node:path';
import { publishFolder } from '../../base/node/index.ts';
import { writeSafetensors } from '../../hub/node/index.ts';
import type { CountVectorizer } from '../../text/index.ts';
import type { TextClassifier } from '../text-classifier.ts';
import { idfWeights, type TfIdf } from '../tf-idf.ts';
import { saveCounts } from './counts-files.ts';

/** Writes a fitted counter as a checkpoint folder. */
export async function saveBagOfWords(folder: string, counter: CountVectorizer): Promise<void> {
  await publishFolder(folder, (f) => saveCounts(f, 'bag-of-words', counter.options, counter.state()));
}

/** Writes a fitted model, without an index, as a checkpoint folder. */
export async function saveTfIdf(folder: string, model: TfIdf): Promise<void> {
  await publishFolder(folder, (f) => writeTfIdf(f, model));
}

/** The model's files in a folder that exists. `extra`: further keys of config.json. */
export async function writeTfIdf(
  folder: string,
  model: TfIdf,
  extra: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const { counter, scheme } = model;
  const idf = idfWeights(model);
  const tensors = { idf: { dtype: 'float64' as const, shape: [idf.length], data: idf } };
  await saveCounts(folder, 'tf-idf', counter.options, counter.state(), { scheme, ...extra }, tensors);
}

/** Writes a classifier as a folder: a tf-idf model with `classifier.safetensors` beside it. */
export async function saveTextClassifier(folder: string, c: TextClassifier): Promise<void> {
  await publishFolder(folder, async (f) => {
    await writeTfIdf(f, c.model, { classes: c.linear.classes });
    const { weights, intercepts, columns, classes } = c.linear;
    await writeSafetensors(
      join(f, 'classifier.safetensors'),
      new Map([
        ['weights', { dtype: 'float64' as const, shape: [classes.length, columns], data: weights }],
        ['intercepts', { dtype: 'float64' as const, shape: [classes.length], data: intercepts }],
      ]),
      { metadata: { classes: JSON.stringify(classes) } },
    );
  });
}
