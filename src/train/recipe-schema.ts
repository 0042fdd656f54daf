/**
 * A recipe is everything that decides the result of a training run: same recipe, same data, same bits. It is written beside every checkpoint.
 * Unknown keys are refused with the nearest name; every key has its default here, which is the documentation of the defaults.
 */
import { z } from 'zod';
import type { Json, JsonTree } from './json-tree.ts';

const count = z.int().positive();
const rate = z.number().nonnegative();

/** Factors by path pattern (`*` within a level, `**` across levels); the first that matches counts, 1 where none does. */
const factors = z.record(z.string().min(1), rate);

const clipNorm = z.number().positive().nullable();

/** Adam with decoupled weight decay. Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2; defaults as in PyTorch. */
const adamw = z.strictObject({
  name: z.literal('adamw'),
  lr: rate.default(1e-3),
  betas: z.tuple([rate.lt(1), rate.lt(1)]).default([0.9, 0.999]),
  eps: rate.default(1e-8),
  weightDecay: rate.default(0.01),
  /** Factors on the learning rate. */
  lrScale: factors.default({}),
  /** Factor on the learning rate for every layer further from the head; null: all learn alike. */
  layerDecay: rate.max(1).nullable().default(null),
  /** Factors on the weight decay; without any, only tensors of two and more axes decay. */
  decay: factors.default({}),
  /** Gradients are scaled down to this global norm; null leaves them. */
  clipNorm: clipNorm.default(1),
});

/** Kingma & Ba 2015, arXiv:1412.6980, algorithm 1. */
const adam = adamw.omit({ weightDecay: true, decay: true }).extend({ name: z.literal('adam') });

/** Stochastic gradient descent with (Nesterov) momentum as PyTorch writes it. */
const sgd = z.strictObject({
  name: z.literal('sgd'),
  lr: rate.default(0.1),
  momentum: rate.max(1).default(0),
  nesterov: z.boolean().default(false),
  weightDecay: rate.default(0),
  lrScale: factors.default({}),
  decay: factors.default({}),
  clipNorm: clipNorm.default(null),
});

const clipless = { clipNorm: true } as const;

const warmup = z.int().nonnegative().default(0);
const final = rate.max(1).default(0);

/** The learning rate over the steps, as a share of `optimizer.lr`: a linear warm-up of `warmup` steps, then the named curve down to `final`. */
const schedule = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('constant'), warmup }),
  z.strictObject({ name: z.literal('linear'), warmup, final }),
  z.strictObject({ name: z.literal('cosine'), warmup, final }),
]);

/** Parameters with an optimiser of their own. Clipping is not theirs: there is one norm of all gradients, `optimizer.clipNorm`. */
const group = z.strictObject({
  /** Path patterns. A parameter belongs to the first group that matches it; those of no group have `optimizer`. */
  params: z.array(z.string().min(1)).min(1),
  optimizer: z
    .discriminatedUnion('name', [adamw.omit(clipless), adam.omit(clipless), sgd.omit(clipless)])
    .prefault({ name: 'adamw' }),
  /** Null: the recipe's schedule, as a share of the group's own `lr`. */
  schedule: schedule.nullable().default(null),
  /** Steps for which the group stays as it is, moments included. */
  freezeSteps: z.int().nonnegative().default(0),
});

/** Low-rank adaptation of linear layers (Hu et al. 2021, arXiv:2106.09685): only the adapter's matrices and `train` are trained. */
const lora = z.strictObject({
  /** Path patterns of the layers that get an adapter. */
  layers: z.array(z.string().min(1)).min(1),
  rank: count.default(8),
  /** The adapter's output is multiplied by alpha/rank; null: by 1. */
  alpha: z.number().positive().nullable().default(null),
  dropout: rate.max(1).default(0),
  /** Path patterns of parameters that are trained in full besides. */
  train: z.array(z.string().min(1)).default([]),
});

/** Which evaluated metric makes a checkpoint the best, and when to give up. */
const select = z.strictObject({
  /** Null: the trainable's own metric, else the loss. */
  metric: z.string().nullable().default(null),
  mode: z.enum(['min', 'max']).nullable().default(null),
  /** Evaluations without improvement after which the run ends; null trains on. */
  patience: count.nullable().default(null),
  /** An improvement must be larger than this. */
  minDelta: rate.default(0),
});

