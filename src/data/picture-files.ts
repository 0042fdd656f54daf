/** Picture files under a folder, and paths that other files name. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, posix, resolve, sep } from 'node:path';
import { BowError, throwIfAborted } from '../base/index.ts';
import { fileError } from '../base/node/index.ts';

const pictureName = /\.(jpe?g|png|webp|gif|avif|tiff?|bmp)$/i;

/** Extensions that make a file or a part of a sample a picture. */
export const isPicture = (name: string): boolean => pictureName.test(name);

/**
 * Every file under a folder as a path relative to it, with `/` between, in the order of their code units. Hidden ones and what macOS leaves in
 * archives are passed over; links to files are followed, links to folders are not.
 */
export async function filesUnder(folder: string, o: { signal?: AbortSignal | undefined } = {}): Promise<string[]> {
  const found: string[] = [];
  const walk = async (inner: string): Promise<void> => {
    throwIfAborted(o.signal, folder);
    const entries = await readdir(join(folder, inner), { withFileTypes: true }).catch((e) => {
      throw fileError(e, join(folder, inner));
    });
    for (const entry of entries) {
      if (entry.name.startsWith('.') || entry.name === '__MACOSX') continue;
      const path = posix.join(inner, entry.name);
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(join(folder, path))))) found.push(path);
    }
  };
  await walk('');
  return found.sort((a, b) => (a < b ? -1 : 1));
}

/** True for a file, and for a link to one. */
export async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

/** The bytes of a file; error `data` with its path. */
export async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (e) {
    throw fileError(e, path);
  }
}

/** Where a path named in a metadata file lies. What leads out of the folder is refused: metadata come from strangers. */
export function pathInside(folder: string, name: string, place: string): string {
  const root = resolve(folder);
  const path = resolve(root, name);
  if (name === '' || name.includes('\0')) throw new BowError('data', 'names no file', { place });
  if (path !== root && path.startsWith(root.endsWith(sep) ? root : root + sep)) return path;
  throw new BowError('data', `${JSON.stringify(name)} leads out of the folder`, { place });
}

/** A path without its extension: what a picture and the files beside it share. */
export function stemOf(path: string): string {
  const at = path.lastIndexOf('.');
  return at > path.lastIndexOf('/') + 1 ? path.slice(0, at) : path;
}

/** `folder` of a relative path, '' at the top. */
export function folderOf(path: string): string {
  const folder = dirname(path);
  return folder === '.' ? '' : folder;
}
