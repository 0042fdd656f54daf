/** All systems, one line each, as lazy imports: nothing of a system is loaded before it is asked for. */
import { BowError, unknownName } from '../base/index.ts';
import type { ModelFiles } from '../hub/index.ts';
import type { System } from './system.ts';

const loaders = new Map<string, () => Promise<System>>([
  ['bag-of-words', async () => (await import('./bag-of-words.ts')).system],
  ['clip', async () => (await import('./clip/index.ts')).clipSystem],
  ['tf-idf', async () => (await import('./tf-idf.ts')).system],
  ['word2vec', async () => (await import('./word2vec/word2vec.ts')).system],
]);

/** The ids of all systems, in alphabetical order but for those that were registered later. */
export function systemIds(): string[] {
  return [...loaders.keys()];
}

/** A system by id. Error `usage` with the nearest name for an unknown one. */
export async function loadSystem(id: string): Promise<System> {
  const load = loaders.get(id);
  if (load) return await load();
  throw new BowError('usage', unknownName('system', id, loaders.keys()), { detail: { systems: systemIds() } });
}

/** All systems, loaded. */
export async function loadSystems(): Promise<System[]> {
  return await Promise.all([...loaders.values()].map((load) => load()));
}

/** Adds a system of one's own: from then on it is trained, opened and measured like the others. Error `usage` for an id that is taken. */
export function registerSystem(system: System): void {
  if (loaders.has(system.id))
    throw new BowError('usage', `there is a system "${system.id}" already`, { hint: 'give yours another id' });
  loaders.set(system.id, async () => system);
}

/** The system of a checkpoint. Error `checkpoint` for what none of them recognises. */
export async function systemOf(files: ModelFiles): Promise<System> {
  const found: System[] = [];
  for (const system of await loadSystems()) if (await system.recognises(files)) found.push(system);
  if (found[0]) return found[0];
  const config = files.names.has('config.json') ? await files.json('config.json') : undefined;
  const type = typeof config === 'object' && config !== null && 'model_type' in config ? config.model_type : undefined;
  if (config === undefined && files.names.size > 0)
    throw new BowError('data', 'no config.json: not the folder of a model', { place: files.place });
  throw new BowError(
    'checkpoint',
    type === undefined
      ? 'config.json names no model_type'
      : `a model of "${type}", which this program does not support`,
    { place: files.at('config.json'), detail: { systems: systemIds() } },
  );
}

/** Opens a checkpoint of any system. Errors: as {@link systemOf}, `checkpoint` for what is damaged. */
export async function openFiles(
  files: ModelFiles,
  o?: Parameters<System['open']>[1],
): Promise<Awaited<ReturnType<System['open']>>> {
  return await (await systemOf(files)).open(files, o);
}
