/** A run in a folder: checkpoint folders with their pointers, `log.jsonl`, TensorBoard files. */
import type { RunStorage } from '../storage.ts';
import { listCheckpoints, openCheckpoints, readCheckpoint } from './checkpoints.ts';
import { openRunLog } from './run-log.ts';

/** The storage of a run's folder; it is made when it is opened. */
export function folderStorage(folder: string): RunStorage {
  return {
    place: folder,
    last: async () => ((await listCheckpoints(folder)).length === 0 ? undefined : await readCheckpoint(folder, 'last')),
    open: async ({ keep }) => {
      const writer = await openCheckpoints(folder, { keep });
      return {
        write: writer.write,
        openLog: (recipe, step) => openRunLog(folder, recipe, step),
        close: writer.close,
      };
    },
  };
}
