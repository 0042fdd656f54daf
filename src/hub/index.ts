/** File formats of published checkpoints, for Node and the browser; files on disk and downloads are in `hub/node`. */
export { type ByteSource, type BytesInput, byteSource } from './byte-source.ts';
export type { StoredArray, StoredDType } from './dtype.ts';
export {
  type FileSources,
  type ModelConfig,
  type ModelFiles,
  memoryFiles,
  modelFiles,
  readConfig,
} from './model-files.ts';
export {
  encodeSafetensors,
  joinShards,
  readSafetensors,
  type Safetensors,
  type TensorData,
  toFloat32,
} from './safetensors.ts';
export type { TensorInfo, TensorShape } from './safetensors-header.ts';
export {
  checkKeys,
  keysOf,
  pathsOf,
  plainNames,
  type ReadTensorsOptions,
  readTensors,
  type TensorName,
  type TensorNames,
  type WriteTensorsOptions,
  writeTensors,
} from './tensor-names.ts';
