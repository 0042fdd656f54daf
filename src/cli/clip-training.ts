/** CLIP on captioned images: what `bow2bot train clip` trains, and the main job. */
import type { OnProgress } from '../base/index.ts';
import { squareGeometry } from '../image/index.ts';
import { captionedImages, type LoadData, vocabularySize } from '../kinds/index.ts';
import { loadData } from '../kinds/node/index.ts';
import type { ClipModel } from '../systems/index.ts';
import type { Recipe } from '../train/index.ts';
import { clipTask } from '../train/node/index.ts';
import { withBenchmarks } from './clip-evaluation.ts';
import { clipStart } from './clip-start.ts';
import type { Prepared } from './training.ts';

type Options = {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** A line of progress for the user. */
  readonly say?: (line: string) => void;
  /** Where data comes from; default: from disk. */
  readonly load?: LoadData;
};

/** A task with the parts that a model is put together from. */
export type PreparedClip = Prepared & { readonly model: Omit<ClipModel, 'store'> };

/** Loads the images of a recipe and gives the task. Errors: those of {@link clipStart} and of loading, `config` for batches that are too large. */
export async function prepareClip(
  recipe: Pick<Recipe, 'variant' | 'from' | 'seed' | 'data'>,
  o: Options = {},
): Promise<PreparedClip> {
  const start = await clipStart(recipe, captionedImages.imageSize?.(recipe.data) ?? null, o);
  const { load = loadData } = o;
  const data = await load(captionedImages, recipe.data, { size: start.size, fit: start.fit }, o);
  const { train, validation, shift, augment, fit } = data;
  const { model: started, store } = start.parts(
    () => train.captions.flat(),
    recipe.from === null ? vocabularySize(data, start.vocabulary) : data.vocabulary,
  );
  const pixels = { ...started.pixels, ...squareGeometry(start.size, fit) }; // the checkpoint says what it saw
  const model = { ...started, pixels };
  const parts = { ...model, train, shift, ...(augment ? { augment } : {}) };
  const task = clipTask(validation ? { ...parts, validation } : parts);
  o.say?.(captionedImages.summary(data));
  return {
    task: withBenchmarks(task, model, captionedImages.benchmarks(data)),
    model,
    data: captionedImages.report(data),
    ...(store ? { store } : {}),
  };
}
