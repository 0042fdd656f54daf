/** CLIP models for the insights: small, one for every seed, trained once and shared between the experiments. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Rng } from '../base/index.ts';
import type { DenseVectors } from '../capabilities/index.ts';
import { ndarray, Store } from '../engine/index.ts';
import { retrievalMetrics, similarities } from '../evaluate/index.ts';
import { clipPreprocessing, squareGeometry } from '../image/index.ts';
import type { CaptionedImages } from '../kinds/index.ts';
import {
  bindTraining,
  type ClipConfig,
  type ClipModel,
  clipSystem,
  clipTraining,
  type OpenClip,
  openClip,
} from '../systems/index.ts';
import { loadModel, saveModel } from '../systems/node/index.ts';
import { trainClipTokenizer } from '../text/index.ts';
import { parseRecipe, type Recipe, type Trainable, type TrainEvent } from '../train/index.ts';
import { train } from '../train/node/index.ts';
import { type LabPairs, labPairs } from './clip-world.ts';
import { type SeedContext, settingsKey } from './seeds.ts';

/** Everything that decides a trained model but its seed. */
export type LabSettings = {
  readonly model: ClipConfig;
  readonly pictures: number;
  readonly gallery: number;
  /** Share of training images that show one object; galleries show one in a tenth of theirs, since 72 contents are soon used up. */
  readonly solo: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly lr: number;
  readonly warmup: number;
};

const asOpenAI = { activation: 'quick-gelu', epsilon: 1e-5 } as const;

/** Not of the paper: less than `tiny`, so that a seed costs about a minute of one processor core. */
const extraSmall: ClipConfig = {
  embed: 48,
  visual: { size: 48, patch: 8, width: 96, depth: 3, heads: 3, hidden: 384, ...asOpenAI },
  text: { width: 96, depth: 2, heads: 3, hidden: 384, ...asOpenAI, vocabulary: 768, context: 24, eot: 'largest' },
};

const narrow = { width: 24, depth: 1, heads: 2, hidden: 48 };

/** The full experiments, and ones that only show that everything runs. */
export const labSettings: Readonly<Record<'full' | 'smoke', LabSettings>> = {
  full: { model: extraSmall, pictures: 4096, gallery: 256, solo: 0.5, steps: 600, batchSize: 64, lr: 1e-3, warmup: 50 },
  smoke: {
    model: {
      ...extraSmall,
      embed: 16,
      visual: { ...extraSmall.visual, ...narrow, size: 24 },
      text: { ...extraSmall.text, ...narrow },
    },
    ...{ pictures: 96, gallery: 23, solo: 0.5, steps: 6, batchSize: 16, lr: 1e-3, warmup: 2 },
  },
};

/** The images that a seed's model learns from. */
export function labTraining(settings: LabSettings, { seed, signal }: SeedContext): LabPairs {
  const { pictures: count, model, solo } = settings;
  return labPairs({ count, size: model.visual.size, seed: `${seed}/train`, solo, signal });
}

/** Unseen scenes whose contents differ pairwise. */
export function labGallery(settings: LabSettings, { seed, signal }: SeedContext): LabPairs {
  const { gallery: count, model } = settings;
  return labPairs({ count, size: model.visual.size, seed: `${seed}/gallery`, solo: 0.1, distinct: true, signal });
}

/** The parts of a seed's model that are not weights: its vocabulary is learned from its captions. */
function labParts(settings: LabSettings, pairs: LabPairs): Omit<ClipModel, 'store'> {
  const tokenizer = trainClipTokenizer(pairs.captions.flat(), { vocabulary: settings.model.text.vocabulary });
  return {
    config: { ...settings.model, text: { ...settings.model.text, vocabulary: tokenizer.vocabulary } },
    parts: { tokenizer, pad: tokenizer.endOfText, pixels: clipPreprocessing(settings.model.visual.size) },
  };
}

/** Pairs as the trainer takes them; nothing is held out. */
function labData(pairs: LabPairs): CaptionedImages {
  return {
    ...{
      train: pairs,
      validation: undefined,
      geometry: squareGeometry(pairs.width),
      shift: 2,
      captionsFromLabels: false,
      templates: [],
    },
    ...{ vocabulary: null, vocabularyLimit: 768, skipped: [] },
  };
}

/** How the lab trains: the paper's Adam (table 18) with rates of our own. One thread, so that the same seed gives the same bits on every machine. */
export function labRecipe(settings: LabSettings, system: string, seed: number): Recipe {
  const { steps, batchSize, lr, warmup } = settings;
  return parseRecipe({
    ...{ system, variant: 'extra-small', steps, batchSize, threads: 1, seed },
    optimizer: { name: 'adamw', lr, betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.1 },
    schedule: { name: 'cosine', warmup },
    ...{ evaluateEvery: steps, checkpointEvery: 100, keepCheckpoints: 1, log: { jsonl: false, tensorboard: false } },
  });
}

