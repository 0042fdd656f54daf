/**
 * Which objectives take part in which step, and which batches that takes. A pure function of seed and step: a run that is resumed at step 1,234 goes
 * on with the objectives and batches that it would have had.
 */
import { BowError, hash32, Rng, unknownName } from '../base/index.ts';
import type { BatchSource } from './batches.ts';
import { checkTrainable } from './check-trainable.ts';
import type { Recipe } from './recipe-schema.ts';
import type { Objective, Trainable } from './trainable.ts';

/** A source of batches with the objectives that share it. */
export type Feed = {
  /** Name of the first of its objectives. */
  readonly name: string;
  readonly source: BatchSource;
  readonly objectives: readonly string[];
  /** What its batches are shuffled by. */
  readonly seed: number;
  /** What the names of its inputs begin with in a step: nothing where there is one source. */
  readonly prefix: string;
};

/** The plan of a run. */
export type StepPlan = {
  readonly feeds: readonly Feed[];
  /** Objectives of a step. */
  activeAt(step: number): readonly string[];
  /** All sets of objectives that steps can have. */
  readonly sets: readonly (readonly string[])[];
  /** How many of the steps before `step` took batches of a feed. */
  stepsOf(feed: Feed, step: number): number;
  /** Share of all steps that take batches of a feed. */
  share(feed: Feed): number;
};

/** Feeds that objectives need. */
export function feedsOf(plan: Pick<StepPlan, 'feeds'>, active: readonly string[]): readonly Feed[] {
  return plan.feeds.filter((feed) => feed.objectives.some((name) => active.includes(name)));
}

/** The plan of a trainable. Errors: `config` for objectives that do not fit together. */
export function planOf(trainable: Trainable, { seed }: Pick<Recipe, 'seed'>): StepPlan {
  checkTrainable(trainable);
  const { objectives, combine = 'sum' } = trainable;
  const names = Object.keys(objectives);
  checkObjectives(objectives, combine);
  const feeds = groupBySource(names, (name) => objectives[name]!.source).map(([source, own], i, all): Feed => {
    const name = own[0]!;
    const prefix = all.length === 1 ? '' : `batch/${name}/`;
    return { name, source, objectives: own, seed: i === 0 ? seed : hash32(`${seed}/${name}`), prefix };
  });
  const every = names.map((name) => objectives[name]!.every ?? 1);
  const weights = names.map((name) => objectives[name]!.weight ?? 1);
  const total = weights.reduce((a, b) => a + b, 0);
  const draws = new Rng(seed).split('objectives');
  const activeAt = (step: number): readonly string[] => {
    if (combine === 'sum') return names.filter((_, i) => step % every[i]! === 0);
    if (combine === 'alternate') return [names[step % names.length]!];
    return [names[pick(weights, draws.split(step).float() * total)]!];
  };
  const shareOf = (own: readonly string[]): number => {
    const at = own.map((name) => names.indexOf(name));
    if (combine === 'sum') return 1 / Math.min(...at.map((i) => every[i]!));
    if (combine === 'alternate') return own.length / names.length;
    return at.reduce((sum, i) => sum + weights[i]!, 0) / total;
  };
  return {
    feeds,
    activeAt,
    sets: combine === 'sum' ? distinctSets(activeAt, every) : names.map((name) => [name]),
    share: (feed) => shareOf(feed.objectives),
    stepsOf: (feed, step) => {
      if (feeds.length === 1 && shareOf(feed.objectives) === 1) return step;
      let count = 0;
      for (let at = 0; at < step; at++) if (activeAt(at).some((name) => feed.objectives.includes(name))) count++;
      return count;
    },
  };
}

/** Things grouped by the source that each has, in the order in which the sources come. */
export function groupBySource<T, S>(list: readonly T[], sourceOf: (x: T) => S): [source: S, own: readonly T[]][] {
  const groups = new Map<S, T[]>();
  for (const x of list) groups.set(sourceOf(x), [...(groups.get(sourceOf(x)) ?? []), x]);
  return [...groups];
}

/** Position of the weight that `at`, in [0, sum of the weights), falls on. */
function pick(weights: readonly number[], at: number): number {
  let rest = at;
  for (const [i, weight] of weights.entries()) {
    rest -= weight;
    if (rest < 0) return i;
  }
  return weights.length - 1;
}

/** Sets of objectives come again after the least common multiple of their periods. */
function distinctSets(
  activeAt: (step: number) => readonly string[],
  every: readonly number[],
): readonly (readonly string[])[] {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  const period = every.reduce((a, b) => (a / gcd(a, b)) * b, 1);
  const sets = new Map<string, readonly string[]>();
  for (let step = 0; step < Math.min(period, 100_000); step++) sets.set(activeAt(step).join(), activeAt(step));
  return [...sets.values()];
}

function checkObjectives(objectives: Trainable['objectives'], combine: NonNullable<Trainable['combine']>): void {
  const refuse = (what: string, place: string, hint?: string): BowError =>
    new BowError('config', what, { place: `objectives${place}`, ...(hint ? { hint } : {}) });
  const ways = ['sum', 'alternate', 'sample'];
  if (!ways.includes(combine))
    throw new BowError('config', unknownName('way to combine objectives', combine, ways), { place: 'combine' });
  const entries = Object.entries(objectives);
  if (entries.length === 0) throw refuse('nothing to train: no objectives', '');
  for (const [name, { weight = 1, every = 1 }] of entries) {
    if (!/^[\w.-]+$/.test(name)) throw refuse(`"${name}" is not a name of letters, digits, "_", "-" and "."`, '');
    if (!(weight > 0 && Number.isFinite(weight)))
      throw refuse(`a weight is a positive number, not ${weight}`, `.${name}.weight`);
    if (!(Number.isInteger(every) && every > 0)) throw refuse(`every is 1, 2, 3, …, not ${every}`, `.${name}.every`);
    if (every > 1 && combine !== 'sum')
      throw refuse(`every is for sums of objectives, these ${combine}`, `.${name}.every`, 'leave it out');
  }
  if (combine === 'sum' && entries.every(([, o]: [string, Objective]) => (o.every ?? 1) > 1))
    throw refuse('some steps would have no objective', '', 'let at least one take part in every step');
}
