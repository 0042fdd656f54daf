/** Models on disk: the file and the tensors that lie in files beside it, never outside its folder. */
import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, relative, resolve } from 'node:path';
import { BowError } from '../../base/index.ts';
import { fileError } from '../../base/node/index.ts';
import { type Imported, importOnnx } from '../import/import-onnx.ts';
import type { ReadExternal } from '../import/stored-tensor.ts';

/**
 * Reads an ONNX model by its path; see `importOnnx`. Values in external files are read when a trace needs them.
 * Throws `data` when the file cannot be read, `checkpoint` when it is damaged or names a range outside its folder or files.
 */
export async function importOnnxFile(path: string): Promise<Imported> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (e) {
    throw fileError(e, path);
  }
  return importOnnx(bytes, { place: basename(path), external: externalReader(dirname(path)) });
}

/** Reads ranges of files inside a folder. */
export function externalReader(folder: string): ReadExternal {
  const root = realpathSync(folder);
  return (location, offset, length, place) => {
    const wrong = (what: string, hint?: string): BowError =>
      new BowError('checkpoint', what, { place, ...(hint === undefined ? {} : { hint }) });
    const outside = (path: string): boolean => {
      const way = relative(root, path);
      return way === '' || way.startsWith('..') || isAbsolute(way);
    };
    const path = resolve(root, location);
    if (isAbsolute(location) || outside(path)) throw wrong(`"${location}" lies outside the model's folder`);
    let file: number;
    try {
      if (outside(realpathSync(path))) throw wrong(`"${location}" leads outside the model's folder`);
      file = openSync(path, 'r');
    } catch (e) {
      if (e instanceof BowError) throw e;
      throw wrong(`the external file "${location}" cannot be read`, 'it belongs beside the model');
    }
    try {
      const { size } = fstatSync(file);
      const end = offset + (length ?? size - offset);
      if (offset < 0 || end > size || end < offset)
        throw wrong(`bytes ${offset} to ${end} of "${location}", which has ${size}`, 'is the external file truncated?');
      const out = new Uint8Array(end - offset);
      for (let at = 0; at < out.length; ) {
        const n = readSync(file, out, at, Math.min(out.length - at, 1 << 30), offset + at);
        if (n === 0) throw wrong(`"${location}" ended early`);
        at += n;
      }
      return out;
    } finally {
      closeSync(file);
    }
  };
}
