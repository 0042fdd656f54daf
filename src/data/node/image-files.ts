/** Image files under a folder, and paths that other files name. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, posix, resolve, sep } from 'node:path';
import { BowError, throwIfAborted } from '../../base/index.ts';
import { fileError } from '../../base/node/index.ts';

const imageName = /\.(jpe?g|jpe|jfif|png|webp|gif|avif|tiff?|bmp|heic|heif)$/i;

/** Extensions that make a file or a part of a sample an image; those that cannot be decoded are reported as such, not skipped. */
export const isImage = (name: string): boolean => imageName.test(name);

/**
 * Every file under a folder as a path relative to it, with `/` between, in the order of their code units. Hidden ones and what macOS leaves in
 * archives are skipped. Links are followed: a folder is visited once, under its own name rather than a link's, and links to what the
 * folder itself lies in are left.
 */
export async function filesUnder(folder: string, o: { signal?: AbortSignal | undefined } = {}): Promise<string[]> {
  const found: string[] = [];
  const links: string[] = [];
  const seen = new Set<string>();
  const walk = async (inner: string): Promise<void> => {
    throwIfAborted(o.signal, folder);
    seen.add(await realpath(join(folder, inner)).catch(() => inner));
    const entries = await readdir(join(folder, inner), { withFileTypes: true }).catch((e) => {
      throw fileError(e, join(folder, inner));
    });
    for (const entry of entries) {
      if (entry.name.startsWith('.') || entry.name === '__MACOSX') continue;
      const path = posix.join(inner, entry.name);
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(join(folder, path))))) found.push(path);
      else if (entry.isSymbolicLink()) links.push(path);
    }
  };
  await walk('');
  const [root] = seen;
  for (const link of links) {
    const target = await realpath(join(folder, link)).catch(() => undefined); // a link to nothing
    if (target === undefined || seen.has(target) || isInside(root!, target) || !(await isFolder(target))) continue;
    await walk(link);
  }
  return found.sort((a, b) => (a < b ? -1 : 1));
}

/** The files that lie directly in some folders inside `folder`, as {@link filesUnder} gives them; folders that are not there have none. */
export async function filesIn(folder: string, inner: ReadonlySet<string>): Promise<string[]> {
  const found = [...inner].map(async (f) => {
    const names = await readdir(join(folder, f)).catch(() => []);
    return names.map((name) => posix.join(f, name));
  });
  return (await Promise.all(found)).flat().sort((a, b) => (a < b ? -1 : 1));
}

const isInside = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
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
