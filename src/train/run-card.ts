/** The model card that goes with every checkpoint. */
import { modelCard } from './model-card.ts';
import type { Recipe } from './recipe-schema.ts';
import type { RunProgress } from './run-state.ts';
import type { StepPlan } from './step-plan.ts';
import type { Trainable } from './trainable.ts';

/** The card of a checkpoint: what the trainable says of itself, how it was trained, what it reached. */
export function cardOf(
  trainable: Trainable,
  recipe: Recipe,
  o: { progress: RunProgress; parameters: number; device: string; plan: StepPlan },
): string {
  const { progress } = o;
  const batches = o.plan.feeds.reduce((n, feed) => n + o.plan.stepsOf(feed, progress.step), 0);
  const metrics = Object.fromEntries(Object.entries(progress.metrics).map(([k, v]) => [k.replace(/^eval\//, ''), v]));
  const result = {
    task: trainable.card?.pipelineTag ?? 'other',
    dataset: trainable.card?.datasets?.[0] ?? 'the held-out part of the training data',
    split: 'validation',
    metrics,
  };
  return modelCard({
    name: `${trainable.id} (${recipe.variant})`,
    tags: [trainable.id],
    ...trainable.card,
    results: [
      ...(trainable.card?.results ?? []),
      ...(progress.evaluated === progress.step && progress.evaluated >= 0 ? [result] : []),
    ],
    procedure: {
      parameters: o.parameters,
      steps: progress.step,
      'samples seen': batches * recipe.batchSize * recipe.accumulate,
      seconds: Math.round(progress.seconds),
      device: `${o.device}, ${progress.threads} threads`,
      ...(progress.best ? { [`best ${progress.best.metric} so far`]: progress.best.value } : {}),
    },
    recipe,
  });
}
