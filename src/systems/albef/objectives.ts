/** What ALBEF learns: contrast, matching and masked words together, and the losses of its fine-tuned forms. Li et al. 2021, §3.2–3.4 and §5. */
import {
  argmax,
  concat,
  constantLike,
  type F,
  gather,
  type I,
  oneHot,
  type Scope,
  softmax,
  where,
} from '../../engine/index.ts';
import { categorical, categoricalWithoutReplacement, crossEntropy, softCrossEntropy } from '../../nn/index.ts';
import type { Inputs, LossTerms, StepContext } from '../../train/index.ts';
import {
  assignmentLogits,
  classLogits,
  decodeAnswers,
  encodeImage,
  encodePair,
  encodeTokens,
  fuse,
  keptTokens,
  matchLogits,
  projectImage,
  wordLogits,
} from './albef.ts';
import type { AlbefConfig } from './config.ts';
import {
  alphaOf,
  type Contrast,
  chosen,
  contrast,
  type Encoded,
  encodeBoth,
  type Mining,
  mineNegatives,
  project,
} from './contrast.ts';

/** Choices that experiments make. */
export type AlbefObjectiveOptions = { readonly mining?: Mining };

/** The label of what does not count. */
const IGNORED = -100;

/** The share of rows whose largest logit is the label's. */
function accuracyOf(logits: F<'... v'>, labels: I<'...'>): F<''> {
  return argmax(logits).equal(labels.to('int64')).to(logits.dtype).mean();
}

/**
 * Matching (eq. 4): the pairs of a batch, each text with a negative image, and each image with a negative text, in this order. Two of three do not
 * belong together.
 */
export function matching(
  s: Scope,
  t: StepContext,
  o: {
    readonly encoded: Encoded;
    readonly tokens: I<'b n'>;
    readonly found: Contrast;
    readonly ids?: I<'b'> | undefined;
  },
  c: AlbefConfig,
  { mining = 'mined' }: AlbefObjectiveOptions = {},
): { readonly loss: F<''>; readonly logits: F<'i 2'>; readonly accuracy: F<''> } {
  const { image, text } = o.encoded;
  const negatives = mineNegatives(t, o.found, { ids: o.ids, mining });
  const keep = keptTokens(o.tokens, c);
  const keepNegative = keptTokens(gather(o.tokens, negatives.text), c);
  const fused = fuse(
    s,
    {
      text: concat([text, text, chosen(text, negatives.text)], 0),
      keep: concat([keep, keep, keepNegative], 0),
      images: [concat([image, chosen(image, negatives.image), image], 0)],
      first: true,
    },
    c,
  );
  const logits = matchLogits(s, fused);
  const b = image.dim(0);
  const labels = constantLike(
    logits,
    'int64',
    [3 * b],
    Array.from({ length: 3 * b }, (_, i) => (i < b ? 1 : 0)),
  );
  return { loss: crossEntropy(logits, labels), logits, accuracy: accuracyOf(logits, labels) };
}

/**
 * Masked words (eq. 3 and 7): logits [b n v] at the labels [b n], −100 where none is asked for; α parts of it against the momentum model's softmax.
 * Nothing where a batch has no masked word (DIFFERS: there the released code has NaN).
 */
export function maskedWords(logits: F<'b n v'>, labels: I<'b n'>, momentum: F<'b n v'>, alpha: F<''>): F<''> {
  const masked = labels.equal(IGNORED).not().to(logits.dtype);
  const hard = crossEntropy(logits, labels, { reduction: 'none' });
  const soft = softCrossEntropy(logits, softmax(momentum).stopGradient(), { reduction: 'none' }).mul(masked);
  return mix(hard, soft, alpha).sum().div(masked.sum().max(1));
}

/** (1 − α) of the first, α of the second. */
const mix = (hard: F, soft: F, alpha: F<''>): F => hard.mul(alpha.neg().add(1)).add(soft.mul(alpha));

/**
 * Pre-training (eq. 5): inputs `image` [b 3 y x], `tokens` [b n], `masked` [b n] (the same tokens, some of them masked) and `labels` [b n] (the words
 * there, −100 elsewhere). The teacher is the momentum model; queues `image` and `text`.
 */
