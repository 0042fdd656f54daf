/** What BEiT-3 learns: predicting what is masked, and the losses of its tasks. Inputs of a batch are named as the comments say. */
import {
  arange,
  argmax,
  einsum,
  type F,
  gatherElements,
  type I,
  type Init,
  logSoftmax,
  type Scope,
  sort,
  type Tensor,
  where,
} from '../../engine/index.ts';
import { binaryCrossEntropy, crossEntropy, type Mask, softCrossEntropy } from '../../nn/index.ts';
import type { LossTerms } from '../../train/index.ts';
import type { Beit3Config } from './config.ts';
import { encode } from './encoder.ts';
import { answerLogits, captionLogits, classLogits, codeLogits, pairLogits, retrievalRows, scaleOf } from './heads.ts';
import { visualTokens } from './visual-tokens.ts';

type Batch = Readonly<Record<string, Tensor>>;
type Objective = (s: Scope, batch: Batch, c: Beit3Config) => LossTerms;

/** Positions with this label are not predicted. */
export const UNLABELLED = -100;

const imageOf = (batch: Batch, name = 'image'): F<'b c y x'> => batch[name]!.asFloat();
const tokensOf = (batch: Batch, name = 'tokens'): I<'b n'> => batch[name]!.asInt();

/** The share of labelled places whose largest logit is the label's. */
function accuracyOf(logits: F<'... v'>, labels: I<'...'>): F<''> {
  const counts = labels.equal(UNLABELLED).not().to(logits.dtype);
  const right = argmax(logits).to(labels.dtype).equal(labels).to(logits.dtype);
  return right.mul(counts).sum().div(counts.sum().max(1));
}

/** The visual tokens of masked patches, unlabelled elsewhere. */
function maskedCodes(s: Scope, batch: Batch, c: Beit3Config, codes: Init | undefined): I<'b p'> {
  const tokens = visualTokens(s, imageOf(batch), c, codes).to('int32');
  return where(batch['masked_patches']!.asInt().equal(1), tokens, UNLABELLED);
}

/**
 * Masked image modelling: `image`, `masked_patches` [b, p] of 0 and 1 (§2.2). `codes`: those of visual tokens, for a model that starts from nothing, as in
 * {@link maskedPairs}.
 */
export function maskedImages(s: Scope, batch: Batch, c: Beit3Config, codes?: Init): LossTerms {
  const labels = maskedCodes(s, batch, c, codes);
  const encoded = encode(s, { image: imageOf(batch), masked: batch['masked_patches']!.asInt() }, c);
  const logits = codeLogits(s, encoded, c.tasks.codes!);
  return { loss: crossEntropy(logits, labels), metrics: { code_accuracy: accuracyOf(logits, labels) } };
}

/** Masked language modelling: `masked` [b, n] and `labels` [b, n] (§2.2). */
export function maskedTexts(s: Scope, batch: Batch, c: Beit3Config): LossTerms {
  const labels = batch['labels']!.asInt();
  const logits = captionLogits(s, encode(s, { tokens: tokensOf(batch, 'masked') }, c), c);
  return { loss: crossEntropy(logits, labels), metrics: { token_accuracy: accuracyOf(logits, labels) } };
}

/** Both at once on pairs: what is masked in one modality may be read from the other (§2.2). */
export function maskedPairs(s: Scope, batch: Batch, c: Beit3Config, codes?: Init): LossTerms {
  const [hidden, labels] = [maskedCodes(s, batch, c, codes), batch['labels']!.asInt()];
  const masked = batch['masked_patches']!.asInt();
  const encoded = encode(s, { image: imageOf(batch), masked, tokens: tokensOf(batch, 'masked') }, c);
  const [patches, words] = [codeLogits(s, encoded, c.tasks.codes!), captionLogits(s, encoded, c)];
  const [visual, textual] = [crossEntropy(patches, hidden), crossEntropy(words, labels)];
  return {
    loss: visual.add(textual),
    metrics: { code_accuracy: accuracyOf(patches, hidden), token_accuracy: accuracyOf(words, labels) },
  };
}

/** Rows of a batch of pairs `image` and `tokens`, each encoded by itself. */
export function encodePairs(s: Scope, batch: Batch, c: Beit3Config): { image: F<'b d'>; text: F<'b d'> } {
  return retrievalRows(s, {
    vision: encode(s, { image: imageOf(batch) }, c),
    language: encode(s, { tokens: tokensOf(batch) }, c),
  });
}

/**
 * Symmetric InfoNCE of rows (the released ClipLoss). Equal numbers in `group` belong to each other: the target is spread evenly over them
 * (DIFFERS; without two equal ones it is the same loss).
 */
export function contrastive(s: Scope, rows: { image: F<'b d'>; text: F<'b d'> }, group?: I<'b'>): LossTerms {
  const scale = scaleOf(s);
  const logits = einsum('i d, j d -> i j', rows.image, rows.text).mul(scale);
  const own = arange(logits, logits.dim(0), 'int32');
  const of = group ?? own;
  const same = of.unsqueeze(1).equal(of.unsqueeze(0)).to(logits.dtype);
  const target = same.div(same.sum(1, { keep: true })); // symmetric but for the divisor, which is the group's size both ways
  const loss = softCrossEntropy(logits, target).add(softCrossEntropy(logits.mT, target)).mul(0.5);
  const accuracy = gatherElements(same, argmax(logits).unsqueeze(1), 1).mean();
  return { loss, metrics: { accuracy, scale } };
}

