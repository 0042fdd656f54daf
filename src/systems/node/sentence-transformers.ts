/** Folders of sentence-transformers: modules.json lists what an input goes through, and where each part lies. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BowError, isRecord, refuseSetting } from '../../base/index.ts';
import { openModelFiles } from '../../hub/node/index.ts';

/** Its files beside the parts. */
export const moduleFiles = ['modules.json', 'config_sentence_transformers.json'];

type Module = { readonly path: string; readonly type: string };

/**
 * Where a folder of sentence-transformers has its CLIP, such as `0_CLIPModel`; empty for the folder itself, undefined for other folders. Error
 * `checkpoint` for parts after it that change its vectors (but Normalize: ours are of unit length anyway), and for a prompt before every text.
 */
export async function clipModulePath(folder: string): Promise<string | undefined> {
  if (!existsSync(join(folder, 'modules.json'))) return undefined;
  const files = await openModelFiles(folder);
  const place = files.at('modules.json');
  const [first, ...rest] = modulesOf(await files.json('modules.json'), place);
  if (first?.type !== 'CLIPModel') return undefined;
  const other = rest.find(({ type }) => type !== 'Normalize');
  if (other) refuseSetting('type', other.type, { place, known: 'CLIPModel, then Normalize' });
  if (files.names.has(moduleFiles[1]!)) checkPrompts(await files.json(moduleFiles[1]!), files.at(moduleFiles[1]!));
  return first.path;
}

function modulesOf(json: unknown, place: string): Module[] {
  const list: readonly unknown[] = Array.isArray(json) ? json : [];
  return list.map((m, i) => {
    const { path, type } = isRecord(m) ? m : {};
    if (typeof path !== 'string' || typeof type !== 'string')
      return refuseSetting(`[${i}]`, m, { place, known: 'an object with path and type' });
    if (!/^(\w[\w.-]*)?$/.test(path))
      refuseSetting(`[${i}].path`, path, { place, known: 'a folder beside modules.json' });
    return { path, type: type.split('.').at(-1)! };
  });
}

function checkPrompts(json: unknown, place: string): void {
  const name = isRecord(json) ? (json['default_prompt_name'] ?? null) : null;
  if (name === null) return;
  throw new BowError(
    'checkpoint',
    `default_prompt_name ${JSON.stringify(name)} puts a prompt before every text, which is not done here`,
    {
      place,
      hint: 'null it, and put the prompt into your texts',
    },
  );
}
