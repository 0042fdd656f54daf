/**
 * A lock between processes that needs no native code: a file made exclusively, touched while it is held. A lock whose holder has died on this
 * machine is taken over at once; one whose holder cannot be asked (another machine) when it has not been touched for ten minutes.
 */
import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BowError, throwIfAborted } from '../errors.ts';
import { fileError, makeFolder } from './files.ts';

/** A held lock. Releasing twice is harmless. */
export type Lock = { release(): Promise<void>; [Symbol.asyncDispose](): Promise<void> };

const touchEvery = 20_000;
const staleAfter = 600_000;

/**
 * Takes the lock file `path`. `wait`: how long to wait for another holder, in milliseconds; after that a `data` error that names the holder.
 * `onWait` is called once when there is something to wait for.
 */
export async function acquireLock(
  path: string,
  o: { wait?: number; signal?: AbortSignal | undefined; onWait?: () => void } = {},
): Promise<Lock> {
  const token = randomUUID();
  const until = Date.now() + (o.wait ?? 0);
  for (let pause = 20, waited = false; ; pause = Math.min(500, pause * 1.5)) {
    throwIfAborted(o.signal, path);
    if (await create(path, token)) return hold(path, token);
    if (await removeStale(path)) continue;
    if (Date.now() >= until) throw await taken(path);
    if (!waited) o.onWait?.();
    waited = true;
    await sleep(pause);
  }
}

async function create(path: string, token: string): Promise<boolean> {
  await makeFolder(dirname(path)); // a file in the folder's place is EEXIST too, and no lock
  try {
    const file = await open(path, 'wx');
    await file.writeFile(JSON.stringify({ pid: process.pid, host: hostname(), token }));
    await file.close();
    return true;
  } catch (e) {
    if ((e as { code?: string }).code === 'EEXIST') return false;
    throw fileError(e, path);
  }
}

function hold(path: string, token: string): Lock {
  const timer = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {}); // gone: another process took us for dead; release() will notice
  }, touchEvery);
  timer.unref();
  const release = async (): Promise<void> => {
    clearInterval(timer);
    if ((await holder(path))?.token === token) await rm(path, { force: true });
  };
  return { release, [Symbol.asyncDispose]: release };
}

type Holder = { pid?: number; host?: string; token?: string };

/** Who holds the lock; an empty object for a file that is not a lock of ours (yet), undefined for none. */
async function holder(path: string): Promise<Holder | undefined> {
  try {
    const json = JSON.parse(await readFile(path, 'utf8')) as Holder | null;
    return json ?? {};
  } catch (e) {
    return (e as { code?: string }).code === 'ENOENT' ? undefined : {};
  }
}

/** Removes a lock that nobody holds any more. Renaming first makes sure that only one of several waiting processes removes it. */
async function removeStale(path: string): Promise<boolean> {
  const seen = await holder(path);
  if (!seen) return true;
  const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
  const dead = seen.host === hostname() && seen.pid !== undefined && !isAlive(seen.pid);
  // a file without a holder is a lock being written, or the leftover of a program that locks by other means
  if (!dead && age < (seen.pid === undefined ? 10_000 : staleAfter)) return false;
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return true; // another process was faster
  }
  const removed = await holder(aside);
  if (removed?.token !== seen.token)
    await rename(aside, path); // a fresh lock, taken in between: put it back
  else await rm(aside, { force: true });
  return true;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (e) {
    return (e as { code?: string }).code === 'EPERM';
  }
}

async function taken(path: string): Promise<BowError> {
  const by = await holder(path);
  return new BowError('data', 'another process is using this folder', {
    place: path,
    detail: by?.pid === undefined ? {} : { pid: by.pid, host: by.host ?? '' },
    hint: 'wait for it or stop it; the lock of a process that has ended is released automatically',
  });
}
