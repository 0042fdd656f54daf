/** All systems, one line each, as lazy imports: nothing of a system is loaded before it is asked for. */
import { BowError, isBowError, isRecord, unknownName } from '../base/index.ts';
import type { ModelFiles } from '../hub/index.ts';
import { checkSystem } from './check-definition.ts';
import type { System } from './system.ts';

const loaders = new Map<string, () => Promise<System>>([
  ['bag-of-words', async () => (await import('./bag-of-words.ts')).system],
  ['tf-idf', async () => (await import('./tf-idf.ts')).system],
  ['word2vec', async () => (await import('./word2vec/word2vec.ts')).system],
  ['vilt', async () => (await import('./vilt/index.ts')).viltSystem],
  ['clip', async () => (await import('./clip/index.ts')).clipSystem],
  ['albef', async () => (await import('./albef/index.ts')).albefSystem],
  ['beit3', async () => (await import('./beit3/index.ts')).beit3System],
  ['vlmo', async () => (await import('./vlmo/index.ts')).vlmoSystem],
]);

/** The ids of all systems, oldest paper first; those that were registered later at the end. */
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

/**
 * Adds a system of one's own: from then on it is trained, opened and measured like the others. Error `usage` for an id that is taken, and for what
 * is no system.
 */
export function registerSystem(system: System): void {
  checkSystem(system);
  if (loaders.has(system.id))
    throw new BowError('usage', `there is a system "${system.id}" already`, { hint: 'give yours another id' });
  loaders.set(system.id, async () => system);
}

/**
 * The system of a checkpoint: the one that recognises it; of several the one whose id is its `model_type`. Error `checkpoint` for what none of them
 * recognises, or several. One that stumbles over the files of another does not count; when none recognises them, its error is the answer.
 */
export async function systemOf(files: ModelFiles): Promise<System> {
  const found: System[] = [];
  const stumbled: { readonly id: string; readonly error: unknown }[] = [];
  for (const system of await loadSystems())
    try {
      if (await system.recognises(files)) found.push(system);
    } catch (error) {
      stumbled.push({ id: system.id, error });
    }
  if (found[0] && found.length === 1) return found[0];
  if (found.length === 0 && stumbled[0]) throw stumbledError(stumbled[0].id, stumbled[0].error, files);
  const config = files.names.has('config.json') ? await files.json('config.json') : undefined;
  const type = isRecord(config) ? config['model_type'] : undefined;
  const named = found.find(({ id }) => id === type);
  if (named) return named;
  throw found.length > 0 ? severalError(found, files) : noneError(config, type, files);
}

function stumbledError(id: string, error: unknown, files: ModelFiles): unknown {
  if (isBowError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new BowError('checkpoint', `no system recognises it, and "${id}" stumbled over it: ${message}`, {
    place: files.place,
    cause: error,
  });
}

function severalError(found: readonly System[], files: ModelFiles): BowError {
  return new BowError('checkpoint', 'several systems recognise this checkpoint', {
    place: files.place,
    detail: { systems: found.map(({ id }) => id) },
    hint: 'a layout should ask for the model_type of its own system',
  });
}

function noneError(config: unknown, type: unknown, files: ModelFiles): BowError {
  if (config === undefined)
    return new BowError('data', 'no config.json: not the folder of a model', { place: files.place });
  return new BowError(
    'checkpoint',
    type === undefined
      ? 'config.json names no model_type'
      : `a model of "${type}", which this program does not support`,
    {
      place: files.at('config.json'),
      detail: { systems: systemIds() },
      hint: 'a system of your own is registered first: registerSystem(system), or bow2bot --systems <module> <command>',
    },
  );
}

/** Opens a checkpoint of any system. Errors: as {@link systemOf}, `checkpoint` for what is damaged. */
export async function openFiles(
  files: ModelFiles,
  o?: Parameters<System['open']>[1],
): Promise<Awaited<ReturnType<System['open']>>> {
  return await (await systemOf(files)).open(files, o);
}
