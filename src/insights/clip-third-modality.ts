/**
 * An existing embedding space can be extended: a third encoder, trained against frozen images alone, meets captions that it never saw. The
 * recipe is that of Girdhar et al. 2023, "ImageBind", arXiv:2305.05665 (§3.2), with the state of a simulated table for the new modality.
 */
import { createHash } from 'node:crypto';
import { Rng } from '../base/index.ts';
import type { DenseVectors } from '../capabilities/index.ts';
import { compile, type F, ndarray, type Store } from '../engine/index.ts';
import { imagesOf, queryOf } from '../evaluate/index.ts';
import type { ClipModel } from '../systems/index.ts';
import { parseRecipe, type Trainable } from '../train/index.ts';
import {
  type LabSettings,
  labGallery,
  labModel,
  labRecipe,
  labSettings,
  labTraining,
  recallAt1,
  trainInLab,
  untrained,
  withClip,
} from './clip-lab.ts';
import type { LabPairs } from './clip-world.ts';
import type { Arm, Check, Insight, InsightOptions, InsightResult } from './insight.ts';
import { eachSeed, type SeedContext, trialNote } from './seeds.ts';
import { interval, mean, paired, shown, signed } from './statistics.ts';
import { alignTask, encodeState, jointTask, STATE_SIZE, statesOf } from './third-modality.ts';

type ThirdSettings = {
  readonly lab: LabSettings;
  readonly align: { readonly steps: number; readonly batchSize: number; readonly lr: number };
};

const full: ThirdSettings = { lab: labSettings.full, align: { steps: 1500, batchSize: 256, lr: 2e-3 } };
const smoke: ThirdSettings = { lab: labSettings.smoke, align: { steps: 5, batchSize: 16, lr: 1e-3 } };

/** SHA-256 over names and values of everything but the third encoder. */
export function towerHash(store: Store): string {
  const hash = createHash('sha256');
  const towers = [...store.entries('param', 'buffer')].filter(([path]) => !path.startsWith('state/'));
  for (const [path, { data }] of towers.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { buffer, byteOffset, byteLength } = data as Float32Array;
    hash.update(path).update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}

/** What a model says of unseen scenes in two of its modalities, and how well images find their captions. */
type GalleryVectors = { readonly image: DenseVectors; readonly text: DenseVectors };

async function embedGallery(model: ClipModel, gallery: LabPairs): Promise<GalleryVectors> {
  return withClip(model, async (clip) => ({
    image: await clip.encodeImages(imagesOf(gallery)),
    text: await clip.encodeText(gallery.captions.map((_, i) => queryOf(gallery, i))),
  }));
}

async function embedStates(store: Store, embed: number, gallery: LabPairs): Promise<DenseVectors> {
  const program = compile((s, { state }: { state: F<'b i'> }) => ({ y: encodeState(s, state, embed) }), {
    store,
    threads: 1,
    device: 'cpu',
  });
  try {
    const state = ndarray('float32', [gallery.count, STATE_SIZE], statesOf(gallery.scenes));
    const { y } = await program.run({ state });
    return { rows: gallery.count, width: embed, data: Float32Array.from(y.data) };
  } finally {
    await program.close();
  }
}

/** R@1 between the new modality and the two old ones. */
function recalls(state: DenseVectors, { image, text }: GalleryVectors): Record<string, number> {
  return {
    'state to text': recallAt1(state, text),
    'text to state': recallAt1(text, state),
    'state to image': recallAt1(state, image),
  };
}

/** Runs work and measures it: processor seconds of this process, and wall-clock seconds. */
async function timed<T>(work: () => Promise<T>): Promise<{ value: T; cpu: number; wall: number }> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  const value = await work();
  const { user, system } = process.cpuUsage(before);
  return { value, cpu: (user + system) / 1e6, wall: (performance.now() - started) / 1000 };
}

type Aligning = {
  readonly settings: ThirdSettings;
  readonly context: SeedContext;
  readonly training: LabPairs;
  readonly gallery: LabPairs;
};

