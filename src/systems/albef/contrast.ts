/** Image-text contrastive learning with momentum distillation, and the negatives that it finds. Li et al. 2021, §3.2–3.4. */
import {
  arange,
  concat,
  einsum,
  type F,
  gather,
  type I,
  oneHot,
  roll,
  type Scope,
  softmax,
  type Tensor,
} from '../../engine/index.ts';
import { categorical, softCrossEntropy } from '../../nn/index.ts';
import type { StepContext } from '../../train/index.ts';
import { encodeImage, encodeTokens, projectImage, projectText, temperatureOf } from './albef.ts';
import type { AlbefConfig } from './config.ts';

/** Both encoders' vectors of the pairs of a batch. */
export type Encoded = { readonly image: F<'b m d'>; readonly text: F<'b n d'> };

/** Unit vectors in the shared space. */
export type Features = { readonly image: F<'b e'>; readonly text: F<'b e'> };

/** Images and texts of a batch, each by its encoder. */
export function encodeBoth(s: Scope, batch: { image: F<'b c y x'>; tokens: I<'b n'> }, c: AlbefConfig): Encoded {
  return { image: encodeImage(s, batch.image, c), text: encodeTokens(s, batch.tokens, c) };
}

/** The pairs in the shared space. */
export function project(s: Scope, { image, text }: Encoded, c: AlbefConfig): Features {
  return { image: projectImage(s, image, c), text: projectText(s, text, c) };
}

/** α at this step: rises over the first part of the run (§3.4: "linearly ramped up from 0 to 0.4 within the first epoch"). */
export function alphaOf(t: StepContext, { distillation: { alpha, ramp } }: AlbefConfig): F<''> {
  return ramp === 0
    ? t.progress.mul(0).add(alpha)
    : t.progress
        .mul(1 / ramp)
        .min(1)
        .mul(alpha);
}

/** Similarities divided by the temperature: of the batch's images to all texts, and of its texts to all images, those of the batch first. */
export type Similarities = { readonly imageToText: F<'b n'>; readonly textToImage: F<'b n'> };

/** What {@link contrast} finds. */
export type Contrast = Similarities & {
  readonly temperature: F<''>;
  readonly loss: F<''>;
  readonly targets: { readonly imageToText: F<'b n'>; readonly textToImage: F<'b n'> };
  readonly momentum: Similarities;
};

/**
 * The contrast of a batch's pairs with the momentum features of the batch and of the queues (eq. 1 and 6). Targets: one's own pair, or with `ids` evenly
 * all entries of the same image (released code, model_retrieval.py), mixed with α parts of the momentum model's softmax. Gradients reach the online
 * features and the temperature. Puts the momentum features into the queues.
 */
export function contrast(
  s: Scope,
  t: StepContext,
  o: { readonly online: Features; readonly momentum: Features; readonly ids?: I<'b'> | undefined },
  c: AlbefConfig,
): Contrast {
  const momentum = { image: o.momentum.image.stopGradient(), text: o.momentum.text.stopGradient() };
  const all = {
    image: concat([momentum.image, t.queue('image').rows], 0), // n e
    text: concat([momentum.text, t.queue('text').rows], 0),
  };
  const temperature = temperatureOf(s, c);
  const compare = ({ image, text }: Features): Similarities => ({
    imageToText: einsum('b e, n e -> b n', image, all.text).div(temperature),
    textToImage: einsum('b e, n e -> b n', text, all.image).div(temperature),
  });
  const [found, soft] = [compare(o.online), compare(momentum)];
  const hard = ownEntries(t, found.imageToText, o.ids);
  const alpha = alphaOf(t, c);
  const mixed = (similarities: F): F =>
    softmax(similarities)
      .mul(alpha)
      .add(hard.mul(alpha.neg().add(1)))
      .stopGradient();
  const targets = { imageToText: mixed(soft.imageToText), textToImage: mixed(soft.textToImage) };
  const loss = softCrossEntropy(found.imageToText, targets.imageToText)
    .add(softCrossEntropy(found.textToImage, targets.textToImage))
    .mul(0.5);
  t.queue('image').enqueue(momentum.image);
  t.queue('text').enqueue(momentum.text);
  return { ...found, temperature, loss, targets, momentum: soft };
}

/** One-hot rows of one's own pair, or even ones over all entries with the same id; ids go into their queue. */
function ownEntries(t: StepContext, like: F<'b n'>, ids: I<'b'> | undefined): F<'b n'> {
  const [b, n] = like.shape as [number, number];
  if (!ids) return oneHot(arange(like, b, 'int64'), n, like.dtype);
  const own = ids.to(like.dtype).unsqueeze(1); // b 1; exact below 2^24
  const known = t.queue('ids');
  const same = own.equal(concat([own, known.rows], 0).mT).to(like.dtype); // b n
  known.enqueue(own);
  return same.div(same.sum(1, { keep: true }));
}

/**
 * How negatives are chosen: `mined` as in the paper, the others for experiments. `uniform`: all others alike. `misdirected`: mined for the pair before
 * in the batch, so drawn as unevenly, but by similarities that do not concern the pair.
 */
export type Mining = 'mined' | 'uniform' | 'misdirected';

/** For each text the number of another pair's image, and for each image that of another pair's text. */
export type Negatives = { readonly image: I<'b'>; readonly text: I<'b'> };

/**
 * Negatives of the batch, drawn with the probability that the contrast gives them (§3.2, "hard negatives"); never a pair's own, and with `ids` none of
 * the same image. Draws `negative_image` and `negative_text`.
 */
export function mineNegatives(
  t: StepContext,
  { imageToText, textToImage }: Similarities,
  o: { readonly ids?: I<'b'> | undefined; readonly mining?: Mining } = {},
): Negatives {
  const b = imageToText.dim(0);
  const numbers = o.ids ?? arange(imageToText, b, 'int64');
  const exclude = numbers.unsqueeze(1).equal(numbers.unsqueeze(0)) as Tensor<'bool'>; // b b
  const draw = (name: string, similarities: F<'b n'>): I<'b'> =>
    t
      .draw(name, (s) => categorical(s, logWeights(similarities.slice(1, 0, b), o.mining ?? 'mined'), { exclude }))
      .asInt();
  return { image: draw('negative_image', textToImage), text: draw('negative_text', imageToText) };
}

/** Logarithms of the weights that negatives are drawn with. */
function logWeights(similarities: F<'b b'>, mining: Mining): F<'b b'> {
  if (mining === 'uniform') return similarities.mul(0);
  return mining === 'misdirected' ? roll(similarities, 1, 0) : similarities;
}

/** Rows of a tensor by number: the chosen samples of a batch. */
export const chosen = <T extends F>(x: T, rows: I<'b'>): T => gather(x, rows) as T;
