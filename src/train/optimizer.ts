/** From a recipe's words to the optimiser and the schedule of the nn room. */
import {
  adam,
  adamW,
  chain,
  clipByGlobalNorm,
  constantSchedule,
  cosineSchedule,
  ema,
  holdWithin,
  type Limits,
  linearSchedule,
  matricesOnly,
  measureGlobalNorm,
  type Optimizer,
  type PathRule,
  type Schedule,
  sgd,
  warmUp,
} from '../nn/index.ts';
import type { Recipe } from './recipe-schema.ts';

/** Clipping (or measuring the norm), the optimiser with its rules, the task's bounds, and the average, as one chain. */
export function optimizerOf(recipe: Recipe, limits: Limits = {}): Optimizer {
  const { optimizer: o } = recipe;
  const norm = o.clipNorm === null ? measureGlobalNorm() : clipByGlobalNorm(o.clipNorm);
  const bounds = Object.keys(limits).length > 0 ? [holdWithin(limits)] : [];
  return chain(norm, stepOf(o), ...bounds, ...(recipe.ema ? [ema(recipe.ema.decay)] : []));
}

function stepOf(o: Recipe['optimizer']): Optimizer {
  const { lrScale } = o;
  if (o.name === 'adam') return adam({ lrScale, layerDecay: o.layerDecay ?? 1, betas: o.betas, eps: o.eps });
  const decay: PathRule = Object.keys(o.decay).length > 0 ? o.decay : matricesOnly;
  const common = { lrScale, decay, weightDecay: o.weightDecay };
  if (o.name === 'sgd') return sgd({ ...common, momentum: o.momentum, nesterov: o.nesterov });
  return adamW({ ...common, layerDecay: o.layerDecay ?? 1, betas: o.betas, eps: o.eps });
}

/** The learning rate of each of `steps` steps, from 0. */
export function scheduleOf(recipe: Recipe, steps: number): Schedule {
  const { schedule, optimizer } = recipe;
  const { lr } = optimizer;
  const rest = Math.max(1, steps - schedule.warmup);
  if (schedule.name === 'constant') return warmUp(schedule.warmup, constantSchedule(lr));
  const curve = schedule.name === 'linear' ? linearSchedule : cosineSchedule;
  return warmUp(schedule.warmup, curve(lr, lr * schedule.final, rest));
}
