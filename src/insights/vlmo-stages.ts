/**
 * VLMo's order of stages where pairs are few: images alone, then texts alone with the attention that images taught kept as it is, then pairs. Bao et al.
 * 2021, arXiv:2111.02358, §2.3. The arms have equal steps on pairs, and equal steps on images and on texts where they have them.
 */
import { join } from 'node:path';
import { Rng } from '../base/index.ts';
import { type NdArray, Store } from '../engine/index.ts';
import { imagesOf, queryOf } from '../evaluate/index.ts';
import { squareGeometry } from '../image/index.ts';
import type { ImageTasks, TaskSide } from '../kinds/index.ts';
import { bindTraining, type OpenVlmo, type VlmoConfig, type VlmoModel, vlmoSystem, vlmoTraining } from '../systems/index.ts'; // biome-ignore format: one line
import { parseRecipe } from '../train/index.ts';
import { train } from '../train/node/index.ts';
import { recallAt1 } from './clip-lab.ts';
import { className, type LabPairs, labPairs } from './clip-world.ts';
import type { Arm, Check, Insight, InsightOptions, InsightResult } from './insight.ts';
import { eachSeed, type SeedContext, settingsKey, trialNote } from './seeds.ts';
import { mean, paired, signed } from './statistics.ts';

type StageId = 'image' | 'text' | 'pairs';

/** Everything that decides the experiment but its seeds. `images`: without captions; `scenes`: said without an image; `pairs`: both. */
type Settings = {
  readonly model: VlmoConfig;
  readonly images: number;
  readonly scenes: number;
  readonly pairs: number;
  readonly gallery: number;
  readonly batchSize: number;
  readonly steps: Readonly<Record<StageId, number>>;
  readonly lr: number;
};

const full: Settings = {
  model: {
    ...{ size: 48, patch: 16, width: 64, depth: 3, heads: 4, hidden: 128, fusion: 2, positions: 'relative' },
    ...{ layerScale: 1, dropPath: 0 },
    text: { vocabulary: 256, context: 12, span: 12 },
    stem: { patch: 4, stages: [24, 48, 64], depth: 1 },
    tasks: { mim: { predicts: 'pixels' } },
  },
  ...{ images: 1024, scenes: 1024, pairs: 512, gallery: 64, batchSize: 16, lr: 2e-3 },
  steps: { image: 200, text: 250, pairs: 160 },
};

const smoke: Settings = {
  ...full,
  model: { ...full.model, size: 32, width: 16, hidden: 24, stem: { patch: 4, stages: [6, 8, 8], depth: 1 } },
  ...{ images: 32, scenes: 32, pairs: 24, gallery: 9, batchSize: 8, steps: { image: 3, text: 3, pairs: 3 } },
};

/** The arms with the stages before the pairs. `random` has attention at its initial values frozen, where `staged` has that of images. */
const arms: Readonly<Record<string, readonly StageId[]>> = {
  staged: ['image', 'text'],
  image: ['image'],
  pairs: [],
  random: ['text'],
};
const armNames: Readonly<Record<string, string>> = {
  staged: 'images, texts, pairs',
  image: 'images, pairs',
  pairs: 'pairs alone',
  random: 'texts on attention at random, pairs',
};

/** A seed's corpora: each stage sees what is its own. */
type Corpora = { readonly data: Readonly<Record<StageId, ImageTasks>>; readonly gallery: LabPairs };

const asSide = ({ scenes: _, ...pairs }: LabPairs): TaskSide => ({ ...pairs, questions: [] });

function corporaOf(settings: Settings, { seed, signal }: SeedContext): Corpora {
  const { size } = settings.model;
  const made = (name: string, count: number, distinct = false): LabPairs =>
    labPairs({ count, size, seed: `${seed}/vlmo/${name}`, solo: 1, distinct, signal }); // one object: pairs of two take longer than minutes
  const gallery = made('gallery', settings.gallery, true);
  const data = (train: LabPairs): ImageTasks => ({
    ...{ train: asSide(train), validation: asSide(gallery), geometry: squareGeometry(size, 'stretch'), shift: 2 },
    ...{ captionsFromLabels: false, templates: [], vocabulary: null, vocabularyLimit: 256, skipped: [], answers: [] },
  });
  return {
    gallery,
    data: {
      image: data(made('images', settings.images)),
      text: data(made('scenes', settings.scenes)),
      pairs: data(made('pairs', settings.pairs)),
    },
  };
}

