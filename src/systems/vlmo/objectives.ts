/**
 * What VLMo learns by. Bao et al. 2021, §2.2 and §2.3; `objectives.py` of the code, which also has what the paper does not say: the second readout of
 * the contrast, and the weight of masked language modelling.
 */
import { arange, argmax, type B, concat, type F, type I, type Scope, type Tensor, take } from '../../engine/index.ts';
import { binaryCrossEntropy, categorical, constant, crossEntropy, softCrossEntropy } from '../../nn/index.ts';
import type { Inputs, LossTerms, StepContext } from '../../train/index.ts';
import { maskedImage, patchPixels } from './beit.ts';
import type { VlmoConfig } from './config.ts';
import { answerLogits, matchLogits, statementLogits, wordLogits } from './heads.ts';
import { type Encoded, embedImage, encodeImage, encodeText, encodeTogether, pooled, readout } from './vlmo.ts';

/** Factor of masked language modelling beside the other losses (`compute_mlm`). */
const MLM_WEIGHT = 0.25;

/** exp of a learned logarithm; the first temperature is 0.07. DIFFERS in training: held below 100 (`limits`), the code's clamp is commented out. */
const scaleOf = (s: Scope, name: string): F<''> => s.param(name, [], constant(Math.log(1 / 0.07))).exp();

/** Cosines of all pairs of a batch times the scale, of one readout: row i are image i's logits of the texts. */
function pairLogits(s: Scope, image: F<'b d'>, text: F<'b d'>, scale: string): F<'i j'> {
  return image.matmul(text.mT).mul(scaleOf(s, scale));
}

/** Which texts of a batch belong to which images: the own one alone, or those with an equal number in `group`. */
function belongs(logits: F<'i j'>, group?: I<'b'>): B<'i j'> {
  const number = group ?? arange(logits, logits.dim(0));
  return number.unsqueeze(1).equal(number.unsqueeze(0));
}

/** The mean of both directions. Where several texts belong to an image the target is spread over them (Yang et al. 2022, arXiv:2204.03610, eq. 4–5). */
function symmetric(logits: F<'i j'>, group?: I<'b'>): F<''> {
  const same = belongs(logits, group).to(logits.dtype);
  const target = same.div(same.sum(1, { keep: true })); // `same` is symmetric, so this serves both directions
  return softCrossEntropy(logits, target).add(softCrossEntropy(logits.mT, target)).mul(0.5);
}

/** The share of rows whose largest entry is the one named. */
function accuracy(logits: F<'i j'>, wanted: I<'i'>): F<''> {
  return argmax(logits).equal(wanted.to('int64')).to(logits.dtype).mean();
}

/** What {@link contrast} gives: its loss, and the logits of the unimodal readout [image, text]. */
export type Contrast = { readonly loss: F<''>; readonly logits: F<'i j'> };

/** Image-text contrast over encoded batches: of the unimodal readout alone, or the mean of both (`compute_itc`, `compute_irtr`). */
export function contrast(s: Scope, image: Encoded, text: Encoded, c: VlmoConfig, group?: I<'b'>): Contrast {
  const logits = pairLogits(s, readout(s, image.states, 'image', c), readout(s, text.states, 'text', c), 'logit_scale');
  if (!image.vl || !text.vl) return { loss: symmetric(logits, group), logits };
  const vl = pairLogits(s, readout(s, image.vl, 'vl_image', c), readout(s, text.vl, 'vl_text', c), 'logit_vl_scale');
  return { loss: symmetric(logits, group).add(symmetric(vl, group)).mul(0.5), logits };
}

/** Texts and images of a batch that do not belong together, though the logits say so: an image for every text, a text for every image. */
export type Negatives = { readonly image: Tensor<'int64'>; readonly text: Tensor<'int64'> };

/**
 * Drawn with the probability softmax(logits), what belongs to the pair left out (`compute_itm_hardneg`; §2.3 draws from all devices, which here is the
 * batch). A row to which all belongs gets the first.
 */
export function hardNegatives(logits: F<'i j'>, t: Pick<StepContext, 'draw'>, group?: I<'b'>): Negatives {
  const exclude = belongs(logits, group);
  const drawn = (name: string, weights: F): Tensor<'int64'> =>
    t.draw(name, (s) => categorical(s, weights, { exclude })).to('int64');
  return { image: drawn('negative_image', logits.mT), text: drawn('negative_text', logits) };
}

/** Cross-entropy of the hidden words and the share that is found. */
function words(s: Scope, text: F<'b n d'>, labels: I<'b n'>, c: VlmoConfig): { loss: F<''>; found: F<''> } {
  const logits = s.tap('mlm_logits', wordLogits(s, text, c));
  const hidden = labels.less(0).not();
  const right = argmax(logits).equal(labels.to('int64')).and(hidden).to(logits.dtype).sum();
  return { loss: crossEntropy(logits, labels), found: right.div(hidden.to(logits.dtype).sum()) };
}

/**
 * Stage 3, on pairs: matching + contrast + 0.25 · masked language modelling. Inputs: `image` [b c y x], `tokens`, `masked`, `labels` [b context], and `group` [b], equal
 * for images that show the same. The
 * matched pairs, those with mined negatives and the pairs with hidden words go through the fusion encoder as one batch.
 */
