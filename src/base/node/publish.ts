/** Folders that appear whole or not at all: made beside their place and renamed into it. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BowError } from '../errors.ts';
import { makeFolder, syncFolder, typedError } from './files.ts';

/**
 * Lets `write` fill a fresh folder and puts it at `path` when it succeeds. What was there is replaced when it holds one of the files `marks` (a
 * checkpoint, an index), or nothing. Error `usage` when `path` holds something else.
 */
export async function publishFolder(
  path: string,
  write: (folder: string) => Promise<void>,
  marks: readonly string[] = ['config.json'],
): Promise<void> {
  const there = await readdir(path).catch(() => undefined);
  if (there && there.length > 0 && !marks.some((name) => there.includes(name))) {
    throw new BowError('usage', 'the folder is not empty and holds no model', {
      place: path,
      hint: 'name another folder with -o',
    });
  }
  await makeFolder(dirname(path));
  const partial = join(dirname(path), `.${randomUUID()}.partial`);
  try {
    await mkdir(partial);
    await write(partial);
    await syncFolder(partial);
    if (there) {
      const old = oldOf(path);
      await rm(old, { recursive: true, force: true });
      await rename(path, old);
      await rename(partial, path);
      await rm(old, { recursive: true, force: true });
    } else await rename(partial, path);
    await syncFolder(dirname(path));
  } catch (e) {
    await rm(partial, { recursive: true, force: true });
    throw typedError(e, path); // under its own name, not that of the folder beside it
  }
}

const oldOf = (path: string): string => join(dirname(resolve(path)), `.${basename(resolve(path))}.old`);

/** Puts back the folder that a kill between the two renames of {@link publishFolder} left aside; for writers that keep others out by a lock. */
export async function recoverFolder(path: string): Promise<void> {
  if (!existsSync(path) && existsSync(oldOf(path))) await rename(oldOf(path), path);
}
