/**
 * A scope names parameters where they are used. The path of a parameter is its ONNX initializer name, its safetensors key, and what freeze,
 * learning-rate and LoRA rules match. There is no separate `init()`: the trace records what was asked for, and the store fills it. (One class
 * with all that a layer may ask for: longer than a file should be.)
 */
import { BowError, type Rng, unknownName } from '../base/index.ts';
import { needOneOf, needOptions, needWhole, type Operand, placed } from './arguments.ts';
import type { DType, Float, Int, NdArray } from './dtype.ts';
import type { Half } from './half.ts';
import { type Nested, toArray } from './nested.ts';
import * as must from './scope-arguments.ts';
import { axisOf, sameShape } from './shape.ts';
import { computedType, notTrainable } from './storage.ts';
import { newGraph, type Tensor, type TensorGraph } from './tensor.ts';

/** Initial values of a parameter: fills `out` (zeroed, row-major) for a shape from a stream of its own. */
export type Init = (out: Float32Array | Float64Array, shape: readonly number[], rng: Rng) => void;

/**
 * What a named tensor is: `param` (trainable, saved with the model), `buffer` (not trainable, saved with the model: running statistics),
 * `state` (of training: moments, counters, teachers).
 */
export type ParamKind = 'param' | 'buffer' | 'state';

/** A named tensor that the store must hold before the graph runs. */
export type ParamSpec = {
  readonly path: string;
  readonly shape: readonly number[];
  readonly dtype: Float;
  readonly kind: ParamKind;
  readonly init: Init;
  /** Path of the tensor that this one starts as a copy of, where the store holds it: a teacher starts as its student. */
  readonly like?: string;
  /** Frozen: what a training run learns by the way, such as running statistics, stays too. */
  readonly fixed?: boolean;
  /** The store keeps it in 16 bits; it cannot be trained or updated. */
  readonly storage?: Half;
  /** State that rows are appended to ({@link Scope.append}): where its shape is another, the run decides. */
  readonly appended?: boolean;
};

/** How a scope changes what is asked of it and of all scopes below it. */
export type ScopeHooks = {
  /** Where a tensor is kept. */
  readonly rename?: (path: string) => string;
  /** What a tensor is: its kind (freezing), its initial values. The path is the renamed one. */
  readonly spec?: (spec: ParamSpec) => ParamSpec;
  /** Training or evaluation mode from here down, whatever the mode around it: an evaluated teacher beside a training student. */
  readonly training?: boolean;
  /** What the linear layer of scope `s`, which maps x to y, returns instead of y. */
  readonly linear?: (s: Scope, x: Tensor<Float>, y: Tensor<Float>) => Tensor<Float>;
};

/** Randomness that enters the graph as an input: uniform in [0, 1) or standard normal. */
export type NoiseSpec = {
  readonly path: string;
  readonly shape: readonly number[];
  readonly kind: 'uniform' | 'normal';
};

/** The value that a parameter, buffer or state gets: a tensor, or a function of the value that it has by then. */
export type Update = Tensor<Float> | ((now: Tensor<Float>) => Tensor<Float>);

/** Rows for a state that holds many: written from `at` on, the value of an input, along `axis`. */
export type Append = { readonly rows: Tensor<Float>; readonly axis: number; readonly at: string };

/** What can only be checked when a whole function has been traced: that a rule matches something. */
export class Checks {
  #list: (() => void)[] = [];

  /** Adds a check; it throws when it fails. */
  add(check: () => void): void {
    this.#list.push(check);
  }

  /** Hands the checks over: the caller runs them where all they ask about has been traced, or drops them where it never will be. */
  take(): readonly (() => void)[] {
    const list = this.#list;
    this.#list = [];
    return list;
  }

  /** Runs the checks gathered so far, each once; done by `trace` at its end, and by whoever wants to know earlier. */
  run(): void {
    for (const check of this.take()) check();
  }
}

/** All that a trace collects; shared by the scopes of one trace. */
export type Trace = {
  readonly graph: TensorGraph;
  readonly dtype: Float;
  /** How a parameter is stored, where that is not as `dtype`. */
  readonly storage: (path: string) => Half | undefined;
  /** The mode that scopes start in; `s.with({ training })` changes it below a scope. */
  readonly training: boolean;
  readonly params: Map<string, { readonly spec: ParamSpec; readonly tensor: Tensor<Float> }>;
  readonly noise: Map<string, NoiseSpec>;
  readonly updates: Map<string, Tensor<Float>>;
  /** Rows that the store writes into state after the run, by path. */
  readonly appends: Map<string, Append>;
  readonly taps: Map<string, Tensor>;
  readonly checks: Checks;
};

