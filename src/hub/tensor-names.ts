/**
 * How a model's tensors lie in a checkpoint of another library: under other names, fused (q, k and v in one), split, transposed, reshaped, tied. A
 * list of such names is read and written by the same table, so that writing is the exact inverse of reading.
 */
import { BowError, unknownName } from '../base/index.ts';
import type { Safetensors, TensorData } from './safetensors.ts';
import { joined, parts, permuted, reshaped, zerosLike } from './tensor-moves.ts';

/** What both sides of a name can differ in; applied to each tensor of the file in this order when it is read. */
type Layout = {
  /** Shapes of the same elements: ours and the file's; −1 once in each stands for what is left. `[[-1], [1, 1, -1]]` for a class token. */
  readonly reshape?: readonly [ours: readonly number[], file: readonly number[]];
  /** `true`: the last two axes change places. Or the file's axes in our order, as NumPy's `transpose` takes them: `[3, 2, 0, 1]` for Keras's kernels. */
  readonly transpose?: true | readonly number[];
  /** The axis (after `transpose`) along which tensors are joined or cut; default 0. */
  readonly axis?: number;
  /** Lengths of the pieces along the axis, where they are not equal. */
  readonly sizes?: readonly number[];
};

/**
 * A tensor of the model (`path`) and of the file (`key`).
 *
 *     ['text/norm/weight', 'ln_final.weight']                                                as it is
 *     { path: 'text_projection/weight', key: 'text_projection', transpose: true }           the other way round
 *     { paths: ['attn/q/weight', 'attn/k/weight', 'attn/v/weight'], key: 'in_proj_weight' }  three of ours in one of the file's
 *     { paths: ['attn/q/bias', null, 'attn/v/bias'], key: 'qkv.bias' }                       the same; what we have not is zero in the file
 *     { path: 'mlp/fc/weight', keys: ['w1.weight', 'w2.weight'] }                            one of ours in two of the file's
 *     { path: 'tokens/weight', key: 'embed.weight', tied: ['lm_head.weight'] }               a file may hold it under several keys; written once
 *     { path: 'mlm/bias', key: 'bias', tied: ['decoder.bias'], writeTied: true }            the same; written under all, for readers that know one
 */
export type TensorName =
  | readonly [path: string, key: string]
  | (Layout & {
      readonly path: string;
      readonly key: string;
      readonly tied?: readonly string[];
      readonly writeTied?: boolean;
    })
  | (Layout & { readonly paths: readonly (string | null)[]; readonly key: string })
  | (Layout & { readonly path: string; readonly keys: readonly string[] });

/** The names of a whole checkpoint; no path and no key comes twice. */
export type TensorNames = readonly TensorName[];

type Full = Layout & {
  readonly paths: readonly (string | null)[];
  readonly keys: readonly string[];
  readonly tied: readonly string[];
  readonly writeTied: boolean;
};

function full(name: TensorName): Full {
  const untied = { tied: [], writeTied: false };
  if (isPair(name)) return { paths: [name[0]], keys: [name[1]], ...untied };
  if ('paths' in name) return { ...name, keys: [name.key], ...untied };
  if ('keys' in name) return { ...name, paths: [name.path], ...untied };
  return { ...name, paths: [name.path], keys: [name.key], tied: name.tied ?? [], writeTied: name.writeTied ?? false };
}

function isPair(name: TensorName): name is readonly [path: string, key: string] {
  return Array.isArray(name);
}

/** The paths of a name, without gaps. */
export function pathsOf(name: TensorName): string[] {
  return full(name).paths.filter((path) => path !== null);
}

/** The key of every path that has one to itself, with the tensor as it is. */
export function plainNames(names: TensorNames): Map<string, string> {
  return new Map(names.filter(isPair));
}

/** The keys of a name as {@link writeTensors} writes it; other tied ones are not counted, since a file need not hold them. */
export function keysOf(name: TensorName): readonly string[] {
  const { keys, tied, writeTied } = full(name);
  return writeTied ? [...keys, ...tied] : keys;
}

/** How {@link readTensors} reads. */
export type ReadTensorsOptions = {
  /** `float32` (default) converts half precision and float64; `stored` leaves every type as it is. */
  readonly as?: 'float32' | 'stored';
  /** Keys that may be in the file beside the model's: `/position_ids$/`. */
  readonly ignore?: RegExp;
  /** Reads those of the names that the file holds, whatever else there is or is not. */
  readonly partial?: boolean;
};

/**
 * Reads a file's tensors under our paths. Errors: `checkpoint` that names the keys that are missing and those that no name has, `shape` for
 * tensors that do not divide as the names say, `dtype` for types that are not read as float32.
 */
export async function readTensors(
  file: Safetensors,
  names: TensorNames,
  o: ReadTensorsOptions = {},
): Promise<Map<string, TensorData>> {
  checkNames(names);
  if (!o.partial) checkKeys(file, names, o);
  const read = (key: string): Promise<TensorData> => (o.as === 'stored' ? file.read(key) : file.readFloat32(key));
  const out = new Map<string, TensorData>();
  for (const name of names.map(full)) {
    const keys = foundKeys(file, name);
    if (!keys) continue;
    const place = `${file.place}:${keys[0]}`;
    const stored = await Promise.all(keys.map(read));
    for (const key of name.tied.filter((k) => k !== keys[0] && file.has(k)))
      await checkTied(file, key, stored[0]!, read);
    const ours = stored.map((t) => permuted(reshaped(t, name.reshape?.[0], place), name.transpose, 'read', place));
    const whole = joined(ours, name.axis ?? 0, place);
    parts(whole, name.paths.length, name.axis ?? 0, name.paths.length > 1 ? name.sizes : undefined, place).forEach(
      (part, i) => {
        const path = name.paths[i]!;
        if (path !== null) out.set(path, part);
        else checkZero(part, place);
      },
    );
  }
  return out;
}

