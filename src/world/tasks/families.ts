/** All task families by name, and how a task is drawn. */
import { BowError, unknownName } from '../../base/index.ts';
import { drawer, pick, place, push, reach, sort, stack } from './basic.ts';
import {
  emptyPlate,
  failingStack,
  forPurpose,
  hiddenTarget,
  keepSafe,
  movedTarget,
  multimodal,
  novelNoun,
  rearrange,
  requestInWords,
  rotateObject,
  sameColourReasoning,
  sameShape,
  searchDrawers,
} from './open-ended.ts';
import { type Draw, drawFor, type Family, familyNames, type Task, type TaskOptions, untilItFits } from './task.ts';
import { button, hammer, insert, openByHandle, pour, sweep } from './tool-tasks.ts';

type Sampler = (d: Draw) => Task;

/** The variants of each family; a task draws one of them. */
export const families: Readonly<Record<Family, readonly Sampler[]>> = {
  T1: [reach],
  T2: [pick],
  T3: [place],
  T4: [push],
  T5: [drawer],
  T6: [stack],
  T7: [sort],
  T8: [multimodal, rotateObject, rearrange, novelNoun, sameShape],
  T9: [emptyPlate, hiddenTarget, keepSafe],
  T10: [failingStack, movedTarget, searchDrawers],
  T11: [hammer, pour, insert, openByHandle, button, sweep],
  T12: [forPurpose, requestInWords, sameColourReasoning],
};

/** A task of a family: the same for the same seed, family and level. `variant` picks a sampler of the family by its place. */
export function sampleTask(family: Family, o: TaskOptions & { variant?: number } = {}): Task {
  const samplers = families[family];
  if (!samplers) throw new BowError('usage', unknownName('task family', family, familyNames));
  const d = drawFor(family, o);
  const sampler = o.variant === undefined ? d.rng.pick(samplers) : samplers[o.variant];
  if (!sampler)
    throw new BowError('usage', `family ${family} has ${samplers.length} variants, not number ${o.variant}`);
  return untilItFits(() => sampler(d));
}