/** VQA: `image`, `tokens`, `targets` [b, answers] with the score of each answer. Binary cross-entropy, its mean times the number of answers. */
export const answers: Objective = (s, batch, c) => {
  const targets = batch['targets']!.asFloat();
  const logits = answerLogits(s, encode(s, { image: imageOf(batch), tokens: tokensOf(batch) }, c), c.tasks.answers!);
  const score = gatherElements(targets, argmax(logits).unsqueeze(1), 1).mean();
  return { loss: binaryCrossEntropy(logits, targets).mul(c.tasks.answers!), metrics: { score } };
};

/** Logits of statements about two images: a pass for each. */
export function statementLogits(s: Scope, batch: Batch, c: Beit3Config): F<'b k'> {
  const tokens = tokensOf(batch);
  const pass = (name: string) => encode(s, { image: imageOf(batch, name), tokens }, c);
  return pairLogits(s, [pass('image0'), pass('image1')], c.tasks.pairs!);
}

/** NLVR2: `image0`, `image1`, `tokens`, `label` [b]. */
export const statements: Objective = (s, batch, c) => {
  const label = batch['label']!.asInt();
  const logits = statementLogits(s, batch, c);
  return { loss: crossEntropy(logits, label), metrics: { accuracy: accuracyOf(logits, label) } };
};

/** Classes of images: `image`, `label` [b]. */
export const classes: Objective = (s, batch, c) => {
  const label = batch['label']!.asInt();
  const logits = classLogits(s, encode(s, { image: imageOf(batch) }, c), c.tasks.classes!);
  return { loss: crossEntropy(logits, label), metrics: { accuracy: accuracyOf(logits, label) } };
};

/** Sequence to sequence in one encoder: images see images, texts see the image and their own past, themselves included. [n n] for `split` tokens of the image. */
export function captionMask(s: Scope, split: number, text: number): Mask {
  const n = split + text;
  const sees = (i: number, j: number): boolean => j < split || (i >= split && j <= i);
  return s.constant(
    Array.from({ length: n * n }, (_, at) => (sees(Math.floor(at / n), at % n) ? 1 : 0)),
    [n, n],
    'bool',
  );
}

/** Options of {@link captioning}. */
export type CaptionLossOptions = {
  readonly smoothing?: number;
  /** The share of a batch's positions with the largest losses that is left out, from `after` steps on. */
  readonly dropWorst?: { readonly ratio: number; readonly after: number };
};

/** The released settings (captioning.md, utils.py). */
export const captionLoss = { smoothing: 0.1, dropWorst: { ratio: 0.2, after: 12000 } } as const;

/** Captioning: `image`, `masked` [b, n], `labels` [b, n]; masked tokens are predicted from the image and the past (§3.1.3). */
export function captioning(s: Scope, batch: Batch, c: Beit3Config, step: F<''>, o: CaptionLossOptions): LossTerms {
  const labels = batch['labels']!.asInt();
  const tokens = tokensOf(batch, 'masked');
  const image = imageOf(batch);
  const encoded = encode(s, { image, tokens, mask: captionMask(s, patchesOf(c) + 1, tokens.dim(1)) }, c);
  const logits = captionLogits(s, encoded, c);
  const loss = smoothedDivergence(logits, labels, o.smoothing ?? 0);
  const kept = labels.equal(UNLABELLED).not().to(logits.dtype);
  const token_accuracy = accuracyOf(logits, labels);
  return { loss: meanOfBest(loss, kept, step, o.dropWorst), metrics: { token_accuracy } };
}

const patchesOf = ({ size, patch }: Beit3Config): number => Math.floor(size / patch) ** 2;

/**
 * KL(target ‖ p) at each position, [b n v] and [b n] → [b n]: the target is 1 − ε at the label and ε/(v − 1) at every other token. Unlike
 * cross-entropy with label smoothing it has the target's own entropy taken off, and the label has no share of ε.
 */
function smoothedDivergence(logits: F<'b n v'>, labels: I<'b n'>, epsilon: number): F<'b n'> {
  const logp = logSoftmax(logits, -1);
  const at = where(labels.equal(UNLABELLED), 0, labels);
  const own = gatherElements(logp, at.unsqueeze(-1), -1).squeeze(-1);
  if (epsilon === 0) return own.neg();
  const other = epsilon / (logits.dim(-1) - 1);
  const entropy = (1 - epsilon) * Math.log(1 - epsilon) + epsilon * Math.log(other);
  return own
    .mul(1 - epsilon - other)
    .add(logp.sum(-1).mul(other))
    .neg()
    .add(entropy);
}

/** The mean over the positions that are kept; from some step on over those of them with the smallest losses. */
function meanOfBest(loss: F<'b n'>, kept: F<'b n'>, step: F<''>, drop: CaptionLossOptions['dropWorst']): F<''> {
  const count = kept.sum();
  if (!drop) return loss.mul(kept).sum().div(count);
  const n = loss.dim(0) * loss.dim(1);
  const last = where(kept.greater(0), loss, 1e9).reshape([n]); // behind all that count
  const fewer = count.mul(1 - drop.ratio).floor();
  const many = where(step.greater(drop.after), fewer, count);
  const among = arange(loss, n, loss.dtype).less(many).to(loss.dtype);
  return sort(last).values.mul(among).sum().div(many);
}