export function pretraining(
  s: Scope,
  batch: Inputs,
  t: StepContext,
  c: AlbefConfig,
  o: AlbefObjectiveOptions = {},
): LossTerms {
  const image = batch['image']!.asFloat();
  const [tokens, masked, labels] = [batch['tokens']!.asInt(), batch['masked']!.asInt(), batch['labels']!.asInt()];
  const encoded = encodeBoth(s, { image, tokens }, c);
  const twin = encodeBoth(t.teacher, { image, tokens }, c);
  const found = contrast(s, t, { online: project(s, encoded, c), momentum: project(t.teacher, twin, c) }, c);
  const match = matching(s, t, { encoded, tokens, found }, c, o);
  const logits = s.tap('words', wordLogits(s, encodePair(s, masked, [encoded.image], c), c));
  const momentum = wordLogits(t.teacher, encodePair(t.teacher, masked, [twin.image], c), c);
  const words = maskedWords(logits, labels, momentum, alphaOf(t, c));
  return {
    loss: found.loss.add(match.loss).add(words),
    metrics: {
      itc: found.loss,
      itm: match.loss,
      mlm: words,
      itm_accuracy: match.accuracy,
      temperature: found.temperature,
    },
  };
}

/** Fine-tuning for retrieval: inputs `image`, `tokens` and `group` [b], equal for equal images; contrast and matching; queues `image`, `text`, `ids`. */
export function retrieval(s: Scope, batch: Inputs, t: StepContext, c: AlbefConfig): LossTerms {
  const [image, tokens, ids] = [batch['image']!.asFloat(), batch['tokens']!.asInt(), batch['group']!.asInt()];
  const encoded = encodeBoth(s, { image, tokens }, c);
  const twin = encodeBoth(t.teacher, { image, tokens }, c);
  // Asks for the twins of the multimodal layers, which move with the others; nothing looks at the result, so nothing is computed.
  fuse(t.teacher, { text: twin.text, keep: keptTokens(tokens, c), images: [twin.image] }, c);
  const found = contrast(s, t, { online: project(s, encoded, c), momentum: project(t.teacher, twin, c), ids }, c);
  const match = matching(s, t, { encoded, tokens, found, ids }, c);
  return {
    loss: found.loss.add(match.loss),
    metrics: { itc: found.loss, itm: match.loss, itm_accuracy: match.accuracy },
  };
}

/**
 * Fine-tuning on questions (§5, VQA): inputs `image` [b 3 y x], `tokens` [b n] (questions), `answers` [a m] ([CLS] … [SEP], then [PAD]), `question` [a]
 * (the row of the question that an answer is of) and `weights` [a]. The sum of the answers' losses by weight, divided by b.
 */
export function answering(s: Scope, batch: Inputs, t: StepContext, c: AlbefConfig): LossTerms {
  const [image, tokens] = [batch['image']!.asFloat(), batch['tokens']!.asInt()];
  const [answers, question] = [batch['answers']!.asInt(), batch['question']!.asInt()];
  const decoded = (at: Scope): F<'a m v'> => {
    const states = encodePair(at, tokens, [encodeImage(at, image, c)], c);
    const keep = keptTokens(gather(tokens, question), c);
    return decodeAnswers(at, answers, { states: chosen(states, question), keep }, c);
  };
  const logits = decoded(s);
  const next = nextTokens(logits, answers, c);
  const counted = next.targets.equal(IGNORED).not().to(logits.dtype);
  const soft = softmax(allButLast(decoded(t.teacher))).stopGradient();
  const hard = crossEntropy(next.logits, next.targets, { reduction: 'none' });
  const distilled = softCrossEntropy(next.logits, soft, { reduction: 'none' }).mul(counted);
  const losses = s.tap('answer_losses', mix(hard, distilled, alphaOf(t, c)).sum(1)); // a
  const loss = losses.mul(batch['weights']!.asFloat()).sum().div(image.dim(0));
  return { loss };
}

const allButLast = (x: F<'a m v'>): F<'a m v'> => x.slice(1, 0, x.dim(1) - 1);

