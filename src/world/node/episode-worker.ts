/** Worker thread that makes demonstrations or evaluates policies; `workerData.job` says which. */
import { parentPort, workerData } from 'node:worker_threads';
import { type EvaluationOptions, evaluateEpisode } from '../evaluation.ts';
import { createRenderer, type DemonstrationOptions, demonstration, loadEngine } from '../index.ts';
import type { WorkerAnswer, WorkerTask } from './pool.ts';

const renderer = createRenderer();
const job = workerData as
  | { job: 'demonstrations'; options: DemonstrationOptions }
  | { job: 'evaluation'; options: EvaluationOptions };

async function make(task: WorkerTask): Promise<WorkerAnswer<unknown>> {
  try {
    const engine = await loadEngine();
    const items: unknown[] = [];
    for (let i = task.from; i < task.to; i++) {
      items.push(
        job.job === 'demonstrations'
          ? demonstration(engine, i, job.options, renderer)
          : evaluateEpisode(engine, i, job.options),
      );
    }
    return { from: task.from, items };
  } catch (e) {
    return { failure: (e as Error).message };
  }
}

parentPort?.on('message', (task: WorkerTask) => {
  void make(task).then((answer) => parentPort?.postMessage(answer));
});
