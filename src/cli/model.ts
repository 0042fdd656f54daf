/** Models as a person names them: a folder, or a repository of the Hugging Face hub. */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BowError, isBowError, type OnProgress } from '../base/index.ts';
import type { OpenSystem } from '../capabilities/index.ts';
import { readConfig } from '../hub/index.ts';
import { downloadRepo, type HubOptions, openModelFiles } from '../hub/node/index.ts';
import { isOpenClip, systemEntry, systems } from '../systems/index.ts';

/** Options of {@link modelFolder} and {@link openModel}. */
export type ModelOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of a download. */
  readonly onProgress?: OnProgress | undefined;
};

/** What a checkpoint has beside its weights and is read. */
const settings = [
  'config.json',
  'open_clip_config.json',
  'preprocessor_config.json',
  'processor_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'vocab.json',
  'merges.txt',
];

const weights = ['model.safetensors', 'model.safetensors.index.json', 'model-*-of-*.safetensors'];

/**
 * The folder of a model: `nameOrFolder` itself where such a folder exists (of a training run its best checkpoint, or its last), else the snapshot of the hub's repository `owner/name` or
 * `owner/name@revision`, of which only the files that a system reads are fetched. Errors: `data` for a path that is not a folder, `download`, `aborted`.
 */
export async function modelFolder(nameOrFolder: string, o: ModelOptions = {}): Promise<string> {
  const found = await stat(nameOrFolder).catch(() => undefined);
  if (found?.isDirectory()) return checkpointIn(nameOrFolder);
  if (found)
    throw new BowError('data', 'a file where a model folder is needed', {
      place: nameOrFolder,
      hint: 'name the folder that holds config.json',
    });
  const [id = '', revision = 'main'] = nameOrFolder.split('@');
  if (/^[./\\~]|\\|\/.*\/|\/$/.test(id)) throw new BowError('data', 'no such folder', { place: nameOrFolder });
  const hub: HubOptions = {
    revision,
    ...o,
    onNotice: (text) => void process.stderr.write(`${text}\n`),
  };
  try {
    return await fetchModel(id, hub);
  } catch (e) {
    if (!isBowError(e) || (e.code !== 'download' && e.code !== 'usage')) throw e;
    throw new BowError(e.code, `no folder ${nameOrFolder} here, and not from the hub: ${e.message}`, {
      detail: e.detail,
      ...(e.hint === undefined ? {} : { hint: e.hint }),
      cause: e,
    });
  }
}

/** A run's folder holds no model itself, but names its best and its last checkpoint. */
function checkpointIn(folder: string): string {
  const inside = [folder, join(folder, 'best'), join(folder, 'last')];
  return inside.find((f) => existsSync(join(f, 'config.json'))) ?? folder;
}

/** Settings first: they tell which of several weights (Hugging Face's, open_clip's) are to be fetched. */
async function fetchModel(id: string, hub: HubOptions): Promise<string> {
  const first = await downloadRepo(id, { ...hub, include: settings });
  const wanted = (await isOpenClip(first.folder)) ? ['open_clip_model.safetensors'] : weights;
  const { folder, files } = await downloadRepo(id, { ...hub, include: [...settings, ...wanted] });
  if (files.some((f) => f.endsWith('.safetensors'))) return folder;
  throw new BowError('download', 'this repository holds no safetensors weights', {
    place: id,
    detail: { wanted },
    hint: 'a conversion may be under another revision: owner/name@refs/pr/<number>',
  });
}

/** The system of a model's folder: `model_type` in its config.json; a folder of open_clip is a `clip`. Error `checkpoint` for any other model. */
export async function systemOf(folder: string): Promise<string> {
  const type = (await isOpenClip(folder)) ? 'clip' : (await readConfig(await openModelFiles(folder))).model_type;
  if (Object.hasOwn(systems, type)) return type;
  throw new BowError('checkpoint', `a model of "${type}", which this program does not support`, {
    place: join(folder, 'config.json'),
    detail: { systems: Object.keys(systems) },
  });
}

/** Opens a model by folder or name. Errors as {@link modelFolder} and {@link systemOf}, `checkpoint` for what is damaged. */
export async function openModel(nameOrFolder: string, o: ModelOptions = {}): Promise<OpenSystem> {
  const folder = await modelFolder(nameOrFolder, o);
  return await (await systemEntry(await systemOf(folder)).load()).open(folder);
}