/** The keys that a file has a name's tensors under: a tied tensor under whichever is there. Undefined when they are not all there. */
function foundKeys(file: Safetensors, name: Full): readonly string[] | undefined {
  if (name.keys.every((key) => file.has(key))) return name.keys;
  const other = name.tied.find((key) => file.has(key));
  return other === undefined ? undefined : [other];
}

async function checkTied(
  file: Safetensors,
  key: string,
  first: TensorData,
  read: (key: string) => Promise<TensorData>,
): Promise<void> {
  const other = await read(key);
  if (other.data.length === first.data.length && other.data.every((x, i) => Object.is(x, first.data[i]))) return;
  throw new BowError('checkpoint', 'two tensors that the model has as one are different', {
    place: `${file.place}:${key}`,
  });
}

function checkZero(part: TensorData, place: string): void {
  if (part.data.every((x) => Number(x) === 0)) return;
  throw new BowError('checkpoint', 'a part of this tensor that the model does not have is not zero', { place });
}

/** How {@link writeTensors} writes. */
export type WriteTensorsOptions = {
  /** Names of which the model has no path at all are left out: a part of a model is written. */
  readonly partial?: boolean;
};

/**
 * The model's tensors as the file has them, by key: what {@link readTensors} reads back. Fused and transposed tensors are copies, all others the
 * arrays themselves. Error `checkpoint` for a path that is not there.
 */
export function writeTensors(
  tensors: ReadonlyMap<string, TensorData>,
  names: TensorNames,
  o: WriteTensorsOptions = {},
): Map<string, TensorData> {
  checkNames(names);
  const out = new Map<string, TensorData>();
  for (const name of names.map(full)) {
    if (o.partial && name.paths.every((path) => path === null || !tensors.has(path))) continue;
    const place = name.keys[0]!;
    const whole = joined(withZeros(name, tensors), name.axis ?? 0, place);
    parts(whole, name.keys.length, name.axis ?? 0, name.keys.length > 1 ? name.sizes : undefined, place).forEach(
      (part, i) => {
        out.set(name.keys[i]!, reshaped(permuted(part, name.transpose, 'write', place), name.reshape?.[1], place));
      },
    );
    if (name.writeTied) for (const key of name.tied) out.set(key, out.get(name.keys[0]!)!);
  }
  return out;
}

/** A name's tensors with zeros where the model has none: as long as `sizes` says, else as the first that is there. */
function withZeros(name: Full, tensors: ReadonlyMap<string, TensorData>): TensorData[] {
  const get = (path: string): TensorData => {
    const t = tensors.get(path);
    if (!t) throw new BowError('checkpoint', unknownName('parameter', path, tensors.keys()), { place: name.keys[0]! });
    return t;
  };
  const like = get(name.paths.find((path) => path !== null)!);
  return name.paths.map((path, i) => {
    if (path !== null) return get(path);
    return zerosLike(
      like,
      like.shape.map((d, axis) => (axis === (name.axis ?? 0) ? (name.sizes?.[i] ?? d) : d)),
    );
  });
}

/**
 * Throws `checkpoint` when a file lacks tensors of the names or has others: then it is of another model. The first eight of each are named in the
 * error's detail; `hint`: what says how many there are.
 */
export function checkKeys(
  file: Safetensors,
  names: TensorNames,
  o: { readonly ignore?: RegExp | undefined; readonly hint?: string | undefined } = {},
): void {
  const all = names.map(full);
  const known = new Set(all.flatMap((name) => [...name.keys, ...name.tied]));
  const missing = all.flatMap((name) => (foundKeys(file, name) ? [] : name.keys.filter((key) => !file.has(key))));
  const unexpected = file.names.filter((key) => !known.has(key) && !o.ignore?.test(key));
  if (missing.length === 0 && unexpected.length === 0) return;
  const counts = [
    ...(missing.length > 0 ? [`lack ${missing.length} tensors of the model`] : []),
    ...(unexpected.length > 0 ? [`have ${unexpected.length} that are not its`] : []),
  ];
  throw new BowError('checkpoint', `the weights do not fit the config: they ${counts.join(' and ')}`, {
    place: file.place,
    detail: {
      ...(missing.length > 0 ? { missing: missing.slice(0, 8) } : {}),
      ...(unexpected.length > 0 ? { unexpected: unexpected.slice(0, 8) } : {}),
    },
    ...(o.hint === undefined ? {} : { hint: o.hint }),
  });
}

/** A path or key that comes twice would be lost in silence. */
function checkNames(names: TensorNames): void {
  const seen = { path: new Set<string>(), key: new Set<string>() };
  const once = (kind: 'path' | 'key', name: string): void => {
    if (seen[kind].has(name))
      throw new BowError('usage', `two tensor names have the ${kind} "${name}"`, { place: name });
    seen[kind].add(name);
  };
  for (const name of names.map(full)) {
    for (const path of name.paths) if (path !== null) once('path', path);
    for (const key of [...name.keys, ...name.tied]) once('key', key);
    if (name.paths.some((path) => path !== null)) continue;
    throw new BowError('usage', 'a tensor name without a path', { place: name.keys[0]! });
  }
}
