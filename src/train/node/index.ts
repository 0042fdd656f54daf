/** The part of training that needs Node: runs in folders, checkpoint folders, logs on disk, recipes from files. */
export {
  type Checkpoint,
  type CheckpointOptions,
  readCheckpointFolder,
  type WritableContent,
  writeCheckpointFolder,
} from './checkpoint-folder.ts';
export {
  type CheckpointEntry,
  type CheckpointWriter,
  listCheckpoints,
  openCheckpoints,
  readCheckpoint,
  type WhichCheckpoint,
} from './checkpoints.ts';
export { folderStorage } from './folder-storage.ts';
export { type JsonlLog, type LogRecord, openJsonl, readJsonl } from './logs/jsonl.ts';
export { openTensorboard, type TensorboardLog } from './logs/tensorboard.ts';
export type { EncodedImage } from './logs/tensorboard-event.ts';
export { readRecipe, readRecipeFile } from './recipe-file.ts';
export {
  type FinishedStage,
  type Stage,
  type StageResult,
  type StagesOptions,
  stageRecipe,
  trainStages,
} from './stages.ts';
export { holdsRun, type TrainOptions, type TrainResult, train } from './train.ts';
