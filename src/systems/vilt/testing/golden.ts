/** Cases of reference programs: a folder with config, weights, inputs and what came out. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type NdArray, ndarray, Store } from '../../../engine/index.ts';
import { readTensors, type TensorName, type TensorNames, writeTensors } from '../../../hub/index.ts';
import { openSafetensors } from '../../../hub/node/index.ts';
import type { ViltConfig } from '../config.ts';
import { besideWeights } from '../names.ts';

type Floats = NdArray<'float32'>;

/** A case that was read. */
export type Golden = {
  readonly config: ViltConfig;
  readonly names: TensorNames;
  readonly params: Map<string, Floats>;
  /** Inputs by name: floats, and integers as int64. */
  readonly inputs: Readonly<Record<string, NdArray>>;
  readonly outputs: Map<string, Floats>;
  json(name: string): unknown;
};

/** Folders of a case, or of several that begin with its name, here and among the shared ones. */
export function foldersOf(name: string): string[] {
  const here = new URL('goldens/', import.meta.url).pathname;
  const roots = [here, resolve('../shared/goldens')].filter((root) => existsSync(root));
  return roots.flatMap((root) => readdirSync(root).filter((f) => f.startsWith(name)).map((f) => join(root, f))); // biome-ignore format: one line
}

/** All tensors of a file, integers as floats. */
export async function floatsOf(path: string): Promise<Map<string, Floats>> {
  await using file = await openSafetensors(path);
  const out = new Map<string, Floats>();
  for (const name of file.names) {
    const { shape, data } = await file.read(name);
    out.set(name, ndarray('float32', shape, Float32Array.from(data as Float32Array, Number)));
  }
  return out;
}

async function inputsOf(path: string): Promise<Record<string, NdArray>> {
  await using file = await openSafetensors(path);
  const out: Record<string, NdArray> = {};
  for (const name of file.names) {
    const t = await file.read(name);
    out[name] = ndarray(t.dtype === 'int64' ? 'int64' : 'float32', t.shape, t.data as BigInt64Array);
  }
  return out;
}

/** Reads a case. */
export async function readGolden(
  folder: string,
  configOf: (json: unknown) => ViltConfig,
  namesOf: (c: ViltConfig) => TensorName[],
): Promise<Golden> {
  const json = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  const config = configOf(json('config.json'));
  const names = namesOf(config);
  await using file = await openSafetensors(join(folder, 'model.safetensors'));
  const params = (await readTensors(file, names, { ignore: besideWeights })) as Map<string, Floats>;
  const inputs = await inputsOf(join(folder, 'inputs.safetensors'));
  const outputs = await floatsOf(join(folder, 'outputs.safetensors'));
  return { config, names, params, inputs, outputs, json };
}

/** A store with the weights of a case. */
export function storeOf({ params }: Pick<Golden, 'params'>): Store {
  const store = new Store(0);
  for (const [path, a] of params) store.set(path, ndarray('float32', a.shape, a.data.slice()));
  return store;
}

/** Tensors by our paths under the file's names. */
export const named = (tensors: ReadonlyMap<string, Floats>, names: TensorNames): Map<string, Floats> =>
  writeTensors(tensors, names) as Map<string, Floats>;

/** Largest difference over the largest magnitude wanted; infinite for NaN and another length. */
export function relative(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length) return Number.POSITIVE_INFINITY;
  let [worst, scale] = [0, 1e-6];
  for (let i = 0; i < wanted.length; i++) {
    const d = Math.abs(found[i]! - wanted[i]!);
    worst = Math.max(worst, Number.isNaN(d) ? Number.POSITIVE_INFINITY : d);
    scale = Math.max(scale, Math.abs(wanted[i]!));
  }
  return worst / scale;
}

/** 1 where a pixel's channels do not add up to 0: how the paper's code finds the pixels of an image. [b y x]. */
export function pixelMask(image: NdArray): NdArray<'int32'> {
  const [b, c, y, x] = image.shape as [number, number, number, number];
  const data = image.data as Float32Array;
  const mask = Int32Array.from({ length: b * y * x }, (_, at) => {
    const [i, place] = [Math.floor(at / (y * x)), at % (y * x)];
    let sum = 0;
    for (let k = 0; k < c; k++) sum += data[(i * c + k) * y * x + place]!;
    return sum === 0 ? 0 : 1;
  });
  return ndarray('int32', [b, y, x], mask);
}

/** Rows and columns of patches as places of the grid. [b l 2] → [b l]. */
export function places(index: NdArray, columns: number): NdArray<'int32'> {
  const [b, l] = index.shape as [number, number, number];
  const data = index.data as BigInt64Array;
  return ndarray('int32', [b, l], Int32Array.from({ length: b * l }, (_, i) => Number(data[2 * i]!) * columns + Number(data[2 * i + 1]!))); // biome-ignore format: one line
}