export function pairsObjective(s: Scope, batch: Inputs, c: VlmoConfig, t: Pick<StepContext, 'draw'>): LossTerms {
  const [tokens, masked] = [batch['tokens']!.asInt(), batch['masked']!.asInt()];
  const image = embedImage(s, batch['image']!.asFloat(), c);
  const branch = c.tasks.itc === 'both';
  const group = batch['group']?.asInt();
  const itc = contrast(s, encodeImage(s, image, c, { branch }), encodeText(s, tokens, c, { branch }), c, group);
  s.tap('itc_logits', itc.logits);
  const negative = hardNegatives(itc.logits, t, group);
  const texts = concat([tokens, tokens, take(tokens, negative.text, 0), masked], 0);
  const images = concat([image, take(image, negative.image, 0), image, image], 0);
  const fused = encodeTogether(s, texts, images, c);
  const b = tokens.dim(0);
  const whole = { text: fused.text.slice(0, 0, 3 * b), image: fused.image };
  const logits = s.tap('itm_logits', matchLogits(s, s.tap('pooled', pooled(s, whole, c)), c));
  const matched = arange(logits, 3 * b)
    .less(b)
    .to('int32');
  const itm = crossEntropy(logits, matched);
  const mlm = words(s, fused.text.slice(0, 3 * b), batch['labels']!.asInt(), c);
  return {
    loss: itm.add(itc.loss).add(mlm.loss.mul(MLM_WEIGHT)),
    metrics: {
      itc: itc.loss,
      itm,
      mlm: mlm.loss,
      itc_accuracy: accuracy(itc.logits, arange(itc.logits, b)),
      itm_accuracy: accuracy(logits, matched),
      mlm_accuracy: mlm.found,
      scale: scaleOf(s, 'logit_scale'),
    },
  };
}

/** Stage 2, on texts alone: masked language modelling. Inputs: `masked`, `labels` [b n]. */
export function textObjective(s: Scope, batch: Inputs, c: VlmoConfig): LossTerms {
  const { states } = encodeText(s, batch['masked']!.asInt(), c);
  const { loss, found } = words(s, states, batch['labels']!.asInt(), c);
  return { loss, metrics: { mlm_accuracy: found } };
}

/**
 * Stage 1, on images alone. Inputs: `image` [b c y x], `hidden` [b p] (1: this patch), and `visual` [b p], the ids of visual tokens, for a head that
 * predicts them (BEiT, eq. 2). DIFFERS where it predicts pixels: their squared error, the alternative of BEiT's table 4.
 */
export function imageObjective(s: Scope, batch: Inputs, c: VlmoConfig): LossTerms {
  const image = batch['image']!.asFloat();
  const hidden = batch['hidden']!.asInt();
  const found = s.tap('mim', maskedImage(s, image, hidden, c));
  const weights = hidden.to('bool').to(found.dtype);
  const mean = (loss: F<'b p'>): F<''> => loss.mul(weights).sum().div(weights.sum());
  if (c.tasks.mim?.predicts !== 'tokens') return { loss: mean(found.sub(patchPixels(image, c)).square().mean(-1)) };
  const visual = batch['visual']!.asInt();
  const right = argmax(found).equal(visual.to('int64')).to(found.dtype);
  return { loss: mean(crossEntropy(found, visual, { reduction: 'none' })), metrics: { token_accuracy: mean(right) } };
}

/**
 * Questions: binary cross-entropy of every answer, summed over the answers (`compute_vqa`). Inputs: `image`, `tokens`, `targets` [b answers], soft
 * scores. `score`: what the likeliest answer is worth.
 */
export function answersObjective(s: Scope, batch: Inputs, c: VlmoConfig): LossTerms {
  const targets = batch['targets']!.asFloat();
  const fused = encodeTogether(s, batch['tokens']!.asInt(), embedImage(s, batch['image']!.asFloat(), c), c);
  const logits = s.tap('answer_logits', answerLogits(s, s.tap('pooled', pooled(s, fused, c)), c));
  const best = logits.equal(logits.reduceMax(-1, { keep: true })).to(logits.dtype);
  const score = best.mul(targets).sum(-1).div(best.sum(-1)).mean();
  return { loss: binaryCrossEntropy(logits, targets).mul(targets.dim(1)), metrics: { score } };
}

/** What a statement's two images give together: [b 2d], the text beside either image (`compute_nlvr2`). */
export function statement(s: Scope, tokens: I<'b n'>, images: readonly [F, F], c: VlmoConfig): F<'b 2'> {
  const beside = images.map((image, i) =>
    pooled(s, encodeTogether(s, tokens, embedImage(s, image, c, i === 0 ? 0 : 1), c), c),
  );
  return statementLogits(s, concat(beside, -1), c);
}

/** Statements about two images. Inputs: `image0`, `image1`, `tokens`, `answer` [b], 1 for true. */
export function statementsObjective(s: Scope, batch: Inputs, c: VlmoConfig): LossTerms {
  const [answer, tokens] = [batch['answer']!.asInt(), batch['tokens']!.asInt()];
  const logits = statement(s, tokens, [batch['image0']!.asFloat(), batch['image1']!.asFloat()], c);
  return { loss: crossEntropy(logits, answer), metrics: { accuracy: accuracy(logits, answer) } };
}
