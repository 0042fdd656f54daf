/** The data of CLIP's training, as recipes describe it: the key `data`, and the presets of `bow2bot train clip`. */
import { z } from 'zod';
import type { Json, RecipeInput } from '../train/index.ts';

const count = z.int().positive();

/** Keys that every source has. */
const common = {
  /** Width and height of the images; null: what the variant or the checkpoint sees. */
  size: count.nullable().default(null),
  /** Largest shift of a training image in pixels. */
  shift: z.int().nonnegative().default(2),
  /** Of rendering or of the split. */
  seed: z.int().nonnegative().default(0),
};

const tabletop = z.strictObject({
  source: z.literal('tabletop').default('tabletop'),
  /** Images to train on, and to evaluate on. */
  pictures: count.default(8192),
  validation: count.default(256),
  ...common,
});

/** What a class name is put into when images have no captions of their own (Radford et al. 2021, §3.1.4); the first is what evaluations use. */
const templates = ['a photo of a {}.', 'a picture of a {}.', 'an image of a {}.', 'a {}.', '{}'];

const share = z.number().min(0).max(1).default(0);

/** How far training images are changed at random, as the image room's `Augmentation` says. */
const augment = z.strictObject({
  crop: z.tuple([z.number().positive().max(1), z.number().positive().max(1)]).optional(),
  scale: z.tuple([z.number().positive(), z.number().positive()]).default([1, 1]),
  shift: share,
  rotate: z.number().min(0).max(180).default(0),
  stretch: share,
  flip: share,
  colour: share,
  hue: share,
  grey: share,
});

const pictureKeys = z.strictObject({
  source: z.literal('pictures'),
  /** Folder, COCO .json, .tar, .parquet. */
  path: z.string().min(1),
  format: z.enum(['folder', 'classes', 'coco', 'webdataset', 'parquet']).nullable().default(null),
  /** Column or key of the captions, where it has none of the usual names. */
  captions: z.string().min(1).nullable().default(null),
  /** The share of the images that is held out by hash, or the path of images of their own; 0: no evaluation. */
  validation: z.union([z.number().min(0).lt(1), z.string().min(1)]).default(0.1),
  /** A field whose equal values stay on one side. */
  splitBy: z.string().min(1).nullable().default(null),
  /** Most images to train on and to evaluate on; null: all, and 1,000. */
  limit: count.nullable().default(null),
  gallery: count.default(1000),
  /** How an image becomes a square; null: as the checkpoint was trained, else `crop`. */
  fit: z.enum(['crop', 'pad', 'stretch']).nullable().default(null),
  templates: z.array(z.string().includes('{}')).min(1).default(templates),
  /** Field (or `label`, `caption`) whose equal values show the same: positives of each other. Null: `label` where captions are made of labels. */
  positives: z.string().min(1).nullable().default(null),
  /** Field (or `label`, `caption`) of which every value comes once at most in a batch. */
  distinct: z.string().min(1).nullable().default(null),
  /** Changes of training images, by default open_clip's crop; null: `shift` alone. */
  augment: augment.nullable().prefault({ crop: [0.9, 1] }),
  /** Size of the vocabulary that is learned when a model is trained from scratch; null: the variant's, 4,096 at most. */
  vocabulary: z.int().min(514).nullable().default(null),
  ...common,
});

const pictureSource = pictureKeys.describe('images of your own are named by --data <folder>'); // shown where its keys are used without

const data = z.discriminatedUnion('source', [tabletop, pictureSource]);

export type TabletopData = z.infer<typeof tabletop>;
export type ImageSetData = z.infer<typeof pictureSource>;

/** The schema as recipes take it. */
export const clipDataSchema: z.ZodType<Json> = data as unknown as z.ZodType<Json>;

/** Adam as in the paper (table 18: β₂ 0.98, ε 1e-6 for vision transformers); the rest is for small models on two cores. */
export const clipPresets: Readonly<Record<string, RecipeInput>> = {
  default: {
    steps: 1000,
    batchSize: 64,
    optimizer: { name: 'adamw', lr: 1e-3, betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.1 },
    schedule: { name: 'cosine', warmup: 100 },
    evaluateEvery: 200,
  },
  /** From a checkpoint: the rate of the paper's last epoch at 336 pixels is 2e-5 for batches of 32,768; small batches take less. */
  'fine-tune': {
    steps: 500,
    batchSize: 32,
    optimizer: { name: 'adamw', lr: 1e-5, betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.1 },
    schedule: { name: 'cosine', warmup: 50 },
    evaluateEvery: 100,
  },
  /** LoRA adapters start at zero and take larger steps; they do not decay. */
  lora: {
    steps: 500,
    batchSize: 32,
    optimizer: { name: 'adamw', lr: 5e-4, betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0 },
    schedule: { name: 'cosine', warmup: 50 },
    evaluateEvery: 100,
  },
  /** For `bow2bot data icons`: thousands of drawings, each thing in several styles. Ten minutes on two cores (docs/clip.md, "Icons"). */
  icons: {
    variant: 'icons',
    steps: 1600,
    batchSize: 128,
    optimizer: { name: 'adamw', lr: 1e-3, betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.3 },
    schedule: { name: 'cosine', warmup: 100 },
    evaluateEvery: 400,
    data: {
      distinct: 'concept',
      gallery: 2000,
      augment: { scale: [0.8, 1.1], shift: 0.06, rotate: 8, stretch: 0.1, colour: 0.2, hue: 0.15, grey: 0.1 },
    },
  },
  smoke: { steps: 6, batchSize: 16, evaluateEvery: 6, checkpointEvery: 6, schedule: { name: 'constant' } },
};

/** What a smoke run sees of each source. */
export const smokeData = {
  tabletop: { pictures: 96, validation: 24 },
  pictures: { limit: 96, gallery: 24 },
} as const;
