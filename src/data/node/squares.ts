/** From encoded images to images of one size, in this thread or on worker threads. */
import { Worker } from 'node:worker_threads';
import { BowError, isBowError } from '../../base/index.ts';
import { compiledUrl } from '../../base/node/index.ts';
import { fitImage, type ImageGeometry } from '../../image/index.ts';
import { type DecoderName, decodeImage } from '../../image/node/index.ts';

/** What is made of every image. */
export type SquareJob = {
  readonly geometry: ImageGeometry;
  /** Default: sharp where it is installed. */
  readonly decoder?: DecoderName | undefined;
};

/** [height × width × 3], with the size of the upright image before; or why there is none. */
export type Square =
  | { readonly square: Uint8Array; readonly width: number; readonly height: number }
  | { readonly reason: string };

export type SquareMaker = {
  /** Images worth processing at one time. */
  readonly atOnce: number;
  make(bytes: Uint8Array, place: string): Promise<Square>;
  close(): Promise<void>;
};

/** A message to a worker, and its answer. */
export type SquareTask = { readonly id: number; readonly bytes: Uint8Array; readonly place: string };
export type SquareAnswer = { readonly id: number; readonly result?: Square; readonly failure?: string };

/** Decodes one image and fits it; an image that cannot be read is a reason, everything else throws. */
export async function makeSquare(bytes: Uint8Array, place: string, job: SquareJob): Promise<Square> {
  try {
    const image = await decodeImage(bytes, { place, ...(job.decoder ? { decoder: job.decoder } : {}) });
    const { width, height } = image;
    return { square: fitImage(image, job.geometry).data, width, height };
  } catch (e) {
    return { reason: reasonOf(e, place) };
  }
}

/** The text of a `data` error without its place, which stands beside it; other errors are thrown on. */
export function reasonOf(e: unknown, place: string): string {
  if (!isBowError(e) || e.code !== 'data') throw e;
  return e.place === place ? e.message.slice(0, -` (at ${place})`.length) : e.message;
}

/** Makes squares on up to `workers` threads, started when there is work for them; with 1 in this one. */
export function squareMaker(job: SquareJob, workers: number): SquareMaker {
  if (workers <= 1)
    return { atOnce: 4, make: (bytes, place) => makeSquare(bytes, place, job), close: () => Promise.resolve() };
  const threads: Thread[] = [];
  const idlest = (): Thread => threads.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a));
  return {
    atOnce: 4 * workers,
    make(bytes, place) {
      if (threads.length < workers && threads.every((t) => t.waiting.size > 0)) threads.push(openThread(job));
      return idlest().make(bytes, place);
    },
    close: async () => void (await Promise.all(threads.map((t) => t.worker.terminate()))),
  };
}

type Waiting = { readonly resolve: (s: Square) => void; readonly reject: (e: unknown) => void };
type Thread = {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
  make(bytes: Uint8Array, place: string): Promise<Square>;
};

function openThread(job: SquareJob): Thread {
  const worker = new Worker(compiledUrl('./square-worker.js', import.meta.url), { workerData: job });
  const waiting = new Map<number, Waiting>();
  const fail = (what: string): void => {
    for (const w of waiting.values()) w.reject(new BowError('backend', `a decoding thread ended: ${what}`));
    waiting.clear();
  };
  worker.on('error', (e) => fail((e as Error).message));
  worker.on('exit', (code) => fail(`code ${code}`));
  worker.on('message', ({ id, result, failure }: SquareAnswer) => {
    if (result) waiting.get(id)?.resolve(result);
    else waiting.get(id)?.reject(new BowError('backend', failure ?? 'no answer'));
    waiting.delete(id);
  });
  let next = 0;
  const make = (bytes: Uint8Array, place: string): Promise<Square> =>
    new Promise((resolve, reject) => {
      const task: SquareTask = { id: next++, bytes, place };
      waiting.set(task.id, { resolve, reject });
      worker.postMessage(task); // copied: the bytes stay the record's
    });
  return { worker, waiting, make };
}
