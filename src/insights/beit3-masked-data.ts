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
  openBeit3,
  type Stage,
} from '../systems/index.ts';
import { parseRecipe } from '../train/index.ts';
import { type Colour, colours, type Scene } from '../world/index.ts';
import { recallAt1, trainInLab } from './clip-lab.ts';
import { className, type LabPairs, labKinds, labPairs } from './clip-world.ts';
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
  readonly after: Training;
};

const small: Beit3Config = {
  ...beit3Variants.tiny,
  ...{ size: 48, patch: 8, stem: { patch: 4, stages: [32, 64], depth: 1 }, width: 64, depth: 3, heads: 4, hidden: 256 },
  ...{ vocabulary: 512, context: 24 },
  tasks: { retrieval: true, tokens: true, answers: 2, codes: 128 },
};

const full: MaskedSettings = {
  ...{ model: small, scenes: 3072, few: 256, gallery: 128 },
  before: { steps: 500, batchSize: 24, lr: 2e-3 },
  after: { steps: 200, batchSize: 32, lr: 1e-3 },
};

const smoke: MaskedSettings = {
  model: { ...small, stem: { patch: 4, stages: [8, 16], depth: 1 }, width: 16, depth: 1, heads: 2, hidden: 24, tasks: { ...small.tasks, codes: 8 } }, // biome-ignore format: one line
  ...{ scenes: 48, few: 24, gallery: 11 },
  before: { steps: 2, batchSize: 8, lr: 1e-3 },
  after: { steps: 2, batchSize: 8, lr: 1e-3 },
};

type Parts = Omit<Beit3Model, 'store'>;
type Beit3Stage = Stage<Beit3Config, Parts['parts'], ImageTasks>;

/** Answers to statements, in the order of the head. */
const truth = ['no', 'yes'] as const;

/** Captioned scenes as the trainer takes them, with what is asked about them. */
function asData({ scenes: _, ...pairs }: LabPairs, questions: readonly AskedQuestion[] = []): ImageTasks {
  return {
    train: { ...pairs, questions },
    validation: undefined,
    ...{ answers: truth, geometry: squareGeometry(pairs.width, 'stretch'), shift: 0, captionsFromLabels: false },
    ...{ templates: [], vocabulary: null, vocabularyLimit: 512, skipped: [] },
  };
}

/** Two statements a scene: that something is there, and that the same is there in a colour, or of a kind, which the scene does not have so. */
export function statementsOf(scenes: readonly Scene[], rng: Rng): AskedQuestion[] {
  return scenes.flatMap(({ objects }, row) => {
    const { colour, kind } = rng.pick(objects);
    const shown = new Set(objects.map((o) => `${o.colour} ${o.kind}`));
    const wrong = [
      ...colours.map((c: Colour) => ({ colour: c, kind })),
      ...labKinds.map((k) => ({ colour, kind: k })),
    ].filter((x) => !shown.has(`${x.colour} ${x.kind}`));
    const asked = (x: Parameters<typeof className>[0], answer: (typeof truth)[number]): AskedQuestion => ({
      ...{ images: [row], text: `there is ${className(x)}`, answers: [[answer, 1]], given: [answer] },
    });
    return [asked({ colour, kind }, 'yes'), asked(rng.pick(wrong), 'no')];
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
  pairs: { name: 'masked pairs alone', stage: only(masked, 'pairs'), single: true },
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
  readonly gallery: LabPairs;
  readonly asked: readonly AskedQuestion[];
};

async function trained(
  lab: Lab,
  model: Parts,
  data: ImageTasks,
  stage: Beit3Stage,
  { steps, batchSize, lr }: Training,
  o: { name: string; store: Store },
): Promise<Store> {
  const { seed } = lab.context;
  const recipe = parseRecipe({
    ...{ system: 'beit3', steps, batchSize, threads: 1, seed, evaluateEvery: steps },
    optimizer: { name: 'adamw', lr, betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.05, clipNorm: 1 },
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

/** A network prepared in one way, then fine-tuned with few labels for each use, and measured on unseen scenes. */
async function measureArm(lab: Lab, id: ArmId): Promise<Record<string, number>> {
  const { settings, context, few, gallery, asked } = lab;
  const how: Preparation = preparations[id];
  const { model: config, before, after } = settings;
  const shown = how.shuffled ? shuffledCaptions(lab.scenes, context.seed) : lab.scenes;
  const own = how.decoupled ? config : { ...config, sharedAttention: true as const };
  const data = asData(shown);
  const model = beit3Training.parts(own, undefined, data);
  const start = new Store(context.seed);
  const size = how.single ? { batchSize: 2 * before.batchSize } : {};
  if (how.stage) await trained(lab, model, data, how.stage, { ...before, ...size }, { name: how.name, store: start });
  const tuned = (name: string): Promise<Store> =>
    trained(lab, model, few, only(tasks, name), after, { name: `${how.name}: ${name}`, store: copyOf(start, context.seed) }); // biome-ignore format: one line
  const fusion = openBeit3({ ...model, store: await tuned('answers') }, { threads: 1, device: 'cpu' });
  const images = imagesOf(gallery);
  const given = await fusion.answer!(asked.map((q) => ({ text: q.text, images: [images[q.images[0]!]!] })));
  await fusion.close();
  const dual = openBeit3({ ...model, store: await tuned('retrieval') }, { threads: 1, device: 'cpu' });
  const queries = (await dual.encodeText!(gallery.captions.map((_, i) => queryOf(gallery, i)))) as DenseVectors;
  const found = (await dual.encodeImages!(images)) as DenseVectors;
  await dual.close();
  return {
    statements: mean(asked.map((q, i) => (q.given[0] === given[i]!.text ? 1 : 0))),
    recall: recallAt1(queries, found),
  };
}

type SeedMetrics = Record<ArmId, Record<string, number>>;

async function measure(settings: MaskedSettings, context: SeedContext): Promise<SeedMetrics> {
  const { seed, signal } = context;
  const images = (name: string, count: number, distinct = false): LabPairs =>
    labPairs({ count, size: settings.model.size, seed: `${seed}/${name}`, distinct, signal });
  const few = images('few', settings.few);
  const gallery = images('gallery', settings.gallery, true);
  const lab: Lab = {
    ...{ settings, context, gallery, scenes: images('train', settings.scenes) },
    few: asData(few, statementsOf(few.scenes, new Rng(`${seed}/few/statements`))),
    asked: statementsOf(gallery.scenes, new Rng(`${seed}/gallery/statements`)),
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
    statements: `statements judged, ${2 * settings.few} labels`,
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
    notes: [`chance: statements 0.5, R@1 ${(1 / settings.gallery).toFixed(4)}`, ...trialNote(o)],
  };
}

/** "No worse" where the whole interval lies above this. */
const MARGIN = 0.05;

function checksOf(of: (arm: ArmId, key: string) => number[]): Check[] {
  const better = (than: ArmId, key: string, says: string): Check => {
    const difference = paired(of('masked', key), of(than, key));
    return { says: `${says}: ${signed(difference)}`, holds: difference.low > 0 };
  };
  const released = paired(of('decoupled', 'statements'), of('masked', 'statements'));
  return [
    better('none', 'statements', 'as a fusion encoder it judges statements better than an unprepared network'),
    better('none', 'recall', 'as a dual encoder it retrieves better than an unprepared network'),
    better('shuffled', 'statements', 'the pairs must belong together for the fusion encoder'),
    better('contrastive', 'statements', 'for the fusion encoder it prepares better than contrastive pairs do'),
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
