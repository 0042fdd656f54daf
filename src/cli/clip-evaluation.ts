/** Evaluating CLIP during its training, on the benchmarks that its data allows. */

import type { Metrics } from '../base/index.ts';
import type { Benchmark } from '../evaluate/index.ts';
import { type ClipModel, clipSystem } from '../systems/index.ts';
import type { Trainable } from '../train/index.ts';

/** The model with the metrics of benchmarks; the first one's headline makes the best checkpoint. */
export function withBenchmarks(
  task: Trainable,
  model: Omit<ClipModel, 'store'>,
  benchmarks: readonly Benchmark[],
): Trainable {
  const [first] = benchmarks;
  if (!first) return task;
  return {
    ...task,
    select: { metric: `eval/${first.headline}`, mode: 'max' },
    evaluate: async ({ store, signal }) => {
      const system = clipSystem({ ...model, store });
      try {
        const metrics: Metrics[] = [];
        for (const benchmark of benchmarks) metrics.push((await benchmark.run(system, { signal })) ?? {});
        return Object.assign({}, ...metrics) as Metrics;
      } finally {
        await system.close();
      }
    },
  };
}
