/**
 * word2vec — Mikolov, Chen, Corrado, Dean, "Efficient Estimation of Word Representations in Vector Space", arXiv 1301.3781; Mikolov et al.,
 * "Distributed Representations of Words and Phrases and their Compositionality", arXiv 1310.4546. Words that occur in like company get like
 * vectors.   `bow2bot train word2vec corpus.txt -o vectors/`   `bow2bot similar vectors/ king`
 */
import { BowError } from '../../base/index.ts';
import type { DenseVectors, EncodesText, OpenSystem, Ranks } from '../../capabilities/index.ts';
import { type ModelFiles, readConfig } from '../../hub/index.ts';
import { texts } from '../../kinds/index.ts';
import { rankDense } from '../bag-of-words.ts';
import { isOf, wordLayout } from '../layouts.ts';
import type { OwnTraining, System } from '../system.ts';
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

/** `bow2bot train word2vec`; carried out by `systems/node/word2vec/run.ts`. */
const ownTraining: OwnTraining = {
  data: texts,
  flags: [
    {
      flags: '-o, --output <path>',
      description: 'a checkpoint folder, or a .bin or .txt file in the word2vec formats',
      required: true,
    },
    { flags: '--vector-size <n>', description: 'width of the vectors', default: '100' },
    { flags: '--window <n>', description: 'largest distance of a context word', default: '5' },
    { flags: '--min-count <n>', description: 'rarer words are left out', default: '5' },
    { flags: '--negative <n>', description: 'noise words per prediction (default: 5, with --hs none)' },
    { flags: '--sample <x>', description: 'drop words more frequent than this share', default: '1e-3' },
    { flags: '--epochs <n>', description: 'passes over the corpus', default: '5' },
    { flags: '--alpha <x>', description: 'initial learning rate (default: 0.025, with --cbow 0.05)' },
    { flags: '--workers <n>', description: 'worker threads; only 1 is reproducible bit for bit', default: '1' },
    { flags: '--seed <n>', description: 'seed', default: '1' },
    { flags: '--cbow', description: 'continuous bag of words instead of skip-gram' },
    { flags: '--hs', description: 'hierarchical softmax instead of negative sampling' },
    { flags: '--shared-negatives', description: 'faster skip-gram: noise words drawn once per window' },
    { flags: '--from <folder>', description: 'continue training from a checkpoint folder; new words are added' },
    {
      flags: '--resume',
      description: 'resume a run that was stopped (same corpus and options; needs a folder as output)',
    },
  ],
  examples: [
    'train word2vec corpus.txt -o vectors/ --workers 2',
    'train word2vec reviews.jsonl.gz --cbow --vector-size 300 -o vectors.bin',
    'similar vectors/ king',
  ],
};

/** The system for the registry. */
export const system: System = {
  id: 'word2vec',
  title: 'word2vec: skip-gram and CBOW',
  paper: 'Mikolov et al. 2013, arXiv 1301.3781 and 1310.4546',
  variants: [],
  layouts: [wordLayout('word2vec')],
  recognises: (files) => isOf(files, 'word2vec'),
  ownTraining,
  open: async (files) => word2VecSystem((await loadWord2Vec(files)).wv),
};
