/** ViLT as a system of the registry: its definition, whole. */
import { BowError } from '../../base/index.ts';
import type { InputSpec, Scope, Tensor } from '../../engine/index.ts';
import type { ImageNeeds, ImageTasks } from '../../kinds/index.ts';
import { type DefinedSystem, defineSystem } from '../define.ts';
import { type ViltConfig, variants } from './config.ts';
import { configSchema } from './config-bounds.ts';
import { answerLogits, matchLogits, pool, rankScore, statementLogits, wordLogits } from './heads.ts';
import { huggingFaceLayout, officialLayout, type ViltParts } from './layouts.ts';
import { openVilt } from './open.ts';
import { viltTraining } from './training.ts';
import { embedImage, embedText, fuse } from './vilt.ts';

/** The smallest inputs: parameters are the same for texts and images of any length and size. */
function inputs(c: ViltConfig): Record<string, InputSpec> {
  const { patch } = c.image;
  return {
    image: { dtype: 'float32', shape: [1, 3, patch, patch] },
    tokens: { dtype: 'int32', shape: [1, 2] },
  };
}

/** Every head on one pair. */
function trace(s: Scope, x: Record<string, Tensor>, c: ViltConfig): Record<string, Tensor> {
  const [image, tokens] = [{ image: x['image']!.asFloat() }, x['tokens']!.asInt()];
  const text = embedText(s, { tokens }, c);
  const y = fuse(s, text, embedImage(s, image, c), c, 'text');
  const first = pool(s, y, c);
  const { tasks } = c;
  return {
    first,
    ...(tasks.mlm ? { words: wordLogits(s, y, c) } : {}),
    ...(tasks.itm ? { match: matchLogits(s, first, c) } : {}),
    ...(tasks.rank ? { rank: rankScore(s, first, c) } : {}),
    ...(tasks.answers ? { answers: answerLogits(s, first, c) } : {}),
    ...(c.modalities === 3 ? { second: pool(s, fuse(s, text, embedImage(s, image, c, 'second'), c, 'first'), c) } : {}),
    ...(tasks.statements ? { truth: statementLogits(s, first, first, c) } : {}),
  };
}

/** The model for images of `size` × `size` pixels: its own size, or one that patches tile. */
function forSize(c: ViltConfig, size: number): ViltConfig {
  const { patch } = c.image;
  if (size % patch === 0) return { ...c, image: { ...c.image, size } };
  throw new BowError('config', `patches of ${patch} pixels do not tile images of ${size}`, {
    place: 'size',
    hint: `a multiple of ${patch}, such as ${patch * Math.max(1, Math.round(size / patch))}`,
  });
}

export const viltSystem: DefinedSystem<ViltConfig, ViltParts, ImageTasks, ImageNeeds> = defineSystem({
  id: 'vilt',
  title: 'ViLT: words and patches in one transformer',
  paper: 'Kim, Son and Kim 2021, arXiv 2102.03334',
  variants,
  config: configSchema,
  layouts: [huggingFaceLayout, officialLayout],
  model: { inputs, trace },
  resized: forSize,
  open: openVilt,
  training: viltTraining,
});
