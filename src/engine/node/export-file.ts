/** Models written to disk; weights beyond what one file can hold go into a second one beside it. */
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, StringStringEntryProtoSchema, type TensorProto, TensorProto_DataLocation } from 'onnx-buf';
import { throwIfAborted } from '../../base/index.ts';
import { writeFileAtomic } from '../../base/node/index.ts';
import { type ExportOptions, exportModel, weightBytes } from '../export/export-onnx.ts';
import type { ModelFunction } from '../model-function.ts';

/** Options of {@link exportOnnxFile}. */
export type ExportFileOptions = ExportOptions & {
  readonly path: string;
  /** Bytes of weights above which they are written to `<path>.data` (default: what a protobuf message can hold). */
  readonly externalAbove?: number;
  readonly signal?: AbortSignal;
};

/** External tensors start at multiples of this, so that a runtime can map them into memory. */
const ALIGNMENT = 65_536;
/** Smaller ones stay in the model, where shape inference can see them. */
const SMALLEST = 1024;

/** Writes a model for inference, see `exportOnnx`; both files atomically, the weights first. Returns the paths written. */
export async function exportOnnxFile(fn: ModelFunction, o: ExportFileOptions): Promise<string[]> {
  const model = exportModel(fn, o);
  const limit = o.externalAbove ?? 2 ** 31 - 2 ** 26;
  const paths: string[] = [];
  if (weightBytes(model) > limit) {
    const data = `${basename(o.path)}.data`;
    const path = join(dirname(o.path), data);
    const large = model.graph!.initializer.filter((t) => t.rawData.length >= SMALLEST);
    await writeFileAtomic(path, (file) => writeTensors(file, large, data, o.signal));
    paths.push(path);
  }
  throwIfAborted(o.signal, o.path);
  await writeFileAtomic(o.path, toBinary(ModelProtoSchema, model));
  return [o.path, ...paths];
}

async function writeTensors(
  file: FileHandle,
  tensors: readonly TensorProto[],
  location: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  let end = 0;
  for (const t of tensors) {
    throwIfAborted(signal, location);
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    for (let at = 0; at < t.rawData.length; )
      at += (await file.write(t.rawData, at, Math.min(t.rawData.length - at, 2 ** 30), offset + at)).bytesWritten;
    end = offset + t.rawData.length;
    const entries = { location, offset: String(offset), length: String(t.rawData.length) };
    t.externalData = Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    );
    t.dataLocation = TensorProto_DataLocation.EXTERNAL;
    t.rawData = new Uint8Array(0);
  }
}
