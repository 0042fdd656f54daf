/** Different optimisers, learning rates and schedules for parts of a model in one step. */
import type { F, Tensor } from '../engine/index.ts';
import * as must from './arguments.ts';
import { type Optimizer, type OptimizerStep, rateOf } from './optimizer.ts';
import { checkPatterns, matcher } from './path-rules.ts';

const groupNeeds = { params: must.texts, optimizer: must.call };
const group = must.options({ lr: must.rate, delay: must.count }, groupNeeds);

/** Parameters with an optimiser of their own. */
export type ParameterGroup = {
  /** Path patterns. A parameter belongs to the first group that matches it. */
  readonly params: readonly string[];
  readonly optimizer: Optimizer;
  /** A scalar input or a number; default: the step's learning rate. */
  readonly lr?: Tensor | number;
  /** Steps before the group's first: its bias corrections count from there. Default 0. */
  readonly delay?: number;
};

/**
 * Sets the values of all parameters: those that a group matches by its optimiser, all others by `rest`. Norms are not its matter: put
 * `clipByGlobalNorm` before it, for one norm of all. A pattern that matches nothing is a `config` error.
 */
export function parameterGroups(groups: readonly ParameterGroup[], rest: Optimizer): Optimizer {
  must.be('parameterGroups', { groups: [groups, must.list(group)], rest: [rest, must.call] });
  const matches = groups.map((g) => matcher(g.params));
  return (step) => {
    for (const g of groups) checkPatterns(g.params, step.known, 'parameter group');
    const groupOf = new Map([...step.params.keys()].map((path) => [path, matches.findIndex((m) => m(path))]));
    const part = (i: number): OptimizerStep => {
      const own = <T>(all: ReadonlyMap<string, T>): Map<string, T> =>
        new Map([...all].filter(([path]) => groupOf.get(path) === i));
      return { ...step, params: own(step.params), gradients: own(step.gradients), values: own(step.values) };
    };
    const values = new Map(step.values);
    for (const [i, group] of [[-1, undefined], ...groups.entries()] as const) {
      const own = part(i);
      if (own.params.size === 0) continue;
      const moved = group ? group.optimizer(timed(own, group)) : rest(own);
      for (const [path, value] of moved.values) values.set(path, value);
    }
    return { ...step, values };
  };
}

/** The group's step with its learning rate and its own count. */
function timed(step: OptimizerStep, { lr, delay = 0 }: ParameterGroup): OptimizerStep {
  const learningRate = lr === undefined ? step.learningRate : rateOf(step.scope, lr);
  return { ...step, learningRate, count: delay === 0 ? step.count : step.count.sub(delay).max(1) };
}

/** Parameters that are still frozen while `open`, a scalar input, is 0, and trained while it is 1. */
export type GradientGate = { readonly params: readonly string[]; readonly open: Tensor };

const claim = must.options({}, { params: must.texts });
const openGate = must.options({}, { params: must.texts, open: must.anyScalar });
const gate: must.Check = (at, what, g) =>
  (typeof g === 'object' && g !== null && 'open' in g ? openGate : claim)(at, what, g);

/**
 * Gradients of frozen parameters become 0, before any norm is taken: with a learning rate of 0 the parameters and their moments then stay exactly
 * as they are. Parameters belong to the first gate that matches them; one without `open` claims them and leaves them be.
 */
export function gateGradients(gates: readonly (GradientGate | { readonly params: readonly string[] })[]): Optimizer {
  must.be('gateGradients', { gates: [gates, must.list(gate)] });
  const matches = gates.map((g) => matcher(g.params));
  return (step) => {
    const gradients = [...step.gradients].map(([path, g]): [string, F] => {
      const gate = gates[matches.findIndex((m) => m(path))];
      return [path, gate && 'open' in gate ? g.mul(gate.open.to(g.dtype)) : g];
    });
    return { ...step, gradients: new Map(gradients) };
  };
}
