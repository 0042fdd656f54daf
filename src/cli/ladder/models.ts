/** The systems of the ladder: checkpoint folders and hub names as given, else what the main job left. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BowError } from '../../base/index.ts';
import type { Contender } from '../../evaluate/index.ts';
import { readConfig } from '../../hub/index.ts';
import { openModelFiles } from '../../hub/node/index.ts';
import { loadSystem, systemIds } from '../../systems/index.ts';
import { type ModelOptions, modelFolder, openModel } from '../../systems/node/index.ts';

/** Where `npm start` keeps what it makes. */
const kept = join('runs', 'start');

/** A contender and where its checkpoint is. */
export type LadderModel = Contender & { readonly folder: string };

/** Contenders in the order given. Every one is opened once to find what is missing or damaged before hours are spent. */
export async function contenders(models: readonly string[], o: ModelOptions): Promise<LadderModel[]> {
  if (models.length === 0) return await keptSystems(o);
  const list: LadderModel[] = [];
  for (const title of models) {
    const folder = await modelFolder(title, o);
    await (await openModel(folder, o)).close();
    list.push({ title, folder, open: () => openModel(folder, o) });
  }
  return list;
}

/** The systems of the main job in the order of the registry. */
async function keptSystems(o: ModelOptions): Promise<LadderModel[]> {
  const folders = (await readdir(kept, { withFileTypes: true }).catch(() => []))
    .filter((f) => f.isDirectory() && systemIds().includes(f.name))
    .map((f) => f.name);
  const list: LadderModel[] = [];
  for (const id of systemIds().filter((name) => folders.includes(name))) {
    const folder = join(kept, id);
    await readConfig(await openModelFiles(folder), [id]);
    list.push({ title: (await loadSystem(id)).title, folder, open: () => openModel(folder, o) });
  }
  if (list.length === 0)
    throw new BowError('usage', `no model given, and none in ${kept}`, {
      hint: 'bow2bot start makes some; or name one: bow2bot ladder openai/clip-vit-base-patch32',
    });
  return list;
}
