/** "Classify my texts": TF-IDF (or hashed) rows and a logistic regression, as one checkpoint folder. */
import { BowError, type OnProgress, parseJson, Rng } from '../base/index.ts';
import type { ModelFiles } from '../hub/index.ts';
import {
  accuracy,
  type CountOptions,
  CountVectorizer,
  fitLogisticRegression,
  type LinearModel,
  predictProbabilities,
} from '../text/index.ts';
import { openTfIdf, type TfIdf, tfIdf } from './tf-idf.ts';

/** A text with its class. */
export type LabelledText = { readonly text: string; readonly label: string };

/** A classifier of texts. */
export type TextClassifier = { readonly model: TfIdf; readonly linear: LinearModel };

/** What a fit reports: accuracy on texts it did not see. */
export type ClassifierReport = {
  readonly classes: readonly string[];
  readonly texts: number;
  readonly heldOut: number;
  readonly accuracy: number;
};

/** Options of {@link fitTextClassifier}. */
export type ClassifierOptions = {
  readonly counting?: CountOptions;
  readonly c?: number;
  /** Share of the texts kept aside to measure accuracy; the final fit uses all. Default 0.2. */
  readonly heldOut?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** Fits a classifier; first on a part, to measure it, then on everything. Errors `data`: no texts, one class. */
export async function fitTextClassifier(
  texts: readonly LabelledText[],
  o: ClassifierOptions = {},
): Promise<TextClassifier & { readonly report: ClassifierReport }> {
  if (texts.length < 2) throw new BowError('data', `${texts.length} labelled texts: a classifier needs more`);
  const order = new Rng(o.seed ?? 1).shuffle(texts.map((_, i) => i));
  const held = Math.round(texts.length * (o.heldOut ?? 0.2));
  const of = (indexes: readonly number[]): LabelledText[] => indexes.map((i) => texts[i]!);
  const measured = held > 0 ? await fitOn(of(order.slice(held)), o) : undefined;
  const unseen = of(order.slice(0, held));
  const score = measured
    ? accuracy(
        measured.linear,
        await encode(measured.model, unseen),
        unseen.map((t) => t.label),
      )
    : Number.NaN;
  const whole = await fitOn(texts, o);
  return { ...whole, report: { classes: whole.linear.classes, texts: texts.length, heldOut: held, accuracy: score } };
}

async function encode(model: TfIdf, texts: readonly { readonly text: string }[]) {
  const x = await model.encodeText(texts.map((t) => t.text));
  if (!('indices' in x)) throw new BowError('shape', 'sparse rows expected');
  return x;
}

async function fitOn(texts: readonly LabelledText[], o: ClassifierOptions): Promise<TextClassifier> {
  const counter = new CountVectorizer(o.counting ?? {}).fit(texts.map((t) => t.text));
  const model = tfIdf(counter, { kind: 'tf-idf', sublinearTf: true });
  const labels = texts.map((t) => t.label);
  const linear = await fitLogisticRegression(await encode(model, texts), labels, {
    c: o.c ?? 10,
    signal: o.signal,
    onProgress: o.onProgress,
  });
  return { model, linear };
}

/** Labels with probabilities, best first, for each text. */
export async function classify(
  c: TextClassifier,
  texts: readonly string[],
): Promise<{ label: string; probability: number }[][]> {
  const x = await encode(
    c.model,
    texts.map((text) => ({ text })),
  );
  const p = predictProbabilities(c.linear, x);
  const k = c.linear.classes.length;
  return texts.map((_, r) =>
    c.linear.classes
      .map((label, i) => ({ label, probability: p[r * k + i]! }))
      .sort((a, b) => b.probability - a.probability),
  );
}

/** Reads a classifier. Errors `data` and `checkpoint`. */
export async function openTextClassifier(files: ModelFiles): Promise<TextClassifier> {
  const model = await openTfIdf(files);
  await using file = await files.tensors('classifier.safetensors');
  const classes = parseJson(file.metadata['classes'] ?? '[]', files.at('classifier.safetensors'), {
    code: 'checkpoint',
  });
  if (!Array.isArray(classes) || !classes.every((c) => typeof c === 'string'))
    throw new BowError('checkpoint', 'the classes are not a list of names', {
      place: files.at('classifier.safetensors'),
    });
  const [weights, intercepts] = [(await file.read('weights')).data, (await file.read('intercepts')).data];
  const columns = model.counter.terms.length;
  if (
    !(weights instanceof Float64Array) ||
    !(intercepts instanceof Float64Array) ||
    weights.length !== classes.length * columns ||
    intercepts.length !== classes.length
  ) {
    throw new BowError('checkpoint', 'the classifier does not fit its model', { place: files.place });
  }
  return { model, linear: { classes, weights, intercepts, columns } };
}
