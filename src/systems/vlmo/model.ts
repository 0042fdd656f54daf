/** The whole model in one trace: every parameter that a config has. */
import type { F, InputSpec, Scope, Tensor } from '../../engine/index.ts';
import { maskedImage } from './beit.ts';
import { gridOf, type VlmoConfig } from './config.ts';
import { answerLogits, matchLogits, wordLogits } from './heads.ts';
import { contrast, statement } from './objectives.ts';
import { embedImage, encodeImage, encodeText, encodeTogether, pooled } from './vlmo.ts';

/** What {@link vlmo} takes: one image, one text, and for BEiT's head which patches are hidden. */
export function vlmoInputs(c: VlmoConfig): Record<string, InputSpec> {
  return {
    image: { dtype: 'float32', shape: [1, 3, c.size, c.size] },
    tokens: { dtype: 'int32', shape: [1, c.text.context] },
    ...(c.tasks.mim ? { hidden: { dtype: 'int32', shape: [1, gridOf(c) ** 2] } as const } : {}),
  };
}

/** All passes and all heads that a config has. */
export function vlmo(s: Scope, x: Record<string, Tensor>, c: VlmoConfig): Record<string, Tensor> {
  const [pixels, tokens] = [x['image']!.asFloat(), x['tokens']!.asInt()];
  const { tasks } = c;
  const image = embedImage(s, pixels, c);
  const branch = tasks.itc === 'both';
  const [seen, read] = [encodeImage(s, image, c, { branch }), encodeText(s, tokens, c, { branch })];
  const fused = encodeTogether(s, tokens, image, c);
  const state: F = pooled(s, fused, c);
  return {
    ...{ image: seen.states, text: read.states, pooled: state },
    ...(tasks.mim ? { mim: maskedImage(s, pixels, x['hidden']!.asInt(), c) } : {}),
    ...(tasks.mlm ? { mlm: wordLogits(s, fused.text, c) } : {}),
    ...(tasks.itc ? { itc: contrast(s, seen, read, c).loss } : {}),
    ...(tasks.itm ? { itm: matchLogits(s, state, c) } : {}),
    ...(tasks.vqa === undefined ? {} : { vqa: answerLogits(s, state, c) }),
    ...(tasks.nlvr2 ? { nlvr2: statement(s, tokens, [pixels, pixels], c) } : {}),
  };
}
