/** A worker thread of word2vec: waits for a border, trains up to it, says how many words it read. */
import { parentPort, workerData } from 'node:worker_threads';
import { type BlockJob, openJob } from './blocks.ts';

const job = openJob(workerData as BlockJob);
parentPort!.on('message', (until: number) => {
  if (until < 0) {
    job.close();
    parentPort!.close();
    return;
  }
  parentPort!.postMessage(job.run(until));
});
