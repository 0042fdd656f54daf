/** Worker thread that makes demonstrations or evaluates policies; `workerData.job` says which. */
import { parentPort, workerData } from 'node:worker_threads';
import { evaluateEpisode } from '../evaluation.ts';
import { createRenderer, type DemonstrationOptions, demonstration, loadEngine, type Policy } from '../index.ts';
import type { ParallelEvaluationOptions } from './index.ts';
import { loadPolicy } from './policy-module.ts';
import { failureOf, type WorkerAnswer, type WorkerTask } from './pool.ts';

const renderer = createRenderer();
const job = workerData as
  | { job: 'demonstrations'; options: DemonstrationOptions }
  | { job: 'evaluation'; options: ParallelEvaluationOptions };

let loaded: Promise<Policy> | undefined;

/** A module is loaded once a thread. */
async function policyOf({ policy }: ParallelEvaluationOptions): Promise<'oracle' | 'random' | Policy> {
  if (typeof policy === 'string') return policy;
  loaded ??= loadPolicy(policy);
  return await loaded;
}

/** Tells the pool at most ten times a second that the thread is alive. */
function signOfLife(): () => void {
  let last = 0;
  return () => {
    if (Date.now() - last < 100) return;
    last = Date.now();
    parentPort?.postMessage({ alive: true } satisfies WorkerAnswer<unknown>);
  };
}

async function make(task: WorkerTask): Promise<WorkerAnswer<unknown>> {
  try {
    const engine = await loadEngine();
    const items: unknown[] = [];
    for (let i = task.from; i < task.to; i++) {
      items.push(
        job.job === 'demonstrations'
          ? await demonstration(engine, i, job.options, renderer)
          : await evaluateEpisode(engine, i, {
              ...job.options,
              policy: await policyOf(job.options),
              onStep: signOfLife(),
            }),
      );
    }
    return { from: task.from, items };
  } catch (e) {
    return failureOf(e);
  }
}

parentPort?.on('message', (task: WorkerTask) => {
  void make(task).then((answer) => parentPort?.postMessage(answer));
});
