/** Worker threads that make numbered items; results come back in order. Node only. */
import { Worker } from 'node:worker_threads';
import { BowError, type ErrorCode, isBowError, throwIfAborted } from '../../base/index.ts';

/** A message to a worker: make items `from` to `to − 1`. */
export type WorkerTask = { readonly from: number; readonly to: number };
/** Why a worker could not; `code` and `hint` where it was a typed error. */
type Failure = { readonly failure: string; readonly code?: ErrorCode; readonly hint?: string | undefined };
/** Its answer; before it, it may say any number of times that it is alive. */
export type WorkerAnswer<T> =
  | { readonly from: number; readonly items: readonly T[] }
  | Failure
  | { readonly alive: true };

/** An error as an answer. */
export function failureOf(e: unknown): Failure {
  if (isBowError(e)) return { failure: e.message, code: e.code, hint: e.hint };
  return { failure: e instanceof Error ? e.message : String(e) };
}

export type PoolOptions = {
  /** Worker threads. */
  readonly workers: number;
  readonly start?: number;
  readonly count: number;
  /** Items per message. */
  readonly chunk?: number;
  readonly signal?: AbortSignal;
  /** Milliseconds without a sign of life after which a thread is taken to hang: error `data`, and all are ended. Default: any time. */
  readonly silence?: number | undefined;
};

type Pending<T> = { resolve: (a: Exclude<WorkerAnswer<T>, { alive: true }>) => void; reject: (e: unknown) => void };
type Slot<T> = { readonly worker: Worker; pending?: Pending<T>; timer?: ReturnType<typeof setTimeout> };

/**
 * Items `start` to `start + count − 1`, in order, made by worker threads that each run the module at `script` with `workerData`.
 * At most two chunks per worker are in flight, so memory stays bounded however slowly the items are taken.
 */
export async function* pooled<T>(script: URL, workerData: unknown, o: PoolOptions): AsyncGenerator<T> {
  const chunk = o.chunk ?? 16;
  const start = o.start ?? 0;
  const end = start + o.count;
  const slots: Slot<T>[] = Array.from({ length: Math.max(1, o.workers) }, () => openSlot(script, workerData, o));
  const queue: { slot: Slot<T>; answer: Promise<readonly T[]> }[] = [];
  let next = start;
  const send = (slot: Slot<T>) => {
    if (next >= end) return;
    const task: WorkerTask = { from: next, to: Math.min(end, next + chunk) };
    next = task.to;
    const answer = ask(slot, task, o);
    answer.catch(() => {}); // reported when it is this answer's turn
    queue.push({ slot, answer });
  };
  const abort = (): void => {
    for (const { pending } of slots) pending?.reject(new BowError('aborted', 'stopped on request'));
  };
  o.signal?.addEventListener('abort', abort);
  try {
    throwIfAborted(o.signal, 'worker pool');
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
    o.signal?.removeEventListener('abort', abort);
    await Promise.all(slots.map((s) => s.worker.terminate()));
  }
}

function openSlot<T>(script: URL, workerData: unknown, o: PoolOptions): Slot<T> {
  const slot: Slot<T> = { worker: new Worker(script, { workerData }) };
  slot.worker.on('message', (m: WorkerAnswer<T>) => {
    clearTimeout(slot.timer);
    if ('alive' in m) listen(slot, o);
    else slot.pending?.resolve(m);
  });
  slot.worker.on('error', (e) => slot.pending?.reject(e));
  slot.worker.on('exit', (code) => {
    clearTimeout(slot.timer);
    slot.pending?.reject(new BowError('data', `a worker thread ended with code ${code}`));
  });
  return slot;
}

/** Gives up on a thread that says nothing any more. */
function listen<T>(slot: Slot<T>, { silence }: PoolOptions): void {
  if (silence === undefined) return;
  slot.timer = setTimeout(() => {
    slot.pending?.reject(
      new BowError('data', `a worker thread gave no sign of life for ${silence / 1000} s`, {
        hint: 'a policy that computes without end cannot be interrupted, only ended',
      }),
    );
  }, silence);
}

async function ask<T>(slot: Slot<T>, task: WorkerTask, o: PoolOptions): Promise<readonly T[]> {
  const answer = await new Promise<Parameters<Pending<T>['resolve']>[0]>((resolve, reject) => {
    slot.pending = { resolve, reject };
    listen(slot, o);
    slot.worker.postMessage(task);
  });
  if ('items' in answer) return answer.items;
  const { failure, code, hint } = answer;
  if (code === undefined) throw new BowError('data', failure, { place: `items ${task.from} to ${task.to - 1}` });
  throw new BowError(code, failure, hint === undefined ? {} : { hint });
}
