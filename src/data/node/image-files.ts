/** Image files under a folder, and paths that other files name. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, posix, resolve } from 'node:path';
import { BowError } from '../../base/index.ts';
import { fileError, isInside } from '../../base/node/index.ts';

const imageName = /\.(jpe?g|jpe|jfif|png|webp|gif|avif|tiff?|bmp|heic|heif|p[bgpn]m|jp2|j2k|jxl|tga|ico)$/i;

/** Extensions that make a file or a part of a sample an image; those that cannot be decoded are reported as such, not skipped. */
export const isImage = (name: string): boolean => imageName.test(name);

/** The files that lie directly in some folders inside `folder`, as {@link filesUnder} gives them; folders that are not there have none. */
export async function filesIn(folder: string, inner: ReadonlySet<string>): Promise<string[]> {
  const found = [...inner].map(async (f) => {
    const names = await readdir(join(folder, f)).catch(() => []);
    return names.map((name) => posix.join(f, name));
  });
  return (await Promise.all(found)).flat().sort((a, b) => (a < b ? -1 : 1));
}

/** The bytes of a file; error `data` with its path. */
export async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (e) {
    throw fileError(e, path);
  }
}

/** Where a path named in a metadata file lies. What points outside the folder is refused: metadata is untrusted. */
export function pathInside(folder: string, name: string, place: string): string {
  const root = resolve(folder);
  const path = resolve(root, name);
  if (name === '' || name.includes('\0')) throw new BowError('data', 'names no file', { place });
  if (path !== root && isInside(path, root)) return path;
  throw new BowError('data', `${JSON.stringify(name)} points outside the folder`, { place });
}

/** A path without its extension: what an image and the files beside it share. */
export function stemOf(path: string): string {
  const at = path.lastIndexOf('.');
  return at > path.lastIndexOf('/') + 1 ? path.slice(0, at) : path;
}

/** `folder` of a relative path, '' at the top. */
export function folderOf(path: string): string {
  const folder = dirname(path);
  return folder === '.' ? '' : folder;
}