const log = z.strictObject({
  /** Steps between lines of the logs. */
  every: count.default(10),
  jsonl: z.boolean().default(true),
  tensorboard: z.boolean().default(true),
});

const shape = {
  /** Id of the system that is trained. */
  system: z.string().min(1),
  /** Row of the system's variant table. */
  variant: z.string().min(1).default('tiny'),
  /** A checkpoint that the weights start from: a folder, or a name on the hub; null starts from nothing. */
  from: z.string().min(1).nullable().default(null),
  /**
   * A trained convolutional tower that the model's own tower or stem starts from, where the weights do not come `from` a checkpoint: `eyes` is the one
   * of the package, else a folder with a `model.safetensors`; null: initial values.
   */
  eyes: z.string().min(1).nullable().default(null),
  /** Trains this one of the system's stages alone; null trains them all, one after another. */
  stage: z.string().min(1).nullable().default(null),
  /** What differs in single stages: part of a recipe by the stage's id. */
  stages: z.record(z.string(), z.record(z.string(), z.json())).nullable().default(null),
  /** Samples in one forward pass. */
  batchSize: count.default(32),
  /**
   * Samples encoded at a time where the loss compares all samples of a batch (contrastive losses): the same result in less memory, for a third
   * more arithmetic (gradient caching, Gao et al. 2021, arXiv:2101.06983). It divides `batchSize`; null encodes the batch at once.
   */
  chunk: count.nullable().default(null),
  /** Batches whose gradients are averaged for one step. */
  accumulate: count.default(1),
  /** Length of the run in optimiser steps; or give `epochs`. */
  steps: count.optional(),
  /** Length of the run in passes over the data; needs a source that knows its size. */
  epochs: count.optional(),
  optimizer: z.discriminatedUnion('name', [adamw, adam, sgd]).prefault({ name: 'adamw' }),
  schedule: schedule.prefault({ name: 'cosine' }),
  /** Parts of the model with other optimisers, rates, schedules. */
  groups: z.array(group).default([]),
  /** Path patterns of parameters that stay as they are. */
  freeze: z.array(z.string().min(1)).default([]),
  /** Low-rank adaptation; null trains the weights themselves. */
  lora: lora.nullable().default(null),
  /** Moving average of the weights: what is evaluated and saved as the model; null keeps none. */
  ema: z
    .strictObject({ decay: rate.max(1).default(0.999) })
    .nullable()
    .default(null),
  /** Steps between evaluations; the last step is always evaluated. */
  evaluateEvery: count.default(500),
  /** Steps between checkpoints; every evaluation that is the best so far writes one too. */
  checkpointEvery: count.default(500),
  /** Checkpoints kept beside the best. */
  keepCheckpoints: count.default(2),
  select: select.prefault({}),
  seed: z.int().nonnegative().default(0),
  /** Type of parameters and arithmetic; float64 is for tests. */
  precision: z.enum(['float32', 'float64']).default('float32'),
  /** CPU threads of the engine; null takes what the machine has. Sums may differ in the last bit between thread counts. */
  threads: count.nullable().default(null),
  /** Batches made ahead of the one in use. */
  prefetch: count.default(2),
  log: log.prefault({}),
};

/** The schema of a recipe, with the system's own description of its `data` key. */
export function recipeSchema(data: z.ZodType<Json>): z.ZodType<Recipe> {
  return z.strictObject({ ...shape, data }).refine((r) => (r.steps === undefined) !== (r.epochs === undefined), {
    error: 'give either steps or epochs',
    path: ['steps'],
  }) as unknown as z.ZodType<Recipe>;
}

const base = z.strictObject(shape);

/** A validated recipe with all defaults filled in. `data`: where the samples come from, as the system describes it. */
export type Recipe = z.output<typeof base> & { readonly data: Json };

/** A recipe as a person writes it: whatever is left out takes its default. */
export type RecipeInput = Partial<z.input<typeof base>> & { readonly data?: JsonTree };
