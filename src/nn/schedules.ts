/** Learning rates (or other numbers) as functions of the step, from 0. Pure: a resumed run asks for the step that it is at. */
import { BowError } from '../base/index.ts';
import * as must from './arguments.ts';

/** A number for every step. */
export type Schedule = (step: number) => number;

/** The same at every step. */
export function constantSchedule(value: number): Schedule {
  must.be('constantSchedule', { value: [value, must.number()] });
  return () => value;
}

/** From `from` to `to` over `steps` steps in a line, then `to`. */
export function linearSchedule(from: number, to: number, steps: number): Schedule {
  must.be('linearSchedule', { from: [from, must.number()], to: [to, must.number()], steps: [steps, must.size] });
  return (step) => from + (to - from) * Math.min(1, step / steps);
}

/** From `from` to `to` over `steps` steps along half a cosine, then `to`. Loshchilov & Hutter 2017, arXiv:1608.03983. */
export function cosineSchedule(from: number, to: number, steps: number): Schedule {
  must.be('cosineSchedule', { from: [from, must.number()], to: [to, must.number()], steps: [steps, must.size] });
  return (step) => to + ((from - to) * (1 + Math.cos(Math.PI * Math.min(1, step / steps)))) / 2;
}

/** `value`, times `factor` at each of the given steps and from there on. */
export function stepSchedule(value: number, factor: number, at: readonly number[]): Schedule {
  must.be('stepSchedule', {
    value: [value, must.number()],
    factor: [factor, must.number(0)],
    at: [at, must.wholes(0)],
  });
  return (step) => value * factor ** at.filter((s) => step >= s).length;
}

/**
 * Rises in a line to the first value of `next` during `steps` steps; the first step already moves (value·1/steps, as in open_clip). `next` counts
 * from the end of the warm-up.
 */
export function warmUp(steps: number, next: Schedule): Schedule {
  must.be('warmUp', { steps: [steps, must.count], next: [next, must.call] });
  return (step) => (step < steps ? (next(0) * (step + 1)) / steps : next(step - steps));
}

/** The usual one: linear warm-up, then a cosine to `final` at `total` steps. */
export function warmUpCosine(peak: number, o: { warmUp: number; total: number; final?: number }): Schedule {
  const checks = must.only({ final: must.number() }, { warmUp: must.count, total: must.size });
  must.be('warmUpCosine', { peak: [peak, must.number()], o: [o, checks] });
  if (o.total <= o.warmUp)
    throw new BowError(
      'config',
      `after a warm-up of ${o.warmUp} steps, ${o.total} steps in all leave none; a schedule needs at least one step`,
    );
  return warmUp(o.warmUp, cosineSchedule(peak, o.final ?? 0, o.total - o.warmUp));
}