/** An empty trace. `dtype` is the type that it computes in; error `dtype` for the types of storage. */
export function newTrace(o: { dtype?: Float; training?: boolean; storage?: Trace['storage'] } = {}): Trace {
  return {
    graph: newGraph(),
    dtype: computedType(o.dtype ?? 'float32'),
    storage: o.storage ?? (() => undefined),
    training: o.training ?? false,
    params: new Map(),
    noise: new Map(),
    updates: new Map(),
    appends: new Map(),
    taps: new Map(),
    checks: new Checks(),
  };
}

/** A place in a model; see the module's comment. */
export class Scope {
  /** What the scopes of one trace share. */
  readonly trace: Trace;
  /** Where in the model: `visual/blocks/3`; empty at the top. */
  readonly path: string;
  readonly #hooks: Required<ScopeHooks>;

  constructor(trace: Trace, o: { path?: string; hooks?: ScopeHooks } = {}) {
    this.trace = trace;
    this.path = o.path ?? '';
    const { training } = trace;
    this.#hooks = { rename: (p) => p, spec: (d) => d, linear: (_s, _x, y) => y, training, ...o.hooks };
  }

  /** This scope, for errors. */
  get #here(): Operand {
    return must.at(this.path);
  }

  #needTensors(method: string, tensors: Readonly<Record<string, unknown>>): void {
    for (const [name, t] of Object.entries(tensors))
      must.needTensor(this.#here, `${method}: ${name}`, t, this.trace.graph);
  }

  /** True in training mode: dropout acts, batch norm uses the batch's statistics and updates the running ones. */
  get training(): boolean {
    return this.#hooks.training;
  }

  /** A scope below this one; slashes make several levels. Numbers are for repeated layers. */
  at(name: string | number): Scope {
    must.needLevel(this.#here, 'at: the name', name);
    const path = join(this.path, String(name));
    this.trace.graph.place = path;
    return new Scope(this.trace, { path, hooks: this.#hooks });
  }

  /** The same place with hooks; they act after those that this scope has. `s.with({ training: false })` is evaluation mode. */
  with(hooks: ScopeHooks): Scope {
    must.needHooks(this.#here, hooks);
    const { rename, spec, linear, training } = this.#hooks;
    return new Scope(this.trace, {
      path: this.path,
      hooks: {
        rename: hooks.rename ? (p) => hooks.rename!(rename(p)) : rename,
        spec: hooks.spec ? (d) => hooks.spec!(spec(d)) : spec,
        linear: hooks.linear ? (s, x, y) => hooks.linear!(s, x, linear(s, x, y)) : linear,
        training: hooks.training ?? training,
      },
    });
  }

  /**
   * The same model with its parameters kept elsewhere and not trained: `s.redirect((p) => `teacher/${p}`, { training: false })` for a momentum
   * teacher. Paths are rewritten when parameters are asked for, noise and taps included; initial values are copies of the originals. `kind`
   * (default `state`) is what the copies are, `training` the mode of the copy (default: this scope's).
   */
  redirect(
    rename: (path: string) => string,
    o: { readonly kind?: ParamKind; readonly training?: boolean } = {},
  ): Scope {
    must.needRedirect(this.#here, rename, o);
    const { kind = 'state', training = this.training } = o;
    return this.with({ rename, training, spec: (d) => ({ ...d, kind }) });
  }

  /** What a linear layer at this scope returns: y, unless a hook (LoRA) changes it. */
  linear(x: Tensor<Float>, y: Tensor<Float>): Tensor<Float> {
    this.#needTensors('linear', { x, y });
    const changed = this.#hooks.linear(this, x, y);
    this.#needTensors('linear', { 'what the hook returns': changed });
    return changed;
  }

  /** A trainable parameter. Asking twice with the same shape shares it. */
  param(name: string, shape: readonly number[], init: Init): Tensor<Float> {
    return this.#named(name, shape, init, 'param');
  }

  /** A tensor that is saved with the model but not trained. */
  buffer(name: string, shape: readonly number[], init: Init): Tensor<Float> {
    return this.#named(name, shape, init, 'buffer');
  }

  /** A tensor of the training itself: moments, counters. */
  state(name: string, shape: readonly number[], init: Init): Tensor<Float> {
    return this.#named(name, shape, init, 'state');
  }

  /** Where a tensor of this scope is kept. */
  #renamed(name: string): string {
    const path = this.#hooks.rename(join(this.path, name));
    must.needName(this.#here, 'what rename returns', path);
    return path;
  }

  #named(name: string, shape: readonly number[], init: Init, kind: ParamKind): Tensor<Float> {
    must.needNamed(this.#here, kind, name, shape, init);
    const { graph, params, dtype } = this.trace;
    const original = join(this.path, name);
    const path = this.#renamed(name);
    graph.place = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : path;
    const known = params.get(path);
    if (known) {
      if (sameShape(known.spec.shape, shape)) return known.tensor;
      throw new BowError('shape', 'one parameter asked for with two shapes', {
        place: path,
        detail: { first: known.spec.shape, second: shape },
        hint: "give each layer a scope of its own: s.at('hidden'), s.at('out')",
      });
    }
    const like = path === original ? {} : { like: original };
    const asked = this.#hooks.spec({ path, shape, dtype, kind, init, ...like });
    must.needSpec(this.#here, asked);
    const storage = asked.kind === 'state' ? undefined : this.trace.storage(path);
    const spec = storage ? { ...asked, storage } : asked;
    const tensor = graph.input(path, storage ?? dtype, shape).to(dtype);
    params.set(path, { spec, tensor });
    return tensor;
  }

  /**
   * Sets the value that a parameter, buffer or state, given by its tensor or its full path, has after the run. A function gets the value set so
   * far ({@link current}), so that updates compose: a layer that is used twice updates twice. Errors: `usage` for an unknown path and for a
   * second plain update of one path, which would drop the first; `shape` for another shape or type.
   */
  update(target: Tensor<Float> | string, value: Update): void {
    const path = this.#pathOf(target);
    const { updates, params } = this.trace;
    const { spec } = params.get(path)!;
    if (spec.storage) throw notTrainable(path, spec.storage);
    if (typeof value !== 'function' && updates.has(path)) {
      throw new BowError('usage', `"${path}" is updated twice`, {
        place: this.path,
        hint: 'give the update as a function of the current value, (now) => next, for both to count',
      });
    }
    const next = typeof value === 'function' ? value(this.current(path)) : value;
    this.#needTensors('update', { [`the value of "${path}"`]: next });
    if (!sameShape(spec.shape, next.shape) || next.dtype !== spec.dtype) {
      throw new BowError('shape', 'an update must keep shape and type', {
        place: path,
        detail: { has: spec.shape, update: next.shape, dtypes: [spec.dtype, next.dtype] },
      });
    }
    updates.set(path, next);
  }

  /**
   * State with room for `length` rows along `axis`, of which the run adds some: returns what it holds before the run, and has `rows` written into it
   * in place, from row `at` on, after it. Only the new rows leave the session. `at` is an integer input []. A run at 0 begins anew, with any sizes of
   * the other axes. Errors: `usage` for an `at` that is no input and for a second append to one path; when run, `shape` for rows beyond the end and
   * for other sizes than the state has (unless `at` is 0): then nothing is changed.
   */
  append(
    name: string,
    rows: Tensor<Float>,
    o: { readonly length: number; readonly axis: number; readonly at: Tensor<Int> },
  ): Tensor<Float> {
    needOptions(this.#here, 'append', o);
    needWhole(this.#here, 'append: length', o.length, 1);
    this.#needTensors('append', { rows, at: o.at });
    const { params, appends, dtype } = this.trace;
    must.needTypeOf(this.#here, 'append: rows', rows, [dtype]);
    must.needTypeOf(this.#here, 'append: at', o.at, ['int64', 'int32']);
    const axis = axisOf(o.axis, rows.rank, this.path);
    const shape = rows.shape.map((d, i) => (i === axis ? o.length : d));
    const tensor = this.state(name, shape, () => {});
    const path = this.#pathOf(tensor);
    const refuse = (code: 'usage' | 'shape', what: string): BowError => new BowError(code, what, { place: path });
    if (appends.has(path)) throw refuse('usage', 'rows are appended twice');
    if (o.at.name === undefined || o.at.rank !== 0)
      throw refuse('usage', 'the row to write at must be an input of shape []');
    if (rows.dim(axis) > o.length) throw refuse('shape', `${rows.dim(axis)} rows do not fit a state of ${o.length}`);
    params.set(path, { spec: { ...params.get(path)!.spec, appended: true }, tensor });
    appends.set(path, { rows, axis, at: o.at.name });
    return tensor;
  }

  /** The value that a parameter, buffer or state has by now: what the last update set, or else its value before the run. */
  current(target: Tensor<Float> | string): Tensor<Float> {
    const path = this.#pathOf(target);
    return this.trace.updates.get(path) ?? this.trace.params.get(path)!.tensor;
  }

  /** True for a parameter, buffer or state that is frozen. */
  isFixed(target: Tensor<Float> | string): boolean {
    return this.trace.params.get(this.#pathOf(target))!.spec.fixed === true;
  }

  /** The path of a named tensor; `usage` when the trace has asked for no such tensor. */
  #pathOf(target: Tensor<Float> | string): string {
    const { params } = this.trace;
    if (typeof target === 'string') {
      if (params.has(target)) return target;
      throw new BowError('usage', unknownName('parameter', target, params.keys()), { place: this.path });
    }
    this.#needTensors('a parameter, buffer or state', { 'given by itself or its path': target });
    for (const [path, { tensor }] of params) if (tensor === target) return path;
    throw new BowError('usage', 'this tensor is no parameter, buffer or state of the trace', {
      place: this.path,
      hint: 'pass what s.param, s.buffer or s.state returned, or its full path',
    });
  }

  /**
   * Random values of the trace's float type, new at every run, drawn from the run's seed and the path `noise/<path>` (the renamed path, so a
   * teacher has noise of its own). Drawn again at one path, as by a tower that runs twice, it is another, independent stream: `…#2`, `…#3`.
   */
  noise(name: string, shape: readonly number[], kind: NoiseSpec['kind'] = 'uniform'): Tensor<Float> {
    must.needName(this.#here, 'noise: the name', name);
    must.needShape(this.#here, `noise: the shape of "${name}"`, shape);
    needOneOf(this.#here, `noise: the kind of "${name}"`, kind, ['uniform', 'normal']);
    const { graph, noise, dtype } = this.trace;
    const path = numbered(noise, `noise/${this.#renamed(name)}`);
    noise.set(path, { path, shape, kind });
    return graph.input(path, dtype, shape);
  }

  /**
   * A constant of the graph: a number, a list (of lists, which give the shape), a typed array, or values with their type. `shape` default: that of
   * the values; `dtype` default: the parameters' type. Errors: `shape` when values do not fill the shape or rows differ in length, `dtype` when the
   * type cannot hold them.
   */
  constant<D extends DType>(values: NdArray<D>): Tensor<D>;
  constant(values: Nested, shape?: readonly number[]): Tensor<Float>;
  constant<D extends DType>(values: Nested, shape: readonly number[] | undefined, dtype: D): Tensor<D>;
  constant(values: Nested | NdArray, shape?: readonly number[], dtype: DType = this.trace.dtype): Tensor {
    const { graph } = this.trace;
    graph.place = this.path;
    if (shape !== undefined) must.needShape(this.#here, 'constant: the shape', shape);
    return placed('constant', this.path, () => graph.constant(toArray(values, shape, dtype)));
  }

  /**
   * Names an intermediate tensor; it becomes an output only when a run's options ask for it (`taps`). Returns the tensor. The path is the renamed
   * one; the second tap of one path is `<path>#2`, the third `<path>#3`, all of which the pattern `<path>*` finds.
   */
  tap<T extends Tensor>(name: string, tensor: T): T {
    must.needName(this.#here, 'tap: the name', name);
    this.#needTensors('tap', { [`"${name}"`]: tensor });
    const { taps } = this.trace;
    taps.set(numbered(taps, this.#renamed(name)), tensor);
    return tensor;
  }

  /** The trainable parameters asked for so far, in order, optionally filtered. Error `dtype` for one that is kept in 16 bits. */
  trainable(filter: (path: string) => boolean = () => true): Map<string, Tensor<Float>> {
    must.needFunction(this.#here, 'trainable: the filter', filter, 'a function of paths');
    const out = new Map<string, Tensor<Float>>();
    for (const [path, { spec, tensor }] of this.trace.params) {
      if (spec.kind !== 'param' || !filter(path)) continue;
      if (spec.storage) throw notTrainable(path, spec.storage);
      out.set(path, tensor);
    }
    return out;
  }
}

function join(a: string, b: string): string {
  return a === '' ? b : `${a}/${b}`;
}

/** The path itself where it is new, else with the number of its use: `path#2`, `path#3`. */
function numbered(known: ReadonlyMap<string, unknown>, path: string): string {
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? path : `${path}#${n}`;
    if (!known.has(candidate)) return candidate;
  }
}
