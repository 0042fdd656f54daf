/** Models as a person names them: a folder, or a repository of the Hugging Face hub. Opened, loaded and written whatever system they are of. */
import { existsSync } from 'node:fs';
import { copyFile, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BowError, isBowError, nearest, type OnProgress } from '../../base/index.ts';
import { publishFolder, statIfThere, writeFileAtomic } from '../../base/node/index.ts';
import type { OpenSystem } from '../../capabilities/index.ts';
import { downloadRepo, type HubOptions, openModelFiles, writeSafetensors } from '../../hub/node/index.ts';
import type { DefinedSystem } from '../define.ts';
import type { Model } from '../definition.ts';
import { loadSystems, systemOf } from '../registry.ts';
import type { LayoutFiles, OpenOptions } from '../system.ts';
import { clipModulePath, moduleFiles } from './sentence-transformers.ts';

/** Options of finding a model. */
export type ModelOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of a download. */
  readonly onProgress?: OnProgress | undefined;
  /** What the hub says beside (a rate limit, a redirected name), one line at a time. */
  readonly onNotice?: ((text: string) => void) | undefined;
};

/**
 * The folder of a model: `nameOrFolder` itself where such a folder exists (of a training run its best checkpoint, or its last; of sentence-transformers
 * the one that holds the CLIP), else the snapshot of
 * the hub's repository `owner/name` or `owner/name@revision`, of which only the files that a system reads are fetched. Errors: `data` for a path that
 * is not a folder (what has no owner, or begins with a folder that is here, is a path), `download`, `aborted`.
 */
