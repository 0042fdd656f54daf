/** Batches of the few sizes that are compiled: a list of any length is cut into these, so that few programs serve all. */
import { throwIfAborted } from '../base/index.ts';
import type { CallOptions, DenseVectors } from '../capabilities/index.ts';

/** Sizes of batches, largest first. */
export const BATCH_SIZES = [64, 8, 1] as const;

/** Cuts a list into compiled batch sizes and puts the rows that come back one after the other: [list × width]. */
export async function batched<T>(
  list: readonly T[],
  width: number,
  encode: (part: readonly T[]) => Promise<Float32Array>,
  o: CallOptions & { readonly place?: string } = {},
): Promise<DenseVectors> {
  const data = new Float32Array(list.length * width);
  for (let at = 0; at < list.length; ) {
    throwIfAborted(o.signal, o.place);
    const size = BATCH_SIZES.find((b) => b <= list.length - at)!;
    data.set(await encode(list.slice(at, at + size)), at * width);
    at += size;
  }
  return { rows: list.length, width, data };
}

/** Dot products of the rows of the same number. */
export function pairedDots(a: DenseVectors, b: DenseVectors): Float32Array {
  return Float32Array.from({ length: a.rows }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < a.width; k++) sum += a.data[i * a.width + k]! * b.data[i * b.width + k]!;
    return sum;
  });
}
