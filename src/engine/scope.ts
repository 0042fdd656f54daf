/**
 * A scope names parameters where they are used. The path of a parameter is its ONNX initializer name, its safetensors key, and what freeze,
 * learning-rate and LoRA rules match. There is no separate `init()`: the trace records what was asked for, and the store fills it.
 */
import { BowError, type Rng } from '../base/index.ts';
import type { Float } from './dtype.ts';
import type { Graph } from './graph.ts';
import { sameShape } from './shape.ts';
import { newGraph, type Tensor } from './tensor.ts';

/** First values of a parameter: fills `out` (zeroed, row-major) for a shape from a stream of its own. */
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
};

/** How a scope changes what is asked of it and of all scopes below it. */
export type ScopeHooks = {
  /** Where a tensor is kept. */
  readonly rename?: (path: string) => string;
  /** What a tensor is: its kind (freezing), its first values. The path is the renamed one. */
  readonly spec?: (spec: ParamSpec) => ParamSpec;
  /** What the linear layer of scope `s`, which maps x to y, returns instead of y. */
  readonly linear?: (s: Scope, x: Tensor<Float>, y: Tensor<Float>) => Tensor<Float>;
};

/** Randomness that enters the graph as an input: uniform in [0, 1) or standard normal. */
export type NoiseSpec = {
  readonly path: string;
  readonly shape: readonly number[];
  readonly kind: 'uniform' | 'normal';
};

/** All that a trace collects; shared by the scopes of one trace. */
export type Trace = {
  readonly graph: Graph<Tensor>;
  readonly dtype: Float;
  readonly training: boolean;
  readonly params: Map<string, { readonly spec: ParamSpec; readonly tensor: Tensor<Float> }>;
  readonly noise: Map<string, NoiseSpec>;
  readonly updates: Map<string, Tensor>;
  readonly taps: Map<string, Tensor>;
  /** Run when the whole function has been traced, for what can only be said then: that a rule has matched nothing. */
  readonly checks: (() => void)[];
};

/** An empty trace. `dtype` is the type of its parameters. */
export function newTrace(o: { dtype?: Float; training?: boolean } = {}): Trace {
  return {
    graph: newGraph(),
    dtype: o.dtype ?? 'float32',
    training: o.training ?? false,
    params: new Map(),
    noise: new Map(),
    updates: new Map(),
    taps: new Map(),
    checks: [],
  };
}

/** A place in a model; see the module's comment. */
export class Scope {
  readonly trace: Trace;
  readonly path: string;
  readonly #hooks: Required<ScopeHooks>;

  constructor(trace: Trace, o: { path?: string; hooks?: ScopeHooks } = {}) {
    this.trace = trace;
    this.path = o.path ?? '';
    this.#hooks = { rename: (p) => p, spec: (d) => d, linear: (_s, _x, y) => y, ...o.hooks };
  }

  /** True while the graph is for training: dropout acts, batch norm uses and updates statistics. */
  get training(): boolean {
    return this.trace.training;
  }

  /** A scope below this one; slashes make several levels. Numbers are for repeated layers. */
  at(name: string | number): Scope {
    const path = join(this.path, String(name));
    this.trace.graph.place = path;
    return new Scope(this.trace, { path, hooks: this.#hooks });
  }

  /** The same place with hooks; they act after those that this scope has. */
  with(hooks: ScopeHooks): Scope {
    const { rename, spec, linear } = this.#hooks;
    return new Scope(this.trace, {
      path: this.path,
      hooks: {
        rename: hooks.rename ? (p) => hooks.rename!(rename(p)) : rename,
        spec: hooks.spec ? (d) => hooks.spec!(spec(d)) : spec,
        linear: hooks.linear ? (s, x, y) => hooks.linear!(s, x, linear(s, x, y)) : linear,
      },
    });
  }

  /**
   * The same model with its parameters kept elsewhere and not trained: `s.redirect((p) => 'teacher/' + p)` for a momentum teacher.
   * Paths are rewritten when parameters are asked for; first values are copies of the originals.
   */
  redirect(rename: (path: string) => string, kind: ParamKind = 'state'): Scope {
    return this.with({ rename, spec: (d) => ({ ...d, kind }) });
  }

  /** What a linear layer at this scope returns: y, unless a hook (LoRA) changes it. */
  linear(x: Tensor<Float>, y: Tensor<Float>): Tensor<Float> {
    return this.#hooks.linear(this, x, y);
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

  #named(name: string, shape: readonly number[], init: Init, kind: ParamKind): Tensor<Float> {
    const { graph, params, dtype } = this.trace;
    const original = join(this.path, name);
    const path = this.#hooks.rename(original);
    graph.place = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : path;
    const known = params.get(path);
    if (known) {
      if (sameShape(known.spec.shape, shape)) return known.tensor;
      throw new BowError('shape', 'one parameter asked for with two shapes', {
        place: path,
        detail: { first: known.spec.shape, second: shape },
      });
    }
    const tensor = graph.input(path, dtype, shape) as Tensor<Float>;
    const spec = this.#hooks.spec({ path, shape, dtype, kind, init, ...(path === original ? {} : { like: original }) });
    params.set(path, { spec, tensor });
    return tensor;
  }

  /** Sets the value that a parameter, buffer or state will have after the run. */
  update(path: string, value: Tensor): void {
    const known = this.trace.params.get(path);
    if (!known) throw new BowError('usage', `nothing named "${path}" to update`, { place: this.path });
    if (!sameShape(known.spec.shape, value.shape) || value.dtype !== known.spec.dtype) {
      throw new BowError('shape', 'an update must keep shape and type', {
        place: path,
        detail: { has: known.spec.shape, update: value.shape, dtypes: [known.spec.dtype, value.dtype] },
      });
    }
    this.trace.updates.set(path, value);
  }

  /** Like {@link update}, for a name in this scope. */
  updateHere(name: string, value: Tensor): void {
    this.update(this.#hooks.rename(join(this.path, name)), value);
  }

  /** True for a name in this scope that is frozen. */
  isFixed(name: string): boolean {
    return this.trace.params.get(this.#hooks.rename(join(this.path, name)))?.spec.fixed === true;
  }

  /** Random values, new at every run, drawn from the run's seed and this path. */
  noise(name: string, shape: readonly number[], kind: NoiseSpec['kind'] = 'uniform'): Tensor<Float> {
    const path = `noise/${join(this.path, name)}`;
    this.trace.noise.set(path, { path, shape, kind });
    return this.trace.graph.input(path, this.trace.dtype, shape) as Tensor<Float>;
  }

  /** Names an intermediate tensor; it becomes an output only when a run's options ask for it. Returns the tensor. */
  tap<T extends Tensor>(name: string, tensor: T): T {
    this.trace.taps.set(join(this.path, name), tensor);
    return tensor;
  }

  /** The trainable parameters asked for so far, in order, optionally filtered. */
  trainable(filter: (path: string) => boolean = () => true): Map<string, Tensor<Float>> {
    const out = new Map<string, Tensor<Float>>();
    for (const [path, { spec, tensor }] of this.trace.params)
      if (spec.kind === 'param' && filter(path)) out.set(path, tensor);
    return out;
  }
}

function join(a: string, b: string): string {
  return a === '' ? b : `${a}/${b}`;
}
