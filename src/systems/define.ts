/** From a definition to what the registry holds: opening, writing and training, the same for every system. */
import { BowError, isRecord, type Metrics, unknownName } from '../base/index.ts';
import type { OpenSystem } from '../capabilities/index.ts';
import { type ParamSpec, pickCompileOptions, Store } from '../engine/index.ts';
import type { Benchmark } from '../evaluate/index.ts';
import type { ModelFiles } from '../hub/index.ts';
import { digestOf } from '../kinds/index.ts';
import type { JsonTree, MadeData, Recipe, Trainable } from '../train/index.ts';
import { checkDefinition } from './check-definition.ts';
import type { Model, ModelParts, Stage, SystemDefinition, Training } from './definition.ts';
import { putEyes } from './eyes.ts';
import {
  contentOf,
  layoutNamed,
  layoutOf,
  loadFrom,
  type ModelContent,
  paramsOf,
  resized,
  soundConfig,
} from './loading.ts';
import type {
  EarlierStage,
  PreparedStage,
  PreparedTraining,
  PrepareOptions,
  System,
  SystemTraining,
} from './system.ts';

/** A system of the registry with its definition: what knows its types may load, change and write its models. */
export type DefinedSystem<C, P, D, N> = System & {
  readonly definition: SystemDefinition<C, P, D, N>;
  /** A checkpoint as a model. Errors as {@link loadFrom}. */
  load(files: ModelFiles, o?: { readonly size?: number | undefined }): Promise<Model<C, P>>;
  /** A model as a checkpoint in one of the layouts, the first where none is named. */
  content(model: Model<C, P>, layout?: string): ModelContent;
};

/** Makes a system of a definition. Error `usage` for one that lacks something. */
export function defineSystem<C, P, D, N>(d: SystemDefinition<C, P, D, N>): DefinedSystem<C, P, D, N> {
  checkDefinition(d);
  const { id, title, paper, layouts, training } = d;
  return {
    id,
    title,
    paper,
    layouts,
    variants: Object.keys(d.variants),
    definition: d,
    recognises: async (files) => (await layoutOf(layouts, files)) !== undefined,
    load: (files, o) => loadFrom(d, files, o),
    content: (model, layout) => contentOf(d, model, layoutNamed(layouts, layout)),
    open: async (files, { size, ...session } = {}) =>
      d.open(await loadFrom(d, files, { size }), pickCompileOptions(session)), // callers hand on what is theirs too
    ...(training ? { training: trainingOf(d, training) } : {}),
  };
}

function trainingOf<C, P, D, N>(d: SystemDefinition<C, P, D, N>, t: Training<C, P, D, N>): SystemTraining {
  return {
    data: t.data,
    presets: t.presets,
    presetFor: t.presetFor ?? {},
    loraLayers: t.loraLayers ?? [],
    stages: t.stages.map((s) => s.id),
    examples: t.examples ?? [],
    prepare: (recipe, o) => prepare(d, t, recipe, o),
  };
}

async function prepare<C, P, D, N>(
  d: SystemDefinition<C, P, D, N>,
  t: Training<C, P, D, N>,
  recipe: Recipe,
  o: PrepareOptions,
): Promise<PreparedTraining> {
  const start = await startOf(d, t, recipe, o);
  const data = await o.load(t.data, recipe.data, t.needs(start.config, start.parts), o);
  const model = t.parts(start.config, start.parts, data);
  if (start.parts && start.store) changeParts(start.store, paramsOf(d, model.config));
  o.say?.(t.data.summary(data));
  const isSeeing = recipe.eyes !== null && t.eyes?.(start.config) !== undefined;
  const from = recipe.from !== null ? 'checkpoint' : isSeeing ? 'eyes' : 'nothing';
  const [first, ...later] = t.stages.filter((s) => s.when?.(data, from) ?? true);
  if (!first) throw new BowError('data', `no stage of ${d.id} learns from data like this`, { place: 'data' });
  const bound = (stage: Stage<C, P, D>): PreparedStage => preparedStage(d, t, model, stage, o);
  return {
    stages: [bound(first), ...later.map(bound)],
    data,
    report: t.data.report(data),
    ...(start.store ? { store: start.store } : {}),
  };
}

/** A stage with its model; what it makes data with is opened from the checkpoint of the stage before. */
function preparedStage<C, P, D, N>(
  d: SystemDefinition<C, P, D, N>,
  t: Training<C, P, D, N>,
  model: ModelParts<C, P>,
  stage: Stage<C, P, D>,
  o: PrepareOptions,
): PreparedStage {
  const { id, from, reset, convert, freeze, recipe, make } = stage;
  return {
    id,
    ...(from === undefined ? {} : { from }),
    ...(reset ? { reset } : {}),
    ...(convert ? { convert: (store) => convert(store, model.config) } : {}),
    ...(freeze ? { freeze } : {}),
    ...(recipe ? { recipe } : {}),
    ...(make ? { make: { load: make.load, run: (made) => makeData(d, make, made, o) } } : {}),
    trainable: (data: D) => bindTraining(d, t, model, data, stage),
  };
}

async function makeData<C, P, D, N>(
  d: SystemDefinition<C, P, D, N>,
  make: MadeData<D, OpenSystem>,
  made: { previous: EarlierStage; data: D; folder: string; signal: AbortSignal | undefined },
  o: PrepareOptions,
): Promise<void> {
  const previous = d.open(await loadFrom(d, await o.files(made.previous.checkpoint)));
  try {
    await make.run({ ...made, previous });
  } finally {
    await previous.close();
  }
}

type Start<C, P> = { readonly config: C; readonly parts: P | undefined; readonly store: Store | undefined };

