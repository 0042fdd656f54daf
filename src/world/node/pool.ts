/** Worker threads that make numbered items; results come back in order. Node only. */
import { Worker } from 'node:worker_threads';
import { BowError, throwIfAborted } from '../../base/index.ts';

/** A message to a worker: make items `from` to `to − 1`. */
export type WorkerTask = { readonly from: number; readonly to: number };
/** Its answer. */
export type WorkerAnswer<T> = { readonly from: number; readonly items: readonly T[] } | { readonly failure: string };

export type PoolOptions = {
  /** Worker threads. */
  readonly workers: number;
  readonly start?: number;
  readonly count: number;
  /** Items per message. */
  readonly chunk?: number;
  readonly signal?: AbortSignal;
};

type Slot = { readonly worker: Worker; pending?: { resolve: (a: unknown) => void; reject: (e: unknown) => void } };

/**
 * Items `start` to `start + count − 1`, in order, made by worker threads that each run the module at `script` with `workerData`.
 * At most two chunks per worker are in flight, so memory stays bounded however slowly the items are taken.
 */
export async function* pooled<T>(script: URL, workerData: unknown, o: PoolOptions): AsyncGenerator<T> {
  const chunk = o.chunk ?? 16;
  const start = o.start ?? 0;
  const end = start + o.count;
  const slots: Slot[] = Array.from({ length: Math.max(1, o.workers) }, () => openSlot(script, workerData));
  const queue: { slot: Slot; answer: Promise<readonly T[]> }[] = [];
  let next = start;
  const send = (slot: Slot) => {
    if (next >= end) return;
    const task: WorkerTask = { from: next, to: Math.min(end, next + chunk) };
    next = task.to;
    const answer = ask<T>(slot, task);
    answer.catch(() => {}); // reported when it is this answer's turn
    queue.push({ slot, answer });
  };
  try {
    for (const slot of slots) send(slot);
    for (let head = queue.shift(); head; head = queue.shift()) {
      const items = await head.answer;
      send(head.slot);
      for (const item of items) {
        throwIfAborted(o.signal, 'worker pool');
        yield item;
      }
    }
  } finally {
    await Promise.all(slots.map((s) => s.worker.terminate()));
  }
}

function openSlot(script: URL, workerData: unknown): Slot {
  const slot: Slot = { worker: new Worker(script, { workerData }) };
  slot.worker.on('message', (m) => slot.pending?.resolve(m));
  slot.worker.on('error', (e) => slot.pending?.reject(e));
  slot.worker.on('exit', (code) => slot.pending?.reject(new Error(`a worker thread ended with code ${code}`)));
  return slot;
}

async function ask<T>(slot: Slot, task: WorkerTask): Promise<readonly T[]> {
  const answer = await new Promise<WorkerAnswer<T>>((resolve, reject) => {
    slot.pending = { resolve: resolve as (a: unknown) => void, reject };
    slot.worker.postMessage(task);
  });
  if ('failure' in answer)
    throw new BowError('data', answer.failure, { place: `items ${task.from} to ${task.to - 1}` });
  return answer.items;
}