export async function modelFolder(nameOrFolder: string, o: ModelOptions = {}): Promise<string> {
  const found = await statIfThere(nameOrFolder);
  if (found?.isDirectory()) {
    const folder = await checkpointIn(nameOrFolder);
    return join(folder, (await clipModulePath(folder)) ?? '');
  }
  if (found)
    throw new BowError('data', 'a file where the folder of a model is needed', {
      place: nameOrFolder,
      hint: 'name the folder that holds config.json',
    });
  const [id = '', revision = 'main'] = nameOrFolder.split('@');
  if (/^[./\\~]|\\|\/.*\/|\/$/.test(id) || !id.includes('/') || (await isFolder(id.split('/')[0]!)))
    throw await noFolder(nameOrFolder, id);
  try {
    const { signal, onProgress, onNotice } = o;
    return await fetchModel(id, { revision, signal, onProgress, ...(onNotice ? { onNotice } : {}) });
  } catch (e) {
    if (!isBowError(e) || (e.code !== 'download' && e.code !== 'usage')) throw e;
    throw new BowError(e.code, `no folder ${nameOrFolder} here, and not from the hub: ${e.message}`, {
      detail: e.detail,
      ...(e.hint === undefined ? {} : { hint: e.hint }),
      cause: e,
    });
  }
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() === true;

/**
 * The error of a folder that is not there, with the nearest of its neighbours: what is no `owner/name`, or begins with a folder of this machine, is not
 * asked of the hub, so that a misspelt name stays here.
 */
async function noFolder(place: string, path: string): Promise<BowError> {
  const above = dirname(path);
  const names = (await readdir(above, { withFileTypes: true }).catch(() => [])).filter((e) => e.isDirectory());
  const near = nearest(
    basename(path),
    names.map((e) => e.name),
  );
  const hint =
    near === undefined
      ? 'a folder that holds a model, or owner/name of the Hugging Face hub'
      : `did you mean ${join(above, near)}?`;
  return new BowError('data', 'no such folder', { place, hint });
}

/** A run's folder holds no model itself, but names its best and its last checkpoint; one in stages has a run for each, of which the last counts. */
async function checkpointIn(folder: string): Promise<string> {
  const runOf = (f: string): string[] => [f, join(f, 'best'), join(f, 'last')];
  const order = (name: string): number => Number.parseInt(name, 10);
  const stages = (await readdir(folder)).filter((name) => /^\d+-/.test(name)).sort((a, b) => order(b) - order(a));
  const inside = [...runOf(folder), ...stages.flatMap((name) => runOf(join(folder, name)))];
  const marks = await checkpointMarks();
  return inside.find((f) => marks.some((name) => existsSync(join(f, name)))) ?? folder;
}

/** The file of each layout that tells its checkpoints from other folders. */
async function checkpointMarks(): Promise<readonly string[]> {
  const layouts: readonly LayoutFiles[] = (await loadSystems()).flatMap((s) => s.layouts);
  return [...new Set(layouts.flatMap((l) => l.settings.slice(0, 1)))];
}

const usualWeights = ['model.safetensors', 'model.safetensors.index.json', 'model-*-of-*.safetensors'];

/** Settings first: they tell the system and the layout, and so which of several weights are to be fetched, and from which folder. */
async function fetchModel(id: string, hub: HubOptions): Promise<string> {
  const layouts: readonly LayoutFiles[] = (await loadSystems()).flatMap((s) => s.layouts);
  const settings = [...new Set(layouts.flatMap((l) => l.settings))].sort();
  let include = [...settings, ...moduleFiles];
  const first = await downloadRepo(id, { ...hub, include });
  const inside = (await clipModulePath(first.folder)) ?? '';
  const within = (names: readonly string[]): string[] =>
    names.map((name) => (inside === '' ? name : `${inside}/${name}`));
  include = [...moduleFiles.filter((f) => first.files.includes(f)), ...within(settings)];
  if (inside !== '') await downloadRepo(id, { ...hub, include });
  const wanted = within(await weightsOf(join(first.folder, inside)));
  const { folder, files } = await downloadRepo(id, { ...hub, include: [...include, ...wanted] });
  if (files.some((f) => f.endsWith('.safetensors'))) return join(folder, inside);
  throw new BowError('download', 'this repository holds no safetensors weights', {
    place: id,
    detail: { wanted },
    hint: 'a conversion may lie under another revision: owner/name@refs/pr/<number>',
  });
}

/** The weights of a folder of settings; the usual names where no system recognises it, which is reported when it is opened. */
async function weightsOf(folder: string): Promise<readonly string[]> {
  const files = await openModelFiles(folder);
  const system = await systemOf(files).catch(() => undefined);
  for (const layout of system?.layouts ?? [])
    if (await layout.recognises(files)) return layout.weights ? [layout.weights] : usualWeights;
  return usualWeights;
}

/** Opens a model by folder or name. Errors as {@link modelFolder}; `checkpoint` for what is not a model of a system here, or damaged. */
export async function openModel(nameOrFolder: string, o: ModelOptions & OpenOptions = {}): Promise<OpenSystem> {
  const files = await openModelFiles(await modelFolder(nameOrFolder, o));
  const { size, device, threads, profile } = o;
  const session = { ...(device ? { device } : {}), ...(threads ? { threads } : {}), ...(profile ? { profile } : {}) };
  return await (await systemOf(files)).open(files, { size, ...session });
}

/** Reads a model with its weights, to change or train it: `loadModel(clipSystem, 'runs/clip')`. Errors as {@link openModel}. */
export async function loadModel<C, P, D, N>(
  system: DefinedSystem<C, P, D, N>,
  nameOrFolder: string,
  o: ModelOptions & { readonly size?: number | undefined } = {},
): Promise<Model<C, P>> {
  return await system.load(await openModelFiles(await modelFolder(nameOrFolder, o)), { size: o.size });
}

/** Writes a model as a checkpoint folder in one of its system's layouts, the first where none is named; the folder appears whole. */
export async function saveModel<C, P, D, N>(
  system: DefinedSystem<C, P, D, N>,
  folder: string,
  model: Model<C, P>,
  o: { readonly layout?: string } = {},
): Promise<void> {
  const { files, weights, tensors } = system.content(model, o.layout);
  await publishFolder(
    folder,
    async (f) => {
      await writeSafetensors(join(f, weights), tensors, { metadata: { format: 'pt' } });
      for (const [name, text] of Object.entries(files)) await writeFileAtomic(join(f, name), text);
    },
    await checkpointMarks(),
  );
}

/** Copies the model of a run's checkpoint into a folder of its own, without what only a resumed training reads. */
export async function copyModel(checkpoint: string, folder: string): Promise<void> {
  const names = (await readdir(checkpoint)).filter((name) => !/^(recipe\.json|training_state\.)/.test(name));
  await publishFolder(
    folder,
    async (f) => {
      for (const name of names) await copyFile(join(checkpoint, name), join(f, name));
    },
    await checkpointMarks(),
  );
}
