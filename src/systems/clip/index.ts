/** CLIP as a system of the registry: its definition, whole. */
import { z } from 'zod';
import type { CaptionedImages, ImageNeeds } from '../../kinds/index.ts';
import { type Activation, activations } from '../../nn/index.ts';
import { type DefinedSystem, defineSystem } from '../define.ts';
import { type ClipConfig, clip, forSize, variants } from './clip.ts';
import { largest } from './config-numbers.ts';
import { type ClipParts, huggingFaceLayout, openClipLayout } from './layouts.ts';
import { openClip } from './open.ts';
import { clipTraining } from './training.ts';

const count = (most: number): z.ZodInt => z.int().positive().max(most);
const tower = {
  width: count(largest.width),
  depth: count(largest.depth),
  heads: count(largest.heads),
  hidden: count(largest.hidden),
  activation: z.enum(Object.keys(activations) as [Activation, ...Activation[]]),
  epsilon: z.number().positive().max(1),
  layerScale: z.number().positive().optional(),
};

/** Bounds of a config, in whatever file it was. */
const config: z.ZodType<ClipConfig> = z.strictObject({
  embed: count(largest.embed),
  visual: z.strictObject({
    ...tower,
    size: count(largest.size),
    patch: count(largest.patch),
    stages: z.array(count(largest.width)).max(largest.stages).optional(),
  }) as z.ZodType<ClipConfig['visual']>,
  text: z.strictObject({
    ...tower,
    vocabulary: count(largest.vocabulary),
    context: count(largest.context),
    eot: z.union([z.int().nonnegative(), z.literal('largest')]),
    bag: z.literal(true).optional(),
  }) as z.ZodType<ClipConfig['text']>,
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
      tokens: { dtype: 'int32', shape: [1, 2] }, // parameters are the same for any length
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