/** Trains a task, its steps shown as progress; with a folder it resumes where an earlier process stopped. */
export async function trainInLab(
  task: Trainable,
  recipe: Recipe,
  { seed, signal, onProgress }: SeedContext,
  o: { readonly name: string; readonly folder?: string; readonly store?: Store },
): Promise<Store> {
  const total = recipe.steps;
  const onEvent = (e: TrainEvent): void => {
    if (e.type !== 'step-end') return;
    onProgress?.({ task: `${o.name}, seed ${seed}`, done: e.step, ...(total ? { total } : {}), unit: 'steps' });
  };
  const result = await train(task, recipe, {
    ...(o.folder === undefined ? {} : { folder: o.folder, resume: true }),
    ...(o.store ? { store: o.store } : {}),
    ...(signal ? { signal } : {}),
    device: 'cpu',
    onEvent,
  });
  return result.store;
}

/** Captions assigned to images at random: all that can be learned is what captions and images are like, not which belong together. */
function shuffledPairs(pairs: LabPairs, seed: number): LabPairs {
  const order = new Rng(`${seed}/shuffled`).shuffle(pairs.captions.map((_, i) => i));
  return { ...pairs, captions: order.map((i) => pairs.captions[i]!) };
}

/**
 * How a model was trained: on the pairs; on pairs that do not belong together; or on the pairs with the logit scale held at 100, which is where the
 * paper's models end and where Liang et al. 2022 measured (§2.5: "clipped to prevent scaling the logits by more than 100").
 */
export type TrainingRegime = 'clip' | 'shuffled' | 'cold';

const names: Readonly<Record<TrainingRegime, string>> = {
  clip: 'CLIP',
  shuffled: 'CLIP on shuffled pairs',
  cold: 'CLIP at temperature 0.01',
};

/** The seed's trained model, kept in the work folder. */
export async function labModel(
  settings: LabSettings,
  context: SeedContext,
  kind: TrainingRegime = 'clip',
): Promise<ClipModel> {
  const { seed, work } = context;
  const folder = join(work, 'models', settingsKey(settings), `${kind}-${seed}`);
  if (!existsSync(join(folder, 'config.json'))) {
    const pairs = labTraining(settings, context);
    const parts = labParts(settings, pairs);
    const shown = kind === 'shuffled' ? shuffledPairs(pairs, seed) : pairs;
    const recipe = labRecipe(settings, 'clip', seed);
    const store = new Store(seed);
    if (kind === 'cold') store.set('logit_scale', ndarray('float32', [], [Math.log(100)]));
    await trainInLab(
      await bindTraining(clipSystem.definition, clipTraining, parts, labData(shown)),
      kind === 'cold' ? { ...recipe, freeze: ['logit_scale'] } : recipe,
      context,
      { name: names[kind], folder: `${folder}.run`, store },
    );
    await saveModel(clipSystem, folder, { ...parts, store });
    await rm(`${folder}.run`, { recursive: true, force: true });
  }
  return loadModel(clipSystem, folder);
}

/** The same model with the weights it started from, or might have. */
export function untrained(model: ClipModel, seed: number): ClipModel {
  const store = new Store(`${seed}/untrained`);
  store.set('logit_scale', ndarray('float32', [], [Math.log(1 / 0.07)]));
  return { ...model, store };
}

/** Opens a model on one thread for as long as `use` runs. */
export async function withClip<T>(model: ClipModel, use: (clip: LabClip) => Promise<T>): Promise<T> {
  const system = openClip(model, { threads: 1, device: 'cpu' });
  try {
    return await use(system as LabClip);
  } finally {
    await system.close();
  }
}

/** CLIP gives dense vectors. */
export type LabClip = Omit<OpenClip, 'encodeText' | 'encodeImages'> & {
  encodeText(texts: readonly string[]): Promise<DenseVectors>;
  encodeImages(images: Parameters<OpenClip['encodeImages']>[0]): Promise<DenseVectors>;
};

/** Share of queries whose nearest row of the gallery is the one of the same number. */
export function recallAt1(queries: DenseVectors, gallery: DenseVectors): number {
  return retrievalMetrics('to', similarities(queries, gallery))['to_R@1']!;
}

/** Row `i` of vectors, as a view. */
export function vectorRow(v: DenseVectors, i: number): Float32Array {
  return v.data.subarray(i * v.width, (i + 1) * v.width);
}
