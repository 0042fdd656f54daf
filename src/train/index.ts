/** Training: recipes, objectives, the trainer; checkpoint folders, logs, model cards. Node only. */
export {
  arraySource,
  type Batch,
  type BatchSource,
  type IndexedSource,
  indexedSource,
  type OpenBatches,
} from './batches.ts';
export {
  type Checkpoint,
  type CheckpointContent,
  type CheckpointOptions,
  type JsonObject,
  readCheckpointFolder,
  type TensorMap,
  writeCheckpointFolder,
} from './checkpoint-folder.ts';
export {
  type BestMetric,
  type CheckpointEntry,
  type CheckpointWriter,
  listCheckpoints,
  openCheckpoints,
  readCheckpoint,
  type WhichCheckpoint,
} from './checkpoints.ts';
export { type TrainControl, trainControl } from './control.ts';
export type { RunEnd, TrainEvent } from './events.ts';
export type { Json, JsonTree } from './json-tree.ts';
export { type JsonlLog, type LogRecord, openJsonl, readJsonl } from './logs/jsonl.ts';
export { openTensorboard, type TensorboardLog } from './logs/tensorboard.ts';
export type { EncodedImage } from './logs/tensorboard-event.ts';
export { type CardResult, type ModelCardContent, modelCard } from './model-card.ts';
export { traceObjective } from './objectives.ts';
export { parseRecipe, presets, type RecipeSources, readRecipe } from './recipe.ts';
export type { Recipe, RecipeInput } from './recipe-schema.ts';
export { holdsRun, type TrainOptions } from './run.ts';
export { type ClipTaskOptions, clipTask, pairSource, type TrainingPairs, withVocabulary } from './tasks/clip.ts';
export type {
  EvaluationContext,
  Inputs,
  LossTerms,
  Objective,
  Queue,
  QueueSpec,
  StepContext,
  Teacher,
  Trainable,
  TwoPhaseLoss,
} from './trainable.ts';
export { type TrainResult, train } from './trainer.ts';
