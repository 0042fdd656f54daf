/** What the world can do only in Node: several threads. */
import { availableParallelism } from 'node:os';
import type {
  BuiltInPolicy,
  CaptionSample,
  CaptionSampleOptions,
  Demonstration,
  DemonstrationOptions,
  EpisodeReport,
  EvaluationOptions,
} from '../index.ts';
import type { PolicyModule } from './policy-module.ts';
import { type PoolOptions, pooled } from './pool.ts';

export { loadPolicy, type PolicyModule } from './policy-module.ts';

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

/** Options of {@link parallelEvaluation}: a policy of one's own is a module, since functions do not pass into threads. */
export type ParallelEvaluationOptions = Omit<EvaluationOptions, 'policy' | 'signal' | 'onStep'> & {
  policy: BuiltInPolicy | PolicyModule;
};

/**
 * Episodes of a policy, evaluated on worker threads, in order: as by `evaluateEpisode`. A module is loaded once in each thread. Errors: those
 * of `loadPolicy`; `data` for a policy that blocks its thread for longer than twice `stepTimeout` and ten seconds.
 */
export function parallelEvaluation(o: ParallelEvaluationOptions & Share): AsyncGenerator<EpisodeReport> {
  const { pool, work } = split(o);
  const data = { job: 'evaluation', options: work };
  const own = typeof o.policy !== 'string';
  const silence = own && o.stepTimeout !== undefined ? 2 * o.stepTimeout + 10_000 : undefined;
  return pooled<EpisodeReport>(new URL('./episode-worker.js', import.meta.url), data, {
    ...pool,
    chunk: own ? 1 : 4,
    silence,
  });
}
