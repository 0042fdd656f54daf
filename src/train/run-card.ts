/** The model card that goes with every checkpoint. */
import { modelCard } from './model-card.ts';
import type { Recipe } from './recipe-schema.ts';
import type { RunProgress } from './run-state.ts';
import type { Task } from './task.ts';

/** The card of a checkpoint: what the task says of itself, how it was trained, what it reached. */
export function cardOf(
  task: Task,
  recipe: Recipe,
  o: { progress: RunProgress; parameters: number; device: string },
): string {
  const { progress } = o;
  const metrics = Object.fromEntries(Object.entries(progress.metrics).map(([k, v]) => [k.replace(/^eval\//, ''), v]));
  const result = {
    task: task.card?.pipelineTag ?? 'other',
    dataset: task.card?.datasets?.[0] ?? 'the held-out part of the training data',
    split: 'validation',
    metrics,
  };
  return modelCard({
    name: `${task.id} (${recipe.variant})`,
    tags: [task.id],
    ...task.card,
    results: [
      ...(task.card?.results ?? []),
      ...(progress.evaluated === progress.step && progress.evaluated >= 0 ? [result] : []),
    ],
    procedure: {
      parameters: o.parameters,
      steps: progress.step,
      'samples seen': progress.step * recipe.batchSize * recipe.accumulate,
      seconds: Math.round(progress.seconds),
      device: `${o.device}, ${progress.threads} threads`,
      ...(progress.best ? { [`best ${progress.best.metric} so far`]: progress.best.value } : {}),
    },
    recipe,
  });
}
