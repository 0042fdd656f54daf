/** A bounded queue between a source and its user: items are made ahead, never more than asked for. */
import { throwIfAborted } from '../base/index.ts';

/** The user's end of the queue. */
export type Prefetched<T> = {
  /** The next item, undefined at the end. Rethrows what the source threw, after the items before it; `aborted` when the signal fires. */
  next(): Promise<T | undefined>;
  /** The same item without taking it. */
  peek(): Promise<T | undefined>;
  close(): Promise<void>;
};

/** How long a source that was asked to stop may take before it is left to itself, milliseconds. */
const patience = 1000;

/** Draws from what `open` gives, keeping up to `ahead` ready; begins at once. The source's signal fires when the queue is closed or stopped. */
export function prefetch<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  ahead: number,
  o: { signal?: AbortSignal | undefined } = {},
): Prefetched<T> {
  const closing = new AbortController();
  const signal = o.signal ? AbortSignal.any([closing.signal, o.signal]) : closing.signal;
  const iterator = open(signal)[Symbol.asyncIterator]();
  const ready: IteratorResult<T, undefined>[] = [];
  let failure: { readonly error: unknown } | undefined;
  let wakeUser = (): void => {};
  let wakeMaker = (): void => {};
  const make = async (): Promise<void> => {
    try {
      while (!signal.aborted) {
        const item = (await iterator.next()) as IteratorResult<T, undefined>;
        ready.push(item);
        wakeUser();
        if (item.done) return;
        while (ready.length >= ahead && !signal.aborted) {
          await new Promise<void>((wake) => {
            wakeMaker = wake;
          });
        }
      }
    } catch (error) {
      failure = { error };
      wakeUser();
    }
  };
  signal.addEventListener('abort', () => {
    wakeUser();
    wakeMaker();
  });
  const making = make();
  const head = async (): Promise<IteratorResult<T, undefined>> => {
    while (ready.length === 0) {
      if (failure) throw failure.error;
      throwIfAborted(o.signal);
      await new Promise<void>((resolve) => {
        wakeUser = resolve;
      });
    }
    return ready[0]!;
  };
  return {
    peek: async () => (await head()).value,
    next: async () => {
      const item = await head();
      if (item.done) return undefined;
      ready.shift();
      wakeMaker();
      return item.value;
    },
    close: async () => {
      closing.abort();
      const end = making.then(() => iterator.return?.()).catch(() => {}); // what it says on the way out is of no use any more
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patience);
        end.finally(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
}
