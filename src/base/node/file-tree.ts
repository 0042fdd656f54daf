/** The files of a folder at any depth. Node only. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, posix, sep } from 'node:path';
import { throwIfAborted } from '../errors.ts';
import { fileError } from './files.ts';

export type WalkOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Folders inside folders that are entered. Default all. */
  readonly depth?: number | undefined;
  /** Called for links to nothing and for folders with nothing in them. */
  readonly onNote?: ((note: { readonly place: string; readonly reason: string }) => void) | undefined;
};

/**
 * Every file under a folder as a path relative to it, with `/` between, in the order of their code units. Hidden ones and what macOS leaves in
 * archives are skipped. Links are followed: a folder is visited once, under its own name rather than a link's, and links to what the
 * folder itself lies in are left.
 */
export async function filesUnder(folder: string, o: WalkOptions = {}): Promise<string[]> {
  const found: string[] = [];
  const links: string[] = [];
  const seen = new Set<string>();
  const walk = async (inner: string, depth: number): Promise<void> => {
    throwIfAborted(o.signal, folder);
    seen.add(await realpath(join(folder, inner)).catch(() => inner));
    const entries = await readdir(join(folder, inner), { withFileTypes: true }).catch((e) => {
      throw fileError(e, join(folder, inner));
    });
    if (entries.length === 0) o.onNote?.({ place: join(folder, inner), reason: 'an empty folder' });
    for (const entry of entries) {
      if (entry.name.startsWith('.') || entry.name === '__MACOSX') continue;
      const path = posix.join(inner, entry.name);
      if (entry.isDirectory()) {
        if (depth > 0) await walk(path, depth - 1);
      } else if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(join(folder, path))))) found.push(path);
      else if (entry.isSymbolicLink()) links.push(path);
    }
  };
  const depth = o.depth ?? Number.POSITIVE_INFINITY;
  await walk('', depth);
  const [root] = seen;
  for (const link of links) {
    const target = await realpath(join(folder, link)).catch(() => undefined);
    if (target === undefined) o.onNote?.({ place: join(folder, link), reason: 'a link to nothing' });
    if (target === undefined || seen.has(target) || isInside(root!, target) || !(await isFolder(target))) continue;
    await walk(link, depth - link.split('/').length);
  }
  return found.sort((a, b) => (a < b ? -1 : 1));
}

/** True for a path that is `folder` or lies in it; both are absolute and without links. */
export const isInside = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

/** True for a file, and for a link to one. */
export async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}
