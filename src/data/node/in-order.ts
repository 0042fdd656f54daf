/** Several things at work, results in order. */

/**
 * `work` on every item, `atOnce` of them under way at any time; results come in the order of the items. An error is thrown when it is its item's
 * turn. Memory stays bounded however slowly the results are taken.
 */
export async function* inOrder<A, B>(
  items: AsyncIterable<A>,
  atOnce: number,
  work: (item: A) => Promise<B>,
): AsyncGenerator<B> {
  const queue: Promise<B>[] = [];
  for await (const item of items) {
    const result = work(item);
    result.catch(() => {}); // reported when it is this item's turn
    queue.push(result);
    if (queue.length >= atOnce) yield await queue.shift()!;
  }
  for (const result of queue) yield await result;
}
