/** Opens a checkpoint on disk: one file, the index of a sharded one, or the folder that holds either. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BowError } from '../../base/index.ts';
import { fileError, readText } from '../../base/node/index.ts';
import { joinShards, readSafetensors, type Safetensors } from '../index.ts';
import { fileSource } from './file-source.ts';

const indexEnding = '.safetensors.index.json';

/**
 * Opens `path` lazily: only headers are read and checked. A folder stands for its `model.safetensors` or `model.safetensors.index.json`
 * (or the only such file in it). Errors: `data` for what cannot be opened, `checkpoint` for what is damaged.
 */
export async function openSafetensors(path: string): Promise<Safetensors> {
  const file = await resolveFile(path);
  return file.endsWith('.index.json') ? await openSharded(file) : await readSafetensors(await fileSource(file));
}

async function resolveFile(path: string): Promise<string> {
  try {
    if (!(await stat(path)).isDirectory()) return path;
    const files = await readdir(path);
    for (const usual of ['model.safetensors', `model${indexEnding}`])
      if (files.includes(usual)) return join(path, usual);
    const indexes = files.filter((f) => f.endsWith(indexEnding));
    const candidates = indexes.length > 0 ? indexes : files.filter((f) => f.endsWith('.safetensors'));
    if (candidates.length === 1) return join(path, candidates[0]!);
    const what =
      candidates.length === 0
        ? 'no safetensors file in this folder'
        : 'several safetensors files, none called model.safetensors';
    throw new BowError('checkpoint', what, { place: path, detail: { found: candidates.slice(0, 8) } });
  } catch (e) {
    throw e instanceof BowError ? e : fileError(e, path);
  }
}

async function openSharded(index: string): Promise<Safetensors> {
  const { weightMap, metadata } = readIndex(await readText(index), index);
  const shards = new Map<string, Safetensors>();
  try {
    for (const file of new Set(weightMap.values())) {
      shards.set(file, await readSafetensors(await fileSource(join(dirname(index), file))));
    }
    return joinShards(index, weightMap, shards, metadata);
  } catch (e) {
    await Promise.all([...shards.values()].map((s) => s.close()));
    throw e;
  }
}

/** `{"metadata": {…}, "weight_map": {"tensor": "model-00001-of-00002.safetensors"}}`; shard names must be plain files beside the index. */
function readIndex(text: string, place: string): { weightMap: Map<string, string>; metadata: Record<string, string> } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (e) {
    throw new BowError('checkpoint', 'the index is not valid JSON', { place, cause: e });
  }
  const { weight_map: map, metadata } = (json ?? {}) as { weight_map?: unknown; metadata?: unknown };
  if (!isRecord(map)) throw new BowError('checkpoint', 'the index has no weight_map', { place });
  const weightMap = new Map<string, string>();
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== 'string' || file !== basename(file) || !file.endsWith('.safetensors') || file.includes('\\')) {
      throw new BowError(
        'checkpoint',
        `the index names a shard that is no file beside it: ${JSON.stringify(file)?.slice(0, 200)}`,
        {
          place: `${place}:${name}`,
        },
      );
    }
    weightMap.set(name, file);
  }
  const strings = Object.entries(isRecord(metadata) ? metadata : {}).map(([k, v]) => [k, String(v)] as const);
  return { weightMap, metadata: Object.fromEntries(strings) };
}

function isRecord(x: unknown): x is Record<string, unknown> {
  return typeof x === 'object' && x !== null && !Array.isArray(x);
}
