/** Batches of VLMo's three stages: images with hidden patches, texts with hidden words, and pairs. */
import { BowError } from '../../base/index.ts';
import { blockMask, normalizeChannels } from '../../image/index.ts';
import type { ImageTasks, ImageTextInputs, TaskSide } from '../../kinds/index.ts';
import { maskTokens, type WordPiece } from '../../text/index.ts';
import { type BatchSource, indexedSource } from '../../train/index.ts';
import { gridOf, type VlmoConfig } from './config.ts';
import type { VlmoParts } from './layouts.ts';

/** Sources of both sides, as an objective takes them. */
export type Sources = { readonly source: BatchSource; readonly validation?: BatchSource };

const both = <T>(train: T, held: T | undefined, source: (of: T) => BatchSource): Sources => ({
  source: source(train),
  ...(held === undefined ? {} : { validation: source(held) }),
});

/** Hides words whole, of the tokenizer's own: 15% of the tokens of a row (`whole_word_masking`, `mlm_prob`). */
export function wordMask({
  ids,
  vocabulary,
  startsWord,
  continuesWord,
}: WordPiece): NonNullable<ImageTextInputs['mask']> {
  return (row, labels, rng) =>
    maskTokens(row, labels, rng, {
      mask: ids.mask,
      vocabulary,
      may: (id) => startsWord(id) || continuesWord(id),
      continues: continuesWord,
    });
}

/** Every image, captioned or not, with two fifths of its patches hidden: `image` float32 [b, 3, y, x], `hidden` int32 [b, p]. In evaluations always the same. */
export function imageSources(data: ImageTasks, c: VlmoConfig, { pixels }: VlmoParts): Sources {
  const [each, grid] = [3 * c.size ** 2, gridOf(c)];
  return both(data.train, data.validation, (side: TaskSide) => {
    if (side.width !== c.size || side.height !== c.size)
      throw new BowError('config', `images of ${side.width}×${side.height} pixels for a model that sees ${c.size}×${c.size}`, { place: 'variant' }); // biome-ignore format: one line
    return indexedSource({
      size: side.count,
      inputs: {
        image: { dtype: 'float32', shape: [3, c.size, c.size] },
        hidden: { dtype: 'int32', shape: [grid * grid] },
      },
      load: (indices, into, { rng }) => {
        const [image, hidden] = [into['image']!.data as Float32Array, into['hidden']!.data as Int32Array];
        indices.forEach((index, i) => {
          normalizeChannels(side.pixels.subarray(index * each, (index + 1) * each), image, i * each, pixels);
          hidden.set(blockMask(grid, rng), i * grid * grid);
        });
      },
    });
  });
}

/** What is said and asked about the images of a side, each text once. */
const textsOf = (side: TaskSide): string[] => [
  ...new Set([...side.captions.flat(), ...side.questions.map((q) => q.text)]),
];

/** Texts alone with hidden words: `masked`, `labels` int32 [b, context]. */
export function textSources(data: ImageTasks, c: VlmoConfig, { tokenizer }: VlmoParts): Sources {
  const { context } = c.text;
  const mask = wordMask(tokenizer);
  return both(textsOf(data.train), data.validation && textsOf(data.validation), (texts) => {
    const rows = tokenizer.rows(texts, context);
    return indexedSource({
      size: texts.length,
      inputs: { masked: { dtype: 'int32', shape: [context] }, labels: { dtype: 'int32', shape: [context] } },
      load: (indices, into, { rng }) => {
        const [masked, labels] = [into['masked']!.data as Int32Array, into['labels']!.data as Int32Array];
        indices.forEach((index, i) => {
          masked.set(rows.subarray(index * context, (index + 1) * context), i * context);
          const at = [i * context, (i + 1) * context] as const;
          mask(masked.subarray(...at), labels.subarray(...at), rng);
        });
      },
    });
  });
}
