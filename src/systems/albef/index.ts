/** ALBEF as a system of the registry: its definition, whole. */
import { BowError } from '../../base/index.ts';
import type { Scope, Tensor } from '../../engine/index.ts';
import type { ImageNeeds, ImageTasks } from '../../kinds/index.ts';
import { type DefinedSystem, defineSystem } from '../define.ts';
import {
  assignmentLogits,
  classLogits,
  decodeAnswers,
  encodeImage,
  encodeTokens,
  fuse,
  keptTokens,
  matchLogits,
  projectImage,
  projectText,
  temperatureOf,
  wordLogits,
} from './albef.ts';
import { type AlbefConfig, albefConfig, variants } from './config.ts';
import { type AlbefParts, albefLayout } from './layouts.ts';
import { openAlbef } from './open.ts';
import { albefTraining } from './training.ts';

/** The model for images of `size` × `size` pixels. Error `config` for a size that patches do not tile. */
function forSize(c: AlbefConfig, size: number): AlbefConfig {
  const { patch } = c.visual;
  if (Number.isInteger(size) && size >= patch && size % patch === 0) return { ...c, visual: { ...c.visual, size } };
  throw new BowError('config', `patches of ${patch} pixels do not tile images of ${size}`, {
    place: 'size',
    hint: `a multiple of ${patch}, such as ${patch * Math.max(1, Math.round(size / patch) || 1)}`,
  });
}

/** Everything that a model has, on one image and one text. */
function traceAll(s: Scope, inputs: Record<string, Tensor>, c: AlbefConfig): Record<string, Tensor> {
  const [image, tokens] = [encodeImage(s, inputs['image']!.asFloat(), c), inputs['tokens']!.asInt()];
  const text = encodeTokens(s, tokens, c);
  const keep = keptTokens(tokens, c);
  const fused = fuse(s, { text, keep, images: [image, image] }, c);
  const { contrast, match, words, decoder, classes, assignment } = c.heads;
  return {
    fused,
    ...(contrast
      ? { image: projectImage(s, image, c), text: projectText(s, text, c), temperature: temperatureOf(s, c) }
      : {}),
    ...(match ? { match: matchLogits(s, fused) } : {}),
    ...(words ? { words: wordLogits(s, fused, c) } : {}),
    ...(classes ? { classes: classLogits(s, fused, c) } : {}),
    ...(assignment ? { assignment: assignmentLogits(s, fused) } : {}),
    ...(decoder ? { answers: decodeAnswers(s, tokens, { states: fused, keep }, c) } : {}),
  };
}

export const albefSystem: DefinedSystem<AlbefConfig, AlbefParts, ImageTasks, ImageNeeds> = defineSystem({
  id: 'albef',
  title: 'ALBEF: images and texts aligned, then fused',
  paper: 'Li et al. 2021, arXiv 2107.07651',
  variants,
  config: albefConfig,
  layouts: [albefLayout],
  model: {
    inputs: (c) => ({
      image: { dtype: 'float32', shape: [1, 3, c.visual.size, c.visual.size] },
      tokens: { dtype: 'int32', shape: [1, 2] }, // parameters are the same for any length
    }),
    trace: traceAll,
  },
  resized: forSize,
  open: openAlbef,
  training: albefTraining,
});