type Lab = { readonly settings: Settings; readonly context: SeedContext; readonly corpora: Corpora; readonly model: Omit<VlmoModel, 'store'> }; // biome-ignore format: one line

/** What a stage came to: weights without the state of its training, and what was evaluated at its end. */
type Trained = { readonly store: Store; readonly metrics: Readonly<Record<string, number>> };

async function trainStage(lab: Lab, id: StageId, name: string, from: Store | undefined): Promise<Trained> {
  const { settings, context, corpora, model } = lab;
  const { seed, work, signal, onProgress } = context;
  const stage = vlmoTraining.stages.find((s) => s.id === id)!;
  const task = await bindTraining(vlmoSystem.definition, vlmoTraining, model, corpora.data[id], { ...stage, benchmarks: () => [] }); // biome-ignore format: one line
  const steps = settings.steps[id];
  const recipe = parseRecipe({
    ...{ system: 'vlmo', steps, batchSize: settings.batchSize, threads: 1, seed, freeze: [...(stage.freeze ?? [])] },
    optimizer: { name: 'adamw', lr: settings.lr, betas: [0.9, 0.98], weightDecay: 0.01 },
    schedule: { name: 'linear', warmup: Math.ceil(steps / 10) },
    ...{ evaluateEvery: steps, checkpointEvery: steps, keepCheckpoints: 1, log: { jsonl: false, tensorboard: false } },
  });
  const start = weightsOf(from, seed);
  stage.convert?.(start, model.config);
  const { store, metrics } = await train(task, recipe, {
    folder: join(work, 'models', settingsKey(settings), `vlmo-${seed}`, `${name}-${id}`),
    ...{ resume: true, store: start, device: 'cpu' },
    ...(signal ? { signal } : {}),
    onEvent: (e) => {
      if (e.type === 'step-end') onProgress?.({ task: `${armNames[name]}: ${id}, seed ${seed}`, done: e.step, total: steps, unit: 'steps' }); // biome-ignore format: one line
    },
  });
  return { store: weightsOf(store, seed), metrics };
}

/** A store of the seed with the weights of another, without moments and counters. */
function weightsOf(from: Store | undefined, seed: number): Store {
  const store = new Store(seed);
  for (const [path, array, kind] of from?.entries('param', 'buffer') ?? [])
    store.set(path, { ...array, data: array.data.slice() } as NdArray, kind);
  return store;
}

/** What is measured of an arm. */
type Measured = { readonly recall: number; readonly match: number; readonly words: number };

async function measured(lab: Lab, { store, metrics }: Trained): Promise<Measured> {
  const { gallery } = lab.corpora;
  const open = vlmoSystem.definition.open({ ...lab.model, store }, { threads: 1, device: 'cpu' }) as Required<OpenVlmo>;
  try {
    const images = await open.encodeImages(imagesOf(gallery));
    const texts = await open.encodeText(gallery.captions.map((_, i) => queryOf(gallery, i)));
    if (!('width' in images && 'width' in texts)) throw new TypeError('VLMo gives dense vectors');
    return {
      recall: (recallAt1(texts, images) + recallAt1(images, texts)) / 2,
      match: await matchAccuracy(open, gallery),
      words: metrics['eval/mlm_accuracy']!,
    };
  } finally {
    await open.close();
  }
}

