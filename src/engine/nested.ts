/** Values as a person writes them: numbers, lists of lists, typed arrays. */
import { BowError } from '../base/index.ts';
import { describe } from './arguments.ts';
import { type DType, type NdArray, ndarray } from './dtype.ts';

/** A number, or lists of equal length, as deep as there are axes; a typed array is a list of numbers. */
export type Nested = number | ArrayLike<number> | readonly Nested[];

/** Values with shape and type: those given, or the nesting's. Errors: `shape`, `dtype`, `usage` for what is not a number. */
export function toArray(values: Nested | NdArray, shape: readonly number[] | undefined, dtype: DType): NdArray {
  if (isArray(values)) return ndarray(values.dtype, values.shape, values.data);
  const flat: number[] = [];
  const found = flatten(values, flat);
  return ndarray(dtype, shape ?? found, flat);
}

function isArray(values: Nested | NdArray): values is NdArray {
  return typeof values === 'object' && values !== null && 'dtype' in values && 'data' in values;
}

/** Appends the numbers to `out` in order; the shape of the nesting. */
function flatten(values: Nested, out: number[]): number[] {
  if (typeof values === 'number' && !Number.isNaN(values)) {
    out.push(values);
    return [];
  }
  if (typeof values === 'number' || (!Array.isArray(values) && !ArrayBuffer.isView(values)))
    throw new BowError('usage', `${describe(values)} is neither a number nor a list of numbers`);
  const parts: readonly Nested[] = Array.from(values);
  const shapes = parts.map((part) => flatten(part, out));
  const odd = shapes.find((s) => s.join() !== shapes[0]!.join());
  if (odd)
    throw new BowError('shape', `rows of [${shapes[0]!.join(', ')}] and [${odd.join(', ')}] do not make an array`);
  return [parts.length, ...(shapes[0] ?? [])];
}