/** What one tower says of the training scenes: a vector for each image, or one for each of its captions. */
async function targetsOf(model: ClipModel, tower: 'image' | 'text', pairs: LabPairs): Promise<Float32Array[][]> {
  const rows = (v: DenseVectors, counts: readonly number[]): Float32Array[][] => {
    let at = 0;
    return counts.map((n) => Array.from({ length: n }, () => v.data.subarray(at * v.width, ++at * v.width)));
  };
  return withClip(model, async (clip) =>
    tower === 'image'
      ? rows(
          await clip.encodeImages(imagesOf(pairs)),
          pairs.captions.map(() => 1),
        )
      : rows(
          await clip.encodeText(pairs.captions.flat()),
          pairs.captions.map((c) => c.length),
        ),
  );
}

/** Trains the encoder inside the model's own store, of which it may change only what is its own; checks that. */
async function align(
  a: Aligning,
  model: ClipModel,
  tower: 'image' | 'text',
  name: string,
  order?: readonly number[],
): Promise<Record<string, number>> {
  const { settings, context, training, gallery } = a;
  const before = await embedGallery(model, gallery);
  const hash = towerHash(model.store);
  const work = await timed(async () => {
    const targets = await targetsOf(model, tower, training);
    const task = alignTask(training.scenes, targets, model.config.embed, order);
    await trainThird(task, settings, context, { name, store: model.store });
  });
  const state = await embedStates(model.store, model.config.embed, gallery);
  const after = await embedGallery(model, gallery);
  const same =
    towerHash(model.store) === hash && sameBits(before.image, after.image) && sameBits(before.text, after.text);
  return { ...recalls(state, after), 'towers unchanged': same ? 1 : 0, cpu: work.cpu, wall: work.wall };
}

const sameBits = (a: DenseVectors, b: DenseVectors): boolean => a.data.every((x, i) => Object.is(x, b.data[i]));

async function trainThird(
  task: Trainable,
  { align: { steps, batchSize, lr } }: ThirdSettings,
  context: SeedContext,
  o: { name: string; store: Store },
): Promise<void> {
  const { seed } = context;
  const recipe = parseRecipe({
    ...{ system: task.id, steps, batchSize, threads: 1, seed, evaluateEvery: steps },
    optimizer: { name: 'adamw', lr, betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.1 },
    schedule: { name: 'cosine', warmup: Math.ceil(steps / 20) },
  });
  await trainInLab(task, recipe, context, o);
}

/** A seed's metrics by arm. */
type SeedMetrics = Record<string, Record<string, number>>;

async function measure(settings: ThirdSettings, context: SeedContext): Promise<SeedMetrics> {
  const { lab } = settings;
  const a: Aligning = { settings, context, training: labTraining(lab, context), gallery: labGallery(lab, context) };
  const model = (): Promise<ClipModel> => labModel(lab, context); // each arm has its own copy
  const random = async (): Promise<ClipModel> => untrained(await model(), context.seed);
  const order = new Rng(`${context.seed}/third`).shuffle(a.training.captions.map((_, i) => i));
  const own = await embedGallery(await model(), a.gallery);
  const bare = await model();
  return {
    image: await align(a, await model(), 'image', 'states to pictures'),
    text: await align(a, await model(), 'text', 'states to sentences'),
    random: await align(a, await random(), 'image', 'states to random towers'),
    shuffled: await align(a, await model(), 'image', 'states to shuffled pictures', order),
    unaligned: recalls(await embedStates(bare.store, lab.model.embed, a.gallery), own),
    joint: await joint(a, await model()),
    clip: { 'image to text': recallAt1(own.image, own.text), 'text to image': recallAt1(own.text, own.image) },
  };
}

/** All three from scratch, for as many steps as CLIP alone had. */
async function joint(a: Aligning, parts: ClipModel): Promise<Record<string, number>> {
  const { settings, context, training, gallery } = a;
  const { store: _, ...rest } = parts;
  const task = jointTask(rest, training, 2);
  const work = await timed(() =>
    trainInLab(task, labRecipe(settings.lab, task.id, context.seed), context, { name: 'all three together' }),
  );
  const model = { ...rest, store: work.value };
  const state = await embedStates(model.store, model.config.embed, gallery);
  const embedded = await embedGallery(model, gallery);
  return {
    ...recalls(state, embedded),
    'image to text': recallAt1(embedded.image, embedded.text),
    cpu: work.cpu,
    wall: work.wall,
  };
}

