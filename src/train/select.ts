/** Which metric makes a checkpoint the best, and whether it is wanted small or large. */
import { BowError } from '../base/index.ts';
import type { Recipe } from './recipe-schema.ts';
import type { Trainable } from './trainable.ts';

/**
 * The recipe's metric, else the trainable's, else the loss. Error `config` for a metric of which nobody says whether it is wanted small or large: the
 * worst checkpoint would be kept as the best. Losses are wanted small.
 */
export function selectionRule(
  { select }: Pick<Recipe, 'select'>,
  trainable: Pick<Trainable, 'select'>,
): { metric: string; mode: 'min' | 'max' } {
  const own = trainable.select ?? { metric: 'eval/loss', mode: 'min' as const };
  const metric = select.metric ?? own.metric;
  const mode = select.mode ?? (metric === own.metric ? own.mode : /loss$/.test(metric) ? 'min' : undefined);
  if (mode !== undefined) return { metric, mode };
  throw new BowError('config', `is "${metric}" to be minimised or maximised?`, {
    place: 'select.mode',
    hint: 'set select.mode to min or max',
  });
}
