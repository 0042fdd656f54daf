/** Prompts: how classes are phrased decides zero-shot accuracy. Radford et al. 2021, §3.1.4. */
import { BowError, Rng } from '../base/index.ts';
import type { DenseVectors } from '../capabilities/index.ts';
import { classVectors, ranksOf, type Similarities, similarities, type Templates } from '../evaluate/index.ts';
import { plainNoun } from '../world/index.ts';
import { type LabClip, type LabSettings, labModel, labSettings, untrained, withClip } from './clip-lab.ts';
import { className, type LabSolos, labClasses, labSolos, seenTemplates, unseenTemplates } from './clip-world.ts';
import type { Arm, Check, Insight, InsightOptions, InsightResult } from './insight.ts';
import { eachSeed, type SeedContext, trialNote } from './seeds.ts';
import { mean, paired, signed } from './statistics.ts';

/** Accuracy over all images and over those of pairs that training never showed. */
type Accuracy = { readonly all: number; readonly unseen: number };

const DEFAULT: Templates = seenTemplates.slice(0, 1);
const chance = 1 / labClasses.length;

/** The accuracy of scores [images × classes]. */
function accuracy(s: Similarities, solos: LabSolos, label: (row: number) => number): Accuracy {
  const hits = ranksOf(s, label).map(({ higher, equal }) => (higher === 0 ? 1 / equal : 0));
  return { all: mean(hits), unseen: mean(hits.filter((_, i) => solos.classes[i]!.heldOut)) };
}

/** exp(scale) · cosines as probabilities, averaged over templates: the other way to form an ensemble, at the cost of one classifier per template. */
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
  const images = await clip.encodeImages(solos.images);
  const names = labClasses.map(className);
  const label = (i: number): number => labClasses.indexOf(solos.classes[i]!);
  const scores = async (classes: readonly string[], t: Templates): Promise<Similarities> =>
    similarities(images, (await classVectors(clip, classes, t)) satisfies DenseVectors);
  const found: Record<string, Accuracy> = {};
  const score = (key: string, s: Similarities, of = label): void => {
    found[key] = accuracy(s, solos, of);
  };
  score(
    'bare',
    await scores(
      labClasses.map((c) => `${c.colour} ${plainNoun(c.kind)}`),
      ['{}'],
    ),
  );
  score('default', await scores(names, DEFAULT));
  for (const [kind, templates] of Object.entries({ seen: seenTemplates, unseen: unseenTemplates })) {
    const singles: Similarities[] = [];
    for (const [t, template] of templates.entries()) {
      singles.push(await scores(names, [template]));
      score(`${kind}/${t}`, singles[t]!);
    }
    score(`${kind}/embedding`, await scores(names, templates));
    score(`${kind}/probability`, meanProbabilities(singles, clip.scale));
  }
  score(
    'repeated',
    await scores(
      names,
      Array.from({ length: 8 }, () => DEFAULT[0]!),
    ),
  );
  const others = new Rng(`${seed}/names`).shuffle(labClasses.map((_, c) => c));
  score('shuffled names', await scores(names, seenTemplates), (i) => others[label(i)]!);
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
      if (model.parts.tokenizer.encode(text).length + 2 > model.config.text.context)
        throw new BowError('config', `"${text}" does not fit the model's context`, { place: 'text.context' });
    }
}

/** How single templates spread over the eight of a kind, beside what was measured. */
function withSpread(found: Record<string, Accuracy>): Record<string, Accuracy> {
  const out = { ...found };
  for (const kind of ['seen', 'unseen']) {
    const singles = seenTemplates.map((_, t) => found[`${kind}/${t}`]!);
    const over = (pick: (x: readonly number[]) => number): Accuracy => ({
      all: pick(singles.map((a) => a.all)),
      unseen: pick(singles.map((a) => a.unseen)),
    });
    out[`${kind}/worst`] = over((x) => Math.min(...x));
    out[`${kind}/mean`] = over(mean);
    out[`${kind}/best`] = over((x) => Math.max(...x));
  }
  return out;
}

type Column = keyof Accuracy;
const titles: Readonly<Record<Column, string>> = { all: 'top-1 of 80', unseen: 'top-1 of 80, pairs never seen' };

