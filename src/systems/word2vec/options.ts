/** Options of word2vec under gensim's names, camelCased, with gensim's defaults. */
import { BowError, unknownName } from '../../base/index.ts';

/** How word vectors are trained. */
export type Word2VecOptions = {
  /** Width of the vectors. Default 100. */
  readonly vectorSize?: number;
  /** Largest distance of a context word. Default 5. */
  readonly window?: number;
  /** Words that occur less often are left out. Default 5. */
  readonly minCount?: number;
  /** 1: skip-gram, 0: CBOW. Default 0. */
  readonly sg?: 0 | 1;
  /** Noise words per prediction; 0: no negative sampling. Default 5. */
  readonly negative?: number;
  /** 1: hierarchical softmax, alone or beside negative sampling. Default 0. */
  readonly hs?: 0 | 1;
  /** Frequent words are dropped above this share. Default 1e-3; 0: never. */
  readonly sample?: number;
  /** Passes over the corpus. Default 5. */
  readonly epochs?: number;
  /** Initial and final learning rate, linear in between. Defaults 0.025 and 1e-4 (word2vec.c takes 0.05 for CBOW). */
  readonly alpha?: number;
  readonly minAlpha?: number;
  /** Noise words are drawn by count to this power. Default 0.75. */
  readonly nsExponent?: number;
  /** CBOW: 1 mean, 0 sum of the contexts. Default 1. */
  readonly cbowMean?: 0 | 1;
  /** Draw each window's width from 1 … window. Default true. */
  readonly shrinkWindows?: boolean;
  /** Keep at most so many words. */
  readonly maxFinalVocab?: number | null;
  /** Threads. Same seed, same bits holds with 1 only: more race on the same rows (Hogwild, Niu et al. 2011). Default 1. */
  readonly workers?: number;
  readonly seed?: number;
  /** Start of the vectors: U(−1, 1)/size as gensim, or half as wide as word2vec.c. On small corpora the wider start learns better. */
  readonly init?: 'gensim' | 'word2vec.c';
  /** A prediction with |f| > 6 in negative sampling: 'learn' when it was wrong (word2vec.c), or 'skip' (gensim). Default 'learn'. */
  readonly saturation?: 'learn' | 'skip';
  /** σ from the programs' table, or exact. Default 'table'. */
  readonly sigmoid?: 'table' | 'exact';
  /** DIFFERS from both programs: one draw of noise words for all contexts of a window (pWord2Vec, arXiv 1604.04661). Faster. Skip-gram only. */
  readonly sharedNegatives?: boolean;
};

/** Options with every default filled in. */
export type FullOptions = Required<Omit<Word2VecOptions, 'maxFinalVocab'>> & { readonly maxFinalVocab: number | null };

const defaults: FullOptions = {
  vectorSize: 100,
  window: 5,
  minCount: 5,
  sg: 0,
  negative: 5,
  hs: 0,
  sample: 1e-3,
  epochs: 5,
  alpha: 0.025,
  minAlpha: 1e-4,
  nsExponent: 0.75,
  cbowMean: 1,
  shrinkWindows: true,
  maxFinalVocab: null,
  workers: 1,
  seed: 1,
  init: 'gensim',
  saturation: 'learn',
  sigmoid: 'table',
  sharedNegatives: false,
};

const ranges: Readonly<Partial<Record<keyof FullOptions, readonly [number, number, 'integer' | 'real']>>> = {
  vectorSize: [1, 4096, 'integer'],
  window: [1, 1000, 'integer'],
  minCount: [1, Number.MAX_SAFE_INTEGER, 'integer'],
  negative: [0, 100, 'integer'],
  sample: [0, Number.MAX_VALUE, 'real'],
  epochs: [1, 100_000, 'integer'],
  alpha: [0, 10, 'real'],
  minAlpha: [0, 10, 'real'],
  nsExponent: [-10, 10, 'real'],
  workers: [1, 256, 'integer'],
  seed: [0, Number.MAX_SAFE_INTEGER, 'integer'],
};

/** Fills in defaults. Errors `config`: unknown names (with the nearest), values out of range, no loss at all. */
export function fullOptions(o: Word2VecOptions): FullOptions {
  for (const name of Object.keys(o)) {
    if (name in defaults) continue;
    const camel = name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());
    const what =
      camel in defaults
        ? `unknown option "${name}" (did you mean "${camel}"?)`
        : unknownName('option', name, Object.keys(defaults));
    throw new BowError('config', what, { place: 'word2vec' });
  }
  const full: FullOptions = { ...defaults, ...o };
  for (const [name, [low, high, kind]] of Object.entries(ranges)) {
    const x = full[name as keyof FullOptions] as number;
    if (!(x >= low && x <= high) || (kind === 'integer' && !Number.isInteger(x))) {
      throw new BowError(
        'config',
        `${name} ${x}: needs ${kind === 'integer' ? 'an integer' : 'a number'} from ${low} to ${high}`,
        { place: 'word2vec' },
      );
    }
  }
  if (full.negative === 0 && full.hs === 0) {
    throw new BowError('config', 'nothing to learn from: negative is 0 and hs is 0', {
      place: 'word2vec',
      hint: 'set negative: 5 or hs: 1',
    });
  }
  if (full.sharedNegatives && (full.sg === 0 || full.negative === 0)) {
    throw new BowError('config', 'sharedNegatives needs skip-gram with negative sampling', {
      place: 'word2vec',
      hint: full.sg === 0 ? 'set sg: 1' : 'give negative samples, or leave it out',
    });
  }
  return full;
}
