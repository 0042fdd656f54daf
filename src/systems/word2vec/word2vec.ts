/**
 * word2vec — Mikolov, Chen, Corrado, Dean, "Efficient Estimation of Word Representations in Vector Space", arXiv 1301.3781; Mikolov et al.,
 * "Distributed Representations of Words and Phrases and their Compositionality", arXiv 1310.4546. Words that occur in like company get like
 * vectors.   `bow2bot train word2vec corpus.txt -o vectors/`   `bow2bot similar vectors/ king`
 */
import { BowError } from '../../base/index.ts';
import type { DenseVectors, EncodesText, OpenSystem, Ranks } from '../../capabilities/index.ts';
import { type ModelFiles, readConfig } from '../../hub/index.ts';
import { rankDense } from '../bag-of-words.ts';
import { isOf, wordLayout } from '../layouts.ts';
import type { System } from '../system.ts';
import { readVocabulary } from '../vocabulary.ts';
import { type FullOptions, fullOptions, type Word2VecOptions } from './options.ts';
import { KeyedVectors, normalized } from './vectors.ts';

/** A trained model: the vectors, and the output rows that training goes on with. */
export type Word2Vec = {
  readonly options: FullOptions;
  readonly wv: KeyedVectors;
  readonly counts: Float64Array;
  readonly syn1neg: Float32Array | undefined;
  readonly syn1: Float32Array | undefined;
};

/** Reads a checkpoint. Errors `data` and `checkpoint`. */
export async function loadWord2Vec(files: ModelFiles): Promise<Word2Vec> {
  const config = await readConfig(files, ['word2vec']);
  const words = await readVocabulary(files);
  await using file = await files.tensors();
  const syn0 = await file.readFloat32('syn0');
  const width = syn0.shape[1] ?? 0;
  const counts = (await file.read('counts')).data;
  if (syn0.shape[0] !== words.length || counts.length !== words.length || !(counts instanceof Float64Array)) {
    throw new BowError('checkpoint', 'vectors, counts and vocab.json do not fit one another', { place: files.place });
  }
  const floats = async (name: string): Promise<Float32Array | undefined> =>
    file.has(name) ? (await file.readFloat32(name)).data : undefined;
  const options = fullOptions((config['options'] ?? {}) as Word2VecOptions);
  return {
    options,
    wv: new KeyedVectors(words, syn0.data, width, counts),
    counts,
    syn1neg: await floats('syn1neg'),
    syn1: await floats('syn1'),
  };
}

/** A text as the mean of its words' unit vectors; texts without a known word are zeros. Words are runs of letters and digits, lower-cased if need be. */
export function word2VecSystem(wv: KeyedVectors): OpenSystem & EncodesText & Ranks & { readonly wv: KeyedVectors } {
  const encodeText = async (texts: readonly string[]): Promise<DenseVectors> => {
    const data = new Float32Array(texts.length * wv.width);
    texts.forEach((text, i) => {
      const words = (text.match(/[\p{L}\p{N}_]+/gu) ?? [])
        .map((w) => (wv.has(w) ? w : w.toLowerCase()))
        .filter((w) => wv.has(w));
      if (words.length > 0) data.set(normalized(wv.meanVector(words)), i * wv.width);
    });
    return { rows: texts.length, width: wv.width, data };
  };
  return { id: 'word2vec', wv, encodeText, rank: rankDense(encodeText), close: async () => {} };
}

/** The system for the registry. */
export const system: System = {
  id: 'word2vec',
  title: 'word2vec: skip-gram and CBOW',
  paper: 'Mikolov et al. 2013, arXiv 1301.3781 and 1310.4546',
  variants: [],
  layouts: [wordLayout('word2vec')],
  recognises: (files) => isOf(files, 'word2vec'),
  open: async (files) => word2VecSystem((await loadWord2Vec(files)).wv),
};
