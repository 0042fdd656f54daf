/**
 * One task is pre-training enough: predicting what is masked in images, texts and pairs prepares one network both as a dual and as a fusion encoder. Wang et al.
 * 2022, "Image as a Foreign Language", arXiv:2208.10442 (§2). Downstream there are few labels, so that what was learned before decides.
 */
import { Rng } from '../base/index.ts';
import type { DenseVectors } from '../capabilities/index.ts';
import { Store } from '../engine/index.ts';
import { imagesOf, queryOf } from '../evaluate/index.ts';
import { squareGeometry } from '../image/index.ts';
import type { AskedQuestion, ImageTasks } from '../kinds/index.ts';
import {
  type Beit3Config,
  type Beit3Model,
  beit3System,
  beit3Training,
  beit3Variants,
  bindTraining,
  type OpenBeit3,
  openBeit3,
  type Stage,
} from '../systems/index.ts';
import { parseRecipe } from '../train/index.ts';
import { colours, plainNoun, type Scene, withArticle } from '../world/index.ts';
import { recallAt1, trainInLab } from './clip-lab.ts';
import { type LabPairs, labKinds, labPairs } from './clip-world.ts';
import type { Arm, Check, Insight, InsightOptions, InsightResult } from './insight.ts';
import { eachSeed, type SeedContext, trialNote } from './seeds.ts';
import { mean, paired, signed } from './statistics.ts';

type Training = { readonly steps: number; readonly batchSize: number; readonly lr: number };

type MaskedSettings = {
  readonly model: Beit3Config;
  /** Scenes with captions to pre-train on, with labels to fine-tune on, and unseen ones to measure on. */
  readonly scenes: number;
  readonly few: number;
  readonly gallery: number;
  /** `batchSize`: of each kind of input; where there is one kind only, twice as many, which is about as many tokens. */
  readonly before: Training;
  readonly after: Omit<Training, 'lr'>;
  /** Ways to fine-tune, of which every arm takes the one that does best on `gallery` further scenes: one rate, or a small one and more for the new head. */
  readonly rates: readonly { readonly lr: number; readonly head: number }[];
};

const small: Beit3Config = {
  ...beit3Variants.tiny,
  ...{ size: 48, patch: 8, stem: { patch: 4, stages: [32, 64], depth: 1 }, width: 64, depth: 3, heads: 4, hidden: 256 },
  ...{ vocabulary: 512, context: 24 },
  tasks: { retrieval: true, tokens: true, codes: 128 },
};

const rates = [
  { lr: 1e-3, head: 1 },
  { lr: 2e-4, head: 10 },
] as const;

const full: MaskedSettings = {
  ...{ model: small, scenes: 2048, few: 128, gallery: 200, rates },
  before: { steps: 500, batchSize: 12, lr: 3e-3 },
  after: { steps: 150, batchSize: 32 },
};

const smoke: MaskedSettings = {
  model: { ...small, stem: { patch: 4, stages: [8, 16], depth: 1 }, width: 16, depth: 1, heads: 2, hidden: 24, tasks: { ...small.tasks, codes: 8 } }, // biome-ignore format: one line
  ...{ scenes: 48, few: 24, gallery: 11, rates: rates.slice(0, 1) },
  before: { steps: 2, batchSize: 8, lr: 1e-3 },
  after: { steps: 2, batchSize: 8 },
};

type Parts = Omit<Beit3Model, 'store'>;
type Beit3Stage = Stage<Beit3Config, Parts['parts'], ImageTasks>;

/** What may be answered: a colour, or a kind. */
const possible: readonly string[] = [...colours, ...labKinds];

/** Captioned scenes as the trainer takes them, with what is asked about them. */
function asData({ scenes: _, ...pairs }: LabPairs, questions: readonly AskedQuestion[] = []): ImageTasks {
  return {
    train: { ...pairs, questions },
    validation: undefined,
    ...{ answers: possible, geometry: squareGeometry(pairs.width, 'stretch'), shift: 0, captionsFromLabels: false },
    ...{ templates: [], vocabulary: null, vocabularyLimit: 512, skipped: [] },
  };
}

/** Two questions a scene of one object, in words that its captions have: which colour the thing is that is named, and which thing has the colour. */
export function questionsOf(scenes: readonly Scene[]): AskedQuestion[] {
  return scenes.flatMap(({ objects: [o] }, row) => {
    const asked = (kind: string, text: string, answer: string): AskedQuestion => ({
      ...{ images: [row], text: `this is ${text}`, answers: [[answer, 1]], given: [answer], kind },
    });
    return [asked('colour', withArticle(plainNoun(o!.kind)), o!.colour), asked('thing', o!.colour, o!.kind)];
  });
}

/** A stage with some of another's objectives. */
const only = (stage: Beit3Stage, ...names: readonly string[]): Beit3Stage => ({
  id: names.join('-'),
  benchmarks: () => [],
  objectives: (model, data) =>
    Object.fromEntries(Object.entries(stage.objectives(model, data)).filter(([name]) => names.includes(name))),
});

