/** Which metric makes a checkpoint the best, and whether it is wanted small or large. */
import { BowError } from '../base/index.ts';
import type { Recipe } from './recipe-schema.ts';
import type { Task } from './task.ts';

/**
 * The recipe's metric, else the task's, else the loss. Error `config` for a metric of which nobody says whether it is wanted small or large: the
 * worst checkpoint would be kept as the best. Losses are wanted small.
 */
export function selectionRule(
  { select }: Pick<Recipe, 'select'>,
  task: Pick<Task, 'select'>,
): { metric: string; mode: 'min' | 'max' } {
  const own = task.select ?? { metric: 'eval/loss', mode: 'min' as const };
  const metric = select.metric ?? own.metric;
  const mode = select.mode ?? (metric === own.metric ? own.mode : /loss$/.test(metric) ? 'min' : undefined);
  if (mode !== undefined) return { metric, mode };
  throw new BowError('config', `is "${metric}" wanted small or large?`, {
    place: 'select.mode',
    hint: 'set select.mode to min or max',
  });
}
