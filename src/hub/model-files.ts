/**
 * The files of one checkpoint, wherever they lie: a folder on disk, a server, memory. Systems open from this and from nothing else, so what opens
 * in Node opens in a browser.
 */
import { BowError, isRecord } from '../base/index.ts';
import { type ByteSource, type BytesInput, byteSource } from './byte-source.ts';
import { joinShards, readSafetensors, type Safetensors } from './safetensors.ts';

/** Files of a checkpoint by name; there are no folders in it. */
export type ModelFiles = {
  /** What was opened, for messages. */
  readonly place: string;
  readonly names: ReadonlySet<string>;
  /** Where a file lies, for messages. */
  at(name: string): string;
  /** Error `data` when there is no such file. */
  bytes(name: string): Promise<Uint8Array>;
  /** The text of a file in UTF-8. Error `data` when there is no such file. */
  text(name: string): Promise<string>;
  /** Error `data` when there is no such file, `checkpoint` when it is not JSON. */
  json(name: string): Promise<unknown>;
  /**
   * Weights, opened lazily: one file, the index of a sharded checkpoint, or, without a name, `model.safetensors`, its index, or the only such file.
   * Error `data` when there are none, `checkpoint` for what is damaged.
   */
  tensors(name?: string): Promise<Safetensors>;
};

/** Where the bytes come from. */
export type FileSources = {
  readonly place: string;
  readonly names: Iterable<string>;
  at(name: string): string;
  /** Called for names in `names` only. */
  open(name: string): Promise<ByteSource>;
};

const INDEX = '.safetensors.index.json';

/** {@link ModelFiles} over anything that can be read by name. */
export function modelFiles(from: FileSources): ModelFiles {
  const names = new Set(from.names);
  const source = async (name: string): Promise<ByteSource> => {
    if (!names.has(name)) throw new BowError('data', 'no such file or folder', { place: from.at(name) });
    return await from.open(name);
  };
  const bytes = async (name: string): Promise<Uint8Array> => {
    const opened = await source(name);
    try {
      return await opened.read(0, opened.size);
    } finally {
      await opened.close();
    }
  };
  const text = async (name: string): Promise<string> => new TextDecoder().decode(await bytes(name));
  const tensors = async (name = weightsOf(names, from.place)): Promise<Safetensors> => {
    if (!name.endsWith(INDEX)) return await readSafetensors(await source(name));
    return await openSharded(from.at(name), await text(name), source);
  };
  const json = async (name: string): Promise<unknown> => parsed(await text(name), name, from.at(name));
  return { place: from.place, names, at: from.at, bytes, text, json, tensors };
}

/** Files in memory, or picked by a user in a browser. */
export function memoryFiles(contents: Readonly<Record<string, string | BytesInput>>, place = 'memory'): ModelFiles {
  const at = (name: string): string => `${place}/${name}`;
  return modelFiles({
    place,
    names: Object.keys(contents),
    at,
    open: async (name) => {
      const content = contents[name]!;
      return byteSource(typeof content === 'string' ? new TextEncoder().encode(content) : content, at(name));
    },
  });
}

function parsed(text: string, name: string, place: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (e) {
    throw new BowError('checkpoint', `${name} is not JSON`, { place, cause: e });
  }
}

function weightsOf(names: ReadonlySet<string>, place: string): string {
  for (const usual of ['model.safetensors', `model${INDEX}`]) if (names.has(usual)) return usual;
  const all = [...names].sort();
  const indexes = all.filter((f) => f.endsWith(INDEX));
  const candidates = indexes.length > 0 ? indexes : all.filter((f) => f.endsWith('.safetensors'));
  if (candidates.length === 1) return candidates[0]!;
  const what =
    candidates.length === 0
      ? 'no safetensors file in this folder'
      : 'several safetensors files, none called model.safetensors';
  const other = all.find((f) => /(^|[./_-])(model|weights|checkpoint)[^/]*\.(bin|pt|pth|ckpt|h5|msgpack)$/.test(f));
  throw new BowError('checkpoint', what, {
    place,
    detail: { found: candidates.slice(0, 8) },
    ...(other && candidates.length === 0
      ? { hint: `${other} is not read: write it as safetensors, in Python model.save_pretrained(folder)` }
      : {}),
  });
}

async function openSharded(
  place: string,
  text: string,
  source: (name: string) => Promise<ByteSource>,
): Promise<Safetensors> {
  const { weightMap, metadata } = readIndex(text, place);
  const shards = new Map<string, Safetensors>();
  try {
    for (const file of new Set(weightMap.values())) shards.set(file, await readSafetensors(await source(file)));
    return joinShards(place, weightMap, shards, metadata);
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
    if (typeof file !== 'string' || /[/\\]/.test(file) || !file.endsWith('.safetensors')) {
      const given = JSON.stringify(file)?.slice(0, 200);
      throw new BowError('checkpoint', `the index names a shard that is not a file beside it: ${given}`, {
        place: `${place}:${name}`,
      });
    }
    weightMap.set(name, file);
  }
  const strings = Object.entries(isRecord(metadata) ? metadata : {}).map(([k, v]) => [k, String(v)] as const);
  return { weightMap, metadata: Object.fromEntries(strings) };
}

/** A checkpoint's config.json: `model_type` names the system. */
export type ModelConfig = { readonly model_type: string } & Readonly<Record<string, unknown>>;

/** Reads config.json of a checkpoint. Errors: `data` when it is missing, `checkpoint` when it is damaged or not of one of `types`. */
export async function readConfig(files: ModelFiles, types?: readonly string[]): Promise<ModelConfig> {
  const config = await files.json('config.json');
  const place = files.at('config.json');
  const type = isRecord(config) ? config['model_type'] : undefined;
  if (!isRecord(config) || typeof type !== 'string')
    throw new BowError('checkpoint', 'config.json names no model_type', { place });
  if (types && !types.includes(type))
    throw new BowError('checkpoint', `a model of "${type}" where ${types.join(' or ')} is needed`, { place });
  return { ...config, model_type: type };
}
