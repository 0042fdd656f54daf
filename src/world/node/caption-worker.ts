/** Worker thread of {@link parallelCaptionSamples}. */
import { parentPort, workerData } from 'node:worker_threads';
import { type CaptionSample, type CaptionSampleOptions, captionSample, createRenderer } from '../index.ts';
import { failureOf, type WorkerAnswer, type WorkerTask } from './pool.ts';

const renderer = createRenderer();

parentPort?.on('message', (task: WorkerTask) => {
  const items: CaptionSample[] = [];
  try {
    for (let i = task.from; i < task.to; i++)
      items.push(captionSample(i, workerData as CaptionSampleOptions, renderer));
  } catch (e) {
    parentPort?.postMessage(failureOf(e));
    return;
  }
  const answer: WorkerAnswer<CaptionSample> = { from: task.from, items };
  parentPort?.postMessage(
    answer,
    items.map((s) => s.image.buffer as ArrayBuffer),
  );
});
