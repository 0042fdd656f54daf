/**
 * The header of a safetensors file, read and written: https://github.com/huggingface/safetensors#format. Everything the format demands is
 * checked before a byte of data is touched: size ≤ 100 MB, `{` first, strict JSON without repeated names, strings only in `__metadata__`,
 * known types, offsets that tile the data without hole or overlap, sizes that fit type × shape.
 * Two rules are stricter than the reference reader (0.8.0) and as the format says: repeated names and leading white space are refused.
 */
import { BowError } from '../base/index.ts';
import { byteLength, dtypeFromWire, dtypeToWire, layoutRank, type StoredDType, wireNames } from './dtype.ts';
import { type JsonReader, jsonReader } from './json-reader.ts';

/** What a file says about one tensor. */
export type TensorInfo = {
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** Size in bytes. */
  readonly bytes: number;
};

/** Where a tensor's bytes lie in the file. */
export type PlacedTensor = TensorInfo & { readonly offset: number };

/** A checked header: tensors in the order of their bytes. */
export type SafetensorsHeader = {
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
  readonly metadata: Readonly<Record<string, string>>;
};

/** Largest header that any reader accepts, bytes. */
export const maxHeaderBytes = 100_000_000;

const damaged = 'the file is damaged, incomplete or not a safetensors file: fetch or write it again';

function fail(what: string, place: string, detail: Record<string, string | number | number[]> = {}): never {
  throw new BowError('checkpoint', what, { place, detail, hint: damaged });
}

/** The header's length from the first 8 bytes of a file of `fileSize` bytes; refused when it cannot be true. */
export function headerLength(first: Uint8Array, fileSize: number, file: string): number {
  if (first.length < 8) fail('shorter than the 8 bytes that every safetensors file starts with', file, { fileSize });
  const view = new DataView(first.buffer, first.byteOffset, 8);
  const n = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (n > maxHeaderBytes) fail('header larger than 100 MB', file, { headerBytes: n });
  if (n + 8 > fileSize) fail('header reaches beyond the end of the file', file, { headerBytes: n, fileSize });
  if (n < 2) fail('header is empty', file, { headerBytes: n });
  return n;
}

/** Reads and checks a header of a file whose data part has `dataBytes` bytes. */
export function parseHeader(header: Uint8Array, dataBytes: number, file: string): SafetensorsHeader {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
  } catch {
    return fail('header is not UTF-8', file);
  }
  if (text[0] !== '{') fail('header does not start with {', file);
  const json = jsonReader(text, file);
  const found: [string, Raw][] = [];
  const metadata: [string, string][] = [];
  json.object((name) => {
    if (name === '__metadata__') json.object((key) => metadata.push([key, json.string()]));
    else found.push([name, readTensor(json, `${file}:${name.slice(0, 200)}`)]);
  });
  json.end();
  return { tensors: place(found, header.length + 8, dataBytes, file), metadata: Object.fromEntries(metadata) };
}

type Raw = { dtype: StoredDType; shape: number[]; begin: number; end: number };

/** `{"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}`; other members are ignored. */
function readTensor(json: JsonReader, place: string): Raw {
  let wire: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  json.object((key) => {
    if (key === 'dtype') wire = json.string();
    else if (key === 'shape') shape = json.naturals();
    else if (key === 'data_offsets') offsets = json.naturals();
    else json.skip();
  });
  if (wire === undefined || !shape || !offsets) return fail('dtype, shape or data_offsets is missing', place);
  const dtype = dtypeFromWire(wire);
  if (!dtype) {
    throw new BowError('checkpoint', `unknown element type ${JSON.stringify(wire.slice(0, 40))}`, {
      place,
      detail: { known: wireNames },
    });
  }
  const [begin, end] = offsets;
  if (offsets.length !== 2 || begin! > end!) return fail('data_offsets are not [begin, end]', place, { offsets });
  return { dtype, shape, begin: begin!, end: end! };
}

