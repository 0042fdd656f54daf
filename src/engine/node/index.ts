/** The engine's Node-only part: models on disk. */
export { externalReader, importOnnxFile } from './import-file.ts';
export { probeInProcess } from './probe.ts';
