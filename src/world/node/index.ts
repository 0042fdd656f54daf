/** What the world can do only in Node: several threads. */
import { availableParallelism } from 'node:os';
import type { EpisodeReport, EvaluationOptions } from '../evaluation.ts';
import type { CaptionSample, CaptionSampleOptions, Demonstration, DemonstrationOptions } from '../index.ts';
import { type PoolOptions, pooled } from './pool.ts';

type Share = { count: number; start?: number; workers?: number; signal?: AbortSignal };

/** Splits the options of the pool from those of the work. */
function split<T extends Share>(o: T): { pool: PoolOptions; work: Omit<T, keyof Share> } {
  const { count, start = 0, workers = availableParallelism(), signal, ...work } = o;
  return { pool: { count, start, workers, ...(signal ? { signal } : {}) }, work };
}

/** Like `captionSamples`, on worker threads (as many as there are processors by default); the same samples in the same order. */
export function parallelCaptionSamples(o: CaptionSampleOptions & Share): AsyncGenerator<CaptionSample> {
  const { pool, work } = split(o);
  return pooled<CaptionSample>(new URL('./caption-worker.js', import.meta.url), work, pool);
}

/** Like `demonstrations`, on worker threads; the same demonstrations in the same order. */
export function parallelDemonstrations(o: DemonstrationOptions & Share): AsyncGenerator<Demonstration> {
  const { pool, work } = split(o);
  const data = { job: 'demonstrations', options: work };
  return pooled<Demonstration>(new URL('./episode-worker.js', import.meta.url), data, { ...pool, chunk: 2 });
}

/** Episodes of a built-in policy, evaluated on worker threads, in order. */
export function parallelEvaluation(o: EvaluationOptions & Share): AsyncGenerator<EpisodeReport> {
  const { pool, work } = split(o);
  const data = { job: 'evaluation', options: work };
  return pooled<EpisodeReport>(new URL('./episode-worker.js', import.meta.url), data, { ...pool, chunk: 4 });
}