const [masked, tasks] = beit3Training.stages as readonly [Beit3Stage, Beit3Stage];

/** How a network is prepared. `single`: one kind of input, of which a batch has twice as many. */
type Preparation = {
  readonly name: string;
  readonly stage?: Beit3Stage;
  readonly single?: true;
  readonly decoupled?: true;
  readonly shuffled?: true;
  readonly control?: true;
};

const preparations = {
  masked: { name: 'masked images, texts and pairs', stage: only(masked, 'images', 'texts', 'pairs') },
  decoupled: {
    ...{ name: 'the same, with attention for each modality', decoupled: true },
    stage: only(masked, 'images', 'texts', 'pairs'),
  },
  contrastive: { name: 'contrastive pairs', stage: only(tasks, 'retrieval'), single: true },
  shuffled: {
    ...{ name: 'masked, captions of other scenes', shuffled: true, control: true },
    stage: only(masked, 'images', 'texts', 'pairs'),
  },
  none: { name: 'not prepared', control: true },
} as const satisfies Record<string, Preparation>;

type ArmId = keyof typeof preparations;

type Lab = {
  readonly settings: MaskedSettings;
  readonly context: SeedContext;
  readonly scenes: LabPairs;
  readonly few: ImageTasks;
  /** To choose the rates by, and to measure on. */
  readonly held: readonly [choose: LabPairs, measure: LabPairs];
  /** Of either, scenes whose contents differ pairwise. */
  readonly distinct: readonly [choose: LabPairs, measure: LabPairs];
};

async function trained(
  lab: Lab,
  model: Parts,
  data: ImageTasks,
  stage: Beit3Stage,
  { steps, batchSize, lr }: Training,
  o: { name: string; store: Store; faster?: Readonly<Record<string, number>> },
): Promise<Store> {
  const { seed } = lab.context;
  const recipe = parseRecipe({
    ...{ system: 'beit3', steps, batchSize, threads: 1, seed, evaluateEvery: steps },
    optimizer: { name: 'adamw', lr, betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.05, clipNorm: 1, lrScale: o.faster ?? {} }, // biome-ignore format: one line
    schedule: { name: 'cosine', warmup: Math.ceil(steps / 10) },
  });
  const task = await bindTraining(beit3System.definition, beit3Training, model, data, stage);
  return await trainInLab(task, recipe, lab.context, o);
}

const copyOf = (store: Store, seed: number): Store => {
  const copy = new Store(seed);
  for (const [path, a, kind] of store.entries('param', 'buffer')) copy.set(path, { ...a, data: a.data.slice() }, kind);
  return copy;
};

/** Captions of other scenes: what images and texts are like, not what belongs together. */
function shuffledCaptions(pairs: LabPairs, seed: number): LabPairs {
  const order = new Rng(`${seed}/shuffled`).shuffle(pairs.captions.map((_, i) => i));
  return { ...pairs, captions: order.map((i) => pairs.captions[i]!) };
}

/** How it is used: the objective that it is fine-tuned by, the heads that are new, and what is measured. */
type Use = {
  readonly objective: 'answers' | 'retrieval';
  readonly heads: readonly string[];
  readonly measure: (system: OpenBeit3, lab: Lab, which: 0 | 1) => Promise<Record<string, number>>;
};

const fusion: Use = {
  objective: 'answers',
  heads: ['pooler/**', 'answer_head/**'],
  measure: async (system, { held }, which) => {
    const [asked, images] = [questionsOf(held[which].scenes), imagesOf(held[which])];
    const given = await system.answer!(asked.map((q) => ({ text: q.text, images: [images[q.images[0]!]!] })));
    const share = (kind?: string): number =>
      mean(asked.flatMap((q, i) => (kind && q.kind !== kind ? [] : [q.given[0] === given[i]!.text ? 1 : 0])));
    return { answered: share(), colours: share('colour'), things: share('thing') };
  },
};

const dual: Use = {
  objective: 'retrieval',
  heads: ['vision_head/**', 'language_head/**'],
  measure: async (system, { distinct }, which) => {
    const pairs = distinct[which];
    const queries = (await system.encodeText!(pairs.captions.map((_, i) => queryOf(pairs, i)))) as DenseVectors;
    return { recall: recallAt1(queries, (await system.encodeImages!(imagesOf(pairs))) as DenseVectors) };
  },
};

/** Fine-tuned with few labels in every way of the settings; what the best of them measures. */
async function used(lab: Lab, model: Parts, start: Store, name: string, use: Use): Promise<Record<string, number>> {
  const { settings, few, context } = lab;
  let best: { score: number; found: Record<string, number> } | undefined;
  for (const { lr, head } of settings.rates) {
    const faster = Object.fromEntries(use.heads.map((path) => [path, head]));
    const o = { name: `${name}: ${use.objective} at ${lr}`, store: copyOf(start, context.seed), faster };
    const store = await trained(lab, model, few, only(tasks, use.objective), { ...settings.after, lr }, o);
    const system = openBeit3({ ...model, store }, { threads: 1, device: 'cpu' });
    const [score] = Object.values(await use.measure(system, lab, 0));
    if (!best || score! > best.score) best = { score: score!, found: await use.measure(system, lab, 1) };
    await system.close();
  }
  return best!.found;
}

