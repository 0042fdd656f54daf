/** How CLIP is trained: symmetric InfoNCE over batches of images with one caption each. Radford et al. 2021, §2.3–2.5. */
import { BowError } from '../../base/index.ts';
import { clipPreprocessing } from '../../image/index.ts';
import {
  type CaptionedImages,
  captionedImageSources,
  captionedImages,
  type ImageNeeds,
  vocabularySize,
} from '../../kinds/index.ts';
import { trainClipTokenizer } from '../../text/index.ts';
import type { Objective, RecipeInput } from '../../train/index.ts';
import type { ModelParts, Training } from '../definition.ts';
import { type ClipConfig, clipObjective, encodePairs, LARGEST_SCALE, traceClip } from './clip.ts';
import type { ClipParts } from './layouts.ts';

type Adam = Extract<NonNullable<RecipeInput['optimizer']>, { name: 'adamw' }>;

/** Adam as in the paper (table 18: β₂ 0.98, ε 1e-6 for vision transformers). */
const adam = (lr: number, weightDecay: number): Adam => ({
  name: 'adamw',
  lr,
  betas: [0.9, 0.98],
  eps: 1e-6,
  weightDecay,
});

/** Rates and lengths are ours, for small models on two cores. */
const presets: Readonly<Record<string, RecipeInput>> = {
  default: {
    steps: 1000,
    batchSize: 64,
    optimizer: adam(1e-3, 0.1),
    schedule: { name: 'cosine', warmup: 100 },
    evaluateEvery: 200,
  },
  /** From a checkpoint: the rate of the paper's last epoch at 336 pixels is 2e-5 for batches of 32,768; small batches take less. */
  'fine-tune': {
    steps: 500,
    batchSize: 32,
    optimizer: adam(1e-5, 0.1),
    schedule: { name: 'cosine', warmup: 50 },
    evaluateEvery: 100,
  },
  /** LoRA factors start at zero and take larger steps; they do not decay. */
  lora: {
    steps: 500,
    batchSize: 32,
    optimizer: adam(5e-4, 0),
    schedule: { name: 'cosine', warmup: 50 },
    evaluateEvery: 100,
  },
  /** For `bow2bot data icons`: thousands of drawings, each thing in several styles. Ten minutes on two cores (docs/clip.md, "Icons"). */
  icons: {
    variant: 'icons',
    steps: 1600,
    batchSize: 128,
    optimizer: adam(3e-3, 0.3),
    schedule: { name: 'cosine', warmup: 100 },
    evaluateEvery: 400,
    data: {
      distinct: 'concept',
      gallery: 2000,
      smoothing: 0.1,
      augment: {
        ...{ scale: [0.8, 1.1], shift: 0.06, rotate: 8, stretch: 0.1 },
        ...{ stroke: 0.2, colour: 0.2, hue: 0.2, grey: 0.2 },
      },
    },
  },
  /** For scenes of the tabletop: a residual tower that knows single objects already, and a text transformer. */
  scenes: {
    variant: 'scenes',
    eyes: 'eyes',
    steps: 700,
    batchSize: 64,
    optimizer: adam(2e-3, 0.1),
    schedule: { name: 'cosine', warmup: 50 },
    evaluateEvery: 175,
    data: { shift: 4 },
  },
  /** A tower for others to start from: single objects of the tabletop, each in many captions (docs/decisions/0110). */
  eyes: {
    variant: 'eyes',
    steps: 1000,
    batchSize: 64,
    optimizer: adam(2e-3, 0.1),
    schedule: { name: 'cosine', warmup: 50 },
    evaluateEvery: 250,
    data: { single: true, pictures: 12000, shift: 4 },
  },
  smoke: { steps: 6, batchSize: 16, evaluateEvery: 6, checkpointEvery: 6, schedule: { name: 'constant' } },
};

/** The only objective, whole and in two halves (`chunk`); captions of one group belong to all its images. */
function contrastive({ config, parts }: ModelParts<ClipConfig, ClipParts>, data: CaptionedImages): Objective {
  const { smoothing } = data;
  const longest = parts.longest ?? config.text.context;
  return {
    trace: (s, batch) => traceClip(s, batch, config, { smoothing }),
    twoPhase: {
      encode: (s, { image, tokens }) => encodePairs(s, { image: image!.asFloat(), tokens: tokens!.asInt() }, config),
      loss: (s, { image, text }, { group }) =>
        clipObjective(s, { image: image!.asFloat(), text: text!.asFloat() }, group?.asInt(), { smoothing }),
      inputs: data.train.positives ? ['group'] : [],
    },
    ...captionedImageSources(data, {
      size: config.visual.size,
      context: longest,
      tokens: (texts) => parts.tokenizer.rows(texts, longest, { pad: parts.pad }),
      normalisation: parts.pixels,
    }),
  };
}

/** A model for the data: from nothing it learns its vocabulary from the captions; a checkpoint notes how images are fitted from now on. */
function partsFor(
  config: ClipConfig,
  parts: ClipParts | undefined,
  data: CaptionedImages,
): ModelParts<ClipConfig, ClipParts> {
  if (parts) {
    if (data.vocabulary !== null)
      throw new BowError('config', 'a checkpoint has its own vocabulary', { place: 'data.vocabulary' });
    return { config, parts: { ...parts, pixels: { ...parts.pixels, ...data.geometry } } };
  }
  const vocabulary = vocabularySize(data, config.text.vocabulary);
  const tokenizer = trainClipTokenizer(captionedImages.texts(data), { vocabulary });
  return {
    config: { ...config, text: { ...config.text, vocabulary: tokenizer.vocabulary } },
    parts: {
      tokenizer,
      pad: tokenizer.endOfText,
      pixels: { ...clipPreprocessing(config.visual.size), ...data.geometry },
    },
  };
}

export const clipTraining: Training<ClipConfig, ClipParts, CaptionedImages, ImageNeeds> = {
  data: captionedImages,
  presets,
  presetFor: { from: 'fine-tune', lora: 'lora' },
  loraLayers: ['**/attn/q', '**/attn/v'], // Hu et al. 2021, §4.2, table 5
  needs: (config, parts) => ({
    size: config.visual.size,
    ...(parts ? { geometry: { shape: parts.pixels.shape, resample: parts.pixels.resample } } : {}),
  }),
  parts: partsFor,
  stem: ({ visual }) => (visual.stages ? 'visual' : undefined),
  limits: { logit_scale: [0, LARGEST_SCALE] }, // §2.5; the lower bound is open_clip's
  stages: [{ id: 'contrastive', objectives: (model, data) => ({ contrastive: contrastive(model, data) }) }],
  examples: [
    '--data runs/icons/train --validation runs/icons/validation --preset icons',
    '--data shards/ --validation other.tar --set batchSize=256 --set chunk=64',
    '--data photos/ --from openai/clip-vit-base-patch32 --lora 8',
    '--data photos/ --from runs/clip/best --freeze "visual/**" --size 96',
  ],
  card: {
    summary: 'Images and texts in one space: finds images by what is said about them, and names what is on them.',
    pipelineTag: 'zero-shot-image-classification',
  },
};
