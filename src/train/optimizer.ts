/** From a recipe's words to the optimisers and the schedules of the nn room. */
import type { Tensor } from '../engine/index.ts';
import {
  adam,
  adamW,
  chain,
  clipByGlobalNorm,
  constantSchedule,
  cosineSchedule,
  ema,
  gateGradients,
  holdWithin,
  type Limits,
  linearSchedule,
  matricesOnly,
  measureGlobalNorm,
  type Optimizer,
  type ParameterGroup,
  type PathRule,
  parameterGroups,
  type Schedule,
  sgd,
  warmUp,
} from '../nn/index.ts';
import type { Recipe } from './recipe-schema.ts';
import { own } from './step-context.ts';

/** The input of a step that the schedule feeds. */
export const learningRate = `${own}lr`;

/** Inputs of group i: its learning rate, and whether it is trained yet. */
const groupRate = (i: number): string => `${learningRate}/${i}`;
const groupOpen = (i: number): string => `${own}open/${i}`;

/** What a step is fed beside its data, by input; the learning rates among it are reported. */
export type Rates = Readonly<Record<string, number>>;

/** Names of what {@link ratesOf} gives. */
export function rateInputs(recipe: Pick<Recipe, 'groups'>): readonly string[] {
  const ofGroups = recipe.groups.flatMap((g, i) => [groupRate(i), ...(g.freezeSteps > 0 ? [groupOpen(i)] : [])]);
  return [learningRate, ...ofGroups];
}

/**
 * Clipping (or measuring the norm of all gradients), the optimisers of the recipe's groups and of all other parameters with their rules, the
 * trainable's bounds, and the average, as one chain. `inputs`: those of the step.
 */
export function optimizerOf(
  recipe: Recipe,
  limits: Limits = {},
  inputs: Readonly<Record<string, Tensor>> = {},
): Optimizer {
  const { optimizer: o, groups } = recipe;
  const norm = o.clipNorm === null ? measureGlobalNorm() : clipByGlobalNorm(o.clipNorm);
  const parts: ParameterGroup[] = groups.map((g, i) => ({
    params: g.params,
    optimizer: stepOf(g.optimizer),
    lr: inputs[groupRate(i)]!,
    delay: g.freezeSteps,
  }));
  const gates = groups.map((g, i) =>
    g.freezeSteps > 0 ? { params: g.params, open: inputs[groupOpen(i)]! } : { params: g.params },
  );
  const steps = groups.length > 0 ? parameterGroups(parts, stepOf(o)) : stepOf(o);
  return chain(
    ...(gates.some((g) => 'open' in g) ? [gateGradients(gates)] : []),
    norm,
    steps,
    ...(Object.keys(limits).length > 0 ? [holdWithin(limits)] : []),
    ...(recipe.ema ? [ema(recipe.ema.decay)] : []),
  );
}

function stepOf(o: Recipe['optimizer'] | Recipe['groups'][number]['optimizer']): Optimizer {
  const { lrScale } = o;
  if (o.name === 'adam') return adam({ lrScale, layerDecay: o.layerDecay ?? 1, betas: o.betas, eps: o.eps });
  const decay: PathRule = Object.keys(o.decay).length > 0 ? o.decay : matricesOnly;
  const common = { lrScale, decay, weightDecay: o.weightDecay };
  if (o.name === 'sgd') return sgd({ ...common, momentum: o.momentum, nesterov: o.nesterov });
  return adamW({ ...common, layerDecay: o.layerDecay ?? 1, betas: o.betas, eps: o.eps });
}

/** What each of `steps` steps, from 0, is fed: the learning rates by their schedules, 0 for groups that are still frozen. */
export function ratesOf(recipe: Recipe, steps: number): (step: number) => Rates {
  const main = scheduleOf(recipe.schedule, recipe.optimizer.lr, steps);
  const groups = recipe.groups.map((g) => scheduleOf(g.schedule ?? recipe.schedule, g.optimizer.lr, steps));
  return (step) => {
    const rates: Record<string, number> = { [learningRate]: main(step) };
    for (const [i, { freezeSteps }] of recipe.groups.entries()) {
      const open = step >= freezeSteps;
      rates[groupRate(i)] = open ? groups[i]!(step) : 0;
      if (freezeSteps > 0) rates[groupOpen(i)] = open ? 1 : 0;
    }
    return rates;
  };
}

/** The rates that are reported. */
export function reportedRates(rates: Rates): Rates {
  return Object.fromEntries(Object.entries(rates).filter(([name]) => name.startsWith(learningRate)));
}

/** The learning rate of each of `steps` steps, from 0. */
function scheduleOf(schedule: Recipe['schedule'], lr: number, steps: number): Schedule {
  const rest = Math.max(1, steps - schedule.warmup);
  if (schedule.name === 'constant') return warmUp(schedule.warmup, constantSchedule(lr));
  const curve = schedule.name === 'linear' ? linearSchedule : cosineSchedule;
  return warmUp(schedule.warmup, curve(lr, lr * schedule.final, rest));
}
