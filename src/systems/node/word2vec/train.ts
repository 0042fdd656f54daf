/** Training runs of word2vec: rounds of blocks on one thread or several, with checkpoints between rounds. Node only. */
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { BowError, hash32, type OnProgress, throwIfAborted } from '../../../base/index.ts';
import {
  contextAt,
  type KernelOptions,
  type Layout,
  layOut,
  openKernel,
  padInto,
  unpadded,
  writeTables,
} from '../../word2vec/memory.ts';
import type { FullOptions } from '../../word2vec/options.ts';
import { aliasTable, huffman, keepProbabilities } from '../../word2vec/vocabulary.ts';
import { type BlockJob, openJob } from './blocks.ts';
import { blockIds, type PreparedCorpus } from './corpus.ts';

/** The whole state of a run between two rounds: enough to resume. */
export type TrainingState = {
  readonly syn0: Float32Array;
  readonly syn1neg: Float32Array | undefined;
  readonly syn1: Float32Array | undefined;
  /** Generators of the workers. */
  readonly random: BigUint64Array;
  /** The next block of the run. */
  readonly block: number;
};

/** Options of {@link runTraining}. */
export type RunOptions = {
  /** Go on from here. */
  readonly state?: TrainingState;
  /** Rows to begin with where there are some (continued training); others are drawn. */
  readonly start?: {
    readonly syn0: Float32Array;
    readonly syn1neg?: Float32Array | undefined;
    readonly syn1?: Float32Array | undefined;
  };
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** Called between rounds; a run that is stopped calls it last and throws `aborted`. */
  readonly onCheckpoint?: (state: () => TrainingState) => Promise<void>;
};

/** How many blocks a round takes on each worker: about a quarter of a second. */
const roundBlocks = 12;

/** Trains on a prepared corpus; returns the final state. */
export async function runTraining(corpus: PreparedCorpus, o: FullOptions, r: RunOptions = {}): Promise<TrainingState> {
  const words = corpus.words.length;
  const tree = o.hs ? huffman(corpus.counts) : undefined;
  const { memory, layout } = layOut(kernelOptions(o, words), tree?.codes.length ?? 0);
  const total = corpus.counts.reduce((s, c) => s + c, 0);
  const keep = o.sample > 0 ? keepProbabilities(corpus.counts, o.sample, total) : undefined;
  writeTables(memory, layout, aliasTable(corpus.counts, o.nsExponent), keep, tree);
  fillMatrices(memory, layout, o, words, r);
  const next = new SharedArrayBuffer(8);
  new Int32Array(next)[0] = r.state?.block ?? 0;
  const all = (corpus.starts.length - 1) * o.epochs;
  if (all > 2 ** 31 - 1)
    throw new BowError('data', 'too many blocks in one run', {
      detail: { blocks: all },
      hint: 'fewer epochs, then train on',
    });
  const state = (): TrainingState => ({
    syn0: unpadded(memory, layout.syn0, words, o.vectorSize),
    syn1neg: o.negative > 0 ? unpadded(memory, layout.syn1neg, words, o.vectorSize) : undefined,
    syn1: o.hs ? unpadded(memory, layout.syn1, words, o.vectorSize) : undefined,
    random: BigUint64Array.from(layout.contexts, (c) => contextAt(memory, c).random),
    block: Atomics.load(new Int32Array(next), 0),
  });
  const job = {
    memory,
    layout,
    path: corpus.path,
    starts: corpus.starts,
    passes: o.epochs,
    alpha: o.alpha,
    minAlpha: o.minAlpha,
    next,
  };
  const crew =
    o.workers === 1 ? alone({ ...job, worker: 0 }) : threads(layout.contexts.map((_, worker) => ({ ...job, worker })));
  try {
    await rounds(crew, all, next, o, r, corpus.tokens, state, () => lossOf(memory, layout));
  } finally {
    await crew.close();
  }
  return state();
}

type Crew = { run(until: number): Promise<number>; close(): Promise<void> };

