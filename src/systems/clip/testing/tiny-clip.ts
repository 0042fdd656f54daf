/** A CLIP of a few thousand parameters with initial values, and images to give it. */
import { compile, type F, type I, Store } from '../../../engine/index.ts';
import { clipPreprocessing } from '../../../image/index.ts';
import { trainClipTokenizer } from '../../../text/index.ts';
import { type ClipConfig, clip, variants } from '../clip.ts';
import type { ClipModel } from '../open.ts';

const tokenizer = trainClipTokenizer(['a red cube a blue ball a red ball'], { vocabulary: 530 });

const gelu = { activation: 'gelu', epsilon: 1e-5 } as const;

export const tinyConfig: ClipConfig = {
  ...variants.tiny,
  embed: 7,
  visual: { size: 10, patch: 5, width: 12, depth: 2, heads: 3, hidden: 24, ...gelu },
  text: {
    width: 8,
    depth: 1,
    heads: 2,
    hidden: 16,
    ...gelu,
    vocabulary: tokenizer.vocabulary,
    context: 9,
    eot: 'largest',
  },
};

/** A model with the initial values of a seed. */
export async function tinyClip(seed = 3): Promise<ClipModel> {
  const store = new Store(seed);
  const { size } = tinyConfig.visual;
  const { context } = tinyConfig.text;
  const compiled = compile(
    (s, x) => ({
      y: clip(s, { image: x['image'] as F<'b c y x'>, tokens: x['tokens'] as I<'b n'> }, tinyConfig).scale,
    }),
    { store, threads: 1 },
  );
  await compiled.program({
    image: { dtype: 'float32', shape: [1, 3, size, size] },
    tokens: { dtype: 'int32', shape: [1, context] },
  });
  await compiled.close();
  const parts = { tokenizer, pad: tokenizer.endOfText, pixels: clipPreprocessing(size) };
  return { config: tinyConfig, store, parts };
}
