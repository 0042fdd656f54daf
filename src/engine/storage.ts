/** Half-precision storage: tensors kept in 16 bits and computed with in float32. */
import { BowError, bfloat16ToFloat32, float16ToFloat32 } from '../base/index.ts';
import { describe } from './arguments.ts';
import { type DType, type Float, type NdArray, needArray } from './dtype.ts';
import { type Half, halfBits } from './half.ts';

/** True for a type that is for storage only. */
export function isHalf(dtype: DType): dtype is Half {
  return dtype === 'float16' || dtype === 'bfloat16';
}

/** The same values in 16 bits, rounded to nearest, ties to even; what is in 16 bits already stays as it is. Error `dtype` for integers. */
export function narrowed(a: NdArray, to: Half): NdArray {
  needArray('narrowed', a);
  if (isHalf(a.dtype)) return a;
  if (a.data instanceof Float32Array || a.data instanceof Float64Array)
    return { dtype: to, shape: a.shape, data: halfBits(a.data, to) };
  throw new BowError('dtype', `${a.dtype} cannot be kept as ${to}`);
}

/** The values of a floating array in float32; the array itself where it is that. Error `dtype` for integers. */
export function widened(a: NdArray): NdArray<'float32'> {
  needArray('widened', a);
  const as = (data: Float32Array): NdArray<'float32'> => ({ dtype: 'float32', shape: a.shape, data });
  if (a.data instanceof Float32Array) return as(a.data);
  if (a.data instanceof Float64Array) return as(Float32Array.from(a.data));
  if (a.data instanceof Uint16Array) return as((a.dtype === 'float16' ? float16ToFloat32 : bfloat16ToFloat32)(a.data));
  throw new BowError('dtype', `${a.dtype} is not a floating type`);
}

/** The type that a graph computes in. Error `dtype` for types that are for storage. */
export function computedType(dtype: Float): Float {
  if (dtype === 'float32' || dtype === 'float64') return dtype;
  if (!isHalf(dtype)) throw new BowError('dtype', `graphs compute in float32 or float64, not in ${describe(dtype)}`);
  throw new BowError('dtype', `graphs compute in float32 or float64, not in ${dtype}`, {
    hint: `to keep frozen weights in half the memory: new Store(seed, { storage: { '**': '${dtype}' } })`,
  });
}

/** The error for training what is kept in 16 bits: small steps would be rounded away. */
export function notTrainable(path: string, storage: Half): BowError {
  return new BowError('dtype', `"${path}" is kept as ${storage}, which cannot be trained`, {
    hint: `freeze it (freeze, withLora), or except it with a first rule of the store's storage: '${path}': 'float32'`,
  });
}
