/** What VLMo's states are read by: words, pairs, answers. Widths and initial values as in the code's `heads.py` and `vlmo_module.py`. */
import { type F, gelu, type Scope } from '../../engine/index.ts';
import { layerNorm, linear, mlmHead } from '../../nn/index.ts';
import type { VlmoConfig } from './config.ts';
import { bertNormal } from './vlmo.ts';

/** Logits of the word at every position: [b n d] → [b n v]. Parameters: `mlm`, with a decoder of its own. */
export function wordLogits(s: Scope, text: F<'b n d'>, c: VlmoConfig): F<'b n v'> {
  return mlmHead(s.at('mlm'), text, { vocabulary: c.text.vocabulary });
}

/** Whether text and image belong together: [b d] → [b 2], the second for yes. Parameters: `itm`. */
export function matchLogits(s: Scope, pooled: F<'b d'>, c: VlmoConfig): F<'b 2'> {
  return linear(s.at('itm'), pooled, 2, { init: bertNormal(c) });
}

/** Linear, norm (ε 10⁻⁵), GELU, linear, as wide in the middle as two states: [b i] → [b classes]. Parameters: `fc1`, `norm`, `fc2`. */
function classifier(s: Scope, x: F<'b i'>, c: VlmoConfig, classes: number): F<'b classes'> {
  const init = bertNormal(c);
  const h = gelu(layerNorm(s.at('norm'), linear(s.at('fc1'), x, 2 * c.width, { init })));
  return linear(s.at('fc2'), h, classes, { init });
}

/** Logits of the answers: [b d] → [b answers]. Parameters: `vqa`. */
export function answerLogits(s: Scope, pooled: F<'b d'>, c: VlmoConfig): F<'b answers'> {
  return classifier(s.at('vqa'), pooled, c, c.tasks.vqa ?? 0);
}

/** False or true of a statement about two images, from what the text gives beside each: [b 2d] → [b 2]. Parameters: `nlvr2`. */
export function statementLogits(s: Scope, both: F<'b 2d'>, c: VlmoConfig): F<'b 2'> {
  return classifier(s.at('nlvr2'), both, c, 2);
}
