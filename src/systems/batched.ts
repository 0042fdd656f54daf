/** Batches of the few sizes that are compiled: a list of any length is cut into these, so that few programs serve all. */
import { BowError, throwIfAborted } from '../base/index.ts';
import type { CallOptions, DenseVectors } from '../capabilities/index.ts';
import type { ArrayOf, Float } from '../engine/index.ts';

/** Sizes of batches, largest first. */
export const BATCH_SIZES = [64, 8, 1] as const;

/**
 * Cuts a list into compiled batch sizes and puts the rows that come back, a result's `data` [part × width], one after the other: [list × width].
 * Errors: `dtype` for half-precision rows, `shape` for another number of values.
 */
export async function batched<T>(
  list: readonly T[],
  width: number,
  encode: (part: readonly T[]) => Promise<ArrayOf<Float>>,
  o: CallOptions & { readonly place?: string } = {},
): Promise<DenseVectors> {
  const data = new Float32Array(list.length * width);
  for (let at = 0; at < list.length; ) {
    throwIfAborted(o.signal, o.place);
    const size = BATCH_SIZES.find((b) => b <= list.length - at)!;
    const rows = await encode(list.slice(at, at + size));
    if (rows instanceof Uint16Array || rows.length !== size * width) throw unfitRows(rows, size, width, o.place);
    data.set(rows, at * width);
    at += size;
  }
  return { rows: list.length, width, data };
}

function unfitRows(rows: ArrayOf<Float>, size: number, width: number, place: string | undefined): BowError {
  const at = place === undefined ? {} : { place };
  if (rows instanceof Uint16Array)
    return new BowError('dtype', 'rows come in half precision', { ...at, hint: "cast the result: .to('float32')" });
  const detail = { rows: size, width, values: rows.length };
  return new BowError('shape', `${rows.length} values are not ${size} rows of ${width}`, { ...at, detail });
}

/** Dot products of the rows of the same number. */
export function pairedDots(a: DenseVectors, b: DenseVectors): Float32Array {
  return Float32Array.from({ length: a.rows }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < a.width; k++) sum += a.data[i * a.width + k]! * b.data[i * b.width + k]!;
    return sum;
  });
}