/** Checks that the tensors tile the data exactly, and gives each its place in the file. */
function place(found: [string, Raw][], dataStart: number, dataBytes: number, file: string): Map<string, PlacedTensor> {
  found.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  const tensors = new Map<string, PlacedTensor>();
  let next = 0;
  for (const [name, { dtype, shape, begin, end }] of found) {
    const where = `${file}:${name.slice(0, 200)}`;
    if (begin !== next)
      fail(`${begin < next ? 'overlaps the tensor before it' : 'leaves a hole before it'}`, where, { begin, next });
    const bytes = byteLength(dtype, shape);
    if (bytes === 'overflow') return fail('the shape is implausibly large', where, { shape: shape.slice(0, 16) });
    if (bytes === 'misaligned')
      return fail(`a shape of ${dtype} that does not fill whole bytes`, where, { shape: shape.slice(0, 16) });
    if (bytes !== end - begin) {
      fail(`${end - begin} bytes for a ${dtype} tensor that needs ${bytes}`, where, { shape: shape.slice(0, 16) });
    }
    tensors.set(name, { dtype, shape, bytes, offset: dataStart + begin });
    next = end;
  }
  if (next !== dataBytes) {
    fail(next > dataBytes ? 'data is cut off' : 'bytes left over after the last tensor', file, {
      expected: next,
      found: dataBytes,
    });
  }
  return tensors;
}

/** Compares names by code points, which is the order of their UTF-8 bytes. */
export function byUtf8(a: string, b: string): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return surrogateLast(x) - surrogateLast(y);
  }
  return a.length - b.length;
}

/** Moves surrogates (code points above U+FFFF) behind the rest of the basic plane. */
function surrogateLast(unit: number): number {
  return unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit;
}

/** What a writer must know of a tensor. */
export type TensorShape = { readonly dtype: StoredDType; readonly shape: readonly number[] };

/** A file to be written: the header's bytes with the length before it, and the tensors in the order of their data. */
export type SafetensorsPlan = {
  readonly head: Uint8Array;
  readonly order: readonly { readonly name: string; readonly bytes: number }[];
  /** Size of the whole file. */
  readonly size: number;
};

/**
 * Lays out a file as the reference writer does, byte for byte: wider types first, then by name; the header padded with spaces to a multiple
 * of 8, so that all data is aligned. Metadata is sorted by key.
 */
export function planFile(
  tensors: ReadonlyMap<string, TensorShape>,
  metadata: Readonly<Record<string, string>>,
  file: string,
): SafetensorsPlan {
  const rows = [...tensors].map(([name, t]) => ({ name, t, bytes: checkedBytes(t, `${file}:${name}`) }));
  rows.sort((a, b) => layoutRank(b.t.dtype) - layoutRank(a.t.dtype) || byUtf8(a.name, b.name));
  const members: string[] = [];
  if (Object.keys(metadata).length > 0) members.push(`"__metadata__":${metadataJson(metadata, file)}`);
  let at = 0;
  for (const { name, t, bytes } of rows) {
    if (name === '__metadata__') throw new BowError('usage', 'no tensor may be called __metadata__', { place: file });
    const info = { dtype: dtypeToWire(t.dtype, file), shape: t.shape, data_offsets: [at, at + bytes] };
    members.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
    at += bytes;
  }
  const text = new TextEncoder().encode(`{${members.join(',')}}`);
  const padded = Math.ceil(text.length / 8) * 8;
  if (padded > maxHeaderBytes)
    throw new BowError('usage', 'too many tensors: the header exceeds 100 MB', { place: file });
  const head = new Uint8Array(8 + padded).fill(32);
  new DataView(head.buffer).setUint32(0, padded, true);
  head.fill(0, 4, 8);
  head.set(text, 8);
  return { head, order: rows.map(({ name, bytes }) => ({ name, bytes })), size: head.length + at };
}

function metadataJson(metadata: Readonly<Record<string, string>>, file: string): string {
  const entries = Object.entries(metadata).sort(([a], [b]) => byUtf8(a, b));
  for (const [key, value] of entries) {
    if (typeof value !== 'string') {
      throw new BowError('usage', `metadata ${JSON.stringify(key)} is not a string`, {
        place: file,
        hint: 'the format holds strings only: JSON.stringify the value',
      });
    }
  }
  return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(',')}}`;
}

function checkedBytes(t: TensorShape, place: string): number {
  dtypeToWire(t.dtype, place);
  const natural = t.shape.every((d) => Number.isSafeInteger(d) && d >= 0);
  const bytes = natural ? byteLength(t.dtype, t.shape) : 'overflow';
  if (typeof bytes === 'number') return bytes;
  throw new BowError('shape', `a ${t.dtype} tensor cannot have this shape`, { place, detail: { shape: [...t.shape] } });
}
