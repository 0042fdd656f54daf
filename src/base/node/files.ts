/** Writing that never leaves half a file: temporary file in the same folder, fsync, rename. Node only. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BowError, isBowError } from '../errors.ts';

/**
 * Writes a file so that a reader sees the old content or the new, never a mixture, whatever happens in between.
 * `content`: the whole content, or a function that writes through the open handle. Error `data` with the path where it cannot be written.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array | ((file: FileHandle) => Promise<void>),
): Promise<void> {
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      if (typeof content === 'function') await content(file);
      else await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (e) {
    await rm(temporary, { force: true }).catch(() => {}); // its folder may be none
    throw (e as NodeJS.ErrnoException).syscall === undefined ? e : fileError(e, path);
  }
}

/** Makes renames inside a folder durable; a no-op where the system cannot sync folders (Windows). */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Reads a text file; a missing or unreadable file is a `data` error with its path. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (e) {
    throw fileError(e, path);
  }
}

/** Turns a file-system exception into a typed error; one that is typed already stays as it is. */
export function fileError(e: unknown, path: string): BowError {
  if (isBowError(e)) return e;
  const code = (e as { code?: string }).code ?? 'unknown';
  const what: Record<string, string> = {
    ENOENT: 'no such file or folder',
    EACCES: 'permission denied',
    EISDIR: 'is a folder',
    ENOTDIR: 'a part of the path is no folder',
    EEXIST: 'something else is in its place',
    ENOSPC: 'no space is left on the disk',
    EDQUOT: 'the disk quota is used up',
    EROFS: 'the file system cannot be written',
  };
  return new BowError('data', what[code] ?? `cannot be read (${code})`, { place: path, cause: e });
}
