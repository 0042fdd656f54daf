/** A second name for a folder that other programs can open: a symbolic link, or where those are unavailable, a folder of hard links. */
import { copyFile, link, lstat, mkdir, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Makes `view` show the folder `target`, which lies beside it. With symbolic links the switch is one atomic rename. With hard links the new
 * folder is made aside and takes the place of the old by two renames: between them the name is missing for a moment, never half-filled.
 */
export async function showFolder(view: string, target: string, how: 'symlink' | 'hardlink'): Promise<void> {
  if (how === 'symlink' && (await linkFolder(view, target))) return;
  await copyByLinks(view, join(dirname(view), target));
}

/** False where the system refuses symbolic links. */
async function linkFolder(view: string, target: string): Promise<boolean> {
  const state = await lstat(view).catch(() => undefined);
  if (state?.isSymbolicLink() && (await readlink(view)) === target) return true;
  const temporary = `${view}.tmp`;
  await rm(temporary, { recursive: true, force: true });
  try {
    await symlink(target, temporary, 'dir');
  } catch {
    return false;
  }
  if (state?.isDirectory()) await rm(view, { recursive: true }); // shown by hard links before
  await rename(temporary, view);
  return true;
}

async function copyByLinks(view: string, target: string): Promise<void> {
  const [temporary, old] = [`${view}.tmp`, `${view}.old`];
  await rm(temporary, { recursive: true, force: true });
  await rm(old, { recursive: true, force: true });
  await linkFiles(target, temporary);
  await rename(view, old).catch((e: { code?: string }) => {
    if (e.code !== 'ENOENT') throw e;
  });
  await rename(temporary, view);
  await rm(old, { recursive: true, force: true });
}

async function linkFiles(source: string, folder: string): Promise<void> {
  await mkdir(folder);
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const [from, to] = [join(source, entry.name), join(folder, entry.name)];
    if (entry.isDirectory()) await linkFiles(from, to);
    else await link(from, to).catch(() => copyFile(from, to)); // a file system without hard links
  }
}
