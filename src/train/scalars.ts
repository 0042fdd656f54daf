/** Scalars that the trainer feeds to its graphs, in arrays that are used again at every step. */
import { type Float, makeArray, type NdArray } from '../engine/index.ts';

/** A function from numbers by name to scalar inputs. The arrays hold until the next call. */
export function scalarInputs(dtype: Float): (values: Readonly<Record<string, number>>) => Record<string, NdArray> {
  const known = new Map<string, NdArray>();
  return (values) => {
    const out: Record<string, NdArray> = {};
    for (const [name, value] of Object.entries(values)) {
      const array = known.get(name) ?? { dtype, shape: [], data: makeArray(dtype, 1) };
      known.set(name, array);
      array.data[0] = value;
      out[name] = array;
    }
    return out;
  };
}