async function rounds(
  crew: Crew,
  all: number,
  next: SharedArrayBuffer,
  o: FullOptions,
  r: RunOptions,
  tokens: number,
  state: () => TrainingState,
  loss: () => number,
): Promise<void> {
  let done = (tokens * o.epochs * (r.state?.block ?? 0)) / Math.max(1, all);
  const at = (): number => Atomics.load(new Int32Array(next), 0);
  while (at() < all) {
    if (r.signal?.aborted) {
      await r.onCheckpoint?.(state);
      throwIfAborted(r.signal, 'training word2vec');
    }
    done += await crew.run(Math.min(all, at() + roundBlocks * o.workers));
    const share = at() / all;
    r.onProgress?.({
      task: 'train',
      done,
      total: tokens * o.epochs,
      unit: 'words',
      metrics: { loss: loss(), alpha: o.alpha - (o.alpha - o.minAlpha) * share },
    });
    if (at() < all) await r.onCheckpoint?.(state);
  }
}

function alone(job: BlockJob): Crew {
  const open = openJob(job);
  return {
    run: async (until) => {
      await turn(); // lets signals and other work in
      return open.run(until);
    },
    close: async () => open.close(),
  };
}

/** One worker thread per job. Their code is the compiled file beside this one. */
function threads(jobs: readonly BlockJob[]): Crew {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const workers = jobs.map(
    (workerData) => new Worker(new URL(`./word2vec-worker.${ending}`, import.meta.url), { workerData, execArgv: [] }),
  );
  const one = (w: Worker, until: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const off = (): void => {
        w.off('message', message);
        w.off('error', error);
      };
      const message = (words: number): void => {
        off();
        resolve(words);
      };
      const error = (e: Error): void => {
        off();
        reject(new BowError('backend', `a worker thread failed: ${e.message}`, { cause: e }));
      };
      w.on('message', message);
      w.on('error', error);
      w.postMessage(until);
    });
  return {
    run: async (until) => (await Promise.all(workers.map((w) => one(w, until)))).reduce((s, n) => s + n, 0),
    close: async () => {
      for (const w of workers) w.postMessage(-1);
      await Promise.all(workers.map((w) => w.terminate()));
    },
  };
}

function kernelOptions(o: FullOptions, words: number): KernelOptions {
  return {
    words,
    width: o.vectorSize,
    window: o.window,
    negative: o.negative,
    hs: o.hs === 1,
    cbow: o.sg === 0,
    sharedNegatives: o.sharedNegatives,
    skipSaturated: o.saturation === 'skip',
    exactSigmoid: o.sigmoid === 'exact',
    cbowSum: o.cbowMean === 0,
    fullWindow: !o.shrinkWindows,
    workers: o.workers,
    maxSentence: blockIds,
    blockIds: blockIds + 1,
  };
}

/** Initial rows, or those of a state or of an earlier model; generators from the seed or the state. */
function fillMatrices(memory: WebAssembly.Memory, l: Layout, o: FullOptions, words: number, r: RunOptions): void {
  const seed = (name: string): bigint =>
    (BigInt(hash32(`${o.seed}/${name}`, 0x9747b28c)) << 32n) | BigInt(hash32(`${o.seed}/${name}`, 0x85ebca6b));
  const by = (o.init === 'gensim' ? 1 : 0.5) / o.vectorSize;
  openKernel(memory).fill(l.syn0, words, o.vectorSize, l.stride, by, seed('syn0'));
  const given = r.state ?? r.start;
  if (given) {
    padInto(memory, l.syn0, given.syn0, o.vectorSize);
    if (given.syn1neg && o.negative > 0) padInto(memory, l.syn1neg, given.syn1neg, o.vectorSize);
    if (given.syn1 && o.hs) padInto(memory, l.syn1, given.syn1, o.vectorSize);
  }
  l.contexts.forEach((c, i) => {
    contextAt(memory, c).random = BigInt.asUintN(64, r.state?.random[i] ?? seed(`worker ${i}`));
  });
}

/** Mean loss per prediction over the last measured block of each worker. */
function lossOf(memory: WebAssembly.Memory, l: Layout): number {
  let [loss, pairs] = [0, 0];
  for (const c of l.contexts) {
    const context = contextAt(memory, c);
    loss += context.loss;
    pairs += context.pairs;
  }
  return pairs > 0 ? loss / pairs : 0;
}
