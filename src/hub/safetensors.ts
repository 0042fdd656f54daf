/**
 * safetensors, read lazily and written from memory; runs in Node and in a browser, on anything that is a {@link ByteSource}.
 * Files on disk are opened and written by `hub/node`.
 */
import { BowError, bfloat16ToFloat32, float16ToFloat32, unknownName } from '../base/index.ts';
import { type ByteSource, type BytesInput, byteSource } from './byte-source.ts';
import { type StoredArray, type StoredDType, tensorBytes, viewAs } from './dtype.ts';
import { headerLength, type PlacedTensor, parseHeader, planFile, type TensorInfo } from './safetensors-header.ts';

/** A tensor's values in memory, row-major. */
export type TensorData<D extends StoredDType = StoredDType> = {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: StoredArray<D>;
};

/** An open safetensors file, or several that form one checkpoint. Only headers are in memory; each `read` fetches one tensor's bytes. */
export type Safetensors = {
  /** What was opened, for messages. */
  readonly place: string;
  /** Names in the order of the data. */
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  has(name: string): boolean;
  /** Type, shape and size without reading data; a `checkpoint` error with the nearest name when there is none. */
  info(name: string): TensorInfo;
  /** Values as stored. */
  read(name: string): Promise<TensorData>;
  /** Values of a float32, float16, bfloat16 or float64 tensor as float32 (float64 is rounded); a `dtype` error for other types. */
  readFloat32(name: string): Promise<TensorData<'float32'>>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Reads and checks the header of one file. `name` stands for it in errors. The source is closed when the header is refused. */
export async function readSafetensors(input: BytesInput, name?: string): Promise<Safetensors> {
  const source = byteSource(input, name);
  try {
    const length = headerLength(await source.read(0, 8), source.size, source.name);
    const header = await source.read(8, length);
    if (header.length !== length) throw cutOff(source.name);
    const { tensors, metadata } = parseHeader(header, source.size - 8 - length, source.name);
    const parts = new Map([...tensors].map(([n, tensor]) => [n, { source, tensor }]));
    return open(source.name, parts, metadata, [source]);
  } catch (e) {
    await source.close();
    throw e;
  }
}

type Part = { readonly source: ByteSource; readonly tensor: PlacedTensor };

function cutOff(place: string): BowError {
  return new BowError('checkpoint', 'the file became shorter while it was read', { place });
}

function open(
  place: string,
  parts: ReadonlyMap<string, Part>,
  metadata: Readonly<Record<string, string>>,
  sources: readonly { close(): Promise<void> }[],
): Safetensors {
  const find = (name: string): Part => {
    const part = parts.get(name);
    if (part) return part;
    throw new BowError('checkpoint', unknownName('tensor', name, parts.keys()), { place });
  };
  const read = async (name: string): Promise<TensorData> => {
    const { source, tensor } = find(name);
    const bytes = await source.read(tensor.offset, tensor.bytes);
    if (bytes.length !== tensor.bytes) throw cutOff(`${source.name}:${name}`);
    return { dtype: tensor.dtype, shape: tensor.shape, data: viewAs(tensor.dtype, bytes) };
  };
  const close = async (): Promise<void> => {
    await Promise.all(sources.map((s) => s.close()));
  };
  return {
    place,
    names: [...parts.keys()],
    metadata,
    has: (name) => parts.has(name),
    info: (name) => {
      const { dtype, shape, bytes } = find(name).tensor;
      return { dtype, shape, bytes };
    },
    read,
    readFloat32: async (name) => toFloat32(await read(name), `${place}:${name}`),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Any of the floating types as float32 (float64 is rounded, complex and float8 are refused). float32 is returned without a copy. */
export function toFloat32(t: TensorData, place = 'tensor'): TensorData<'float32'> {
  const as = (data: Float32Array): TensorData<'float32'> => ({ dtype: 'float32', shape: t.shape, data });
  if (t.dtype === 'float32') return as(t.data as Float32Array);
  if (t.dtype === 'float16') return as(float16ToFloat32(t.data as Uint16Array));
  if (t.dtype === 'bfloat16') return as(bfloat16ToFloat32(t.data as Uint16Array));
  if (t.dtype === 'float64') return as(new Float32Array(t.data as Float64Array));
  throw new BowError('dtype', `${t.dtype} is not read as float32`, {
    place,
    detail: { readable: ['float32', 'float16', 'bfloat16', 'float64'] },
    hint: 'read() gives the values as they are stored',
  });
}

/**
 * Joins the shards of one checkpoint: `weightMap` says which file holds which tensor (the `weight_map` of an `*.index.json`). Tensors that the
 * map does not name are left out; a named tensor that its file lacks is an error. Closing the result closes the shards.
 */
export function joinShards(
  place: string,
  weightMap: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, Safetensors>,
  metadata: Readonly<Record<string, string>> = {},
): Safetensors {
  for (const [name, file] of weightMap) {
    if (shards.get(file)?.has(name)) continue;
    const what = `the index places ${JSON.stringify(name)} in ${file}, which does not hold it`;
    throw new BowError('checkpoint', what, { place: `${place}:${name}` });
  }
  const of = (name: string): Safetensors => {
    const file = weightMap.get(name);
    if (file !== undefined) return shards.get(file)!;
    throw new BowError('checkpoint', unknownName('tensor', name, weightMap.keys()), { place });
  };
  const close = async (): Promise<void> => {
    await Promise.all([...shards.values()].map((s) => s.close()));
  };
  return {
    place,
    names: [...weightMap.keys()],
    metadata,
    has: (name) => weightMap.has(name),
    info: (name) => of(name).info(name),
    read: async (name) => of(name).read(name),
    readFloat32: async (name) => of(name).readFloat32(name),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The bytes of a file that holds `tensors`, laid out as the reference writer does. For what fits in memory; `hub/node` streams to disk. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, TensorData>,
  o: { metadata?: Readonly<Record<string, string>> } = {},
): Uint8Array {
  const plan = planFile(tensors, o.metadata ?? {}, 'memory');
  const out = new Uint8Array(plan.size);
  out.set(plan.head);
  let at = plan.head.length;
  for (const { name, bytes } of plan.order) {
    out.set(tensorBytes(tensors.get(name)!, bytes, name), at);
    at += bytes;
  }
  return out;
}
