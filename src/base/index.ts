/** What every room may use: errors, seeded randomness, hashing, progress. Runs in Node and in the browser. */
export {
  kindOf,
  need,
  needFloats,
  needFunction,
  needIterable,
  needNumber,
  needNumbers,
  needRecord,
  needText,
  needTexts,
  needWhole,
} from './arguments.ts';
export {
  BowError,
  type ErrorCode,
  type ErrorDetail,
  exitCode,
  isBowError,
  nearest,
  throwIfAborted,
  unknownName,
} from './errors.ts';
export { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './float16.ts';
export { hash32 } from './hash.ts';
export { type JsonOptions, parseJson } from './json.ts';
export { parseNumber } from './numbers.ts';
export type { Metrics, OnProgress, Progress } from './progress.ts';
export { isRecord } from './records.ts';
export { Rng, type RngState } from './rng.ts';
export { checkSettings, placed, refuseSetting } from './settings.ts';
export { shellWord } from './shell.ts';
