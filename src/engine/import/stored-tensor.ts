/** Tensors as ONNX files store them: raw bytes, typed lists, or a range of a file beside the model; checked before anything is allocated. */
import type { TensorProto } from 'onnx-buf';
import { BowError } from '../../base/index.ts';
import { type DType, makeArray, type NdArray } from '../dtype.ts';

/** Axes that a tensor may have; NumPy has the same limit. */
export const LARGEST_RANK = 64;

/** A list in a message, cut where it is long. */
export const shown = (list: readonly (number | bigint)[]): string =>
  list.length > LARGEST_RANK ? `${list.slice(0, 8).join(', ')}, … ${list.length} numbers` : list.join(', ');

/** Reads a range of a file beside the model; throws a `checkpoint` error when it is not there or not allowed. */
export type ReadExternal = (location: string, offset: number, length: number | undefined, place: string) => Uint8Array;

/** A tensor of the file; the values are read when they are asked for. */
export type StoredTensor = {
  /** float32 for all halves too, int32 and int64 for all narrower and unsigned integers. */
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly size: number;
  /** The file's own type code. */
  readonly code: number;
  /** A new array of the values. */
  readonly read: () => NdArray;
};

type Format = {
  readonly dtype: DType;
  readonly bytes: number;
  /** One element of raw bytes. */
  readonly get: (v: DataView, at: number) => number | bigint;
  /** Which list holds the values when there are no raw bytes, and how an entry becomes an element. */
  readonly list: 'floatData' | 'int32Data' | 'int64Data' | 'doubleData' | 'uint64Data';
  readonly fromList?: (n: number) => number;
};

/** By ONNX `TensorProto.DataType`. */
const formats: Readonly<Record<number, Format>> = {
  1: { dtype: 'float32', bytes: 4, get: (v, i) => v.getFloat32(i, true), list: 'floatData' },
  2: { dtype: 'uint8', bytes: 1, get: (v, i) => v.getUint8(i), list: 'int32Data' },
  3: { dtype: 'int32', bytes: 1, get: (v, i) => v.getInt8(i), list: 'int32Data' },
  4: { dtype: 'int32', bytes: 2, get: (v, i) => v.getUint16(i, true), list: 'int32Data' },
  5: { dtype: 'int32', bytes: 2, get: (v, i) => v.getInt16(i, true), list: 'int32Data' },
  6: { dtype: 'int32', bytes: 4, get: (v, i) => v.getInt32(i, true), list: 'int32Data' },
  7: { dtype: 'int64', bytes: 8, get: (v, i) => v.getBigInt64(i, true), list: 'int64Data' },
  9: { dtype: 'bool', bytes: 1, get: (v, i) => (v.getUint8(i) === 0 ? 0 : 1), list: 'int32Data' },
  10: {
    dtype: 'float32',
    bytes: 2,
    get: (v, i) => fromHalf(v.getUint16(i, true)),
    list: 'int32Data',
    fromList: fromHalf,
  },
  11: { dtype: 'float64', bytes: 8, get: (v, i) => v.getFloat64(i, true), list: 'doubleData' },
  12: { dtype: 'int64', bytes: 4, get: (v, i) => BigInt(v.getUint32(i, true)), list: 'uint64Data' },
  13: { dtype: 'int64', bytes: 8, get: (v, i) => v.getBigInt64(i, true), list: 'uint64Data' },
  16: {
    dtype: 'float32',
    bytes: 2,
    get: (v, i) => fromBrain(v.getUint16(i, true)),
    list: 'int32Data',
    fromList: fromBrain,
  },
};

/** IEEE 754 half precision from its 16 bits. */
function fromHalf(h: number): number {
  const [sign, exponent, fraction] = [h & 0x8000 ? -1 : 1, (h >> 10) & 31, h & 1023];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** bfloat16 is the upper half of a float32. */
function fromBrain(h: number): number {
  word.setUint32(0, (h & 0xffff) << 16);
  return word.getFloat32(0);
}

/** Makes an error of one tensor. */
type Wrong = (what: string, hint?: string) => BowError;

/** The description of a stored tensor, sizes checked; `place` names it in messages. */
export function storedTensor(t: TensorProto, place: string, external?: ReadExternal): StoredTensor {
  const wrong: Wrong = (what, hint) =>
    new BowError('checkpoint', what, { place, ...(hint === undefined ? {} : { hint }) });
  const format = formats[t.dataType];
  if (!format) throw wrong(`element type ${t.dataType} of ONNX is not supported`);
  const { shape, size } = checkedShape(t, wrong);
  const bytes = size * format.bytes;
  const held = (n: number): void => {
    if (n !== bytes) throw wrong(`${n} bytes do not hold [${shape.join(', ')}] of ${format.bytes} bytes each`);
  };
  const stored = (read: () => NdArray): StoredTensor => ({ dtype: format.dtype, shape, size, code: t.dataType, read });
  if (t.dataLocation === 1) {
    const { location, offset, length } = externalRange(t, wrong);
    if (length !== undefined) held(length);
    if (!external)
      throw wrong(`the values lie in "${location}" beside the model`, 'read the model by its path: importOnnxFile');
    return stored(() => fromRaw(format, shape, size, external(location, offset, bytes, place)));
  }
  if (t.rawData.length > 0 || size === 0) {
    held(t.rawData.length);
    return stored(() => fromRaw(format, shape, size, t.rawData));
  }
  const list = t[format.list];
  if (list.length !== size) throw wrong(`${list.length} values do not fill [${shape.join(', ')}]`);
  return stored(() => fromList(format, shape, list));
}

function checkedShape(t: TensorProto, wrong: Wrong): { shape: number[]; size: number } {
  const shape = t.dims.map(Number);
  const size = shape.reduce((a, b) => a * b, 1);
  const valid = shape.every((d) => Number.isSafeInteger(d) && d >= 0) && Number.isSafeInteger(size);
  if (!valid || shape.length > LARGEST_RANK) throw wrong(`[${shown(t.dims)}] is no shape`);
  return { shape, size };
}

/** Where a tensor's bytes lie in a file beside the model. */
function externalRange(t: TensorProto, wrong: Wrong): { location: string; offset: number; length: number | undefined } {
  const at = new Map(t.externalData.map((e) => [e.key, e.value]));
  const count = (key: string): number | undefined => {
    const text = at.get(key);
    if (text === undefined) return undefined;
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text)))
      throw wrong(`external ${key} "${text}" is no count of bytes`);
    return Number(text);
  };
  const location = at.get('location');
  if (location === undefined || location === '') throw wrong('the external file is not named');
  return { location, offset: count('offset') ?? 0, length: count('length') };
}

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function fromRaw(format: Format, shape: readonly number[], size: number, raw: Uint8Array): NdArray {
  const data = makeArray(format.dtype, size);
  const same = littleEndian && data.BYTES_PER_ELEMENT === format.bytes && format.dtype !== 'bool';
  if (same) new Uint8Array(data.buffer).set(raw);
  else {
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    for (let i = 0; i < size; i++) data[i] = format.get(view, i * format.bytes) as never;
  }
  return { dtype: format.dtype, shape, data };
}

function fromList(format: Format, shape: readonly number[], list: readonly (number | bigint)[]): NdArray {
  const data = makeArray(format.dtype, list.length);
  for (let i = 0; i < list.length; i++) {
    const v = list[i]!;
    data[i] = (
      data instanceof BigInt64Array
        ? BigInt.asIntN(64, BigInt(v))
        : format.fromList
          ? format.fromList(Number(v))
          : Number(v)
    ) as never;
  }
  return { dtype: format.dtype, shape, data };
}
