/** The images that an index is of, read again from where they were. */
import { readFile } from 'node:fs/promises';
import { isBowError } from '../base/index.ts';
import type { RgbImage } from '../capabilities/index.ts';
import type { ImageSetFormat } from '../data/index.ts';
import { openImages } from '../data/node/index.ts';
import { decodeImage } from '../image/node/index.ts';
import type { ImageIndexConfig, IndexedImage } from './image-index-files.ts';

/**
 * Decodes images of an index, in the order they are asked for; undefined for those that are no longer there or can no longer be read. Files are read one
 * by one; archives are read until all are found.
 */
export async function indexedImages(
  { source }: ImageIndexConfig,
  wanted: readonly IndexedImage[],
  o: { readonly signal?: AbortSignal | undefined } = {},
): Promise<(RgbImage | undefined)[]> {
  const found = new Map<string, RgbImage>();
  const keep = async (id: string, place: string, read: () => Promise<Uint8Array>): Promise<void> => {
    const image = await read()
      .then((bytes) => decodeImage(bytes, { place }))
      .catch(() => undefined);
    if (image) found.set(id, image);
  };
  const inside = new Set<string>();
  for (const { id, place, file } of wanted) {
    if (file === undefined) inside.add(id);
    else await keep(id, place, () => readFile(file));
  }
  try {
    if (inside.size > 0) {
      const { path, format, captions } = source;
      const set = await openImages(path, { format: format as ImageSetFormat, captions });
      for await (const r of set.records({ signal: o.signal })) {
        if (inside.delete(r.id)) await keep(r.id, r.place, () => r.read());
        if (inside.size === 0) break;
      }
    }
  } catch (e) {
    if (!isBowError(e) || e.code !== 'data') throw e; // a set that has gone leaves gaps
  }
  return wanted.map((w) => found.get(w.id));
}
