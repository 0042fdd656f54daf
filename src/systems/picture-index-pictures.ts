/** The pictures that an index is of, read again from where they were. */
import { readFile } from 'node:fs/promises';
import { isBowError } from '../base/index.ts';
import { openPictures, type PictureSetFormat } from '../data/index.ts';
import { decodePicture } from '../image/node/index.ts';
import type { RgbPicture } from './capabilities.ts';
import type { IndexedPicture, PictureIndexConfig } from './picture-index-files.ts';

/**
 * Decodes pictures of an index, in the order they are asked for; undefined for those that are no longer there or can no longer be read. Files are read one
 * by one; archives are gone through until all are found.
 */
export async function indexedPictures(
  { source }: PictureIndexConfig,
  wanted: readonly IndexedPicture[],
  o: { readonly signal?: AbortSignal | undefined } = {},
): Promise<(RgbPicture | undefined)[]> {
  const found = new Map<string, RgbPicture>();
  const keep = async (id: string, place: string, read: () => Promise<Uint8Array>): Promise<void> => {
    const picture = await read()
      .then((bytes) => decodePicture(bytes, { place }))
      .catch(() => undefined);
    if (picture) found.set(id, picture);
  };
  const inside = new Set<string>();
  for (const { id, place, file } of wanted) {
    if (file === undefined) inside.add(id);
    else await keep(id, place, () => readFile(file));
  }
  try {
    if (inside.size > 0) {
      const { path, format, captions } = source;
      const set = await openPictures(path, { format: format as PictureSetFormat, captions });
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
