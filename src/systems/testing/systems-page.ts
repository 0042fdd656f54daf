/** What Node and a page do with systems in ../browser.test.ts. */
import { hash32 } from '../../base/index.ts';
import { can, type RgbImage } from '../../capabilities/index.ts';
import { type ImageTextPairs, tabletopPairs } from '../../data/index.ts';
import { type NdArray, Store } from '../../engine/index.ts';
import { encodeSafetensors, type ModelFiles, memoryFiles } from '../../hub/index.ts';
import { tabletopData } from '../../kinds/index.ts';
import {
  type MemoryStorage,
  memoryStorage,
  parseRecipe,
  type Recipe,
  type Trainable,
  train,
} from '../../train/index.ts';
import { type ClipConfig, variants } from '../clip/clip.ts';
import { clipSystem } from '../clip/index.ts';
import { clipTraining } from '../clip/training.ts';
import { bindTraining } from '../define.ts';
import { openFiles } from '../registry.ts';
import { fitTfIdf } from '../tf-idf.ts';

/** Bits of what must not differ, and numbers that may in their last digits. */
export type Outcome = {
  readonly bits: Readonly<Record<string, number>>;
  readonly numbers: Readonly<Record<string, readonly number[]>>;
};

const config: ClipConfig = {
  ...variants.tiny,
  embed: 7,
  visual: { ...variants.tiny.visual, size: 16, patch: 8, width: 12, depth: 1, heads: 3, hidden: 24 },
  text: { ...variants.tiny.text, width: 8, depth: 1, heads: 2, hidden: 16, context: 13 },
};

const [size, threads] = [16, 1];

/** Trains on a tabletop made on the spot, keeps the checkpoint in memory, opens it from there and encodes with it. */
export async function learn(): Promise<Outcome> {
  const pairs = await tabletopPairs({ count: 24, size });
  const held = await tabletopPairs({ count: 8, size, split: 'validation', distinct: true });
  const data = tabletopData(pairs, held, { shift: 1 });
  const model = clipTraining.parts(config, undefined, data);
  const trainable = await bindTraining(clipSystem.definition, clipTraining, model, data);
  const rate = { evaluateEvery: 4, schedule: { name: 'constant' }, log: { every: 1 } };
  const recipe = parseRecipe({ system: 'clip', steps: 4, batchSize: 8, threads, ...rate });
  const [store, storage] = [new Store(recipe.seed), memoryStorage()];
  let initial = 0;
  const { metrics } = await train(trainable, recipe, {
    ...{ store, storage, device: 'cpu' },
    onEvent: (e) => {
      if (e.type === 'run-start') initial = bitsOf([...store.entries()]);
    },
  });
  return {
    bits: {
      images: hash32(pairs.pixels),
      captions: hash32(JSON.stringify(pairs.captions)),
      settings: hash32(JSON.stringify([trainable.config, trainable.files, trainable.fingerprint])),
      initial,
      batches: await batchBits(trainable, recipe),
    },
    numbers: {
      losses: [...storage.log.flatMap((line) => line['train/loss'] ?? []), metrics['eval/loss'] ?? Number.NaN],
      vectors: await vectors(filesOf(storage), held.captions.map((list) => list[0]!), imagesOf(held)), // biome-ignore format: one line
    },
  };
}

/** The last checkpoint as the files of a model. */
function filesOf({ checkpoints }: MemoryStorage): ModelFiles {
  const { config, model, files } = checkpoints.last!.content;
  return memoryFiles({
    ...files,
    'config.json': JSON.stringify(config),
    'model.safetensors': encodeSafetensors(model),
  });
}

function imagesOf({ count, width, height, pixels }: ImageTextPairs): RgbImage[] {
  const bytes = 3 * width * height;
  return Array.from({ length: count }, (_, i) => ({ width, height, data: pixels.slice(i * bytes, (i + 1) * bytes) }));
}

/** Vectors of texts and images, asked for at once. */
async function vectors(files: ModelFiles, texts: readonly string[], images: readonly RgbImage[]): Promise<number[]> {
  const system = await openFiles(files, { device: 'cpu', threads });
  if (!can(system, 'encodeText', 'encodeImages')) throw new Error('what opens is no CLIP');
  const found = await Promise.all([system.encodeText(texts), system.encodeImages(images)]);
  await system.close();
  return found.flatMap(({ data }) => [...data]);
}

/** A hash of arrays by name. */
function bitsOf(arrays: readonly (readonly [string, NdArray, ...unknown[]])[]): number {
  return hash32(
    arrays
      .map(([name, { data }]) => `${name} ${hash32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))}`)
      .join(),
  );
}

async function batchBits(trainable: Trainable, { seed, batchSize }: Recipe): Promise<number> {
  const { source } = trainable.objectives['contrastive']!;
  const hashes: number[] = [];
  for await (const { inputs } of source.open({
    seed,
    batchSize,
    position: 0,
    mode: 'train',
    slots: 1,
    signal: undefined,
  })) {
    hashes.push(bitsOf(Object.entries(inputs)));
    if (hashes.length === 5) break;
  }
  return hash32(hashes.join());
}

/** Vectors of texts and images by a checkpoint whose files are given. */
export async function encode(o: {
  readonly settings: Readonly<Record<string, string>>;
  readonly weights: readonly number[];
  readonly texts: readonly string[];
}): Promise<number[]> {
  const files = memoryFiles({ ...o.settings, 'model.safetensors': Uint8Array.from(o.weights) });
  const images = [3, 5, 11].map((k) => ({
    ...{ width: 10 + k, height: 10 },
    data: Uint8Array.from({ length: 30 * (10 + k) }, (_, i) => (k * i * i) % 251),
  }));
  return await vectors(files, o.texts, images);
}

/** Fits TF-IDF, and ranks by a checkpoint whose files are given. */
export async function words(o: {
  readonly files: Readonly<Record<string, readonly number[]>>;
  readonly documents: readonly string[];
  readonly query: string;
}): Promise<{ fitted: unknown; opened: unknown }> {
  const files = Object.entries(o.files).map(([name, bytes]) => [name, Uint8Array.from(bytes)] as const);
  const system = await openFiles(memoryFiles(Object.fromEntries(files)));
  if (!can(system, 'rank')) throw new Error('what opens does not rank');
  const fitted = fitTfIdf(o.documents);
  return {
    fitted: [await fitted.rank(o.query, o.documents), fitted.keywords(o.query)],
    opened: await system.rank(o.query, o.documents),
  };
}
