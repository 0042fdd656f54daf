/** CLIP as a system of the registry: its definition, whole. */
import { z } from 'zod';
import type { CaptionedImages, ImageNeeds } from '../../kinds/index.ts';
import { type DefinedSystem, defineSystem } from '../define.ts';
import { type ClipConfig, clip, forSize, variants } from './clip.ts';
import { type ClipParts, huggingFaceLayout, openClipLayout } from './layouts.ts';
import { openClip } from './open.ts';
import { clipTraining } from './training.ts';

const size = z.int().positive();
const tower = { width: size.max(2 ** 16), depth: size.max(1000), heads: size.max(1024), hidden: size.max(2 ** 18) };

/** Bounds of a config: larger ones are no CLIP, and would cost hours before anything else failed. */
const config: z.ZodType<ClipConfig> = z.strictObject({
  embed: size.max(2 ** 16),
  activation: z.enum(['gelu', 'gelu-tanh', 'quick-gelu', 'relu', 'silu', 'squared-relu']) as z.ZodType<
    ClipConfig['activation']
  >,
  epsilon: z.number().positive().max(1),
  visual: z.strictObject({
    ...tower,
    size: size.max(2 ** 14),
    patch: size.max(2 ** 12),
    stages: z.array(size).optional(),
  }) as z.ZodType<ClipConfig['visual']>,
  text: z.strictObject({
    ...tower,
    vocabulary: size.max(2 ** 24),
    context: size.max(2 ** 16),
    eot: z.union([z.int().nonnegative(), z.literal('largest')]),
  }),
});

export const clipSystem: DefinedSystem<ClipConfig, ClipParts, CaptionedImages, ImageNeeds> = defineSystem({
  id: 'clip',
  title: 'CLIP: pictures and sentences in one space',
  paper: 'Radford et al. 2021, arXiv 2103.00020',
  variants,
  config,
  layouts: [huggingFaceLayout, openClipLayout],
  model: {
    inputs: (c) => ({
      image: { dtype: 'float32', shape: [1, 3, c.visual.size, c.visual.size] },
      tokens: { dtype: 'int32', shape: [1, c.text.context] },
    }),
    trace: (s, x, c) => {
      const { scale } = clip(s, { image: x['image']!.asFloat(), tokens: x['tokens']!.asInt() }, c);
      return { scale };
    },
  },
  resized: forSize,
  open: openClip,
  training: clipTraining,
});
