/** Element types: names as safetensors users and NumPy write them, their ONNX codes and their typed arrays. */
import { BowError, isBowError, unknownName } from '../base/index.ts';
import { halfBits } from './half.ts';

/** Element type of a tensor. float16 and bfloat16 are for storage: cast before computing. There is no arithmetic on bfloat16, and float16's is slow. */
export type DType = 'float32' | 'float64' | 'float16' | 'bfloat16' | 'int64' | 'int32' | 'uint8' | 'bool';

/** Types with arithmetic and gradients. */
export type Float = 'float32' | 'float64' | 'float16' | 'bfloat16';

/** Index types. */
export type Int = 'int64' | 'int32' | 'uint8';

type Arrays = {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int64: BigInt64Array;
  int32: Int32Array;
  uint8: Uint8Array;
  bool: Uint8Array;
};

/** The typed array that holds elements of a type; float16 and bfloat16 as their 16 bits. */
export type ArrayOf<D extends DType> = Arrays[D];

/** A tensor's values in memory, row-major. */
export type NdArray<D extends DType = DType> = {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: ArrayOf<D>;
};

type DTypeInfo = { readonly onnx: number; readonly bytes: number; readonly make: (n: number) => ArrayOf<DType> };

/** ONNX `TensorProto.DataType` codes, sizes, constructors. */
const info: { readonly [D in DType]: DTypeInfo } = {
  float32: { onnx: 1, bytes: 4, make: (n) => new Float32Array(n) },
  uint8: { onnx: 2, bytes: 1, make: (n) => new Uint8Array(n) },
  int32: { onnx: 6, bytes: 4, make: (n) => new Int32Array(n) },
  int64: { onnx: 7, bytes: 8, make: (n) => new BigInt64Array(n) },
  bool: { onnx: 9, bytes: 1, make: (n) => new Uint8Array(n) },
  float16: { onnx: 10, bytes: 2, make: (n) => new Uint16Array(n) },
  float64: { onnx: 11, bytes: 8, make: (n) => new Float64Array(n) },
  bfloat16: { onnx: 16, bytes: 2, make: (n) => new Uint16Array(n) },
};

/** All element types. */
export const dtypes: readonly DType[] = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'int64',
  'int32',
  'uint8',
  'bool',
];

/** The ONNX code of a type. */
export function onnxCode(dtype: DType): number {
  return info[dtype].onnx;
}

/** The type of an ONNX code; a `dtype` error for codes the engine does not hold. */
export function fromOnnxCode(code: number, place: string): DType {
  for (const [name, i] of Object.entries(info)) if (i.onnx === code) return name as DType;
  throw new BowError('dtype', `ONNX element type ${code} is not supported`, {
    place,
    detail: { supported: Object.keys(info) },
  });
}

/** A zeroed typed array for `n` elements. Errors: `dtype` for an unknown type, `shape` for what is not a number of elements. */
export function makeArray<D extends DType>(dtype: D, n: number): ArrayOf<D> {
  if (!dtypes.includes(dtype)) throw new BowError('dtype', unknownName('element type', String(dtype), dtypes));
  if (!Number.isSafeInteger(n) || n < 0) throw new BowError('shape', `${n} is not a number of elements`);
  return info[dtype].make(n) as ArrayOf<D>;
}

/** True for types with arithmetic and gradients. */
export function isFloat(dtype: DType): dtype is Float {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16';
}

/** Number of elements of a shape. Error `shape` for what is no list. */
export function sizeOf(shape: readonly number[]): number {
  if (!Array.isArray(shape)) throw new BowError('shape', 'a shape is a list of whole numbers ≥ 0');
  return shape.reduce((a, b) => a * b, 1);
}

/**
 * Values with a shape and a type, row-major: a typed array of the type (kept, not copied) or a list of numbers (see {@link fromNumbers}). Errors: `dtype` for an unknown type,
 * another typed array or numbers that the type cannot hold, `shape` when the values do not fill the shape.
 */
export function ndarray<D extends DType>(
  dtype: D,
  shape: readonly number[],
  data: ArrayOf<D> | readonly number[],
): NdArray<D> {
  if (!dtypes.includes(dtype)) throw new BowError('dtype', unknownName('element type', String(dtype), dtypes));
  if (!Array.isArray(shape) || !shape.every((d) => Number.isInteger(d) && d >= 0))
    throw new BowError('shape', 'a shape is a list of whole numbers ≥ 0', { detail: { shape: String(shape) } });
  const values = Array.isArray(data) ? fromNumbers(dtype, data) : data;
  if (!isArrayOf(dtype, values)) {
    const given = typeof values === 'object' && values !== null ? values.constructor.name : String(values);
    throw new BowError('dtype', `${dtype} is held by a ${makeArray(dtype, 0).constructor.name}, not ${given}`);
  }
  const n = sizeOf(shape);
  if (values.length !== n)
    throw new BowError('shape', `${values.length} values do not fill a shape of ${n}`, { detail: { shape } });
  return { dtype, shape, data: values };
}

/**
 * Throws unless the value is an array with shape and type, as {@link ndarray} makes them: `usage` for what is none, `dtype` and `shape` for one that
 * does not hold together.
 */
export function needArray(what: string, value: unknown): void {
  const isArray =
    typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value && 'data' in value;
  if (!isArray)
    throw new BowError('usage', `${what} must be values with shape and type`, {
      hint: "ndarray('float32', [2], [1, 2])",
    });
  const { dtype, shape, data } = value as NdArray;
  try {
    if (Array.isArray(data)) throw new BowError('dtype', 'a list of numbers is not a typed array');
    ndarray(dtype, shape, data);
  } catch (e) {
    if (!isBowError(e)) throw e;
    throw new BowError(e.code, `${what}: ${e.message}`, { detail: e.detail });
  }
}

function isArrayOf<D extends DType>(dtype: D, values: unknown): values is ArrayOf<D> {
  return ArrayBuffer.isView(values) && values.constructor === makeArray(dtype, 0).constructor;
}

/**
 * A typed array from plain numbers. float16 and bfloat16 are rounded to nearest, ties to even, as their bits. A `dtype` error for numbers that an
 * integer type or `bool` cannot hold.
 */
export function fromNumbers<D extends DType>(dtype: D, values: ArrayLike<number>): ArrayOf<D>;
export function fromNumbers(dtype: DType, values: ArrayLike<number>): ArrayOf<DType> {
  if (dtype === 'float16' || dtype === 'bfloat16') return halfBits(values, dtype);
  const out = makeArray(dtype, values.length);
  const [low, high = 0]: readonly [number?, number?] = ranges[dtype];
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (low !== undefined && !(Number.isInteger(v) && v >= low && v <= high))
      throw new BowError('dtype', `${v} is no ${dtype}`, { detail: { index: i } });
    if (out instanceof BigInt64Array) out[i] = BigInt(v);
    else out[i] = v;
  }
  return out;
}

/** Whole numbers from the first to the second; any number where there are none. */
const ranges: { readonly [D in DType]: readonly [low: number, high: number] | readonly [] } = {
  float32: [],
  float64: [],
  float16: [],
  bfloat16: [],
  int64: [-(2 ** 63), 2 ** 63],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 255],
  bool: [0, 1],
};
