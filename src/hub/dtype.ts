/** Element types of the safetensors format: our names, the names on the wire, their bits and the typed arrays that hold them. */
import { BowError, unknownName } from '../base/index.ts';

/** Typed arrays by element type; float16 and bfloat16 as their 16 bits, everything that JavaScript has no numbers for as raw bytes. */
type Arrays = {
  bool: Uint8Array;
  float4_e2m1: Uint8Array;
  float6_e2m3: Uint8Array;
  float6_e3m2: Uint8Array;
  uint8: Uint8Array;
  int8: Int8Array;
  float8_e5m2: Uint8Array;
  float8_e4m3fn: Uint8Array;
  float8_e8m0: Uint8Array;
  float8_e4m3fnuz: Uint8Array;
  float8_e5m2fnuz: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  float32: Float32Array;
  complex64: Float32Array;
  float64: Float64Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
};

/** Element type of a stored tensor. */
export type StoredDType = keyof Arrays;

/** The typed array that holds elements of a type. complex64 holds (real, imaginary) pairs; float8 and smaller are raw bytes. */
export type StoredArray<D extends StoredDType = StoredDType> = Arrays[D];

type Entry = {
  readonly wire: string;
  readonly bits: number;
  readonly view: (buffer: ArrayBuffer, offset: number, bytes: number) => StoredArray;
};

const bytes: Entry['view'] = (b, o, n) => new Uint8Array(b, o, n);

/** In the order of the reference implementation's `Dtype`, which is the order that files are laid out in (largest alignment first). */
const table: { readonly [D in StoredDType]: Entry } = {
  bool: { wire: 'BOOL', bits: 8, view: bytes },
  float4_e2m1: { wire: 'F4', bits: 4, view: bytes },
  float6_e2m3: { wire: 'F6_E2M3', bits: 6, view: bytes },
  float6_e3m2: { wire: 'F6_E3M2', bits: 6, view: bytes },
  uint8: { wire: 'U8', bits: 8, view: bytes },
  int8: { wire: 'I8', bits: 8, view: (b, o, n) => new Int8Array(b, o, n) },
  float8_e5m2: { wire: 'F8_E5M2', bits: 8, view: bytes },
  float8_e4m3fn: { wire: 'F8_E4M3', bits: 8, view: bytes },
  float8_e8m0: { wire: 'F8_E8M0', bits: 8, view: bytes },
  float8_e4m3fnuz: { wire: 'F8_E4M3FNUZ', bits: 8, view: bytes },
  float8_e5m2fnuz: { wire: 'F8_E5M2FNUZ', bits: 8, view: bytes },
  int16: { wire: 'I16', bits: 16, view: (b, o, n) => new Int16Array(b, o, n / 2) },
  uint16: { wire: 'U16', bits: 16, view: (b, o, n) => new Uint16Array(b, o, n / 2) },
  float16: { wire: 'F16', bits: 16, view: (b, o, n) => new Uint16Array(b, o, n / 2) },
  bfloat16: { wire: 'BF16', bits: 16, view: (b, o, n) => new Uint16Array(b, o, n / 2) },
  int32: { wire: 'I32', bits: 32, view: (b, o, n) => new Int32Array(b, o, n / 4) },
  uint32: { wire: 'U32', bits: 32, view: (b, o, n) => new Uint32Array(b, o, n / 4) },
  float32: { wire: 'F32', bits: 32, view: (b, o, n) => new Float32Array(b, o, n / 4) },
  complex64: { wire: 'C64', bits: 64, view: (b, o, n) => new Float32Array(b, o, n / 4) },
  float64: { wire: 'F64', bits: 64, view: (b, o, n) => new Float64Array(b, o, n / 8) },
  int64: { wire: 'I64', bits: 64, view: (b, o, n) => new BigInt64Array(b, o, n / 8) },
  uint64: { wire: 'U64', bits: 64, view: (b, o, n) => new BigUint64Array(b, o, n / 8) },
};

const names = Object.keys(table) as StoredDType[];
const fromWire = new Map(names.map((n) => [table[n].wire, n]));

/** Our name of a type as it is written in a file (`F32`), or undefined. */
export function dtypeFromWire(wire: string): StoredDType | undefined {
  return fromWire.get(wire);
}

/** All names on the wire, to tell a reader what would have been right. */
export const wireNames: readonly string[] = [...fromWire.keys()];

/** How a type is written in a file; a `dtype` error for an unknown name. */
export function dtypeToWire(dtype: StoredDType, place: string): string {
  if (!Object.hasOwn(table, dtype)) throw new BowError('dtype', unknownName('element type', dtype, names), { place });
  return table[dtype].wire;
}

/** Rank of a type in the layout of a file. */
export function layoutRank(dtype: StoredDType): number {
  return names.indexOf(dtype);
}

/**
 * Bytes that a tensor takes, or why it has no size: products beyond 2⁵³ overflow, elements of less than a byte must fill whole bytes.
 * A zero anywhere makes the size zero, but only after the product up to it is known to be sound, as the reference reader does.
 */
export function byteLength(dtype: StoredDType, shape: readonly number[]): number | 'overflow' | 'misaligned' {
  let n = 1;
  for (const d of shape) {
    n *= d;
    if (!Number.isSafeInteger(n)) return 'overflow';
  }
  const bits = n * table[dtype].bits;
  if (!Number.isSafeInteger(bits)) return 'overflow';
  return bits % 8 === 0 ? bits / 8 : 'misaligned';
}

/** A typed array over bytes (little-endian, as every machine that runs JavaScript engines today); copies only where alignment demands it. */
export function viewAs<D extends StoredDType>(dtype: D, data: Uint8Array): StoredArray<D> {
  const width = Math.max(1, table[dtype].bits >> 3);
  const aligned = data.byteOffset % width === 0 && data.buffer instanceof ArrayBuffer;
  const source = aligned ? data : new Uint8Array(data);
  return table[dtype].view(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength) as StoredArray<D>;
}

/** The bytes under a tensor's typed array, which must be of the type's kind and as long as its shape needs. */
export function tensorBytes(t: { dtype: StoredDType; data: StoredArray }, bytes: number, name: string): Uint8Array {
  const right = table[t.dtype].view(new ArrayBuffer(0), 0, 0).constructor;
  if (!(t.data instanceof right)) {
    throw new BowError('dtype', `${t.data.constructor.name} given for a ${t.dtype} tensor, which takes ${right.name}`, {
      place: name,
    });
  }
  if (t.data.byteLength !== bytes) {
    throw new BowError('shape', `${t.data.byteLength} bytes of data for a tensor of ${bytes}`, { place: name });
  }
  return new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength);
}
