/** Experiments that take minutes per seed: the result of each seed is kept in a folder, so that a stopped run resumes with the next one. */
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hash32, throwIfAborted } from '../base/index.ts';
import { writeFileAtomic } from '../base/node/index.ts';
import type { InsightOptions } from './insight.ts';

/** What settings decide: a folder name that changes with them. */
export function settingsKey(settings: unknown): string {
  return hash32(JSON.stringify(settings)).toString(16).padStart(8, '0');
}

/** What one seed is measured with. `work`: the folder in which trained models are kept and shared between experiments. */
export type SeedContext = {
  readonly seed: number;
  readonly work: string;
  readonly signal: InsightOptions['signal'];
  readonly onProgress: InsightOptions['onProgress'];
};

/**
 * Measures seeds 0, 1, …; a seed that was measured before with the same settings is read back. Without `o.work` all is kept in a temporary folder
 * that goes with the run. `result` must be what JSON can hold.
 */
export async function eachSeed<T>(
  id: string,
  settings: unknown,
  o: InsightOptions,
  measure: (context: SeedContext) => Promise<T>,
): Promise<T[]> {
  const work = o.work ?? join(tmpdir(), `bow2bot-insight-${randomUUID()}`);
  const results: T[] = [];
  try {
    for (let seed = 0; seed < o.seeds; seed++) {
      throwIfAborted(o.signal, id);
      const file = join(work, id, settingsKey(settings), `seed-${seed}.json`);
      const known = await readResult<T>(file, settings);
      results.push(known ?? (await measure({ seed, work, signal: o.signal, onProgress: o.onProgress })));
      if (known === undefined) await writeFileAtomic(file, `${JSON.stringify({ settings, result: results[seed] })}\n`);
      o.onProgress?.({ task: id, done: seed + 1, total: o.seeds, unit: 'seeds' });
    }
  } finally {
    if (o.work === undefined) await rm(work, { recursive: true, force: true });
  }
  return results;
}

/** What a report of a small run says about itself. */
export function trialNote(o: InsightOptions): string[] {
  return o.smoke ? ['a smoke run at tiny settings: its numbers mean nothing, so there is no verdict'] : [];
}

/** A kept result; undefined where there is none, or one of other settings, or a damaged one: it is measured again. */
async function readResult<T>(file: string, settings: unknown): Promise<T | undefined> {
  try {
    const kept = JSON.parse(await readFile(file, 'utf8')) as { settings?: unknown; result?: T };
    return JSON.stringify(kept.settings) === JSON.stringify(settings) ? kept.result : undefined;
  } catch {
    return undefined;
  }
}
