/** VLMo as a system of the registry: its definition, whole. */
import { z } from 'zod';
import type { ImageNeeds, ImageTasks } from '../../kinds/index.ts';
import { type DefinedSystem, defineSystem } from '../define.ts';
import { forSize, stemPatch, type VlmoConfig, variants } from './config.ts';
import { largest } from './config-file.ts';
import { type VlmoParts, vlmoLayout } from './layouts.ts';
import { vlmo, vlmoInputs } from './model.ts';
import { openVlmo } from './open.ts';
import { vlmoTraining } from './training.ts';

const count = (most: number): z.ZodInt => z.int().positive().max(most);
const on = z.literal(true).optional();

const tasks = z.strictObject({
  mim: z
    .discriminatedUnion('predicts', [
      z.strictObject({ predicts: z.literal('tokens'), vocabulary: count(largest.outputs) }),
      z.strictObject({ predicts: z.literal('pixels') }),
    ])
    .optional(),
  mlm: on,
  itc: z.enum(['both', 'unimodal']).optional(),
  itm: on,
  vqa: count(largest.outputs).optional(),
  nlvr2: on,
});

/** Bounds of a config. */
const config: z.ZodType<VlmoConfig> = z
  .strictObject({
    size: count(largest.size),
    patch: count(largest.patch),
    width: count(largest.width),
    depth: count(largest.depth),
    heads: count(largest.heads),
    hidden: count(largest.hidden),
    fusion: z.int().nonnegative().max(largest.depth),
    textOnly: on,
    positions: z.enum(['relative', 'absolute']),
    layerScale: z.number().positive().optional(),
    dropPath: z.number().nonnegative().lt(1),
    text: z.strictObject({
      vocabulary: count(largest.vocabulary),
      context: z.int().min(3).max(largest.context),
      span: z.int().min(2).max(largest.context),
    }),
    stem: z
      .strictObject({ patch: count(largest.patch), stages: z.array(count(largest.width)).min(1).max(8), depth: count(largest.depth) })
      .optional(),
    tasks,
  })
  .refine((c) => c.size % c.patch === 0, { error: 'patches do not tile the image', path: ['patch'] })
  .refine((c) => !c.stem || stemPatch(c.stem) === c.patch, { error: 'its tokens do not stand for a patch', path: ['stem'] })
  .refine((c) => c.width % c.heads === 0, { error: 'heads do not divide the width', path: ['heads'] })
  .refine((c) => c.fusion <= c.depth, { error: 'no such layer', path: ['fusion'] })
  .refine((c) => c.text.span >= c.text.context, { error: 'shorter than the texts', path: ['text', 'span'] }) as z.ZodType<VlmoConfig>; // biome-ignore format: one line

export const vlmoSystem: DefinedSystem<VlmoConfig, VlmoParts, ImageTasks, ImageNeeds> = defineSystem({
  id: 'vlmo',
  title: 'VLMo: one network that encodes images and texts apart or together',
  paper: 'Bao et al. 2021, arXiv 2111.02358',
  variants,
  config,
  layouts: [vlmoLayout],
  model: { inputs: vlmoInputs, trace: vlmo },
  resized: forSize,
  open: openVlmo,
  training: vlmoTraining,
});
