/** Prompts: how classes are put into words decides what a model that was not trained for them gets right. Radford et al. 2021, §3.1.4. */
import { BowError, Rng } from '../../base/index.ts';
import type { DenseVectors } from '../../systems/index.ts';
import { plainNoun } from '../../world/index.ts';
import { placesOf, type Similarities, similarities } from '../retrieval.ts';
import { classVectors, type Templates } from '../zero-shot.ts';
import { type LabClip, type LabSettings, labModel, labSettings, untrained, withClip } from './clip-lab.ts';
import { className, type LabSolos, labClasses, labSolos, seenTemplates, unseenTemplates } from './clip-world.ts';
import type { Arm, Check, Insight, InsightOptions, InsightResult } from './insight.ts';
import { eachSeed, type SeedContext } from './seeds.ts';
import { interval, mean, paired, signed } from './statistics.ts';

/** Accuracy over all pictures and over those of pairs that training never showed. */
type Accuracy = { readonly all: number; readonly unseen: number };

const DEFAULT: Templates = seenTemplates.slice(0, 1);
const chance = 1 / labClasses.length;

/** The accuracy of scores [pictures × classes]. */
function accuracy(s: Similarities, solos: LabSolos, label: (row: number) => number): Accuracy {
  const hits = placesOf(s, label).map(({ higher, equal }) => (higher === 0 ? 1 / equal : 0));
  return { all: mean(hits), unseen: mean(hits.filter((_, i) => solos.classes[i]!.heldOut)) };
}

/** exp(scale) · cosines as probabilities, averaged over templates: the other way to form an ensemble, at the cost of one classifier a template. */
export function meanProbabilities(scores: readonly Similarities[], scale: number): Similarities {
  const { rows, columns } = scores[0]!;
  const data = new Float64Array(rows * columns);
  for (const s of scores) {
    for (let i = 0; i < rows; i++) {
      const row = s.data.subarray(i * columns, (i + 1) * columns);
      const top = Math.max(...row);
      const weights = row.map((x) => Math.exp(scale * (x - top)));
      const sum = weights.reduce((a, b) => a + b, 0);
      for (let j = 0; j < columns; j++) data[i * columns + j]! += weights[j]! / sum / scores.length;
    }
  }
  return { rows, columns, data };
}

/** All arms on one model. */
async function accuracies(clip: LabClip, solos: LabSolos, seed: number): Promise<Record<string, Accuracy>> {
  const images = await clip.encodeImages(solos.pictures);
  const names = labClasses.map(className);
  const label = (i: number): number => labClasses.indexOf(solos.classes[i]!);
  const scores = async (classes: readonly string[], t: Templates): Promise<Similarities> =>
    similarities(images, (await classVectors(clip, classes, t)) satisfies DenseVectors);
  const found: Record<string, Accuracy> = {};
  const judge = (key: string, s: Similarities, of = label): void => {
    found[key] = accuracy(s, solos, of);
  };
  judge(
    'bare',
    await scores(
      labClasses.map((c) => `${c.colour} ${plainNoun(c.kind)}`),
      ['{}'],
    ),
  );
  judge('default', await scores(names, DEFAULT));
  for (const [kind, templates] of Object.entries({ seen: seenTemplates, unseen: unseenTemplates })) {
    const singles: Similarities[] = [];
    for (const [t, template] of templates.entries()) {
      singles.push(await scores(names, [template]));
      judge(`${kind}/${t}`, singles[t]!);
    }
    judge(`${kind}/embedding`, await scores(names, templates));
    judge(`${kind}/probability`, meanProbabilities(singles, clip.scale));
  }
  judge(
    'repeated',
    await scores(
      names,
      Array.from({ length: 8 }, () => DEFAULT[0]!),
    ),
  );
  const others = new Rng(`${seed}/names`).shuffle(labClasses.map((_, c) => c));
  judge('shuffled names', await scores(names, seenTemplates), (i) => others[label(i)]!);
  return found;
}

type PromptSettings = { readonly lab: LabSettings; readonly views: number };

async function measure({ lab, views }: PromptSettings, context: SeedContext): Promise<Record<string, Accuracy>> {
  const model = await labModel(lab, context);
  const solos = labSolos({ views, size: lab.model.visual.size, seed: `${context.seed}/solo` });
  checkLengths(model);
  const found = await withClip(model, (clip) => accuracies(clip, solos, context.seed));
  const start = await withClip(untrained(model, context.seed), (clip) => accuracies(clip, solos, context.seed));
  return { ...found, untrained: start['seen/embedding']! };
}

/** A prompt that is cut would compare something else than it says. */
function checkLengths(model: Awaited<ReturnType<typeof labModel>>): void {
  for (const t of [...seenTemplates, ...unseenTemplates])
    for (const c of labClasses) {
      const text = t.replace('{}', className(c));
      if (model.tokenizer.encode(text).length + 2 > model.config.text.context)
        throw new BowError('config', `"${text}" does not fit the model's context`, { place: 'text.context' });
    }
}

