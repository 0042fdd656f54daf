/** Loaders of kinds, by the kinds' ids. A user's own kind brings its loader by {@link registerLoader}. */
import { BowError } from '../../base/index.ts';
import type { Json } from '../../train/index.ts';
import { captionedImages } from '../captioned-images/kind.ts';
import { imageTasks } from '../image-tasks/kind.ts';
import type { DataKind, Loader, LoadOptions } from '../kind.ts';

const loaders = new Map<string, Loader<unknown, never>>();

/** Makes a kind's data loadable. Error `usage` when its id has a loader already. */
export function registerLoader<D, N>(kind: DataKind<D, N>, loader: Loader<D, N>): void {
  if (loaders.has(kind.id)) throw new BowError('usage', `the kind "${kind.id}" has a loader already`);
  loaders.set(kind.id, loader);
}

/** Loads the data of a recipe. Errors: `usage` for a kind without a loader, those of the loader. */
export async function loadData<D, N>(kind: DataKind<D, N>, data: Json, needs: N, o: LoadOptions = {}): Promise<D> {
  const loader = loaders.get(kind.id) as Loader<D, N> | undefined; // registered with the kind, so it has the kind's types
  if (!loader)
    throw new BowError('usage', `data of the kind "${kind.id}" cannot be loaded here`, {
      hint: 'registerLoader of bow2bot/kinds/node',
      detail: { kinds: [...loaders.keys()] },
    });
  return await loader(data, needs, o);
}

registerLoader(captionedImages, async (data, needs, o) =>
  (await import('./captioned-images.ts')).loadCaptionedImages(data, needs, o),
);

registerLoader(imageTasks, async (data, needs, o) => (await import('./image-tasks.ts')).loadImageTasks(data, needs, o));