/** Share of images for which the fusion encoder prefers the caption to one with another colour. */
async function matchAccuracy(open: Required<OpenVlmo>, gallery: LabPairs): Promise<number> {
  const rng = new Rng('foils');
  const foil = (i: number): string => {
    const objects = gallery.scenes[i]!.objects;
    const colours = gallery.scenes.flatMap((s) => s.objects.map((o) => o.colour));
    const other = rng.pick(colours.filter((colour) => objects.every((o) => o.colour !== colour)));
    return objects.map((o, k) => className(k === 0 ? { ...o, colour: other } : o)).join(' and ');
  };
  const images = imagesOf(gallery);
  const right = await open.scorePairs(images.map((image, i) => ({ image, text: queryOf(gallery, i) })));
  const wrong = await open.scorePairs(images.map((image, i) => ({ image, text: foil(i) })));
  return mean(Array.from(right, (x, i) => Number(x > wrong[i]!)));
}

/** A seed's figures by arm; `text`: words found by the text stage alone. */
type SeedResult = Record<string, Measured & { readonly text?: number }>;

async function measure(settings: Settings, context: SeedContext): Promise<SeedResult> {
  const corpora = corporaOf(settings, context);
  const { config, parts } = vlmoTraining.parts(settings.model, undefined, corpora.data.text);
  const lab: Lab = { settings, context, corpora, model: { config, parts } };
  const image = await trainStage(lab, 'image', 'image', undefined);
  const result: SeedResult = {};
  for (const [arm, before] of Object.entries(arms)) {
    let at: Trained | undefined = before.includes('image') ? image : undefined;
    const text = before.includes('text') ? await trainStage(lab, 'text', arm, at?.store) : undefined;
    at = text ?? at;
    const store = weightsOf(at?.store, context.seed);
    if (!text) vlmoTraining.stages.find((s) => s.id === 'text')!.convert?.(store, config); // what follows images follows them directly
    const pairs = await trainStage(lab, 'pairs', arm, store);
    result[arm] = { ...(await measured(lab, pairs)), ...(text ? { text: text.metrics['eval/mlm_accuracy']! } : {}) };
  }
  return result;
}

const metricNames = {
  recall: 'R@1, both ways',
  match: 'right caption, not one with another colour',
  words: 'hidden words found beside the image',
  text: 'hidden words found after the text stage',
} as const;

async function run(o: InsightOptions): Promise<InsightResult> {
  const settings = o.smoke ? smoke : full;
  const seeds = await eachSeed('vlmo-stages', settings, o, (context) => measure(settings, context));
  const of = (arm: string, key: keyof typeof metricNames): number[] => seeds.map((s) => s[arm]![key]!);
  const found: Arm[] = Object.entries(metricNames).flatMap(
    ([key, metric]) =>
    Object.keys(arms)
      .filter((arm) => seeds.every((s) => s[arm]![key as keyof typeof metricNames] !== undefined))
      .map((arm) => ({ name: armNames[arm]!, metric, values: of(arm, key as keyof typeof metricNames), ...(arm === 'random' ? { control: true } : {}) })), // biome-ignore format: one line
  );
  const { pairs, gallery } = settings;
  const notes = [`${pairs} pairs; chance: R@1 ${(1 / gallery).toFixed(4)}, right caption 0.5`, ...trialNote(o)];
  return { arms: found, checks: checksOf(of), notes };
}

function checksOf(of: (arm: string, key: keyof typeof metricNames) => number[]): Check[] {
  const better = (a: string, b: string, key: keyof typeof metricNames): Check => {
    const difference = paired(of(a, key), of(b, key));
    return { says: `${metricNames[key]}: “${armNames[a]}” beats “${armNames[b]}”, ${signed(difference)}`, holds: difference.low > 0 }; // biome-ignore format: one line
  };
  return [
    better('image', 'pairs', 'recall'),
    better('staged', 'image', 'recall'),
    better('staged', 'pairs', 'match'),
    better('staged', 'random', 'recall'),
    better('staged', 'random', 'text'),
  ];
}

/** The experiment. */
export const vlmoStages: Insight = {
  id: 'vlmo-stages',
  title: 'Images, then texts, then pairs',
  claim:
    'Where pairs are few, a network that first learns from images alone, then from texts alone with its attention frozen, is better than one that learns from pairs alone or after images only; and it is the attention learned from images that serves the texts.',
  source: 'Bao et al. 2021, arXiv 2111.02358, section 2.3 and its ablation of stagewise pre-training',
  long: true,
  run,
};
