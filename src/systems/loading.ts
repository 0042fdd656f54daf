/** Checkpoints of a defined system: read from files into a model, and a model laid out as files. */
import type { z } from 'zod';
import { BowError } from '../base/index.ts';
import { type NdArray, type ParamSpec, Store, trace } from '../engine/index.ts';
import {
  checkKeys,
  keysOf,
  type ModelFiles,
  readConfig,
  readTensors,
  type Safetensors,
  type TensorData,
  type TensorName,
  writeTensors,
} from '../hub/index.ts';
import type { Layout, Model, SystemDefinition } from './definition.ts';

/** The layout of a checkpoint; undefined when the system knows none like it. */
export async function layoutOf<C, P>(
  layouts: readonly Layout<C, P>[],
  files: ModelFiles,
): Promise<Layout<C, P> | undefined> {
  for (const layout of layouts) if (await layout.recognises(files)) return layout;
  return undefined;
}

/**
 * Reads a checkpoint. `size`: for images of other sides, where the system allows it. `state`: with the state of its training, where the files hold
 * one. Errors: `data` for missing files; `checkpoint` for what is damaged, of another system, or whose tensors do not fit its config; `config` for a
 * size that does not fit.
 */
export async function loadFrom<C, P, D, N>(
  d: SystemDefinition<C, P, D, N>,
  files: ModelFiles,
  o: { readonly size?: number | undefined; readonly state?: boolean } = {},
): Promise<Model<C, P>> {
  const layout = await layoutOf(d.layouts, files);
  if (!layout) throw await notOf(d, files);
  const stored = soundConfig(d, await layout.config(files), { code: 'checkpoint', place: files.place });
  const config = o.size === undefined ? stored : resized(d, stored, o.size);
  await using opened = await files.tensors(
    layout.weights && files.names.has(layout.weights) ? layout.weights : undefined,
  );
  const file = (layout.wrappers ?? []).reduce(withoutPrefix, opened);
  const published = publishedNames(d, layout, stored, file);
  const hint = layout.keys && `how many there are is said by ${layout.keys.depth}`;
  if (published) checkKeys(file, published, { ignore: layout.beside, hint }); // before the model is traced: a config may claim any depth
  const specs = paramsOf(d, stored);
  const names = published ?? ownNames(layout, stored, file, specs);
  const store = await readStore(file, names, specs, layout, stored);
  const state = o.state ? await layout.state?.(file, stored) : undefined;
  for (const [path, array] of state ?? []) store.set(path, array, 'state');
  if (config !== stored) {
    layout.resize?.(store, stored, config);
    checkShapes(store, paramsOf(d, config), file.place, layout);
  }
  return { config, store, parts: await layout.parts(files, config, stored) };
}

/** The error for a folder in none of the system's layouts. */
async function notOf<C, P, D, N>(d: SystemDefinition<C, P, D, N>, files: ModelFiles): Promise<BowError> {
  if (files.names.has('config.json')) {
    const { model_type: type } = await readConfig(files);
    if (type !== d.id)
      return new BowError('checkpoint', `a model of "${type}" where ${d.id} is needed`, {
        place: files.at('config.json'),
      });
  }
  const isEmpty = !files.names.has('config.json');
  return new BowError(
    isEmpty ? 'data' : 'checkpoint',
    `not a checkpoint of ${d.id}${isEmpty ? ': no config.json' : ''}`,
    {
      place: files.place,
      detail: { layouts: d.layouts.map((l) => l.id), files: [...files.names].slice(0, 12) },
    },
  );
}

/** The config as the schema gives it back (with its defaults). Error of the code for one that the schema refuses: before any work on it. */
export function soundConfig<C>(
  { config: schema }: { readonly config: z.ZodType<C> },
  config: unknown,
  { code, place }: { readonly code: 'checkpoint' | 'config'; readonly place: string },
): C {
  const result = schema.safeParse(config);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = issue?.path.join('.');
  throw new BowError(code, `a config of no sound model: ${key ? `${key}: ` : ''}${issue?.message}`, { place });
}

/** The config for images of another size. Error `config` for a size that the system does not see, or its schema refuses. */
export function resized<C, P, D, N>(d: SystemDefinition<C, P, D, N>, config: C, size: number): C {
  if (!d.resized) throw new BowError('config', `${d.id} sees images of one size only`, { place: 'size' });
  if (!Number.isInteger(size) || size < 1)
    throw new BowError('config', `${size} is not a size of images: a whole number of pixels`, { place: 'size' });
  return soundConfig(d, d.resized(config, size), { code: 'config', place: 'size' });
}

/** Every parameter and buffer of a model: shape and kind by path. */
export function paramsOf<C, P, D, N>(
  { model }: Pick<SystemDefinition<C, P, D, N>, 'model'>,
  config: C,
): Map<string, ParamSpec> {
  const traced = trace((s, inputs) => model.trace(s, inputs, config), model.inputs(config));
  return new Map([...traced.trace.params].map(([path, { spec }]) => [path, spec]));
}

