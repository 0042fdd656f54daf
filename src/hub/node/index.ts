/** The part of the hub room that needs Node: checkpoints on disk. */
export { fileSource } from './file-source.ts';
export { openSafetensors } from './open-safetensors.ts';
export { type LazyTensor, type WritableTensor, type WriteOptions, writeSafetensors } from './write-safetensors.ts';
