/** What ViLT learns: losses as functions of a batch. Kim et al. 2021, §3.2 (masked words, matching, alignment), §4.3 and §4.4 (downstream tasks). */
import { BowError } from '../../base/index.ts';
import {
  arange,
  argmax,
  concat,
  type F,
  full,
  gather,
  type I,
  rearrange,
  repeat,
  type Scope,
  where,
} from '../../engine/index.ts';
import { binaryCrossEntropy, categorical, categoricalWithoutReplacement, crossEntropy } from '../../nn/index.ts';
import { NOT_ASKED } from '../../text/index.ts';
import type { LossTerms, StepContext } from '../../train/index.ts';
import { PAD, type ViltConfig } from './config.ts';
import { answerLogits, matchLogits, pool, rankScore, statementLogits, wordLogits } from './heads.ts';
import type { Embedded, ViltImage } from './image-tokens.ts';
import { align } from './transport.ts';
import { embedImage, embedText, fuse, type ViltBatch, type ViltText } from './vilt.ts';

/** Share of the rows that are right. */
const accuracyOf = (logits: F<'b k'>, target: I<'b'>): F<''> =>
  argmax(logits).equal(target.to('int64')).to(logits.dtype).mean();

/**
 * Masked words, guessed from the others and the image: cross entropy over the positions with a label, 0 for a batch without any (short texts may have
 * none). `labels` [b n]: ids of words, {@link NOT_ASKED} elsewhere. §3.2.
 */
export function maskedWords(s: Scope, text: ViltText, image: Embedded, labels: I<'b n'>, c: ViltConfig): LossTerms {
  const logits = wordLogits(s, fuse(s, embedText(s, text, c), image, c, 'text'), c); // b n v
  const isMasked = labels.equal(NOT_ASKED).not().to(logits.dtype);
  const count = isMasked.sum().max(1);
  const right = argmax(logits).equal(labels.to('int64')).to(logits.dtype).sum();
  return {
    loss: crossEntropy(logits, labels, { ignoreIndex: NOT_ASKED, reduction: 'sum' }).div(count),
    metrics: { accuracy: right.div(count) },
  };
}

/** Options of {@link matching}. `alignment`: the weight of word–patch alignment, 0.1 in the paper's code; without one there is none. */
export type MatchingOptions = { readonly alignment?: number | undefined };

/**
 * Whether text and image belong to each other (`matched` 1) or not (0): cross entropy; and with `alignment` the transport distance of words and patches,
 * small where they do, large where they do not: (Σ over matched − Σ over others)/b. §3.2.
 */
export function matching(
  s: Scope,
  text: ViltText,
  image: Embedded,
  matched: I<'b'>,
  c: ViltConfig,
  o: MatchingOptions = {},
): LossTerms {
  const words = embedText(s, text, c);
  const y = fuse(s, words, image, c, o.alignment ? 'all' : 'first');
  const logits = matchLogits(s, pool(s, y, c), c);
  const itm = crossEntropy(logits, matched);
  const accuracy = accuracyOf(logits, matched);
  if (!o.alignment) return { loss: itm, metrics: { accuracy } };
  const n = words.x.dim(1);
  const states = { text: y.slice(1, 0, n), image: y.slice(1, n), textKeep: words.keep, imageKeep: image.keep };
  const sign = matched.to(logits.dtype).mul(2).sub(1);
  const alignment = align(states).distance.mul(sign).mean();
  return { loss: itm.add(alignment.mul(o.alignment)), metrics: { accuracy, alignment } };
}

/** Captions with their images, as they are and with words masked. */
export type PretrainingBatch = ViltImage & ViltText & { readonly masked: I<'b n'>; readonly labels: I<'b n'> };

/**
 * One step of pre-training: masked words with the true image, matching with the true image for half of the texts. The others get the image of another
 * pair of the batch. DIFFERS: the paper's code draws it from the whole data, and embeds the images of the two passes separately.
 */
export function pretraining(
  s: Scope,
  batch: PretrainingBatch,
  t: Pick<StepContext, 'draw'>,
  c: ViltConfig,
  o: MatchingOptions = {},
): LossTerms {
  const image = embedImage(s, batch, c);
  const mlm = maskedWords(s, { tokens: batch.masked, keep: keepOf(batch) }, image, batch.labels, c);
  const b = batch.tokens.dim(0);
  const matched = t.draw('matched', (at) => drawHalf(at, image.x, b)).asInt();
  const other = t.draw('image', (at) => drawOthers(at, image.x, b)).asInt();
  const index = where(matched.equal(1), arange(matched, b, 'int64'), other.to('int64'));
  const shuffled = { x: gather(image.x, index), keep: gather(image.keep, index) };
  const itm = matching(s, batch, shuffled, matched, c, o);
  return {
    loss: mlm.loss.add(itm.loss),
    metrics: { ...prefixed('mlm', mlm), ...prefixed('itm', itm) },
  };
}

