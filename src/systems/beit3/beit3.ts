/**
 * BEiT-3 — "Image as a Foreign Language: BEiT Pretraining for All Vision and Vision-Language Tasks". Wang et al. 2022, arXiv:2208.10442.
 * One transformer for images, texts and pairs, whose layers have a copy for each modality (Multiway), pre-trained by one task: predicting what is
 * masked. `bow2bot train beit3 --smoke`
 */
import type { Scope, Tensor } from '../../engine/index.ts';
import type { Beit3Config } from './config.ts';
import { encode } from './encoder.ts';
import { answerLogits, captionLogits, classLogits, codeLogits, pairLogits, retrievalRows, scaleOf } from './heads.ts';
import { visualTokens } from './visual-tokens.ts';

/** Every parameter of a model: images, texts and pairs through the encoder, and each head. Inputs `image` [1, 3, y, x] and `tokens` [1, n]. */
export function beit3(s: Scope, x: Record<string, Tensor>, c: Beit3Config): Record<string, Tensor> {
  const [image, tokens] = [x['image']!.asFloat(), x['tokens']!.asInt()];
  const { tasks } = c;
  const pair = encode(s, { image, tokens, masked: 'none' }, c);
  const [vision, language] = [encode(s, { image }, c), encode(s, { tokens }, c)];
  const out: Record<string, Tensor> = { pair: pair.x, vision: vision.x, language: language.x };
  if (c.finalNorm) out['normed'] = pair.normed();
  if (c.finalNorm) out['normed_vision'] = vision.normed();
  if (tasks.retrieval) {
    const { image: a, text: b } = retrievalRows(s, { vision, language });
    Object.assign(out, { a, b, scale: scaleOf(s) });
  }
  if (tasks.tokens) out['tokens'] = captionLogits(s, pair, c);
  if (tasks.answers) out['answers'] = answerLogits(s, pair, tasks.answers);
  if (tasks.pairs) out['pairs'] = pairLogits(s, [pair, pair], tasks.pairs);
  if (tasks.classes) out['classes'] = classLogits(s, vision, tasks.classes);
  if (tasks.codes) {
    out['codes'] = codeLogits(s, pair, tasks.codes);
    out['visual_tokens'] = visualTokens(s, image, c);
  }
  return out;
}
