/** Where a run's metrics go: `log.jsonl` and TensorBoard event files, as the recipe says. */

import { join } from 'node:path';
import type { Recipe } from '../recipe-schema.ts';
import type { RunLog } from '../storage.ts';
import { openJsonl } from './logs/jsonl.ts';
import { openTensorboard } from './logs/tensorboard.ts';

/** Opens the logs of a run's folder; metrics of steps after `step` are dropped, since they will be written again. */
export async function openRunLog(folder: string, recipe: Recipe, step: number): Promise<RunLog> {
  const jsonl = recipe.log.jsonl ? await openJsonl(join(folder, 'log.jsonl'), { resumeAt: step }) : undefined;
  const resumeAt = step > 0 ? { resumeAt: step } : {};
  const board = recipe.log.tensorboard ? openTensorboard(join(folder, 'tensorboard'), resumeAt) : undefined;
  if (step === 0) board?.text('recipe', `\`\`\`json\n${JSON.stringify(recipe, null, 2)}\n\`\`\``, 0);
  return {
    write: (at, metrics) => {
      jsonl?.append({ step: at, ...metrics });
      for (const [name, value] of Object.entries(metrics)) board?.scalar(name, value, at);
    },
    close: () => {
      jsonl?.close();
      board?.close();
    },
  };
}
