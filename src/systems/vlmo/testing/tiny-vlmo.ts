/** A VLMo of a few thousand parameters with initial values, with all heads. */
import { compile, Store } from '../../../engine/index.ts';
import { trainWordPiece } from '../../../text/index.ts';
import { type VlmoConfig, variants } from '../config.ts';
import { vlmoPreprocessing } from '../layouts.ts';
import { vlmo, vlmoInputs } from '../model.ts';
import type { VlmoModel } from '../open.ts';

const tokenizer = trainWordPiece(['a red cube a blue ball a red ball'], { vocabulary: 40 });

export const tinyConfig: VlmoConfig = {
  ...variants.base,
  ...{ size: 12, patch: 4, width: 12, depth: 3, heads: 3, hidden: 18, fusion: 2, dropPath: 0 },
  text: { vocabulary: tokenizer.vocabulary, context: 7, span: 9 },
  tasks: { ...variants.base.tasks, vqa: 3, nlvr2: true },
};

/** A model with the initial values of a seed. */
export async function tinyVlmo(seed = 3, config: VlmoConfig = tinyConfig): Promise<VlmoModel> {
  const store = new Store(seed);
  const compiled = compile((s, x) => vlmo(s, x, config), { store, threads: 1 });
  await compiled.program(vlmoInputs(config));
  await compiled.close();
  const parts = { tokenizer, pixels: vlmoPreprocessing(config.size), answers: ['yes', 'no', 'red'] };
  return { config, store, parts };
}
