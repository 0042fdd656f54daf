/**
 * The checkpoints of a training run: folders `step-00000100`, each complete from the moment it exists, and `checkpoints.json`, which says
 * which is the last and which the best and is replaced atomically. Beside them `last` and `best` show these two as ordinary folders for
 * other programs. Why so: docs/decisions/0030-checkpoint-folders.md.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BowError, isBowError } from '../../base/index.ts';
import { acquireLock, readText, writeFileAtomic } from '../../base/node/index.ts';
import type { BestMetric } from '../storage.ts';
import {
  type Checkpoint,
  type CheckpointOptions,
  readCheckpointFolder,
  type WritableContent,
  writeCheckpointFolder,
} from './checkpoint-folder.ts';
import { showFolder } from './folder-view.ts';

/** One complete checkpoint of a run. */
export type CheckpointEntry = {
  readonly folder: string;
  readonly step: number;
  readonly isLast: boolean;
  readonly isBest: boolean;
};

/** Which checkpoint: a pointer or a step. */
export type WhichCheckpoint = 'last' | 'best' | number;

/** A run's folder opened for writing; no other process can write into it until it is closed. */
export type CheckpointWriter = {
  /** Writes the checkpoint of a step and makes it the last, with `best` also the best; then removes old ones. Returns its folder. */
  write(step: number, content: WritableContent, o?: CheckpointOptions & { best?: BestMetric }): Promise<string>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

type Pointers = {
  readonly last: string;
  readonly best?: { readonly folder: string; readonly metric: string; readonly value: number };
};

const pointerFile = 'checkpoints.json';
const name = /^step-([0-9]{8,})(?:-([0-9]+))?$/;

/**
 * Opens the folder of a run for writing, making it when it is missing, and clears what a killed writer left. `keep`: how many checkpoints
 * stay beside the best. `links`: how `last` and `best` are shown; `false` leaves them out.
 */
export async function openCheckpoints(
  run: string,
  o: { keep?: number; links?: 'symlink' | 'hardlink' | false } = {},
): Promise<CheckpointWriter> {
  const keep = o.keep ?? 2;
  if (!Number.isInteger(keep) || keep < 1)
    throw new BowError('usage', `keep must be at least 1, not ${keep}`, { place: run });
  const folder = resolve(run);
  const links = o.links ?? (process.platform === 'win32' ? 'hardlink' : 'symlink');
  const lock = await acquireLock(join(folder, 'checkpoints.lock'));
  try {
    await clearLeftovers(folder);
    const pointers = await readPointers(folder);
    if (pointers) await show(folder, pointers, links);
  } catch (e) {
    await lock.release();
    throw e;
  }
  return {
    write: async (step, content, w = {}) => {
      if (!Number.isSafeInteger(step) || step < 0)
        throw new BowError('usage', `step ${step} is not a natural number`, { place: run });
      const fresh = freshName(step, await readdir(folder));
      await writeCheckpointFolder(join(folder, fresh), content, w);
      const before = await readPointers(folder);
      const best = w.best ? { folder: fresh, ...w.best } : before?.best;
      const pointers: Pointers = { last: fresh, ...(best ? { best } : {}) };
      await writeFileAtomic(join(folder, pointerFile), `${JSON.stringify(pointers, null, 2)}\n`);
      await show(folder, pointers, links);
      await retire(folder, pointers, step, keep);
      return join(folder, fresh);
    },
    close: lock.release,
    [Symbol.asyncDispose]: lock.release,
  };
}

/** A name that is not taken: `step-00000100`, then `step-00000100-2` when a resumed run comes to the same step again. */
function freshName(step: number, taken: readonly string[]): string {
  const plain = `step-${String(step).padStart(8, '0')}`;
  let fresh = plain;
  for (let n = 2; taken.includes(fresh); n++) fresh = `${plain}-${n}`;
  return fresh;
}

type Found = { readonly name: string; readonly step: number; readonly repeat: number };

/** Complete checkpoint folders, by step and, for equal steps, by when they were written. */
async function found(folder: string): Promise<Found[]> {
  const files = await readdir(folder).catch(() => [] as string[]);
  return files
    .map((f) => name.exec(f))
    .filter((m) => m !== null)
    .map((m) => ({ name: m[0], step: Number(m[1]), repeat: Number(m[2] ?? 1) }))
    .sort((a, b) => a.step - b.step || a.repeat - b.repeat);
}

/** What a writer that was killed can leave: half-written and half-removed folders, and a checkpoint that no pointer names yet. */
async function clearLeftovers(folder: string): Promise<void> {
  for (const f of await readdir(folder)) {
    const half = /^(step-.*|last|best)\.(tmp|old|gone)$/.test(f) || /^\.[0-9a-f-]{36}\.tmp$/.test(f);
    if (half) await rm(join(folder, f), { recursive: true, force: true });
  }
}

/** Removes all but the last `keep`, the last and the best. Checkpoints of later steps belong to a future that a resume took back: they go first. */
async function retire(folder: string, pointers: Pointers, step: number, keep: number): Promise<void> {
  const all = await found(folder);
  const past = all.filter((c) => c.step < step || c.name === pointers.last);
  const stay = new Set([...past.slice(-keep).map((c) => c.name), pointers.last, pointers.best?.folder]);
  for (const c of all) {
    if (stay.has(c.name)) continue;
    const gone = join(folder, `${c.name}.gone`); // renamed first: a folder that is being removed must not look like a checkpoint
    await rename(join(folder, c.name), gone);
    await rm(gone, { recursive: true, force: true });
  }
}

async function show(folder: string, p: Pointers, links: 'symlink' | 'hardlink' | false): Promise<void> {
  if (links === false) return;
  await showFolder(join(folder, 'last'), p.last, links);
  if (p.best) await showFolder(join(folder, 'best'), p.best.folder, links);
}

/** The pointers of a run; undefined for a folder without checkpoints. */
async function readPointers(folder: string): Promise<Pointers | undefined> {
  const path = join(folder, pointerFile);
  if (!(await readdir(folder).catch(() => [] as string[])).includes(pointerFile)) return undefined;
  try {
    const p = JSON.parse(await readText(path)) as Partial<Pointers> | null;
    const names = [p?.last, p?.best?.folder ?? p?.last];
    if (names.every((n) => typeof n === 'string' && name.test(n))) return p as Pointers;
  } catch (e) {
    if (isBowError(e)) throw e;
  }
  throw new BowError('checkpoint', 'not a list of checkpoints', {
    place: path,
    hint: 'remove the file to start from the newest step folder',
  });
}

/** Pointers as stored, or for a folder of checkpoints without them, the highest step. */
async function pointersOf(folder: string): Promise<Pointers | undefined> {
  const stored = await readPointers(folder);
  const newest = (await found(folder)).at(-1)?.name;
  return stored ?? (newest === undefined ? undefined : { last: newest });
}

/** The complete checkpoints of a run, by step. An empty list for a folder that has none. */
export async function listCheckpoints(run: string): Promise<CheckpointEntry[]> {
  const folder = resolve(run);
  const pointers = await pointersOf(folder);
  return (await found(folder)).map((c) => ({
    folder: join(folder, c.name),
    step: c.step,
    isLast: c.name === pointers?.last,
    isBest: c.name === pointers?.best?.folder,
  }));
}

/**
 * Opens a checkpoint: `path` is a checkpoint's own folder, or a run's folder with `which` (default: the last). A checkpoint that a training
 * run removes while it is being opened is looked up again.
 */
export async function readCheckpoint(path: string, which?: WhichCheckpoint): Promise<Checkpoint> {
  const folder = resolve(path);
  for (let attempt = 1; ; attempt++) {
    const target = await locate(folder, which);
    try {
      return await readCheckpointFolder(target);
    } catch (e) {
      const moved = target !== folder && attempt < 5 && (await locate(folder, which)) !== target;
      if (!moved) throw e;
    }
  }
}

async function locate(folder: string, which: WhichCheckpoint | undefined): Promise<string> {
  const pointers = await pointersOf(folder);
  if (!pointers && which === undefined) return folder;
  const wanted = which ?? 'last';
  if (typeof wanted === 'number') {
    const all = await found(folder);
    const hit = all.findLast((c) => c.step === wanted);
    if (hit) return join(folder, hit.name);
    const detail = { steps: all.map((c) => c.step) };
    throw new BowError('checkpoint', `no checkpoint of step ${wanted}`, { place: folder, detail });
  }
  const target = wanted === 'last' ? pointers?.last : pointers?.best?.folder;
  if (target !== undefined) return join(folder, target);
  throw new BowError('checkpoint', `no ${wanted} checkpoint in this folder`, { place: folder });
}
