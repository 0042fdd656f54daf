/** Worker thread of `squareMaker`. */
import { parentPort, workerData } from 'node:worker_threads';
import { makeSquare, type SquareAnswer, type SquareJob, type SquareTask } from './squares.ts';

parentPort?.on('message', async ({ id, bytes, place }: SquareTask) => {
  try {
    const result = await makeSquare(bytes, place, workerData as SquareJob);
    const answer: SquareAnswer = { id, result };
    parentPort?.postMessage(answer, 'square' in result ? [result.square.buffer as ArrayBuffer] : []);
  } catch (e) {
    parentPort?.postMessage({ id, failure: (e as Error).message } satisfies SquareAnswer);
  }
});