/** What counts of a text with masked words is what counts of the text: a word drawn at random may be [PAD]. */
const keepOf = (batch: ViltText): I<'b n'> => batch.keep ?? batch.tokens.equal(PAD).not().to('int32');

const prefixed = (name: string, { loss, metrics }: LossTerms): Record<string, F> =>
  Object.fromEntries(Object.entries({ loss, ...metrics }).map(([key, value]) => [`${name}_${key}`, value.asFloat()]));

/** 1 for half of a batch (rounded down, at least one), 0 for the rest, at random: [b]. */
function drawHalf(s: Scope, like: F, b: number): I<'b'> {
  const noise = s.noise('order', [b]).to(like.dtype);
  const place = noise.unsqueeze(0).less(noise.unsqueeze(1)).to('int32').sum(1); // how many come before
  return place.less(Math.max(1, Math.floor(b / 2))).to('int32');
}

/** For every row of a batch another one, at random: [b]. */
function drawOthers(s: Scope, like: F, b: number): I<'b'> {
  const row = arange(like, b);
  return categorical(s, full(like, [b, b], 0), { exclude: row.unsqueeze(1).equal(row.unsqueeze(0)) });
}

/** The vector of each text with its image. */
const pooled = (s: Scope, text: ViltText, image: Embedded, c: ViltConfig): F<'b d'> =>
  pool(s, fuse(s, embedText(s, text, c), image, c, 'first'), c);

/** Logits of the answers to questions about an image: [b a]. */
export function answers(s: Scope, batch: ViltBatch, c: ViltConfig): F<'b a'> {
  return answerLogits(s, pooled(s, batch, embedImage(s, batch, c), c), c);
}

/**
 * Questions as a choice among all answers at once: binary cross entropy with the shares of annotators as `targets` [b a], times the number of answers.
 * `accuracy`: mean target of the answer that is taken. §4.3; the factor is that of the paper's code, after bilinear attention networks.
 */
export function answering(s: Scope, batch: ViltBatch, targets: F<'b a'>, c: ViltConfig): LossTerms {
  const logits = answers(s, batch, c);
  const best = logits.equal(logits.reduceMax(1, { keep: true })).to(logits.dtype);
  return {
    loss: binaryCrossEntropy(logits, targets).mul(targets.dim(1)),
    metrics: { accuracy: best.mul(targets).sum(1).mean() },
  };
}

/** A statement with its two images. */
export type StatementBatch = ViltText & { readonly first: ViltImage; readonly second: ViltImage };

/** Logits of "false" and "true": two passes of the statement, one with each image, which differ by the vector of their modality. §4.3. */
export function statements(s: Scope, batch: StatementBatch, c: ViltConfig): F<'b k'> {
  const first = pooled(s, batch, embedImage(s, batch.first, c), c);
  const second = pooled(s, batch, embedImage(s, batch.second, c, 'second'), c);
  return statementLogits(s, first, second, c);
}

/** Statements about two images: cross entropy with `truth` [b], 0 or 1. §4.3. */
export function stating(s: Scope, batch: StatementBatch, truth: I<'b'>, c: ViltConfig): LossTerms {
  const logits = statements(s, batch, c);
  return { loss: crossEntropy(logits, truth), metrics: { accuracy: accuracyOf(logits, truth) } };
}

/** False texts of an image in {@link retrieving}: 15 (§4.4), or all others of a smaller batch. */
const FALSE_TEXTS = 15;

/**
 * Retrieval: of the text of an image and 15 others, the own one has the greatest score (cross entropy). §4.4. DIFFERS: the others are those of the batch,
 * not of the whole data. Error `shape` for a batch of one.
 */
export function retrieving(s: Scope, batch: ViltBatch, t: Pick<StepContext, 'draw'>, c: ViltConfig): LossTerms {
  const { b, n } = batch.tokens.axes('b n');
  if (b < 2) throw new BowError('shape', 'retrieval needs at least two pairs in a batch', { place: s.path });
  const k = Math.min(FALSE_TEXTS, b - 1);
  const image = embedImage(s, batch, c);
  const row = arange(image.x, b);
  const own = row.unsqueeze(1).equal(row.unsqueeze(0));
  const others = t.draw('texts', (at) =>
    categoricalWithoutReplacement(at, full(image.x, [b, b], 0), k, { exclude: own }),
  );
  const all = concat([batch.tokens.unsqueeze(1), gather(batch.tokens, others.asInt())], 1); // b k+1 n
  const copies = (x: F): F => repeat(x, x.rank === 3 ? 'b m d -> (b k) m d' : 'b m -> (b k) m', { k: k + 1 });
  const text = { tokens: all.reshape([b * (k + 1), n]) };
  const score = rankScore(s, pooled(s, text, { x: copies(image.x), keep: copies(image.keep) }, c), c);
  const scores = rearrange(score, '(b k) -> b k', { b });
  const target = full(all, [b], 0);
  return { loss: crossEntropy(scores, target), metrics: { accuracy: accuracyOf(scores, target) } };
}