/** How many of the names' keys a file has. */
const foundIn = (names: readonly TensorName[], file: Safetensors): number =>
  names.flatMap((n) => keysOf(n)).filter((k) => file.has(k)).length;

/**
 * The published names that a file has: the layout's, or another layout's of the system (folders mix them), whichever it has most of; undefined where
 * it has none but the one that may be equal everywhere, as CLIP's `logit_scale`.
 */
function publishedNames<C, P, D, N>(
  d: SystemDefinition<C, P, D, N>,
  layout: Layout<C, P>,
  config: C,
  file: Safetensors,
): readonly TensorName[] | undefined {
  const candidates = [layout, ...d.layouts.filter((l) => l !== layout)].flatMap((l) => {
    const names = l.names(config);
    return names ? [{ names, found: foundIn(names, file) }] : [];
  });
  const most = Math.max(2, ...candidates.map(({ found }) => found));
  return candidates.find(({ found }) => found === most)?.names;
}

/** Our own paths, or the layout's names where the file has neither. */
function ownNames<C, P>(
  layout: Layout<C, P>,
  config: C,
  file: Safetensors,
  specs: ReadonlyMap<string, ParamSpec>,
): readonly TensorName[] {
  const paths = [...specs.keys()].map((path): TensorName => [path, path]);
  return (foundIn(paths, file) > 0 ? undefined : layout.names(config)) ?? paths;
}

/** The file as it would be if its keys did not all begin so; where they do not, the file itself. */
export function withoutPrefix(file: Safetensors, prefix: string): Safetensors {
  if (file.names.length === 0 || !file.names.every((key) => key.startsWith(prefix))) return file;
  return {
    ...file,
    names: file.names.map((key) => key.slice(prefix.length)),
    has: (key) => file.has(prefix + key),
    info: (key) => file.info(prefix + key),
    read: (key) => file.read(prefix + key),
    readFloat32: (key) => file.readFloat32(prefix + key),
  };
}

async function readStore<C>(
  file: Safetensors,
  names: readonly TensorName[],
  specs: ReadonlyMap<string, ParamSpec>,
  layout: Pick<Layout<C, never>, 'beside' | 'keys' | 'fit'>,
  config: C,
): Promise<Store> {
  const tensors = await readTensors(file, names, layout.beside ? { ignore: layout.beside } : {});
  const store = new Store();
  for (const [path, array] of tensors) store.set(path, array as NdArray, specs.get(path)?.kind ?? 'param');
  layout.fit?.(store, config);
  checkShapes(store, specs, file.place, layout);
  return store;
}

/** Weights of other sizes than the config's are reported when a model is opened, not when it is first used. */
function checkShapes(
  store: Store,
  specs: ReadonlyMap<string, ParamSpec>,
  place: string,
  { keys }: Pick<Layout<never, never>, 'keys'>,
): void {
  for (const [path, { shape: wanted }] of specs) {
    const { shape } = store.get(path);
    if (shape.length === wanted.length && shape.every((n, i) => n === wanted[i])) continue;
    const said = keys?.shapes.find(([paths]) => paths.test(path))?.[1];
    throw new BowError('checkpoint', `the weights do not fit the config: "${path}" has another shape`, {
      place,
      detail: { stored: shape, 'of the config': wanted },
      ...(said === undefined ? {} : { hint: `its shape is said by ${said}` }),
    });
  }
}

/** What a checkpoint of a model holds. */
export type ModelContent = {
  /** Settings, tokenizer, preprocessing, by file name. */
  readonly files: Readonly<Record<string, string>>;
  /** The weights' file and its tensors. */
  readonly weights: string;
  readonly tensors: ReadonlyMap<string, TensorData>;
};

/** A layout by id; the first where none is named. Error `usage` for an unknown one. */
export function layoutNamed<C, P>(layouts: readonly Layout<C, P>[], id: string | undefined): Layout<C, P> {
  const found = id === undefined ? layouts[0] : layouts.find((l) => l.id === id);
  if (found) return found;
  throw new BowError('usage', `no layout "${id}"`, { detail: { layouts: layouts.map((l) => l.id) } });
}

/** The model's tensors and settings as a layout has them. Error `config` for a model that it cannot hold. */
export function contentOf<C, P, D, N>(
  d: SystemDefinition<C, P, D, N>,
  model: Model<C, P>,
  layout: Layout<C, P> = d.layouts[0],
): ModelContent {
  const specs = paramsOf(d, model.config);
  const tensors = new Map([...specs.keys()].map((path) => [path, model.store.get(path) as TensorData]));
  const files = layout.write(model);
  const names = layout.names(model.config);
  return {
    files,
    weights: layout.weights ?? 'model.safetensors',
    tensors: names ? writeTensors(tensors, names) : tensors,
  };
}