/** A network prepared in one way, then fine-tuned for each use. */
async function measureArm(lab: Lab, id: ArmId): Promise<Record<string, number>> {
  const { settings, context } = lab;
  const how: Preparation = preparations[id];
  const { model: config, before } = settings;
  const data = asData(how.shuffled ? shuffledCaptions(lab.scenes, context.seed) : lab.scenes);
  const own = how.decoupled ? config : { ...config, sharedAttention: true as const };
  const learned = beit3Training.parts(own, undefined, data);
  const model = beit3Training.parts(learned.config, learned.parts, lab.few); // with a head for what will be asked
  const start = new Store(context.seed);
  const size = how.single ? { batchSize: 2 * before.batchSize } : {};
  if (how.stage) await trained(lab, model, data, how.stage, { ...before, ...size }, { name: how.name, store: start });
  const uses = [];
  for (const use of [fusion, dual]) uses.push(await used(lab, model, start, how.name, use));
  return Object.assign({}, ...uses) as Record<string, number>;
}

type SeedMetrics = Record<ArmId, Record<string, number>>;

/** Contents of scenes with one object are few. */
const DISTINCT = 64;

async function measure(settings: MaskedSettings, context: SeedContext): Promise<SeedMetrics> {
  const { seed, signal } = context;
  const images = (name: string, count: number, distinct = false): LabPairs =>
    labPairs({ count, size: settings.model.size, seed: `${seed}/${name}`, solo: 1, distinct, signal });
  const few = images('few', settings.few);
  const sized = Math.min(DISTINCT, settings.gallery);
  const lab: Lab = {
    ...{ settings, context, scenes: images('train', settings.scenes), few: asData(few, questionsOf(few.scenes)) },
    held: [images('choose', settings.gallery), images('measure', settings.gallery)],
    distinct: [images('choose', sized, true), images('measure', sized, true)],
  };
  const out: Partial<SeedMetrics> = {};
  for (const id of Object.keys(preparations) as ArmId[]) out[id] = await measureArm(lab, id);
  return out as SeedMetrics;
}

async function run(o: InsightOptions): Promise<InsightResult> {
  const settings = o.smoke ? smoke : full;
  const seeds = await eachSeed('beit3-masked-data', settings, o, (context) => measure(settings, context));
  const of = (arm: ArmId, key: string): number[] => seeds.map((s) => s[arm][key]!);
  const metrics = {
    answered: `questions answered, ${2 * settings.few} labels`,
    colours: 'of these: which colour',
    things: 'of these: which thing',
    recall: `sentence → picture R@1, ${settings.few} pairs`,
  };
  const arms = Object.entries(metrics).flatMap(([key, metric]) =>
    (Object.entries(preparations) as [ArmId, Preparation][]).map(
      ([id, { name, control }]): Arm => ({ name, metric, values: of(id, key), ...(control ? { control } : {}) }),
    ),
  );
  return {
    arms,
    checks: checksOf(of),
    notes: [`chance: colours 0.1, things 0.125, R@1 ${(1 / DISTINCT).toFixed(4)}`, ...trialNote(o)],
  };
}

/** "No worse" where the whole interval lies above this. */
const MARGIN = 0.05;

function checksOf(of: (arm: ArmId, key: string) => number[]): Check[] {
  const better = (than: ArmId, key: string, says: string): Check => {
    const difference = paired(of('masked', key), of(than, key));
    return { says: `${says}: ${signed(difference)}`, holds: difference.low > 0 };
  };
  const released = paired(of('decoupled', 'answered'), of('masked', 'answered'));
  return [
    better('none', 'answered', 'as a fusion encoder it answers better than an unprepared network'),
    better('none', 'recall', 'as a dual encoder it retrieves better than an unprepared network'),
    better('shuffled', 'answered', 'the pairs must belong together for the fusion encoder'),
    better('contrastive', 'answered', 'for the fusion encoder it prepares better than contrastive pairs do'),
    {
      says: `attention for each modality is no worse (margin ${MARGIN}): ${signed(released)}`,
      holds: released.low > -MARGIN,
    },
  ];
}

/** The experiment. */
export const beit3MaskedData: Insight = {
  id: 'beit3-masked-data',
  title: 'One task prepares one network for two uses',
  claim:
    'Predicting what is masked in images, texts and pairs, with an expert for each modality, prepares one network as a fusion encoder and as a dual encoder.',
  source: 'Wang et al. 2022, arXiv 2208.10442, section 2',
  long: true,
  run,
};
