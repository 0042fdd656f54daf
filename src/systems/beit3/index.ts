/** BEiT-3 as a system of the registry: its definition, whole. */
import { z } from 'zod';
import type { ImageNeeds, ImageTasks } from '../../kinds/index.ts';
import { type DefinedSystem, defineSystem } from '../define.ts';
import { beit3 } from './beit3.ts';
import { type Beit3Config, forSize, variants } from './config.ts';
import { largest } from './config-file.ts';
import { type Beit3Parts, beit3Layout } from './layouts.ts';
import { openBeit3 } from './open.ts';
import { beit3Training } from './training.ts';

const count = (most: number): z.ZodInt => z.int().positive().max(most);
const outputs = count(largest.outputs).optional();

/** Bounds of a config, in whatever file it was. */
const config = z
  .strictObject({
    size: count(largest.size),
    patch: count(largest.patch),
    stem: z
      .strictObject({
        patch: count(largest.patch),
        stages: z.array(count(largest.width)).min(1).max(8),
        depth: count(largest.depth),
      })
      .optional(),
    width: count(largest.width),
    depth: count(largest.depth),
    heads: count(largest.heads),
    hidden: count(largest.hidden),
    vocabulary: count(largest.vocabulary),
    context: count(largest.context).min(4), // two rows that are not read, start and end
    epsilon: z.number().positive().max(1),
    finalNorm: z.boolean(),
    sharedAttention: z.literal(true).optional(),
    fusionLayers: count(largest.depth).optional(),
    dropPath: z.number().min(0).lt(1).optional(),
    tasks: z.strictObject({
      retrieval: z.literal(true).optional(),
      tokens: z.literal(true).optional(),
      answers: outputs,
      pairs: outputs,
      classes: outputs,
      codes: outputs,
    }),
  })
  .refine((c) => c.width % c.heads === 0, { path: ['heads'], message: 'heads divide the width' })
  .refine((c) => !c.stem || c.stem.stages.at(-1) === c.width, {
    path: ['stem', 'stages'],
    message: 'the last stage is as wide as the model',
  })
  .refine((c) => !c.stem || c.stem.patch * 2 ** (c.stem.stages.length - 1) === c.patch, {
    path: ['stem', 'patch'],
    message: 'every further stage doubles the patch, up to that of the model',
  })
  .refine((c) => c.patch <= c.size, { path: ['patch'], message: 'patches are no larger than the image' });

export const beit3System: DefinedSystem<Beit3Config, Beit3Parts, ImageTasks, ImageNeeds> = defineSystem({
  id: 'beit3',
  title: 'BEiT-3: images as a foreign language',
  paper: 'Wang et al. 2022, arXiv 2208.10442',
  variants,
  config: config as z.ZodType<Beit3Config>,
  layouts: [beit3Layout],
  model: {
    inputs: (c) => ({
      image: { dtype: 'float32', shape: [1, 3, c.size, c.size] },
      tokens: { dtype: 'int32', shape: [1, 2] }, // parameters are the same for any length
    }),
    trace: beit3,
  },
  resized: forSize,
  open: openBeit3,
  training: beit3Training,
});
