/**
 * Hard negatives from the contrast: ALBEF finds "informative negatives" for matching by its contrastive similarities, "with zero computational overhead"
 * (Li et al. 2021, §3.2). If that is what they are worth, a model trained with them tells texts apart that differ in one respect, where one trained with
 * negatives at random does not yet.
 */
import { Rng } from '../base/index.ts';
import { imageOf } from '../data/index.ts';
import { Store } from '../engine/index.ts';
import { memoryTest, reranking } from '../evaluate/index.ts';
import { type ImageTasks, tabletopData } from '../kinds/index.ts';
import {
  type AlbefConfig,
  type AlbefModel,
  albefSystem,
  albefTraining,
  bindTraining,
  type Mining,
  openAlbef,
  pretraining,
} from '../systems/index.ts';
import { parseRecipe } from '../train/index.ts';
import { train } from '../train/node/index.ts';
import { type DrawnPairs, drawnPairs, SIDE, type Wrong, wrongCaption, wrongs } from './albef-world.ts';
import type { Arm, Check, Insight, InsightOptions, InsightResult } from './insight.ts';
import { eachSeed, type SeedContext, trialNote } from './seeds.ts';
import { paired, signed } from './statistics.ts';

type Settings = {
  readonly model: AlbefConfig;
  readonly pictures: number;
  readonly gallery: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly lr: number;
};

const model: AlbefConfig = {
  visual: {
    ...{ size: SIDE, patch: 6, stem: { patch: 3, stages: [24, 48], depth: 1 } },
    ...{ width: 48, depth: 1, heads: 3, hidden: 96, epsilon: 1e-6 },
  },
  text: {
    ...{ vocabulary: 128, context: 16, types: 2, pad: 0, width: 48, depth: 3, fusion: 1, heads: 3, hidden: 96 },
    ...{ epsilon: 1e-12, dropout: 0, attentionDropout: 0 },
  },
  heads: { contrast: 32, match: true, words: true },
  images: 1,
  temperature: 0.07,
  distillation: { alpha: 0.4, ramp: 0.2, momentum: 0.98, queue: 64 },
};

/** The full experiment: a minute and a half of one processor core for each arm and seed. */
const settings: Readonly<Record<'full' | 'smoke', Settings>> = {
  full: { model, pictures: 4096, gallery: 128, steps: 1000, batchSize: 64, lr: 3e-3 },
  smoke: { model, pictures: 64, gallery: 24, steps: 3, batchSize: 16, lr: 3e-3 },
};

/** How negatives are drawn in each arm. */
const minings: Readonly<Record<Mining, string>> = {
  mined: 'mined by the contrast',
  uniform: 'drawn evenly from the batch',
  misdirected: 'mined for another pair',
};

/** What a seed gives for one arm: shares of right texts preferred by what the wrong one has wrong, and recall. */
type Measured = Readonly<Record<Wrong | 'dual' | 'reranked', number>>;

function dataOf(pairs: DrawnPairs): ImageTasks {
  return {
    ...tabletopData(pairs, undefined, { shift: 1 }),
    train: { ...pairs, questions: [] },
    validation: undefined,
    answers: [],
  };
}

/** Trains one arm: everything but the negatives is the same for all, down to initial values and batches. */
async function trained(mining: Mining, o: Settings, { seed, signal, onProgress }: SeedContext): Promise<AlbefModel> {
  const data = dataOf(drawnPairs(o.pictures, `${seed}/train`));
  const parts = albefTraining.parts(o.model, undefined, data);
  const [stage] = albefTraining.stages;
  const task = await bindTraining(albefSystem.definition, albefTraining, parts, data, {
    ...stage,
    objectives: (m, d) => {
      const objective = stage.objectives(m, d)['captions']!;
      return { captions: { ...objective, trace: (s, batch, t) => pretraining(s, batch, t, m.config, { mining }) } };
    },
  });
  const recipe = parseRecipe({
    ...{ system: 'albef', variant: 'extra-small', steps: o.steps, batchSize: o.batchSize, threads: 1, seed },
    optimizer: { name: 'adamw', lr: o.lr, weightDecay: 0.02, lrScale: { temperature: 0.1 } },
    schedule: { name: 'cosine', warmup: Math.ceil(o.steps / 10) },
    evaluateEvery: o.steps,
  });
  const store = new Store(seed);
  await train(task, recipe, {
    store,
    device: 'cpu',
    ...(signal ? { signal } : {}),
    onEvent: (e) => {
      if (e.type === 'step-end')
        onProgress?.({ task: `${minings[mining]}, seed ${seed}`, done: e.step, total: o.steps, unit: 'steps' });
    },
  });
  return { ...parts, store };
}

