/** The systems of the main job: how those that know only words are fitted, and which ones are trained by a recipe. */
import { fitTfIdf } from '../../systems/index.ts';
import { saveBagOfWords, saveTfIdf, saveWord2Vec, trainWord2Vec } from '../../systems/node/index.ts';
import { CountVectorizer } from '../../text/index.ts';

/** Fits one system to texts and writes it to a folder. */
export type Fit = (folder: string, texts: readonly string[], o: { readonly signal: AbortSignal }) => Promise<void>;

/** By registry id, in the order of their publication. */
export const wordSystems: Readonly<Record<string, Fit>> = {
  'bag-of-words': async (folder, texts) => saveBagOfWords(folder, new CountVectorizer().fit(texts)),
  'tf-idf': async (folder, texts) => saveTfIdf(folder, fitTfIdf(texts)),
  word2vec: async (folder, texts, { signal }) => {
    const options = { vectorSize: 64, window: 3, minCount: 2, epochs: 3, seed: 1, workers: 1 };
    const words = texts.map((s) => s.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []);
    await saveWord2Vec(folder, await trainWord2Vec(words, options, { signal }));
  },
};

/** Registry ids of what learns from captioned images; the last one answers the searches at the end. */
export const trainedSystems = ['clip'] as const;
