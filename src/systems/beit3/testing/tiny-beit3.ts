/** A BEiT-3 of a few thousand parameters with initial values, and what it is trained on. */
import { Rng } from '../../../base/index.ts';
import { Store } from '../../../engine/index.ts';
import { squareGeometry } from '../../../image/index.ts';
import type { ImageTasks, TaskSide } from '../../../kinds/index.ts';
import { trainUnigram } from '../../../text/index.ts';
import { paramsOf } from '../../loading.ts';
import { type Beit3Config, variants } from '../config.ts';
import { beit3System } from '../index.ts';
import { beit3Preprocessing } from '../layouts.ts';
import type { Beit3Model } from '../open.ts';

export const names = ['black', 'red', 'green', 'blue', 'yellow', 'white', 'pink'] as const;
const shades = [
  [0, 0, 0],
  [220, 0, 0],
  [0, 200, 0],
  [0, 0, 230],
  [230, 230, 0],
  [255, 255, 255],
  [250, 150, 160],
] as const;

const question = 'which colour is it?';

/** Noisy plain images: each colour with a caption of its name, and the question for it. */
function plainSide(size: number, seed: number): TaskSide {
  const [rng, each] = [new Rng(seed), 3 * size * size];
  const pixels = new Uint8Array(names.length * each);
  shades.forEach((shade, i) => {
    for (let k = 0; k < each; k++) pixels[i * each + k] = Math.min(255, Math.max(0, shade[k % 3]! + 25 * rng.normal()));
  });
  return {
    ...{ count: names.length, width: size, height: size, pixels },
    captions: names.map((n) => [`a ${n} image`]),
    questions: names.map((n, i) => ({ images: [i], text: question, answers: [[n, 1]], given: [n] })),
  };
}

/** Training and held-out images of `size` pixels. */
export function plainTasks(size: number): ImageTasks {
  const rest = { captionsFromLabels: false, templates: [], vocabulary: null, vocabularyLimit: 64, skipped: [] };
  const sides = { train: plainSide(size, 1), validation: plainSide(size, 2) };
  return { ...sides, geometry: squareGeometry(size, 'stretch'), shift: 0, answers: [...names], ...rest };
}

const tokenizer = trainUnigram(
  names.flatMap((n) => [`a ${n} image`, question]),
  { vocabulary: 64 },
);

/** `codes`: 7, as many as there are colours. */
export const tinyConfig: Beit3Config = {
  ...variants['tiny-patch'],
  ...{ size: 10, patch: 5, width: 24, depth: 2, heads: 3, hidden: 40, context: 13, vocabulary: tokenizer.vocabulary },
  tasks: { retrieval: true, tokens: true, answers: names.length, codes: 7 },
};

/** A model with the initial values of a seed. */
export function tinyBeit3(config: Beit3Config = tinyConfig, seed = 3): Beit3Model {
  const store = new Store(seed);
  for (const spec of paramsOf(beit3System.definition, config).values()) store.ensure(spec);
  return { config, store, parts: { tokenizer, pixels: beit3Preprocessing(config), answers: names } };
}