async function measured(m: AlbefModel, o: Settings, { seed, signal }: SeedContext): Promise<Measured> {
  const gallery = drawnPairs(o.gallery, `${seed}/gallery`, { distinct: true });
  const system = openAlbef(m, { threads: 1, device: 'cpu' });
  try {
    const shares = {} as Record<Wrong, number>;
    for (const wrong of wrongs) {
      const rng = new Rng(`${seed}/${wrong}`);
      const pairs = gallery.drawings.flatMap((drawing, i) => {
        const image = imageOf(gallery, i);
        const other = gallery.drawings[(i + 1) % gallery.count]!;
        return [gallery.captions[i]![0]!, wrongCaption(drawing, wrong, other, rng)].map((text) => ({ text, image }));
      });
      const scores = await system.scorePairs!(pairs, { signal });
      shares[wrong] = gallery.drawings.filter((_, i) => scores[2 * i]! > scores[2 * i + 1]!).length / gallery.count;
    }
    const recall = await reranking('rerank', 'rerank', memoryTest(gallery)).run(system, { signal });
    return { ...shares, dual: recall!['dual_R@1']!, reranked: recall!['rerank_R@1']! };
  } finally {
    await system.close();
  }
}

const metrics: readonly (readonly [keyof Measured, string])[] = [
  ...wrongs.map((w) => [w, `right text preferred, wrong: ${w}`] as const),
  ['reranked', 'R@1, text → image, best 16 again'],
  ['dual', 'R@1, text → image, by cosine'],
];

async function run(o: InsightOptions): Promise<InsightResult> {
  const lab = settings[o.smoke ? 'smoke' : 'full'];
  const seeds = await eachSeed('albef-negatives', lab, o, async (context) => {
    const found = {} as Record<Mining, Measured>;
    for (const mining of Object.keys(minings) as Mining[])
      found[mining] = await measured(await trained(mining, lab, context), lab, context);
    return found;
  });
  const values = (mining: Mining, metric: keyof Measured): number[] => seeds.map((s) => s[mining][metric]);
  const arms = (Object.keys(minings) as Mining[]).flatMap((mining) =>
    metrics.map(
      ([metric, title]): Arm => ({
        name: minings[mining],
        metric: title,
        values: values(mining, metric),
        ...(mining === 'mined' ? {} : { control: true }),
      }),
    ),
  );
  const fine = (mining: Mining): number[] => seeds.map((s) => (s[mining].colour + s[mining].shape) / 2);
  const better = (what: (mining: Mining) => number[], control: Mining, title: string): Check => {
    const gap = paired(what('mined'), what(control));
    return { says: `${title} than with negatives ${minings[control]}: ${signed(gap)}`, holds: gap.low > 0 };
  };
  const same = paired(values('mined', 'other image'), values('uniform', 'other image'));
  const checks: Check[] = [
    better(fine, 'uniform', 'one wrong word is noticed more often'),
    better(fine, 'misdirected', 'one wrong word is noticed more often'),
    better((mining) => values(mining, 'reranked'), 'uniform', 'the second look puts the right image first more often'),
    {
      says: `captions of other images are told apart no worse (margin 0.02) than with negatives ${minings.uniform}: ${signed(same)}`,
      holds: same.low > -0.02,
    },
  ];
  return { arms, checks, notes: trialNote(o) };
}

export const albefNegatives: Insight = {
  id: 'albef-negatives',
  title: 'Negatives that the contrast finds (ALBEF)',
  claim: 'negatives drawn by contrastive similarity teach matching finer distinctions than negatives at random',
  source: 'Li et al. 2021, arXiv 2107.07651, §3.2 and table 1',
  long: true,
  run,
};
