/** Writes safetensors to disk: streamed tensor by tensor, atomically, in shards where one file would be too large. */
import { type FileHandle, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BowError, float32ToBfloat16, float32ToFloat16, type OnProgress, throwIfAborted } from '../../base/index.ts';
import { writeFileAtomic } from '../../base/node/index.ts';
import { type StoredArray, tensorBytes, viewAs } from '../dtype.ts';
import type { TensorData } from '../safetensors.ts';
import { byUtf8, planFile, type SafetensorsPlan, type TensorShape } from '../safetensors-header.ts';
import { writeAll } from './file-source.ts';

/** A tensor whose values are made when its turn to be written comes, so that a checkpoint never has to be in memory as a whole. */
export type LazyTensor = TensorShape & { readonly load: () => Promise<StoredArray> | StoredArray };

/** What can be written: values, or a promise of values. */
export type WritableTensor = TensorData | LazyTensor;

/** Options of {@link writeSafetensors}. */
export type WriteOptions = {
  readonly metadata?: Readonly<Record<string, string>>;
  /** How float32 tensors are stored; rounding is to nearest, ties to even. Other types are stored as they are. */
  readonly floats?: 'float32' | 'float16' | 'bfloat16';
  /** Above this many bytes of data the tensors go to `<stem>-00001-of-0000N.safetensors` with `<stem>.safetensors.index.json`. */
  readonly shardBytes?: number;
  readonly signal?: AbortSignal | undefined;
  /** Called after every tensor, in bytes. */
  readonly onProgress?: OnProgress | undefined;
};

/** Elements converted at a time. */
const block = 1 << 20;

const defaultShardBytes = 5e9; // what the Hugging Face libraries split at

/**
 * Writes tensors to `path` (`….safetensors`). The same tensors give the same bytes, whatever their order; a file appears whole or not at all.
 * A sharded set appears shard by shard, its index last: write it into a fresh folder where readers may be near. Files of an earlier
 * write under the same stem that are no longer part of it are removed. Returns the paths written, the one to open first.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, WritableTensor>,
  o: WriteOptions = {},
): Promise<string[]> {
  if (!path.endsWith('.safetensors')) {
    throw new BowError('usage', 'a safetensors file must end in .safetensors', { place: path });
  }
  const stored = new Map([...tensors].map(([name, t]) => [name, storedAs(t, o.floats ?? 'float32')]));
  const whole = planFile(stored, o.metadata ?? {}, path);
  const write = writer(tensors, stored, o, whole.size - whole.head.length);
  const groups = split(whole, o.shardBytes ?? defaultShardBytes);
  const files = groups.length === 1 ? [path] : await writeShards(path, groups, stored, o, write);
  if (groups.length === 1) await writeFileAtomic(path, (file) => write(file, whole));
  await removeStale(path, new Set(files.map((f) => basename(f))));
  return files;
}

function storedAs(t: WritableTensor, floats: NonNullable<WriteOptions['floats']>): TensorShape {
  return { dtype: t.dtype === 'float32' ? floats : t.dtype, shape: t.shape };
}

/** Fills shards in layout order; a tensor larger than a shard gets one of its own. */
function split(plan: SafetensorsPlan, limit: number): string[][] {
  const groups: string[][] = [[]];
  let size = 0;
  for (const { name, bytes } of plan.order) {
    if (size > 0 && size + bytes > limit) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)!.push(name);
    size += bytes;
  }
  return groups;
}

type WritePlan = (file: FileHandle, plan: SafetensorsPlan) => Promise<void>;

function writer(
  tensors: ReadonlyMap<string, WritableTensor>,
  stored: ReadonlyMap<string, TensorShape>,
  o: WriteOptions,
  total: number,
): WritePlan {
  let done = 0;
  return async (file, plan) => {
    await writeAll(file, plan.head);
    for (const { name, bytes } of plan.order) {
      throwIfAborted(o.signal, name);
      const t = tensors.get(name)!;
      const data = 'data' in t ? t.data : await t.load();
      const { dtype } = stored.get(name)!;
      if (dtype === t.dtype) await writeAll(file, tensorBytes({ dtype, data }, bytes, name));
      else await writeConverted(file, tensorBytes({ dtype: 'float32', data }, 2 * bytes, name), dtype);
      done += bytes;
      o.onProgress?.({ task: 'write', done, total, unit: 'bytes' });
    }
  };
}

/** Writes float32 values as float16 or bfloat16, a block at a time. */
async function writeConverted(file: FileHandle, data: Uint8Array, dtype: string): Promise<void> {
  const values = viewAs('float32', data);
  const convert = dtype === 'float16' ? float32ToFloat16 : float32ToBfloat16;
  for (let at = 0; at < values.length; at += block) {
    const half = convert(values.subarray(at, at + block));
    await writeAll(file, new Uint8Array(half.buffer, half.byteOffset, half.byteLength));
  }
}

async function writeShards(
  path: string,
  groups: readonly string[][],
  stored: ReadonlyMap<string, TensorShape>,
  o: WriteOptions,
  write: WritePlan,
): Promise<string[]> {
  const stem = path.slice(0, -'.safetensors'.length);
  const five = (n: number): string => String(n).padStart(5, '0');
  const weightMap: [string, string][] = [];
  const files: string[] = [];
  let total = 0;
  for (const [i, group] of groups.entries()) {
    const file = `${stem}-${five(i + 1)}-of-${five(groups.length)}.safetensors`;
    const plan = planFile(new Map(group.map((n) => [n, stored.get(n)!])), o.metadata ?? {}, file);
    await writeFileAtomic(file, (handle) => write(handle, plan));
    for (const { name, bytes } of plan.order) {
      weightMap.push([name, basename(file)]);
      total += bytes;
    }
    files.push(file);
  }
  weightMap.sort(([a], [b]) => byUtf8(a, b));
  const index = { metadata: { total_size: total }, weight_map: Object.fromEntries(weightMap) };
  await writeFileAtomic(`${path}.index.json`, `${JSON.stringify(index, null, 2)}\n`);
  return [`${path}.index.json`, ...files];
}

/** Removes what an earlier write of the same stem left: shards, an index, the single file. */
async function removeStale(path: string, keep: ReadonlySet<string>): Promise<void> {
  const stem = basename(path, '.safetensors');
  const ours = /^(-[0-9]{5}-of-[0-9]{5})?\.safetensors(\.index\.json)?$/;
  for (const name of await readdir(dirname(path))) {
    if (!keep.has(name) && name.startsWith(stem) && ours.test(name.slice(stem.length))) {
      await rm(join(dirname(path), name), { force: true });
    }
  }
}
