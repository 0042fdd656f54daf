/** Training: logs, checkpoint folders, model cards. */
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
export { type JsonlLog, type LogRecord, openJsonl, readJsonl } from './logs/jsonl.ts';
export { openTensorboard, type TensorboardLog } from './logs/tensorboard.ts';
export type { EncodedImage } from './logs/tensorboard-event.ts';
export { type CardResult, type ModelCardContent, modelCard } from './model-card.ts';