/** What the arms are called, in the order they are printed. */
const armNames: Readonly<Record<string, string>> = {
  bare: 'class words alone',
  default: `one template, "${DEFAULT[0]}"`,
  'seen/embedding': '8 templates of training, mean of embeddings',
  'seen/probability': '8 templates of training, mean of probabilities',
  'seen/worst': 'single template of training, worst of 8',
  'seen/mean': 'single template of training, mean of 8',
  'seen/best': 'single template of training, best of 8',
  'unseen/embedding': '8 templates never seen, mean of embeddings',
  'unseen/probability': '8 templates never seen, mean of probabilities',
  'unseen/worst': 'single template never seen, worst of 8',
  'unseen/mean': 'single template never seen, mean of 8',
  'unseen/best': 'single template never seen, best of 8',
};

const controlNames: Readonly<Record<string, string>> = {
  repeated: 'the one template 8 times',
  'shuffled names': 'names of other classes',
  untrained: 'towers that were not trained',
};

async function run(o: InsightOptions): Promise<InsightResult> {
  const settings: PromptSettings = o.smoke ? { lab: labSettings.smoke, views: 1 } : { lab: labSettings.full, views: 8 };
  const measured = await eachSeed('clip-prompts', settings, o, (context) => measure(settings, context));
  const seeds = measured.map(withSpread);
  const of = (key: string, column: Column = 'all'): number[] => seeds.map((s) => s[key]![column]);
  const arms = (['all', 'unseen'] as const).flatMap((column): Arm[] => [
    ...Object.entries(armNames).map(([key, name]) => ({ name, metric: titles[column], values: of(key, column) })),
    ...Object.entries(controlNames).map(([key, name]) => ({
      ...{ name, metric: titles[column], values: of(key, column), control: true },
    })),
  ]);
  const checks = [...gains(of), ...limitsOf(of)];
  return { arms, checks, notes: [`chance is ${chance.toFixed(4)}`, ...trialNote(o)] };
}

type Values = (key: string, column?: Column) => number[];

/** Comparisons, seed by seed: the whole 95 % interval of the difference must be above 0. */
function gains(of: Values): Check[] {
  const more = (says: string, a: string, b: string, column: Column = 'all'): Check => {
    const d = paired(of(a, column), of(b, column));
    return { says: `${says}: ${signed(d)}`, holds: d.low > 0 };
  };
  return [
    more('a template is better than class words alone', 'default', 'bare'),
    more('8 templates of training are better than the one', 'seen/embedding', 'default'),
    more('… and than the mean of them as singles', 'seen/embedding', 'seen/mean'),
    more('… also on unseen pairs', 'seen/embedding', 'seen/mean', 'unseen'),
    more('8 templates never seen are better than the mean of them as singles', 'unseen/embedding', 'unseen/mean'),
    more('… also on unseen pairs', 'unseen/embedding', 'unseen/mean', 'unseen'),
    more('the mean of probabilities is better than the one template too', 'seen/probability', 'default'),
  ];
}

/** Conditions that must hold for the controls. */
function limitsOf(of: Values): Check[] {
  const base = mean(of('default'));
  const loss = paired(of('seen/embedding'), of('seen/probability'));
  const [others, start] = [mean(of('shuffled names')), mean(of('untrained'))];
  return [
    {
      says: `the mean of embeddings, at the cost of one classifier, loses no point to that of probabilities, at the cost of 8: ${signed(loss)}`,
      holds: loss.low > -0.01,
    },
    {
      says: `one template is neither at chance nor at the ceiling: ${base.toFixed(3)} (0.5 to 0.85)`,
      holds: base >= 0.5 && base <= 0.85,
    },
    {
      says: 'the same template 8 times is no better and no worse than once',
      holds: of('repeated').every((x, i) => x === of('default')[i]),
    },
    { says: `names of other classes: ${others.toFixed(4)} (at most 2 times chance)`, holds: others < 2 * chance },
    { says: `towers that were not trained: ${start.toFixed(4)} (at most 3 times chance)`, holds: start < 3 * chance },
  ];
}

/** The experiment. */
export const clipPrompts: Insight = {
  id: 'clip-prompts',
  title: 'Prompts and their ensembles',
  claim:
    'A class name in a prompt is recognised better than the name alone, and the mean of several prompts better still, at the cost of one.',
  source: 'Radford et al. 2021, arXiv 2103.00020, section 3.1.4',
  long: true,
  run,
};
