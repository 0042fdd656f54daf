/** How the systems that know only words are fitted in the main job: each leaves a checkpoint folder that the registry opens. */

import { fitTfIdf } from '../../systems/index.ts';
import { saveBagOfWords, saveTfIdf, saveWord2Vec, trainWord2Vec } from '../../systems/node/index.ts';
import { CountVectorizer } from '../../text/index.ts';

/** Fits one system to texts and writes it to a folder. */
export type Fit = (folder: string, texts: readonly string[], o: { readonly signal: AbortSignal }) => Promise<void>;

/** By registry id, in historical order. */
export const wordSystems: Readonly<Record<string, Fit>> = {
  'bag-of-words': async (folder, texts) => saveBagOfWords(folder, new CountVectorizer().fit(texts)),
  'tf-idf': async (folder, texts) => saveTfIdf(folder, fitTfIdf(texts)),
  word2vec: async (folder, texts, { signal }) => {
    const options = { vectorSize: 64, window: 3, minCount: 2, epochs: 3, seed: 1, workers: 1 };
    const words = texts.map((s) => s.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []);
    await saveWord2Vec(folder, await trainWord2Vec(words, options, { signal }));
  },
};
