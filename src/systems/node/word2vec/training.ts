/** Training word2vec on a corpus of any size: on disk as ids, on worker threads, stopped and resumed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BowError, type OnProgress } from '../../../base/index.ts';
import { publishFolder, writeFileAtomic } from '../../../base/node/index.ts';
import { openSafetensors, type WritableTensor, writeSafetensors } from '../../../hub/node/index.ts';
import { type FullOptions, fullOptions, type Word2VecOptions } from '../../word2vec/options.ts';
import { KeyedVectors } from '../../word2vec/vectors.ts';
import type { Word2Vec } from '../../word2vec/word2vec.ts';
import { type Corpus, prepareCorpus } from './corpus.ts';
import { runTraining, type TrainingState } from './train.ts';

/** Options of {@link trainWord2Vec} beside those of the model. */
export type TrainOptions = {
  /** Continue from an earlier model: its words keep their rows, new ones are added. The learning rate starts over. */
  readonly from?: Word2Vec;
  /** A folder for the corpus as ids and for `training_state.safetensors`; when it holds a state of the same run, the run resumes there. */
  readonly work?: string;
  /** Seconds between two saved states. Default 60. */
  readonly saveEvery?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
};

/**
 * Trains word vectors on sentences: lines, bytes of lines, or arrays of words. The corpus is read once. Errors: `config`, `data` (no words, too many
 * for 4 GiB), `aborted` after saving the state where there is a `work` folder.
 */
export async function trainWord2Vec(
  corpus: Corpus,
  options: Word2VecOptions = {},
  t: TrainOptions = {},
): Promise<Word2Vec> {
  const o = fullOptions(options);
  checkContinued(o, t.from);
  const work = t.work ?? (await mkdtemp(join(tmpdir(), 'bow2bot-word2vec-')));
  try {
    const known = t.from?.wv.words;
    const prepared = await prepareCorpus(corpus, work, {
      minCount: o.minCount,
      maxFinalVocab: o.maxFinalVocab,
      ...(known ? { known } : {}),
      signal: t.signal,
      onProgress: t.onProgress,
    });
    if (t.from) for (let i = 0; i < t.from.counts.length; i++) prepared.counts[i]! += t.from.counts[i]!;
    const fingerprint = JSON.stringify([o, prepared.words.length, prepared.tokens, known?.length ?? 0]);
    const path = join(work, 'training_state.safetensors');
    const state = t.work ? await readState(path, fingerprint) : undefined;
    let saved = Date.now();
    const final = await runTraining(prepared, o, {
      ...(state ? { state } : {}),
      ...(t.from ? { start: { syn0: t.from.wv.vectors, syn1neg: t.from.syn1neg, syn1: t.from.syn1 } } : {}),
      signal: t.signal,
      onProgress: t.onProgress,
      onCheckpoint: async (current) => {
        if (!t.work || (!t.signal?.aborted && Date.now() - saved < (t.saveEvery ?? 60) * 1000)) return;
        await writeState(path, current(), fingerprint);
        saved = Date.now();
      },
    });
    const wv = new KeyedVectors(prepared.words, final.syn0, o.vectorSize, prepared.counts);
    return { options: o, wv, counts: prepared.counts, syn1neg: final.syn1neg, syn1: final.syn1 };
  } finally {
    if (!t.work) await rm(work, { recursive: true, force: true });
  }
}

function checkContinued(o: FullOptions, from: Word2Vec | undefined): void {
  if (!from) return;
  if (from.wv.width !== o.vectorSize)
    throw new BowError('config', `vectorSize ${o.vectorSize}, but the model has ${from.wv.width}`, {
      place: 'vectorSize',
    });
  if (o.hs)
    throw new BowError(
      'config',
      'a model with hierarchical softmax cannot be trained further with new words: its tree would change',
      { place: 'hs' },
    );
}

function tensor(data: Float32Array, width: number): WritableTensor {
  return { dtype: 'float32', shape: [data.length / width, width], data };
}

async function writeState(path: string, s: TrainingState, fingerprint: string): Promise<void> {
  const width = s.syn0.length; // rows are not needed here: the arrays go back as they came
  const tensors = new Map<string, WritableTensor>([['syn0', tensor(s.syn0, width)]]);
  if (s.syn1neg) tensors.set('syn1neg', tensor(s.syn1neg, width));
  if (s.syn1) tensors.set('syn1', tensor(s.syn1, width));
  tensors.set('random', { dtype: 'uint64', shape: [s.random.length], data: s.random });
  await writeSafetensors(path, tensors, { metadata: { block: String(s.block), run: fingerprint } });
}

/** A saved state of the same run; undefined when there is none or it belongs to another. */
async function readState(path: string, fingerprint: string): Promise<TrainingState | undefined> {
  let file: Awaited<ReturnType<typeof openSafetensors>>;
  try {
    file = await openSafetensors(path);
  } catch (e) {
    if (e instanceof BowError && e.code === 'data') return undefined; // there is none
    throw e;
  }
  await using open = file;
  if (open.metadata['run'] !== fingerprint) return undefined;
  const floats = async (name: string): Promise<Float32Array | undefined> =>
    open.has(name) ? (await open.readFloat32(name)).data : undefined;
  const random = (await open.read('random')).data as BigUint64Array;
  return {
    syn0: (await floats('syn0'))!,
    syn1neg: await floats('syn1neg'),
    syn1: await floats('syn1'),
    random,
    block: Number(open.metadata['block']),
  };
}

/** Writes a model as a checkpoint folder. */
export async function saveWord2Vec(folder: string, model: Word2Vec): Promise<void> {
  await publishFolder(folder, async (f) => {
    const { wv, counts, options } = model;
    const tensors = new Map<string, WritableTensor>([
      ['syn0', tensor(wv.vectors, wv.width)],
      ['counts', { dtype: 'float64', shape: [counts.length], data: counts }],
    ]);
    if (model.syn1neg) tensors.set('syn1neg', tensor(model.syn1neg, wv.width));
    if (model.syn1) tensors.set('syn1', tensor(model.syn1, wv.width));
    await writeSafetensors(join(f, 'model.safetensors'), tensors);
    await writeFileAtomic(join(f, 'vocab.json'), `${JSON.stringify(wv.words)}\n`);
    const config = { model_type: 'word2vec', options, words: wv.words.length, reproducible: options.workers === 1 };
    await writeFileAtomic(join(f, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  });
}
