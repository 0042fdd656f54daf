/** A model by folder or hub name, as an image index needs it. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { BowError } from '../base/index.ts';
import { can, type EncodesImages, type OpenSystem } from '../capabilities/index.ts';
import { openModelFiles } from '../hub/node/index.ts';
import { systemOf } from '../systems/index.ts';
import { type ModelOptions, modelFingerprint, modelFolder, openModel } from '../systems/node/index.ts';
import type { IndexingModel } from './image-index-encode.ts';

/**
 * A model to index with: `buildImageIndex('photos.index', await openImages('photos'), await indexingModel('runs/photos'))`. It is opened when the first image is
 * to be encoded; `close` frees it. Its fingerprint is that of the files, so the index is the one that `bow2bot index` makes, and `bow2bot search` finds its model.
 * Errors: as `openModel`; `usage` from `open` for a model that sees no images.
 */
export async function indexingModel(
  nameOrFolder: string,
  o: ModelOptions = {},
): Promise<IndexingModel & { close(): Promise<void> }> {
  const folder = await modelFolder(nameOrFolder, o);
  const { id: system } = await systemOf(await openModelFiles(folder));
  let opened: Promise<OpenSystem> | undefined;
  const open = async (): Promise<OpenSystem & EncodesImages> => {
    opened ??= openModel(folder, o);
    const model = await opened;
    if (can(model, 'encodeImages')) return model;
    throw new BowError('usage', `a ${system} model sees no images`, { place: folder });
  };
  const name = existsSync(nameOrFolder) ? resolve(nameOrFolder) : nameOrFolder;
  return {
    name,
    system,
    fingerprint: await modelFingerprint(folder),
    open,
    close: async () => (await opened)?.close(),
  };
}
