/** Learning rates (or other numbers) as functions of the step, from 0. Pure: a resumed run asks for the step that it is at. */
import { BowError } from '../base/index.ts';

/** A number for every step. */
export type Schedule = (step: number) => number;

/** The same at every step. */
export function constantSchedule(value: number): Schedule {
  return () => value;
}

/** From `from` to `to` over `steps` steps in a line, then `to`. */
export function linearSchedule(from: number, to: number, steps: number): Schedule {
  needSteps(steps);
  return (step) => from + (to - from) * Math.min(1, step / steps);
}

/** From `from` to `to` over `steps` steps along half a cosine, then `to`. Loshchilov & Hutter 2017, arXiv:1608.03983. */
export function cosineSchedule(from: number, to: number, steps: number): Schedule {
  needSteps(steps);
  return (step) => to + ((from - to) * (1 + Math.cos(Math.PI * Math.min(1, step / steps)))) / 2;
}

/** `value`, times `factor` at each of the given steps and from there on. */
export function stepSchedule(value: number, factor: number, at: readonly number[]): Schedule {
  return (step) => value * factor ** at.filter((s) => step >= s).length;
}

/**
 * Rises in a line to the first value of `then` during `steps` steps; the first step already moves (value·1/steps, as in open_clip). `then` counts
 * from the end of the warm-up.
 */
export function warmUp(steps: number, then: Schedule): Schedule {
  return (step) => (step < steps ? (then(0) * (step + 1)) / steps : then(step - steps));
}

/** The usual one: linear warm-up, then a cosine to `final` at `total` steps. */
export function warmUpCosine(peak: number, o: { warmUp: number; total: number; final?: number }): Schedule {
  return warmUp(o.warmUp, cosineSchedule(peak, o.final ?? 0, o.total - o.warmUp));
}

function needSteps(steps: number): void {
  if (!(steps > 0)) throw new BowError('config', `a schedule needs at least one step, not ${steps}`);
}
