/** CLIP on images of the tabletop: what `bow2bot train clip` trains without other data, and the main job. */
import type { OnProgress } from '../base/index.ts';
import { type TabletopPairs, tabletopPairs } from '../data/index.ts';
import { imageRetrieval } from '../evaluate/index.ts';
import type { ClipModel } from '../systems/index.ts';
import { clipTask, type Recipe } from '../train/index.ts';
import type { TabletopData } from './clip-data.ts';
import { withBenchmarks } from './clip-evaluation.ts';
import { clipStart } from './clip-start.ts';
import type { Prepared } from './training.ts';

/** A task with the parts that a model is put together from. */
export type TabletopClip = Prepared & { readonly model: Omit<ClipModel, 'store'> };

/** Makes the images and gives the task; a model from scratch learns a vocabulary of 1,024 at most from their captions. Errors as `clipStart`. */
export async function tabletopClip(
  recipe: Pick<Recipe, 'variant' | 'from' | 'seed' | 'data'>,
  o: { readonly signal?: AbortSignal; readonly onProgress?: OnProgress; readonly train?: TabletopPairs } = {},
): Promise<TabletopClip> {
  const data = recipe.data as TabletopData;
  const start = await clipStart(recipe, data.size, o);
  const common = { size: start.size, seed: data.seed, workers: 2, signal: o.signal, onProgress: o.onProgress };
  const train = o.train ?? (await tabletopPairs({ ...common, count: data.pictures }));
  const validation = await tabletopPairs({ ...common, count: data.validation, split: 'validation', distinct: true });
  const { model, store } = start.parts(() => train.captions.flat(), recipe.from === null ? 1024 : null);
  const task = withBenchmarks(clipTask({ ...model, train, validation, shift: data.shift }), model, [
    imageRetrieval('validation', 'validation', validation),
  ]);
  return { task, model, ...(store ? { store } : {}) };
}
