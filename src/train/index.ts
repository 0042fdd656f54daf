/** Training: logs, checkpoint folders, model cards. */
export { type JsonlLog, type LogRecord, openJsonl, readJsonl } from './logs/jsonl.ts';
export { openTensorboard, type TensorboardLog } from './logs/tensorboard.ts';
export type { EncodedImage } from './logs/tensorboard-event.ts';