type Column = 'all' | 'unseen';
const titles: Readonly<Record<Column, string>> = { all: 'top-1 of 80', unseen: 'top-1 of 80, pairs never seen' };

/** What the arms are called, in the order they are printed. */
const armNames: Readonly<Record<string, string>> = {
  bare: 'class words alone',
  default: `one template, "${DEFAULT[0]}"`,
  'seen/embedding': '8 templates of training, mean of embeddings',
  'seen/probability': '8 templates of training, mean of probabilities',
  'unseen/embedding': '8 templates never seen, mean of embeddings',
  'unseen/probability': '8 templates never seen, mean of probabilities',
};

const controlNames: Readonly<Record<string, string>> = {
  repeated: 'the one template 8 times',
  'shuffled names': 'names of other classes',
  untrained: 'towers that were not trained',
};

async function run(o: InsightOptions): Promise<InsightResult> {
  const settings: PromptSettings = o.smoke ? { lab: labSettings.smoke, views: 1 } : { lab: labSettings.full, views: 8 };
  const seeds = await eachSeed('clip-prompts', settings, o, (context) => measure(settings, context));
  const of = (key: string, column: Column): number[] => seeds.map((s) => s[key]![column]);
  const single = (kind: 'seen' | 'unseen', column: Column, pick: (x: readonly number[]) => number): number[] =>
    seeds.map((s) => pick(seenTemplates.map((_, t) => s[`${kind}/${t}`]![column])));
  const spread = (column: Column): Arm[] =>
    (['seen', 'unseen'] as const).flatMap((kind) => {
      const name = kind === 'seen' ? 'single template of training' : 'single template never seen';
      const values = (pick: (x: readonly number[]) => number): number[] => single(kind, column, pick);
      return [
        { name: `${name}, worst of 8`, metric: titles[column], values: values((x) => Math.min(...x)) },
        { name: `${name}, mean of 8`, metric: titles[column], values: values(mean) },
        { name: `${name}, best of 8`, metric: titles[column], values: values((x) => Math.max(...x)) },
      ];
    });
  const columns: readonly Column[] = ['all', 'unseen'];
  const arms = columns.flatMap((column) => [
    ...Object.entries(armNames).map(([key, name]) => ({ name, metric: titles[column], values: of(key, column) })),
    ...spread(column),
    ...Object.entries(controlNames).map(([key, name]) => ({
      ...{ name, metric: titles[column], values: of(key, column), control: true },
    })),
  ]);
  return { arms, checks: checksOf(of, single), notes: [`chance is ${chance.toFixed(4)}`] };
}

/** Differences are taken seed by seed; "more" means that their whole 95 % interval is above 0. */
function checksOf(
  of: (key: string, column: Column) => number[],
  single: (kind: 'seen' | 'unseen', column: Column, pick: (x: readonly number[]) => number) => number[],
): Check[] {
  const more = (says: string, a: readonly number[], b: readonly number[]): Check => {
    const d = paired(a, b);
    return { says: `${says}: ${signed(d)}`, holds: d.low > 0 };
  };
  const base = mean(of('default', 'all'));
  const loss = paired(of('seen/embedding', 'all'), of('seen/probability', 'all'));
  return [
    {
      says: `one template is neither at chance nor at the ceiling: ${base.toFixed(3)} (0.5 to 0.85)`,
      holds: base >= 0.5 && base <= 0.85,
    },
    more('a template is better than class words alone', of('default', 'all'), of('bare', 'all')),
    more('8 templates of training are better than the one', of('seen/embedding', 'all'), of('default', 'all')),
    more('… than their mean', of('seen/embedding', 'all'), single('seen', 'all', mean)),
    more('… on pairs never seen, than their mean', of('seen/embedding', 'unseen'), single('seen', 'unseen', mean)),
    more(
      '8 templates never seen are better than their mean',
      of('unseen/embedding', 'all'),
      single('unseen', 'all', mean),
    ),
    more('… on pairs never seen', of('unseen/embedding', 'unseen'), single('unseen', 'unseen', mean)),
    {
      says: `mean of embeddings, which costs one classifier, against mean of probabilities, which costs 8: ${signed(loss)} (within a point)`,
      holds: loss.low > -0.01,
    },
    {
      says: 'the same template 8 times is the same to the last picture',
      holds: paired(of('repeated', 'all'), of('default', 'all')).mean === 0,
    },
    {
      says: `names of other classes give chance (${interval(of('shuffled names', 'all')).mean.toFixed(4)}, at most twice ${chance})`,
      holds: mean(of('shuffled names', 'all')) < 2 * chance,
    },
    {
      says: `so do towers that were not trained (${mean(of('untrained', 'all')).toFixed(4)}, at most three times)`,
      holds: mean(of('untrained', 'all')) < 3 * chance,
    },
  ];
}

/** The experiment. */
export const clipPrompts: Insight = {
  id: 'clip-prompts',
  title: 'Prompts and their ensembles',
  claim:
    'A class put into a sentence is recognised better than its name alone, and the mean of several sentences better still, at the cost of one.',
  source: 'Radford et al. 2021, arXiv 2103.00020, section 3.1.4',
  run,
};
