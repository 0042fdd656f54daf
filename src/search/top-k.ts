/** The k best of many scores. */

import { need, needIterable, needWhole } from '../base/index.ts';

/** A found document: its number in the collection and its score. */
export type Hit = { readonly document: number; readonly score: number };

/**
 * The k documents with the highest scores, best first, ties by number. `candidates`: only these are looked at; absent: every one whose score is
 * not 0.
 */
export function topK(scores: Float32Array | Float64Array, k: number, candidates?: Iterable<number>): Hit[] {
  const numbers = scores instanceof Float32Array || scores instanceof Float64Array;
  need(numbers, 'scores', 'a Float32Array or Float64Array', scores);
  needWhole('k', k);
  if (candidates !== undefined) needIterable('candidates', candidates);
  if (k === 0) return [];
  const heap: number[] = []; // documents, the worst kept one on top
  const worse = (a: number, b: number): boolean => scores[a]! < scores[b]! || (scores[a] === scores[b] && a > b);
  const offer = (d: number): void => {
    if (heap.length === k) {
      if (!worse(heap[0]!, d)) return;
      heap[0] = d;
      for (let i = 0; ; ) {
        let least = i;
        for (const c of [2 * i + 1, 2 * i + 2]) if (c < k && worse(heap[c]!, heap[least]!)) least = c;
        if (least === i) break;
        [heap[i], heap[least]] = [heap[least]!, heap[i]!];
        i = least;
      }
      return;
    }
    heap.push(d);
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!worse(heap[i]!, heap[parent]!)) break;
      [heap[i], heap[parent]] = [heap[parent]!, heap[i]!];
      i = parent;
    }
  };
  if (candidates)
    for (const d of candidates) {
      if (!(Number.isInteger(d) && d >= 0 && d < scores.length)) needWhole('a candidate', d, 0, scores.length - 1);
      offer(d);
    }
  else {
    for (let d = 0; d < scores.length; d++) {
      const s = scores[d]!;
      if (s !== 0 && (heap.length < k || s >= scores[heap[0]!]!)) offer(d);
    }
  }
  return heap.sort((a, b) => (worse(a, b) ? 1 : -1)).map((d) => ({ document: d, score: scores[d]! }));
}
