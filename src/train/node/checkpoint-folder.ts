/**
 * One checkpoint as a folder in the layout of the Hugging Face hub: `config.json`, `model.safetensors`, `README.md`, tokenizer and processor
 * files, and for resuming `training_state.safetensors` and `recipe.json`. A folder appears whole or not at all.
 */
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BowError, isBowError, isRecord, type OnProgress } from '../../base/index.ts';
import { fileError, readText, syncFolder } from '../../base/node/index.ts';
import type { Safetensors } from '../../hub/index.ts';
import { openSafetensors, type WritableTensor, writeSafetensors } from '../../hub/node/index.ts';
import type { Adapter, CheckpointContent, JsonObject, StoredCheckpoint } from '../storage.ts';

/** What is written: tensors as values, or as functions that make them when their turn comes. */
export type WritableContent = CheckpointContent<WritableTensor>;

/** How a checkpoint is written. */
export type CheckpointOptions = {
  /** How float32 weights are stored; the training state is always stored as it is. */
  readonly floats?: 'float32' | 'float16' | 'bfloat16';
  readonly shardBytes?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

const stateFile = 'training_state.safetensors';
const reserved = ['config.json', 'model.safetensors', stateFile, 'recipe.json', 'README.md', 'adapter'];

/**
 * Writes one checkpoint to `folder`. Everything goes to a fresh folder beside it and is synced; one rename makes it visible. A folder that is
 * there already is moved aside first and removed after, so a crash in between leaves the old one as `<folder>.old`.
 */
export async function writeCheckpointFolder(
  folder: string,
  content: WritableContent,
  o: CheckpointOptions = {},
): Promise<void> {
  const path = resolve(folder);
  const temporary = `${path}.tmp`;
  const old = `${path}.old`;
  await rm(temporary, { recursive: true, force: true });
  try {
    await fill(temporary, content, o);
    if (existsSync(path)) {
      await rm(old, { recursive: true, force: true });
      await rename(path, old);
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
    await rm(old, { recursive: true, force: true });
  } catch (e) {
    await rm(temporary, { recursive: true, force: true });
    throw isBowError(e) ? e : writeError(e, folder);
  }
}

/** Exceptions of the file system as typed errors; anything else as it is. */
function writeError(e: unknown, place: string): unknown {
  const code = (e as { code?: unknown }).code;
  if (typeof code !== 'string') return e;
  const what = code === 'ENOSPC' ? 'the disk is full' : `cannot be written (${code})`;
  return new BowError('data', what, { place, cause: e });
}

/** Writes and syncs all files of a checkpoint into a new folder. */
async function fill(folder: string, content: WritableContent, o: CheckpointOptions): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { signal, onProgress } = o;
  const write = (name: string, text: string | Uint8Array): Promise<void> => writeSynced(join(folder, name), text);
  await writeSafetensors(join(folder, 'model.safetensors'), content.model, { metadata: { format: 'pt' }, ...o });
  if (content.state || content.stateMetadata) {
    const metadata = content.stateMetadata ?? {};
    await writeSafetensors(join(folder, stateFile), content.state ?? new Map(), {
      metadata,
      shardBytes: Number.POSITIVE_INFINITY,
      signal,
      onProgress,
    });
  }
  for (const [name, text] of Object.entries(content.files ?? {})) {
    if (name !== basename(name) || name.startsWith('.') || reserved.includes(name)) {
      throw new BowError('usage', `${JSON.stringify(name)} cannot be a further file of a checkpoint`, {
        place: folder,
      });
    }
    await write(name, text);
  }
  if (content.adapter) await fillAdapter(join(folder, 'adapter'), content.adapter);
  await write('config.json', json(content.config));
  if (content.recipe) await write('recipe.json', json(content.recipe));
  if (content.card !== undefined) await write('README.md', content.card);
  await syncFolder(folder);
}

async function fillAdapter(folder: string, { config, tensors }: Adapter<WritableTensor>): Promise<void> {
  await mkdir(folder);
  await writeSafetensors(join(folder, 'adapter_model.safetensors'), tensors, { metadata: { format: 'pt' } });
  await writeSynced(join(folder, 'adapter_config.json'), json(config));
  await syncFolder(folder);
}

const json = (value: JsonObject): string => `${JSON.stringify(value, null, 2)}\n`;

async function writeSynced(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A checkpoint opened for reading. Tensors are read when they are asked for; close it when done. */
export type Checkpoint = StoredCheckpoint & {
  readonly config: JsonObject;
  readonly card: string | undefined;
  [Symbol.asyncDispose](): Promise<void>;
};

/**
 * Opens a checkpoint folder, ours or a published one in the same layout. Everything but tensor data is read and checked. A folder that is
 * replaced meanwhile (`last` of a run in progress) is opened again, so that the parts always belong together.
 */
export async function readCheckpointFolder(folder: string): Promise<Checkpoint> {
  for (let attempt = 1; ; attempt++) {
    const real = await realpath(folder).catch((e: unknown) => {
      throw fileError(e, folder);
    });
    const before = await identity(real);
    const [opened, error] = await openFolder(real).then(
      (c) => [c, undefined] as const,
      (e: unknown) => [undefined, e] as const,
    );
    const steady = before === (await identity(real));
    if (steady && opened) return opened;
    await opened?.close();
    if (steady || attempt === 10) {
      throw error ?? new BowError('checkpoint', 'the folder is replaced faster than it can be read', { place: folder });
    }
  }
}

/** Tells a folder from another that has taken its name. */
async function identity(folder: string): Promise<string> {
  const s = await stat(folder, { bigint: true }).catch(() => undefined);
  return s ? `${s.dev}:${s.ino}` : 'none';
}

async function openFolder(folder: string): Promise<Checkpoint> {
  const files = await readdir(folder).catch((e: unknown) => {
    throw fileError(e, folder);
  });
  if (!files.includes('config.json')) {
    throw new BowError('checkpoint', 'not a checkpoint folder: config.json is missing', { place: folder });
  }
  const text = async (name: string): Promise<string | undefined> =>
    files.includes(name) ? await readText(join(folder, name)) : undefined;
  const config = await readJson(join(folder, 'config.json'));
  const recipe = files.includes('recipe.json') ? await readJson(join(folder, 'recipe.json')) : undefined;
  const card = await text('README.md');
  const model = await openSafetensors(modelPath(folder, files));
  const closeAll = async (state: Safetensors | undefined): Promise<void> => {
    await Promise.all([model.close(), state?.close()]);
  };
  try {
    const state = files.includes(stateFile) ? await openSafetensors(join(folder, stateFile)) : undefined;
    const close = (): Promise<void> => closeAll(state);
    return { folder, config, model, state, recipe, card, close, [Symbol.asyncDispose]: close };
  } catch (e) {
    await closeAll(undefined);
    throw e;
  }
}

function modelPath(folder: string, files: readonly string[]): string {
  for (const name of ['model.safetensors', 'model.safetensors.index.json']) {
    if (files.includes(name)) return join(folder, name);
  }
  throw new BowError('checkpoint', 'not a checkpoint folder: model.safetensors is missing', { place: folder });
}

async function readJson(path: string): Promise<JsonObject> {
  try {
    const value = JSON.parse(await readText(path)) as unknown;
    if (isRecord(value)) return value as JsonObject;
  } catch (e) {
    if (isBowError(e)) throw e;
  }
  throw new BowError('checkpoint', 'not a JSON object', { place: path });
}