/** What a training starts from: a row of the variant table, or a checkpoint, whose new parameters (LoRA) are drawn with the recipe's seed. */
async function startOf<C, P, D, N>(
  d: SystemDefinition<C, P, D, N>,
  t: Training<C, P, D, N>,
  recipe: Recipe,
  o: PrepareOptions,
): Promise<Start<C, P>> {
  const size = t.data.imageSize?.(recipe.data);
  if (recipe.from !== null) {
    const { store: loaded, config, parts } = await loadFrom(d, await o.files(recipe.from), { size, state: true });
    const store = new Store(recipe.seed);
    for (const [path, array, kind] of loaded.entries()) store.set(path, array, kind);
    return { config, parts, store };
  }
  const variant = variantOf(d, recipe.variant);
  const config = size === undefined || !d.resized ? variant : resized(d, variant, size);
  return { config, parts: undefined, store: await startingEyes(d, t, config, recipe, o) };
}

/** A store that holds the tower or the image network which the recipe names; undefined where it names none. Error `config` for a variant without a stem that it fits. */
async function startingEyes<C, P, D, N>(
  d: SystemDefinition<C, P, D, N>,
  t: Training<C, P, D, N>,
  config: C,
  { eyes, seed, variant }: Recipe,
  o: PrepareOptions,
): Promise<Store | undefined> {
  if (eyes === null) return undefined;
  const specs = paramsOf(d, config);
  const store = new Store(seed);
  const read = t.eyes?.(config);
  if (read) {
    await using file = await (await o.files(eyes)).tensors();
    for (const [path, array] of (await read(file)).entries()) store.set(path, array, specs.get(path)?.kind ?? 'param');
    return store;
  }
  const stem = t.stem?.(config);
  if (stem === undefined)
    throw new BowError('config', `${d.id} ${variant} has no convolutional stem`, {
      place: 'eyes',
      hint: 'null: initial values',
    });
  await putEyes(store, await o.files(eyes), stem, specs);
  return store;
}

/** What the model has beyond the checkpoint is made, as copies where its parameters say so; what it has no longer is dropped. */
function changeParts(store: Store, specs: ReadonlyMap<string, ParamSpec>): void {
  for (const spec of specs.values()) store.ensure(spec);
  for (const [path] of [...store.entries('param', 'buffer')]) if (!specs.has(path)) store.delete(path);
}

/** A row of the variant table. Error `config` with the nearest name for an unknown one, and for one that its schema refuses. */
export function variantOf<C>(
  d: Pick<SystemDefinition<C, never, never, never>, 'variants' | 'config'>,
  name: string,
): C {
  const found = Object.hasOwn(d.variants, name) ? d.variants[name] : undefined;
  if (found !== undefined) return soundConfig(d, found, { code: 'config', place: `variant ${name}` });
  const variants = Object.keys(d.variants);
  throw new BowError('config', unknownName('variant', name, variants), { place: 'variant', detail: { variants } });
}

/** A model bound to its data in a stage (default: the first), as the trainer takes it; evaluated by benchmarks. */
export async function bindTraining<C, P, D, N>(
  d: SystemDefinition<C, P, D, N>,
  t: Training<C, P, D, N>,
  model: ModelParts<C, P>,
  data: D,
  stage: Stage<C, P, D> = t.stages[0],
): Promise<Trainable> {
  const [layout] = d.layouts;
  const settings = layout.write(model);
  const { 'config.json': config, ...files } = settings;
  if (config === undefined)
    throw new BowError('config', 'the first layout of a system writes config.json', { place: d.id });
  const names = layout.names(model.config);
  const benchmarks = stage.benchmarks?.(data) ?? t.data.benchmarks(data);
  const teacher = stage.teacher?.(model.config);
  const queues = stage.queues?.(model.config);
  const fingerprint = await digestOf([await t.data.fingerprint(data), settings], new Uint8Array()); // what the data means to this model
  return {
    id: d.id,
    objectives: stage.objectives(model, data),
    ...(stage.combine ? { combine: stage.combine } : {}),
    ...(teacher ? { teacher } : {}),
    ...(queues ? { queues } : {}),
    parameters: paramsOf(d, model.config),
    ...(t.limits ? { limits: typeof t.limits === 'function' ? t.limits(model.config) : t.limits } : {}),
    ...(benchmarks[0] ? evaluation(benchmarks, (store) => d.open({ ...model, store })) : {}),
    config: configTree(config, d.id),
    ...(names ? { tensors: names } : {}),
    files,
    fingerprint,
    card: t.card,
  };
}

/** What a layout writes as config.json, for the trainer. Error `config` for what is not the text of a JSON object. */
function configTree(text: string, id: string): JsonTree {
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch {
    tree = undefined;
  }
  if (isRecord(tree)) return tree as JsonTree;
  throw new BowError('config', 'the first layout of a system writes a config.json that is not a JSON object', {
    place: id,
  });
}

/** Evaluating by benchmarks; the first one's headline makes the best checkpoint. */
function evaluation(
  benchmarks: readonly Benchmark[],
  open: (store: Store) => OpenSystem,
): Pick<Trainable, 'evaluate' | 'select'> {
  return {
    select: { metric: `eval/${benchmarks[0]!.headline}`, mode: 'max' },
    evaluate: async ({ store, signal }) => {
      const system = open(store);
      try {
        const metrics: Metrics[] = [];
        for (const benchmark of benchmarks) metrics.push((await benchmark.run(system, { signal })) ?? {});
        return Object.assign({}, ...metrics) as Metrics;
      } finally {
        await system.close();
      }
    },
  };
}
