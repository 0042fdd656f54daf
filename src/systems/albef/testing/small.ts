/** A model of a few thousand weights; plain coloured images with captions and questions. */
import { Rng } from '../../../base/index.ts';
import type { RgbImage } from '../../../capabilities/index.ts';
import { Store } from '../../../engine/index.ts';
import { clipPreprocessing, squareGeometry } from '../../../image/index.ts';
import type { AskedQuestion, ImageTasks, TaskSide } from '../../../kinds/index.ts';
import { trainWordPiece } from '../../../text/index.ts';
import type { AlbefConfig, AlbefHeads } from '../config.ts';
import type { AlbefParts } from '../layouts.ts';
import type { AlbefModel } from '../programs.ts';

export const names = ['black', 'red', 'green', 'blue', 'yellow', 'white', 'pink', 'brown'] as const;
const shades = [
  [0, 0, 0],
  [220, 0, 0],
  [0, 200, 0],
  [0, 0, 230],
  [230, 230, 0],
  [255, 255, 255],
  [250, 150, 160],
  [120, 70, 20],
] as const;

/** Pixels a side of the images. */
export const SIZE = 10;

/** The i-th colour with noise. */
export function plainImage(i: number, rng: Rng): RgbImage {
  const shade = shades[i]!;
  const noisy = (k: number): number => Math.min(255, Math.max(0, shade[k % 3]! + 20 * rng.normal()));
  return { width: SIZE, height: SIZE, data: Uint8Array.from({ length: 3 * SIZE * SIZE }, (_, k) => noisy(k)) };
}

const questionOf = (i: number): AskedQuestion => ({
  images: [i],
  text: 'what colour is it?',
  answers: [[names[i]!, 1]],
  given: [names[i]!],
  kind: 'colour',
});

function side(seed: number): TaskSide {
  const images = names.map((_, i) => plainImage(i, new Rng(`${seed}/${i}`)));
  const pixels = new Uint8Array(images.length * 3 * SIZE * SIZE);
  images.forEach((image, i) => {
    pixels.set(image.data, i * image.data.length);
  });
  return {
    ...{ count: names.length, width: SIZE, height: SIZE, pixels },
    captions: names.map((n) => [`a ${n} image`, `it is ${n}`]),
    questions: names.map((_, i) => questionOf(i)),
  };
}

/** Eight colours with captions and questions on both sides. */
export function colours(change: (side: TaskSide) => TaskSide = (s) => s): ImageTasks {
  return {
    ...{ train: change(side(1)), validation: change(side(2)), geometry: squareGeometry(SIZE), shift: 0 },
    ...{
      captionsFromLabels: false,
      templates: [],
      vocabulary: null,
      vocabularyLimit: 200,
      skipped: [],
      answers: [...names],
    },
  };
}

export const tokenizer = trainWordPiece(
  [...names.map((n) => `a ${n} image it is ${n}`), 'what colour is it true false'],
  {
    vocabulary: 120,
  },
);

/** The small model's config; `heads` default to all that one image has. */
export function smallConfig(
  heads: AlbefHeads = { contrast: 11, match: true, words: true, decoder: 1 },
  images: 1 | 2 = 1,
): AlbefConfig {
  return {
    visual: { size: SIZE, patch: 5, width: 24, depth: 1, heads: 3, hidden: 31, epsilon: 1e-6 },
    text: {
      ...{
        vocabulary: tokenizer.vocabulary,
        context: 17,
        types: 2,
        pad: tokenizer.ids.pad,
        width: 24,
        depth: 2,
        fusion: 1,
      },
      ...{ heads: 2, hidden: 29, epsilon: 1e-12, dropout: 0, attentionDropout: 0 },
    },
    ...{ heads, images, temperature: 0.07 },
    distillation: { alpha: 0.4, ramp: 0.2, momentum: 0.9, queue: 16 },
  };
}

export const smallParts: AlbefParts = { tokenizer, pixels: clipPreprocessing(SIZE, 'stretch'), answers: [...names] };

/** The small model with initial values. */
export const smallModel = (config: AlbefConfig = smallConfig(), seed: number = 0): AlbefModel => ({
  config,
  parts: smallParts,
  store: new Store(seed),
});
