/** Writing that never leaves half a file: temporary file in the same folder, fsync, rename. Node only. */
import { randomUUID } from 'node:crypto';
import type { Stats } from 'node:fs';
import { access, constants, type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BowError, isBowError } from '../errors.ts';

type Content = string | Uint8Array | ((file: FileHandle) => Promise<void>);

/**
 * Writes a file so that a reader sees the old content or the new, never a mixture, whatever happens in between. Pipes and devices are written to as they are.
 * `content`: the whole content, or a function that writes through the open handle. Error `data` with the path where it cannot be written.
 */
export async function writeFileAtomic(path: string, content: Content): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw isFolder(path);
  if (there && !there.isFile()) return await fill(path, 'w', content).catch((e) => Promise.reject(typedError(e, path)));
  await makeFolder(dirname(path));
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    await fill(temporary, 'wx', content);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (e) {
    await rm(temporary, { force: true });
    throw typedError(e, path);
  }
}

async function fill(path: string, flags: 'w' | 'wx', content: Content): Promise<void> {
  const file = await open(path, flags);
  try {
    if (typeof content === 'function') await content(file);
    else await file.writeFile(content);
    if (flags === 'wx') await file.sync(); // pipes and devices know no sync
  } finally {
    await file.close();
  }
}

/** What the file system throws as a typed error, anything else as it is. */
export function typedError(e: unknown, path: string): unknown {
  return (e as NodeJS.ErrnoException).syscall === undefined ? e : fileError(e, path);
}

/**
 * Makes a folder and those that it lies in; one that is there is fine. Unlike `mkdir` with `recursive`, which tries for ever on /proc (Node 20), it
 * always ends. Error `data` with the folder that cannot be made.
 */
export async function makeFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return;
  if (found) throw new BowError('data', 'is a file where a folder is needed', { place: path });
  if (dirname(path) !== path) await makeFolder(dirname(path));
  try {
    await mkdir(path);
  } catch (e) {
    const isThere = await stat(path).catch(() => undefined); // another process was as fast
    if (!isThere?.isDirectory()) throw typedError(e, path);
  }
}

/** Makes the folder that a file is to be written in, and refuses a place where it cannot be: reported before hours of work. Error `data`. */
export async function checkWritable(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory()) throw isFolder(path);
  await makeFolder(dirname(path));
  await access(dirname(path), constants.W_OK).catch((e) => Promise.reject(typedError(e, path)));
}

const isFolder = (path: string): BowError => new BowError('data', 'is a folder, not a file to write', { place: path });

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
  const [what, hint] = refusals[code] ?? [`the system refuses it (${code})`];
  return new BowError('data', what, { place: path, ...(hint === undefined ? {} : { hint }), cause: e });
}

const otherDisk = 'free some space, or name a place on another disk';

/** What the system's codes say, and what to do where one thing is certain. */
const refusals: Readonly<Record<string, readonly [what: string, hint?: string]>> = {
  ENOENT: ['no such file or folder'],
  EACCES: ['permission denied'],
  EPERM: ['the system does not permit it'],
  EISDIR: ['is a folder'],
  ENOTDIR: ['part of the path is not a folder'],
  EEXIST: ['something else is already there'],
  ENOTEMPTY: ['the folder is not empty'],
  ELOOP: ['its symbolic links lead to each other'],
  ENAMETOOLONG: ['the name is longer than the file system takes'],
  EBUSY: ['another program is using it'],
  ENXIO: ['no device answers there'],
  EINVAL: ['the file system does not take this name'],
  EIO: ['the disk reports an error'],
  EMFILE: ['too many open files', '`ulimit -n` raises the limit of a shell'],
  ENFILE: ['too many open files on this machine'],
  ENOSPC: ['no space left on the disk', otherDisk],
  EDQUOT: ['the disk quota is exceeded', otherDisk],
  EFBIG: ['larger than the file system takes'],
  EROFS: ['the file system cannot be written', 'name a place on another disk'],
};

/** What lies at a path; undefined where nothing does. Error `data` where that cannot be told: no permission, a loop of links. */
export async function statIfThere(path: string): Promise<Stats | undefined> {
  return await stat(path).catch((e: NodeJS.ErrnoException) => {
    if (e.code === 'ENOENT' || e.code === 'ENOTDIR') return undefined;
    throw fileError(e, path);
  });
}

/**
 * Error `usage` for a folder that holds other things than what is to be written there: visible entries, and none whose name `own` knows. What is
 * not there, or empty, is free.
 */
export async function refuseForeign(folder: string, own: RegExp): Promise<void> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith('.'));
  if (names.length === 0 || names.some((name) => own.test(name))) return;
  const shown = names.sort().slice(0, 3).join(', ');
  throw new BowError('usage', `the folder holds other files: ${shown}${names.length > 3 ? ', …' : ''}`, {
    place: folder,
    hint: 'name another folder',
  });
}
