/** Runs a function once with given parameters: for tests of layers. */
import { compile, type ModelFunction, type NdArray, ndarray, Store, type TraceOptions } from '../../engine/index.ts';

/** A fixture's tensor. */
export type Packed = { readonly shape: readonly number[]; readonly data: readonly number[] };

/** Inputs and parameters as packed or plain arrays, the results' values as numbers. */
export async function evaluate(
  fn: ModelFunction,
  inputs: Readonly<Record<string, Packed | NdArray>>,
  {
    seed = 0,
    fill = {},
    ...o
  }: TraceOptions & { readonly seed?: number; readonly fill?: Readonly<Record<string, Packed>> } = {},
): Promise<Record<string, number[]>> {
  const store = new Store(seed);
  for (const [path, p] of Object.entries(fill)) store.set(path, ndarray('float32', p.shape, p.data));
  const compiled = compile(fn, { ...o, store, threads: 1 });
  try {
    const arrays = Object.entries(inputs).map(([k, v]) => [k, 'dtype' in v ? v : ndarray('float32', v.shape, v.data)]);
    const found = await compiled.run(Object.fromEntries(arrays) as Record<string, NdArray>);
    return Object.fromEntries(Object.entries(found).map(([k, v]) => [k, Array.from(v.data as Float32Array, Number)]));
  } finally {
    await compiled.close();
  }
}

/** Largest difference relative to the largest magnitude of what is wanted. */
export function difference(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length) throw new Error(`${found.length} values, ${wanted.length} wanted`);
  let [worst, scale] = [0, 1e-3];
  for (let i = 0; i < wanted.length; i++) {
    const d = Math.abs(found[i]! - wanted[i]!);
    worst = Number.isNaN(d) ? Number.POSITIVE_INFINITY : Math.max(worst, d);
    scale = Math.max(scale, Math.abs(wanted[i]!));
  }
  return worst / scale;
}