const armNames: Readonly<Record<string, string>> = {
  image: 'against the frozen pictures',
  text: 'against the frozen sentences',
  joint: 'all three from scratch',
  random: 'against frozen random towers',
  shuffled: 'against the pictures of other scenes',
  unaligned: 'not trained',
};
const controls = ['random', 'shuffled', 'unaligned'];
const metrics: Readonly<Record<string, string>> = {
  'state to text': 'state → sentence R@1',
  'text to state': 'sentence → state R@1',
  'state to image': 'state → picture R@1',
  cpu: 'training, processor seconds',
  wall: 'training, seconds',
};

async function run(o: InsightOptions): Promise<InsightResult> {
  const settings = o.smoke ? smoke : full;
  const seeds = await eachSeed('clip-third-modality', settings, o, (context) => measure(settings, context));
  const of = (arm: string, key: string): number[] => seeds.map((s) => s[arm]![key]!);
  const arms: Arm[] = Object.entries(metrics).flatMap(([key, metric]) =>
    Object.entries(armNames)
      .filter(([arm]) => seeds.every((s) => s[arm]![key] !== undefined))
      .map(([arm, name]) => ({
        name,
        metric,
        values: of(arm, key),
        ...(controls.includes(arm) ? { control: true } : {}),
      })),
  );
  arms.push({ name: 'CLIP itself', metric: 'picture → sentence R@1', values: of('clip', 'image to text') });
  arms.push({ name: armNames['joint']!, metric: 'picture → sentence R@1', values: of('joint', 'image to text') });
  const chance = 1 / settings.lab.gallery;
  return { arms, checks: checksOf(of, chance), notes: [`chance: R@1 ${chance.toFixed(4)}`, ...trialNote(o)] };
}

function checksOf(of: (arm: string, key: string) => number[], chance: number): Check[] {
  const to = 'state to text';
  const bridge = interval(of('image', to));
  const control = (arm: string): Check => {
    const m = mean(of(arm, to));
    return { says: `${armNames[arm]}: at most 3 times chance (${m.toFixed(4)})`, holds: m <= 3 * chance };
  };
  const share = interval(of('image', to).map((x, i) => x / of('joint', to)[i]!));
  const cost = mean(of('image', 'cpu')) / mean(of('joint', 'cpu'));
  const text = paired(of('text', to), of('image', to));
  const kept = ['image', 'text', 'random', 'shuffled'].every((arm) =>
    of(arm, 'towers unchanged').every((x) => x === 1),
  );
  return [
    {
      says: `trained against images only, states retrieve captions: R@1 ${shown(bridge)} (over 20 times chance)`,
      holds: bridge.low > 20 * chance,
    },
    ...controls.map(control),
    {
      says: `at least 80 % of what all three together reach: ${Number.isFinite(share.mean) ? `a share of ${shown(share, 2)}` : 'no share, since they reach nothing'}`,
      holds: Number.isFinite(share.mean) && share.low >= 0.8,
    },
    {
      says: `at a fraction of the cost: ${(100 * cost).toFixed(0)} % of the processor time (under half)`,
      holds: cost < 0.5,
    },
    { says: `trained against captions it retrieves them better still: ${signed(text)}`, holds: text.low > 0 },
    { says: 'the frozen towers and all that they say are bit for bit identical', holds: kept },
  ];
}

/** The experiment. */
export const clipThirdModality: Insight = {
  id: 'clip-third-modality',
  title: 'A third modality joins the frozen space',
  claim:
    'An encoder of something else, trained against frozen images alone, retrieves captions that it never saw, nearly as well as joint training and at a fraction of its cost.',
  source: 'Girdhar et al. 2023, arXiv 2305.05665, section 3.2, on the space of Radford et al. 2021',
  long: true,
  run,
};
