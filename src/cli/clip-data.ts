/** Presets of `bow2bot train clip`. */
import type { RecipeInput } from '../train/index.ts';

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
