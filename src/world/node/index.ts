/** What the world can do only in Node: several threads, files. */
import { availableParallelism } from 'node:os';
import type { CaptionSample, CaptionSampleOptions } from '../index.ts';
import { pooled } from './pool.ts';

/** Like `captionSamples`, on worker threads (as many as there are processors unless told); the same samples in the same order. */
export function parallelCaptionSamples(
  o: CaptionSampleOptions & { count: number; start?: number; workers?: number; signal?: AbortSignal },
): AsyncGenerator<CaptionSample> {
  const { count, start = 0, workers = availableParallelism(), signal, ...sample } = o;
  return pooled<CaptionSample>(new URL('./caption-worker.js', import.meta.url), sample, {
    workers,
    count,
    start,
    ...(signal ? { signal } : {}),
  });
}
