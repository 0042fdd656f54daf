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

/** Draws from `items`, keeping up to `ahead` ready. Begins at once. */
export function prefetch<T>(
  items: AsyncIterable<T>,
  ahead: number,
  o: { signal?: AbortSignal | undefined } = {},
): Prefetched<T> {
  const iterator = items[Symbol.asyncIterator]();
  const ready: IteratorResult<T, undefined>[] = [];
  let failure: { readonly error: unknown } | undefined;
  let closed = false;
  let wakeUser = (): void => {};
  let wakeMaker = (): void => {};
  const make = async (): Promise<void> => {
    try {
      while (!closed) {
        const item = (await iterator.next()) as IteratorResult<T, undefined>;
        ready.push(item);
        wakeUser();
        if (item.done) return;
        while (ready.length >= ahead && !closed) {
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
  const making = make();
  const wake = (): void => wakeUser();
  o.signal?.addEventListener('abort', wake);
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
      closed = true;
      wakeMaker();
      o.signal?.removeEventListener('abort', wake);
      if (o.signal?.aborted) return; // a source that does not listen must not hold up the stop
      await making;
      await iterator.return?.();
    },
  };
}
