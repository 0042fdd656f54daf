import { describe, expect, test } from 'vitest';
import { ndarray } from '../engine/index.ts';
import { arraySource, type Batch, indexedSource, type OpenBatches } from './batches.ts';
import { prefetch } from './prefetch.ts';

const numbers = (n: number): ReturnType<typeof arraySource> =>
  arraySource({
    n: ndarray(
      'int32',
      [n],
      Int32Array.from({ length: n }, (_, i) => i),
    ),
  });

const options: OpenBatches = { seed: 3, position: 0, batchSize: 5, mode: 'train', slots: 2, signal: undefined };

/** The first batches of a source as plain numbers. */
async function take(
  source: ReturnType<typeof arraySource>,
  o: Partial<OpenBatches>,
  count: number,
): Promise<number[][]> {
  const out: number[][] = [];
  for await (const { inputs } of source.open({ ...options, ...o })) {
    out.push(Array.from(inputs['n']!.data, Number));
    if (out.length === count) break;
  }
  return out;
}

describe('batches', () => {
  test('every pass shows every sample once, but for what does not fill a batch, in an order of its own', async () => {
    const all = await take(numbers(17), {}, 6);
    const [a, b] = [all.slice(0, 3).flat(), all.slice(3).flat()];
    for (const pass of [a, b]) expect(new Set(pass).size).toBe(15);
    expect(a).not.toEqual(b);
    expect(await take(numbers(17), { seed: 4 }, 3)).not.toEqual(all.slice(0, 3));
  });

  test('opened at any position, the batches are those of one opened at the start', async () => {
    const all = await take(numbers(17), {}, 11);
    for (let position = 0; position < 11; position++) {
      expect(await take(numbers(17), { position }, 11 - position)).toEqual(all.slice(position));
    }
  });

  test('an evaluation is one pass in order, the last batch as large as what is left', async () => {
    const all = await take(numbers(13), { mode: 'evaluate', slots: 1 }, 99);
    expect(all).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9],
      [10, 11, 12],
    ]);
  });

  test('samples of one group never meet; a pass shows one of each group, not always the same', async () => {
    const groups = Int32Array.from({ length: 40 }, (_, i) => (i < 30 ? 100 + (i % 6) : i)); // six groups of five, ten alone
    const source = indexedSource({
      size: 40,
      inputs: { n: { dtype: 'int32', shape: [] } },
      groups,
      load: (indices, { n }) => (n!.data as Int32Array).set(indices),
    });
    expect(source.size).toBe(16);
    const batches = await take(source, {}, 60);
    for (const batch of batches) expect(new Set(batch.map((i) => groups[i])).size).toBe(5);
    expect(new Set(batches.flat()).size).toBe(40);
    for (let pass = 0; pass < 20; pass++) {
      const seen = batches.slice(3 * pass, 3 * pass + 3).flat();
      expect(new Set(seen.map((i) => groups[i])).size).toBe(15);
    }
    expect(await take(source, { position: 17 }, 5)).toEqual(batches.slice(17, 22));
    expect((await take(source, { mode: 'evaluate', slots: 1 }, 99)).flat()).toHaveLength(40);
    await expect(take(source, { batchSize: 17 }, 1)).rejects.toThrow(
      /17 needs more than the 16 samples there are that may/,
    );
  });

  test('arrays are used again after as many batches as there are slots', async () => {
    const seen: Batch[] = [];
    for await (const b of numbers(17).open({ ...options, slots: 3 })) if (seen.push(b) === 7) break;
    const arrays = seen.map((b) => b.inputs['n']!.data);
    expect(new Set(arrays).size).toBe(3);
    expect(arrays[3]).toBe(arrays[0]);
  });

  test('augmentation draws from the batch’s own stream', async () => {
    const source = indexedSource({
      size: 11,
      inputs: { n: { dtype: 'int32', shape: [2] } },
      load: async (_, { n }, { rng }) => {
        for (let i = 0; i < n!.data.length; i++) n!.data[i] = rng.int(1000);
      },
    });
    const all = await take(source, {}, 5);
    expect(new Set(all.flat()).size).toBeGreaterThan(30);
    expect(await take(source, { position: 3 }, 2)).toEqual(all.slice(3));
  });

  test('no samples, different numbers of samples, a batch larger than the data', async () => {
    expect(() => numbers(0)).toThrow('no samples');
    const [a, b] = [ndarray('int32', [2], [1, 2]), ndarray('int32', [3], [1, 2, 3])];
    expect(() => arraySource({ a, b })).toThrow('different numbers of samples');
    await expect(take(numbers(4), {}, 1)).rejects.toMatchObject({ code: 'config', place: 'batchSize' });
  });
});

describe('prefetch', () => {
  /** 0, 1, 2 … and how many have been made. */
  function counter(end: number): { items: AsyncGenerator<number>; made: () => number; closed: () => boolean } {
    let [made, closed] = [0, false];
    async function* items(): AsyncGenerator<number> {
      try {
        while (made < end) yield made++;
      } finally {
        closed = true;
      }
    }
    return { items: items(), made: () => made, closed: () => closed };
  }
  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

  test('keeps its bound, gives the items in order, ends, closes its source', async () => {
    const { items, made, closed } = counter(7);
    const queue = prefetch(() => items, 3);
    const got: (number | undefined)[] = [];
    for (let i = 0; i < 9; i++) {
      await settle();
      expect(made() - i).toBeLessThanOrEqual(3);
      expect(await queue.peek()).toBe(i < 7 ? i : undefined);
      got.push(await queue.next());
    }
    expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, undefined, undefined]);
    await queue.close();
    expect(closed()).toBe(true);
  });

  test('closing early ends the source', async () => {
    const { items, closed } = counter(100);
    const queue = prefetch(() => items, 2);
    await queue.next();
    await queue.close();
    expect(closed()).toBe(true);
  });

  test('an error comes after the items before it', async () => {
    async function* failing(): AsyncGenerator<number> {
      yield 1;
      yield 2;
      throw new Error('broken');
    }
    const queue = prefetch(failing, 5);
    await settle();
    expect([await queue.next(), await queue.next()]).toEqual([1, 2]);
    await expect(queue.next()).rejects.toThrow('broken');
    await queue.close();
  });

  test('closing tells the source to stop and does not wait for one that never answers', async () => {
    let reported = false;
    const queue = prefetch(async function* (signal) {
      signal.addEventListener('abort', () => {
        reported = true;
      });
      yield 1;
      await new Promise(() => {});
    }, 3);
    expect(await queue.next()).toBe(1);
    await queue.close();
    expect(reported).toBe(true);
  });
});
