/** Checkpoints on disk: a folder's files, or one file of weights. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BowError } from '../../base/index.ts';
import { fileError } from '../../base/node/index.ts';
import { type ModelFiles, modelFiles, type Safetensors } from '../index.ts';
import { fileSource } from './file-source.ts';

/** The files of a folder. Error `data` for a path that is not a folder, or cannot be read. */
export async function openModelFiles(folder: string): Promise<ModelFiles> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((e: unknown) => {
    throw fileError(e, folder);
  });
  const at = (name: string): string => join(folder, name);
  const names = entries.filter((e) => !e.isDirectory()).map((e) => e.name); // links to blobs of a cache are files too
  return modelFiles({ place: folder, names, at, open: (name) => fileSource(at(name)) });
}

/**
 * Opens `path` lazily: only headers are read and checked. A folder stands for its `model.safetensors` or `model.safetensors.index.json`
 * (or the only such file in it). Errors: `data` for what cannot be opened, `checkpoint` for what is damaged.
 */
export async function openSafetensors(path: string): Promise<Safetensors> {
  const found = await stat(path).catch((e: unknown) => {
    throw fileError(e, path);
  });
  if (found.isDirectory()) return await (await openModelFiles(path)).tensors();
  if (!found.isFile()) throw new BowError('data', 'is not a file', { place: path });
  return await (await openModelFiles(dirname(path))).tensors(basename(path));
}
