/** What is read off ViLT's vectors. Kim et al. 2021, §3.2 (pre-training) and §4.3–4.4 (downstream). */
import { concat, type F, gelu, type Scope } from '../../engine/index.ts';
import { layerNorm, linear, mlmHead, normal } from '../../nn/index.ts';
import type { ViltConfig } from './config.ts';
import { std } from './vilt.ts';

/** The vector of a pair: tanh of a map of the text's [CLS], never the image's. [b n d] → [b d]. Eq. 6. */
export function pool(s: Scope, text: F<'b n d'>, c: ViltConfig): F<'b d'> {
  return linear(s.at('pool'), text.at(1, 0), c.width, { init: normal(std(c)) }).tanh();
}

/** Logits of the words at every position: [b n v]. §3.2. */
export function wordLogits(s: Scope, text: F<'b n d'>, c: ViltConfig): F<'b n v'> {
  const { vocabulary } = c.text;
  const o = { vocabulary, activation: c.activation, epsilon: c.textEpsilon };
  if (c.tasks.mlm !== 'tied') return mlmHead(s.at('mlm'), text, o);
  const table = s.at('text').at('tokens').param('weight', [vocabulary, c.width], normal(0.02));
  return mlmHead(s.at('mlm'), text, { ...o, decoder: table });
}

/** Logits of "do not belong to each other" and "do": [b 2]. §3.2. */
export function matchLogits(s: Scope, pooled: F<'b d'>, c: ViltConfig): F<'b k'> {
  return linear(s.at('itm'), pooled, 2, { init: normal(std(c)) });
}

/**
 * The score of retrieval: [b]. A head of its own where the model has one (`withRank`); else the second row of the head for matching, which that head starts
 * as (§4.4).
 */
export function rankScore(s: Scope, pooled: F<'b d'>, c: ViltConfig): F<'b'> {
  if (!c.tasks.rank) return matchLogits(s, pooled, c).at(1, 1);
  return linear(s.at('rank'), pooled, 1, { init: normal(std(c)) }).squeeze(1);
}

/** Logits of the answers to a question: [b a]. §4.3. */
export function answerLogits(s: Scope, pooled: F<'b d'>, c: ViltConfig): F<'b a'> {
  return classifier(s.at('answers'), pooled, c.tasks.answers!, c);
}

/** Logits of "false" and "true" for a statement about two images, from the vectors of the statement with each: [b 2]. §4.3. */
export function statementLogits(s: Scope, first: F<'b d'>, second: F<'b d'>, c: ViltConfig): F<'b k'> {
  return classifier(s.at('statements'), concat([first, second], 1), 2, c);
}

/** Two layers of hidden size 1,536, twice the width: map, layer norm, GELU, map. §4.3. */
function classifier(s: Scope, x: F<'b d'>, classes: number, c: ViltConfig): F<'b k'> {
  const hidden = linear(s.at('fc1'), x, 2 * c.width, { init: normal(std(c)) });
  return linear(s.at('fc2'), gelu(layerNorm(s.at('norm'), hidden)), classes, { init: normal(std(c)) });
}
