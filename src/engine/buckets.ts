/**
 * Lengths that vary freely, made few: a program is compiled for fixed shapes, so an axis such as the tokens of a text is padded up to the next of
 * a short list of lengths, and a mask (or the real length) hides the padding.
 */
import { BowError } from '../base/index.ts';
import { needNumber, needOptions, needWhole } from './arguments.ts';
import { type DType, fromNumbers, makeArray, type NdArray, needArray, sizeOf } from './dtype.ts';
import { axisOf } from './shape.ts';

/** Options of {@link bucketLength}. */
export type BucketOptions = {
  /** The shortest bucket; default 8. */
  readonly min?: number;
  /** The longest length there can be, itself a bucket: what a model's positions allow. */
  readonly max?: number;
};

/**
 * The bucket of a length: `min`, then the powers of two times it and the steps halfway between (8, 12, 16, 24, 32, 48, …), then `max`. At most a
 * third of a padded axis is padding beyond `min`, and lengths up to 512 have 13 buckets. Error `shape` for a length beyond `max`.
 */
export function bucketLength(length: number, o: BucketOptions = {}): number {
  needOptions(undefined, 'bucketLength', o);
  const { min = 8, max = Number.POSITIVE_INFINITY } = o;
  needWhole(undefined, 'bucketLength: min', min, 1);
  if (max !== Number.POSITIVE_INFINITY) needWhole(undefined, 'bucketLength: max', max, 1);
  if (!(Number.isInteger(length) && length >= 0)) throw new BowError('shape', `${length} is not a length`);
  if (length > max) throw new BowError('shape', `a length of ${length} is beyond the longest, ${max}`);
  let bucket = min;
  while (bucket < length) bucket = bucket * 1.5 >= length ? Math.ceil(bucket * 1.5) : bucket * 2;
  return Math.min(bucket, max);
}

/**
 * The array with an axis padded behind its values, up to `length`, with `value` (default 0); the array itself where nothing is missing. Errors:
 * `shape` for an axis that does not exist or is longer, `dtype` for a value that the array's type cannot hold.
 */
export function padAxis<D extends DType>(a: NdArray<D>, axis: number, length: number, value?: number): NdArray<D>;
export function padAxis(a: NdArray, axis: number, length: number, value = 0): NdArray {
  needArray('padAxis', a);
  const at = axisOf(axis, a.shape.length);
  needWhole(undefined, 'padAxis: the length', length, 0);
  needNumber(undefined, 'padAxis: the value', value);
  const have = a.shape[at]!;
  if (have === length) return a;
  if (have > length)
    throw new BowError('shape', `an axis of ${have} cannot be padded to ${length}`, { detail: { shape: a.shape } });
  const shape = a.shape.map((d, i) => (i === at ? length : d));
  const [inner, outer] = [sizeOf(a.shape.slice(at + 1)), sizeOf(a.shape.slice(0, at))];
  const data = makeArray(a.dtype, sizeOf(shape));
  const [padding] = fromNumbers(a.dtype, [value]);
  if (data instanceof BigInt64Array) data.fill(padding as bigint);
  else data.fill(padding as number);
  for (let i = 0; i < outer; i++) {
    const rows = a.data.subarray(i * have * inner, (i + 1) * have * inner);
    (data as Float32Array).set(rows as Float32Array, i * length * inner);
  }
  return { dtype: a.dtype, shape, data };
}
