/** The heads of BEiT-3's tasks (modeling_finetune.py of the released code), each in a scope of its own. */
import { concat, type F, gelu, l2Normalize, type Scope } from '../../engine/index.ts';
import { constant, type LinearOptions, layerNorm, linear, truncNormal } from '../../nn/index.ts';
import type { Beit3Config } from './config.ts';
import { type Encoded, weightInit } from './encoder.ts';

const init = (width: number): LinearOptions => ({ init: weightInit({ width }) });

/** Classifiers start a thousand times smaller. */
const small: LinearOptions = { init: truncNormal(2e-5, { low: -2e-5, high: 2e-5 }) };

/** Rows of unit length [b d] of images and texts, each encoded by itself: class token and start of text, projected. */
export function retrievalRows(
  s: Scope,
  { vision, language }: { vision: Encoded; language: Encoded },
): { image: F<'b d'>; text: F<'b d'> } {
  return { image: imageRows(s, vision), text: textRows(s, language) };
}

/** Rows of unit length of images, [b d]. */
export const imageRows = (s: Scope, vision: Encoded): F<'b d'> => row(s.at('vision_head'), vision);

/** Rows of unit length of texts, [b d]. */
export const textRows = (s: Scope, language: Encoded): F<'b d'> => row(s.at('language_head'), language);

function row(s: Scope, encoded: Encoded): F<'b d'> {
  const first = encoded.normed().slice(1, 0, 1).squeeze(1);
  return l2Normalize(linear(s, first, first.dim(1), { ...init(first.dim(1)), bias: false }));
}

/** exp(logit_scale); the first temperature is 0.07. */
export const scaleOf = (s: Scope): F<''> => s.param('logit_scale', [], constant(Math.log(1 / 0.07))).exp();

/** Logits of the token at every position of the texts, [b n v]; not tied to the embedding. */
export function captionLogits(s: Scope, { normed, split }: Encoded, c: Pick<Beit3Config, 'vocabulary'>): F<'b n v'> {
  const x = normed();
  return linear(s.at('mlm_head'), split === 0 ? x : x.slice(1, split), c.vocabulary, init(x.dim(2)));
}

/** Logits of the visual token at every patch, [b p codes]. */
export function codeLogits(s: Scope, { normed, split }: Encoded, codes: number): F<'b p v'> {
  const x = normed().slice(1, 1, split);
  return linear(s.at('mim_head'), x, codes, init(x.dim(2)));
}

/**
 * Logits of the answers to a question about an image, [b answers]: the class token, pooled, through two layers. Read before the last norm, which
 * checkpoints for this task alone have not.
 */
export function answerLogits(s: Scope, { x }: Encoded, answers: number): F<'b a'> {
  const d = x.dim(2);
  const [pooler, head] = [s.at('pooler'), s.at('answer_head')];
  const pooled = linear(
    pooler.at('dense'),
    layerNorm(pooler.at('norm'), x.slice(1, 0, 1).squeeze(1)),
    d,
    init(d),
  ).tanh();
  const h = linear(head.at('fc1'), s.tap('pooled', pooled), 2 * d, init(d));
  return linear(head.at('fc2'), gelu(layerNorm(head.at('norm'), h)), answers, init(d));
}

/** Logits of a statement about two images, [b classes]: class token and start of text of both passes, side by side. */
export function pairLogits(s: Scope, passes: readonly [Encoded, Encoded], classes: number): F<'b k'> {
  const at = s.at('pair_head');
  const seen = passes.flatMap(({ normed, split }) => {
    const x = normed();
    return [x.slice(1, 0, 1), x.slice(1, split, split + 1)].map((t) => t.squeeze(1));
  });
  const d = seen[0]!.dim(1);
  const h = linear(at.at('dense1'), layerNorm(at.at('norm1'), concat(seen, 1)), 2 * d, small);
  return linear(at.at('dense2'), gelu(layerNorm(at.at('norm2'), h)), classes, small);
}

/** Logits of an image's class, [b classes]: the mean of its patches, without the class token and the last norm. */
export function classLogits(s: Scope, { x }: Encoded, classes: number): F<'b k'> {
  const mean = layerNorm(s.at('fc_norm'), x.slice(1, 1).mean(1));
  return linear(s.at('class_head'), mean, classes, small);
}
