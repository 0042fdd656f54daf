/** Training passes over a prepared corpus, block by block; the same loop on the calling thread and in every worker. */
import { closeSync, openSync, readSync } from 'node:fs';
import { contextAt, type Layout, openKernel } from '../../word2vec/memory.ts';

/** What a worker is given. Only the memory and `next` are shared; everything else is copied. */
export type BlockJob = {
  readonly memory: WebAssembly.Memory;
  readonly layout: Layout;
  readonly worker: number;
  readonly path: string;
  readonly starts: Float64Array;
  readonly passes: number;
  readonly alpha: number;
  readonly minAlpha: number;
  /** Int32[0]: the next block of the whole run, taken by the next free worker. Int32[1]: not 0 = stop. */
  readonly next: SharedArrayBuffer;
};

/** Blocks between two measurements of the loss: it costs one logarithm per prediction. */
const measureEvery = 64;

/** Opens a job: `run(until)` trains until block `until` of the run is taken; returns the words it read. */
export function openJob(job: BlockJob): { run(until: number): number; close(): void } {
  const kernel = openKernel(job.memory);
  const at = job.layout.contexts[job.worker]!;
  const context = contextAt(job.memory, at);
  const ids = job.layout.ids[job.worker]!;
  const fd = openSync(job.path, 'r');
  const next = new Int32Array(job.next);
  const blocks = job.starts.length - 1;
  const total = blocks * job.passes;
  const run = (until: number): number => {
    let words = 0;
    while (Atomics.load(next, 1) === 0) {
      const b = Atomics.add(next, 0, 1);
      if (b >= until) {
        Atomics.sub(next, 0, 1);
        break;
      }
      const from = job.starts[b % blocks]!;
      const n = job.starts[(b % blocks) + 1]! - from;
      readSync(fd, new Uint8Array(job.memory.buffer, ids, 4 * n), 0, 4 * n, 4 * from);
      context.alpha = Math.max(job.minAlpha, job.alpha - ((job.alpha - job.minAlpha) * b) / total);
      context.measure = b % measureEvery === 0;
      if (context.measure) context.clearLoss();
      words += kernel.train(at, ids, n);
    }
    return words;
  };
  return { run, close: () => closeSync(fd) };
}