/** Logits of all positions that are followed by one, and the tokens that follow them; [PAD] does not count. */
function nextTokens(
  logits: F<'a m v'>,
  answers: I<'a m'>,
  { text }: AlbefConfig,
): { logits: F<'a m v'>; targets: I<'a m'> } {
  const targets = answers.slice(1, 1, answers.dim(1));
  return { logits: allButLast(logits), targets: where(targets.equal(text.pad), IGNORED, targets) };
}

/** −ln p of whole answers after their [CLS]: [a m v] and [a m] → [a]. */
export function answerLosses(logits: F<'a m v'>, answers: I<'a m'>, c: AlbefConfig): F<'a'> {
  const next = nextTokens(logits, answers, c);
  return crossEntropy(next.logits, next.targets, { reduction: 'none' }).sum(1);
}

/**
 * Fine-tuning on classes (§5, SNLI-VE and NLVR²): inputs `image` [b 3 y x], or `image0` and `image1`, `tokens` [b n] and `labels` [b]; α parts of the
 * loss against the momentum model's softmax.
 */
export function classifying(s: Scope, batch: Inputs, t: StepContext, c: AlbefConfig): LossTerms {
  const [tokens, labels] = [batch['tokens']!.asInt(), batch['labels']!.asInt()];
  const images =
    c.images === 2 ? [batch['image0']!.asFloat(), batch['image1']!.asFloat()] : [batch['image']!.asFloat()];
  const predicted = (at: Scope): F<'b v'> => {
    const [first, second] = images.map((image) => encodeImage(at, image, c));
    return classLogits(at, encodePair(at, tokens, [first!, second], c, { first: true }), c);
  };
  const logits = predicted(s);
  const soft = softCrossEntropy(logits, softmax(predicted(t.teacher)).stopGradient());
  const loss = mix(crossEntropy(logits, labels), soft, alphaOf(t, c));
  return { loss, metrics: { accuracy: accuracyOf(logits, labels) } };
}

/** Similarities of images are divided by this where distractors are drawn (released code, model_pretrain_nlvr.py). */
const DISTRACTOR_TEMPERATURE = 0.07;

/**
 * Text assignment (§5, NLVR²): inputs `image` [b 3 y x] and `tokens` [b n]. A text sees two images: its own first, its own second, or two others; each
 * with probability ⅓. Distractors are drawn by the images' similarity. Draws `assignment` [b] and `distractors` [b 2].
 */
export function assigning(s: Scope, batch: Inputs, t: StepContext, c: AlbefConfig): LossTerms {
  const [image, tokens] = [encodeImage(s, batch['image']!.asFloat(), c), batch['tokens']!.asInt()];
  const b = image.dim(0);
  const own = constantLike(
    image,
    'int64',
    [b],
    Array.from({ length: b }, (_, i) => i),
  );
  const drawn = drawnImages(s, t, image, own, c);
  const text = encodeTokens(s, tokens, c);
  const fused = fuse(
    s,
    {
      text,
      keep: keptTokens(tokens, c),
      images: [chosen(image, drawn.first), chosen(image, drawn.second)],
      first: true,
    },
    c,
  );
  const logits = assignmentLogits(s, fused);
  return { loss: crossEntropy(logits, drawn.label), metrics: { accuracy: accuracyOf(logits, drawn.label) } };
}

/** For every text which images it sees. */
function drawnImages(
  s: Scope,
  t: StepContext,
  image: F<'b m d'>,
  own: I<'b'>,
  c: AlbefConfig,
): { readonly label: I<'b'>; readonly first: I<'b'>; readonly second: I<'b'> } {
  const b = own.dim(0);
  const features = projectImage(s, image, c).stopGradient();
  const similar = features.matmul(features.mT).div(DISTRACTOR_TEMPERATURE); // b b
  const label = t
    .draw('assignment', (d) => categorical(d, constantLike(similar, similar.dtype, [b, 3], new Array(3 * b).fill(0))))
    .asInt();
  const exclude = oneHot(own, b, 'bool');
  const others = t.draw('distractors', (d) => categoricalWithoutReplacement(d, similar, 2, { exclude })).asInt();
  const other = (i: number): I<'b'> =>
    others
      .slice(1, i, i + 1)
      .squeeze(1)
      .to('int64');
  return {
    label,
    first: where(label.equal(0), own, other(0)),
    second: where(label.equal(1), own, where(label.equal(2), other(1), other(0))),
  };
}
