/** Training: recipes, objectives, the trainer, model cards; for Node and the browser. Folders and files are in `train/node`. */
export {
  arraySource,
  type Batch,
  type BatchSource,
  type IndexedSource,
  indexedSource,
  type OpenBatches,
} from './batches.ts';
export { type TrainControl, trainControl } from './control.ts';
export type { RunEnd, TrainEvent } from './events.ts';
export type { Json, JsonTree } from './json-tree.ts';
export { type CardResult, type ModelCardContent, modelCard } from './model-card.ts';
export { traceObjective } from './objectives.ts';
export { parseRecipe, presets, type RecipeSources } from './recipe.ts';
export type { Recipe, RecipeInput } from './recipe-schema.ts';
export { holdsRun, type TrainOptions } from './run.ts';
export {
  type BestMetric,
  type CheckpointContent,
  type JsonObject,
  type MemoryStorage,
  memoryStorage,
  type OpenStorage,
  type RunLog,
  type RunStorage,
  type StoredCheckpoint,
  type TensorMap,
} from './storage.ts';
export type {
  EvaluationContext,
  Inputs,
  LossTerms,
  MadeData,
  Objective,
  Queue,
  QueueSpec,
  StepContext,
  Teacher,
  Trainable,
  TwoPhaseLoss,
} from './trainable.ts';
export { type TrainResult, train } from './trainer.ts';
