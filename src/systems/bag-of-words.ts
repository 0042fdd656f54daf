/**
 * Bag of words — Salton, Wong, Yang, "A Vector Space Model for Automatic Indexing", CACM 18(11), 1975; the name: Harris, "Distributional
 * Structure", Word 10, 1954. A text is how often each term occurs in it.   `bow2bot fit bag-of-words docs/ -o model/`
 */

import type { DenseVectors, EncodesText, OpenSystem, Ranks } from '../capabilities/index.ts';
import { type CountOptions, CountVectorizer, type Csr, dot, nnz, normalizeRows } from '../text/index.ts';
import { loadCounts } from './counts-files.ts';
import { isOf, wordLayout } from './layouts.ts';
import type { System } from './system.ts';

/** A fitted bag of words with its capabilities: rows are counts of unit length, ranking is their cosine. */
export type BagOfWords = OpenSystem & EncodesText & Ranks & { readonly counter: CountVectorizer };

/** The system of a fitted counter. */
export function bagOfWords(counter: CountVectorizer): BagOfWords {
  const encodeText = async (texts: readonly string[]): Promise<Csr<Float64Array>> => {
    const counts = counter.transform(texts);
    const x = { ...counts, data: Float64Array.from(counts.data.subarray(0, nnz(counts))) };
    normalizeRows(x, 'l2');
    return x;
  };
  return { id: 'bag-of-words', counter, encodeText, rank: rankByCosine(encodeText), close: async () => {} };
}

/** Ranking by the dot product of encodings. A document with nothing in common scores 0; ties by place. */
export function rankByCosine(encode: (texts: readonly string[]) => Promise<Csr>): Ranks['rank'] {
  return async (query, documents, o = {}) => {
    const [q, d] = [await encode([query]), await encode(documents)];
    const scored = Array.from({ length: d.rows }, (_, index) => ({ index, score: dot(q, 0, d, index) }));
    return scored.sort((a, b) => b.score - a.score || a.index - b.index).slice(0, o.k ?? scored.length);
  };
}

/** Ranking by the dot product of dense encodings of unit length; ties by place. */
export function rankDense(encode: (texts: readonly string[]) => Promise<DenseVectors>): Ranks['rank'] {
  return async (query, documents, o = {}) => {
    const [q, d] = [await encode([query]), await encode(documents)];
    const scored = Array.from({ length: d.rows }, (_, index) => {
      let score = 0;
      for (let k = 0; k < d.width; k++) score += q.data[k]! * d.data[index * d.width + k]!;
      return { index, score };
    });
    return scored.sort((a, b) => b.score - a.score || a.index - b.index).slice(0, o.k ?? scored.length);
  };
}

/** Options of the system: those of the counter. */
export type BagOfWordsOptions = CountOptions;

/** The system for the registry. */
export const system: System = {
  id: 'bag-of-words',
  title: 'Bag of words, with the hashing trick',
  paper: 'Salton, Wong, Yang 1975; Weinberger et al. 2009',
  variants: [],
  layouts: [wordLayout('bag-of-words')],
  recognises: (files) => isOf(files, 'bag-of-words'),
  open: async (files) => {
    const { options, state } = await loadCounts(files, ['bag-of-words']);
    return bagOfWords(CountVectorizer.restore(options, state));
  },
};
