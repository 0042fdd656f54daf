/** The engine's Node-only part: models on disk. */

export { type ExportFileOptions, exportOnnxFile } from './export-file.ts';
export { externalReader, importOnnxFile } from './import-file.ts';
export { type NativeRuntime, nativeRuntime } from './ort.ts';
export { probeInProcess } from './probe.ts';
