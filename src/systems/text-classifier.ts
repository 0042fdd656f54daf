/** "Classify my texts": TF-IDF (or hashed) rows and a logistic regression, as one checkpoint folder. */
import { BowError, type OnProgress, parseJson, Rng } from '../base/index.ts';
import type { ModelFiles } from '../hub/index.ts';
import {
  accuracy,
  type CountOptions,
  CountVectorizer,
  type Csr,
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
  /** The C that was used, and the accuracy of each that was tried on a part of the texts that was not held out; none where C was given. */
  readonly c: number;
  readonly tried: readonly { readonly c: number; readonly accuracy: number }[];
};

/** Options of {@link fitTextClassifier}. */
export type ClassifierOptions = {
  readonly counting?: CountOptions;
  /**
   * Weight of the texts against the penalty. Default: of 0.5, 2, 10 and 50 the smallest that is within one standard error of the best on a fifth of
   * the texts that are not held out; 10 where these are too few to try.
   */
  readonly c?: number;
  /** Share of the texts kept aside to measure accuracy; the final fit uses all. Default 0.2. */
  readonly heldOut?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/** The values of C that are tried: each takes one fit on four fifths of the texts that are not held out. */
const triedC: readonly number[] = [0.5, 2, 10, 50];

/** Fits a classifier: on a part, to measure it, then on everything; before that C is chosen without the part that measures. Errors `data`: no texts, one class. */
export async function fitTextClassifier(
  texts: readonly LabelledText[],
  o: ClassifierOptions = {},
): Promise<TextClassifier & { readonly report: ClassifierReport }> {
  if (texts.length < 2) throw new BowError('data', `${texts.length} labelled texts: a classifier needs more`);
  const order = new Rng(o.seed ?? 1).shuffle(texts.map((_, i) => i));
  const held = Math.round(texts.length * (o.heldOut ?? 0.2));
  const of = (indexes: readonly number[]): LabelledText[] => indexes.map((i) => texts[i]!);
  const { tried, aside } = o.c === undefined ? await tryC(of(order.slice(held)), o) : { tried: [], aside: 0 };
  const c = o.c ?? chosenC(tried, aside);
  const measured = held > 0 ? await fitOn(of(order.slice(held)), { ...o, c }) : undefined;
  const unseen = of(order.slice(0, held));
  const score = measured
    ? accuracy(
        measured.linear,
        await encode(measured.model, unseen),
        unseen.map((t) => t.label),
      )
    : Number.NaN;
  const whole = await fitOn(texts, { ...o, c });
  const { classes } = whole.linear;
  return { ...whole, report: { classes, texts: texts.length, heldOut: held, accuracy: score, c, tried } };
}

/** A value of C, and its accuracy on texts kept aside. */
type Trial = { readonly c: number; readonly accuracy: number };

/** Accuracy of each C on the first fifth of shuffled texts after a fit on the others; none where these are too few or of one class. */
async function tryC(
  texts: readonly LabelledText[],
  o: ClassifierOptions,
): Promise<{ readonly tried: readonly Trial[]; readonly aside: number }> {
  const part = Math.round(texts.length / 5);
  const [aside, rest] = [texts.slice(0, part), texts.slice(part)];
  if (part === 0 || new Set(rest.map((t) => t.label)).size < 2) return { tried: [], aside: 0 };
  const counted = await countOn(rest, o);
  const [x, labels] = [await encode(counted.model, aside), aside.map((t) => t.label)];
  const tried: Trial[] = [];
  for (const c of triedC) tried.push({ c, accuracy: accuracy(await fitRows(counted, c, o), x, labels) });
  return { tried, aside: part };
}

/**
 * The one-standard-error rule (Breiman, Friedman, Olshen, Stone, "Classification and Regression Trees", 1984, §3.4.3): of values in ascending order the
 * first, which penalises most, whose accuracy on `aside` texts is at most one standard error, √(p (1 − p) / aside), below the best. Texts kept aside at
 * random come from the sources of the others and flatter a close fit, so what they cannot tell apart is decided for the stronger penalty: the error of one
 * accuracy, and not the smaller one of the paired difference. 10 where none was tried.
 */
export function chosenC(tried: readonly Trial[], aside: number): number {
  const best = Math.max(...tried.map((t) => t.accuracy));
  const least = best - Math.sqrt((best * (1 - best)) / aside);
  return tried.find((t) => t.accuracy >= least)?.c ?? 10;
}

async function encode(model: TfIdf, texts: readonly { readonly text: string }[]) {
  const x = await model.encodeText(texts.map((t) => t.text));
  if (!('indices' in x)) throw new BowError('shape', 'sparse rows expected');
  return x;
}

/** Texts as rows, with the model that made them. */
type Counted = { readonly model: TfIdf; readonly rows: Csr; readonly labels: readonly string[] };

async function countOn(texts: readonly LabelledText[], o: ClassifierOptions): Promise<Counted> {
  const counter = new CountVectorizer(o.counting ?? {}).fit(texts.map((t) => t.text));
  const model = tfIdf(counter, { kind: 'tf-idf', sublinearTf: true });
  return { model, rows: await encode(model, texts), labels: texts.map((t) => t.label) };
}

function fitRows({ rows, labels }: Counted, c: number, o: ClassifierOptions): Promise<LinearModel> {
  return fitLogisticRegression(rows, labels, { c, signal: o.signal, onProgress: o.onProgress });
}

async function fitOn(texts: readonly LabelledText[], o: ClassifierOptions & { c: number }): Promise<TextClassifier> {
  const counted = await countOn(texts, o);
  return { model: counted.model, linear: await fitRows(counted, o.c, o) };
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
