/** Training in a folder. */
import type { Recipe } from '../recipe-schema.ts';
import { type TrainOptions as CoreOptions, holdsRun as holds } from '../run.ts';
import type { Trainable } from '../trainable.ts';
import { type TrainResult as CoreResult, train as trainIn } from '../trainer.ts';
import { folderStorage } from './folder-storage.ts';

/** Options of {@link train}. */
export type TrainOptions = Omit<CoreOptions, 'storage'> & {
  /** The run's folder for checkpoints and logs; without one nothing is written. */
  readonly folder?: string;
};

/** What a run came to, with its folder. */
export type TrainResult = CoreResult & { readonly folder: string | undefined };

/** Trains a model on its data, as `train` of `bow2bot/train` does, with checkpoints and logs in a folder. Errors: those of that, and of files. */
export async function train(trainable: Trainable, recipe: Recipe, o: TrainOptions = {}): Promise<TrainResult> {
  const { folder, ...rest } = o;
  const storage = folder === undefined ? {} : { storage: folderStorage(folder) };
  return { ...(await trainIn(trainable, recipe, { ...rest, ...storage })), folder };
}

/**
 * True when there is a run in the folder to go on with. Errors: `usage` when there is one and it is not to be resumed, `config` when it was
 * started with another recipe; so that both are reported before the data is made.
 */
export function holdsRun(folder: string, recipe: Recipe, o: { readonly resume: boolean }): Promise<boolean> {
  return holds(folderStorage(folder), recipe, o);
}
