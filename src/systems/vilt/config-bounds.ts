/** Bounds of a sound config: larger counts are no ViLT, and would cost hours before anything else failed. */
import { z } from 'zod';
import { type Activation, activations } from '../../nn/index.ts';
import type { ViltConfig } from './config.ts';

export const largest = {
  width: 2 ** 14,
  depth: 256,
  heads: 2 ** 10,
  hidden: 2 ** 18,
  size: 2 ** 14,
  patch: 2 ** 12,
  patches: 2 ** 16,
  vocabulary: 2 ** 24,
  context: 2 ** 12,
  types: 2 ** 8,
  answers: 2 ** 20,
  stages: 8,
} as const;

const count = (most: number): z.ZodInt => z.int().positive().max(most);
const share = z.number().min(0).max(1);
const epsilon = z.number().positive().max(1);

/** Bounds of a config, in whatever file it was. */
export const configSchema: z.ZodType<ViltConfig> = z
  .strictObject({
    width: count(largest.width),
    depth: count(largest.depth),
    heads: count(largest.heads),
    hidden: count(largest.hidden),
    activation: z.enum(Object.keys(activations) as [Activation, ...Activation[]]),
    ...{ epsilon, textEpsilon: epsilon, qkvBias: z.boolean(), dropout: share, attentionDropout: share },
    image: z.strictObject({
      size: count(largest.size),
      patch: count(largest.patch),
      stem: z
        .strictObject({
          patch: count(largest.patch),
          stages: z.array(count(largest.width)).min(1).max(largest.stages),
          depth: count(largest.depth),
        })
        .optional(),
      most: count(largest.patches).optional(),
    }) as z.ZodType<ViltConfig['image']>,
    text: z.strictObject({
      vocabulary: count(largest.vocabulary),
      context: count(largest.context).min(3),
      types: count(largest.types),
    }),
    modalities: z.union([z.literal(2), z.literal(3)]),
    tasks: z.strictObject({
      mlm: z.enum(['own', 'tied']).optional(),
      itm: z.literal(true).optional(),
      rank: z.literal(true).optional(),
      answers: count(largest.answers).optional(),
      statements: z.literal(true).optional(),
    }) as z.ZodType<ViltConfig['tasks']>,
  })
  .refine((c) => c.width % c.heads === 0, { path: ['heads'], error: 'the heads do not divide the width' })
  .refine((c) => c.image.patch <= c.image.size, { path: ['image', 'patch'], error: 'a patch larger than the image' })
  .refine(({ image: { patch, stem } }) => !stem || stem.patch * 2 ** (stem.stages.length - 1) === patch, {
    path: ['image', 'stem'],
    error: 'the stages of the stem do not end at the size of a patch',
  })
  .refine((c) => !c.tasks.statements || c.modalities === 3, {
    path: ['modalities'],
    error: 'statements about two images need 3',
  });
