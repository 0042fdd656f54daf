/** Checkpoint folders: made beside their place and renamed into it, read with typed errors. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BowError } from '../base/index.ts';
import { fileError, makeFolder, readText, syncFolder } from '../base/node/index.ts';

/** A checkpoint's config.json: `model_type` names the system. */
export type ModelConfig = { readonly model_type: string } & Readonly<Record<string, unknown>>;

/**
 * Lets `write` fill a fresh folder and puts it at `path` when it succeeds; a checkpoint that was there is replaced, anything else is not.
 * Error `usage` when `path` holds something that is not a checkpoint.
 */
export async function publishFolder(path: string, write: (folder: string) => Promise<void>): Promise<void> {
  const there = await readdir(path).catch(() => undefined);
  const isModel = there?.includes('config.json') || there?.includes('open_clip_config.json');
  if (there && there.length > 0 && !isModel) {
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
    throw e;
  }
}

const oldOf = (path: string): string => join(dirname(resolve(path)), `.${basename(resolve(path))}.old`);

/** Puts back the folder that a kill between the two renames of {@link publishFolder} left aside; for writers that keep others out by a lock. */
export async function recoverFolder(path: string): Promise<void> {
  if (!existsSync(path) && existsSync(oldOf(path))) await rename(oldOf(path), path);
}

/** Reads config.json of a checkpoint. Errors: `data` when it is missing, `checkpoint` when it is damaged or of another system. */
export async function readConfig(folder: string, systems?: readonly string[]): Promise<ModelConfig> {
  const place = join(folder, 'config.json');
  let config: unknown;
  try {
    config = JSON.parse(await readText(place));
  } catch (e) {
    if (e instanceof BowError) throw e;
    throw new BowError('checkpoint', 'config.json is not JSON', { place, cause: e });
  }
  const type = (config as ModelConfig | null)?.model_type;
  if (typeof type !== 'string') throw new BowError('checkpoint', 'config.json names no model_type', { place });
  if (systems && !systems.includes(type)) {
    throw new BowError('checkpoint', `a model of "${type}" where ${systems.join(' or ')} is needed`, { place });
  }
  return config as ModelConfig;
}

/** Reads vocab.json: the terms in column order. Error `checkpoint` when it is no list of strings. */
export async function readVocabulary(folder: string): Promise<string[]> {
  const place = join(folder, 'vocab.json');
  let terms: unknown;
  try {
    terms = JSON.parse(await readText(place));
  } catch (e) {
    if (e instanceof BowError) throw e;
    throw new BowError('checkpoint', 'vocab.json is not JSON', { place, cause: e });
  }
  if (!Array.isArray(terms) || !terms.every((t) => typeof t === 'string'))
    throw new BowError('checkpoint', 'vocab.json is not a list of terms', { place });
  return terms;
}

/** Files that say how images and texts become vectors, beside the weights. */
const meaning = ['config.json', 'open_clip_config.json', 'preprocessor_config.json', 'tokenizer.json', 'merges.txt'];

/**
 * SHA-256 over the weights of a checkpoint and the files that say how they are used: equal for equal models, wherever they lie. Error `data` when the
 * folder holds none of them.
 */
export async function modelFingerprint(folder: string): Promise<string> {
  const there = await readdir(folder).catch((e: unknown) => {
    throw fileError(e, folder);
  });
  const isWeights = (f: string): boolean => f.endsWith('.safetensors') && f !== 'training_state.safetensors';
  const files = there.filter((f) => meaning.includes(f) || isWeights(f)).sort();
  if (files.length === 0) throw new BowError('data', 'no model in this folder', { place: folder });
  const hash = createHash('sha256');
  for (const f of files) {
    const file = createHash('sha256');
    for await (const chunk of createReadStream(join(folder, f))) file.update(chunk as Uint8Array);
    hash.update(`${f} ${file.digest('hex')}\n`);
  }
  return hash.digest('hex');
}
