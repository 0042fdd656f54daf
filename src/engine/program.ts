/** A traced graph made ready to run: one session, named state in preallocated double buffers, nothing copied between runs. */
import type * as ort from '#ort';
import { BowError, type Rng, unknownName } from '../base/index.ts';
import { makeArray, type NdArray, sizeOf } from './dtype.ts';
import { encodeModel } from './encode.ts';
import { rewriteForCpu } from './rewrites/cpu.ts';
import type { NoiseSpec, Trace } from './scope.ts';
import { createSession, fromOrt, resolveDevice, type Session, type SessionOptions, toOrt } from './session.ts';
import { type Meta, sameShape } from './shape.ts';
import type { Store } from './store.ts';
import type { Tensor } from './tensor.ts';

/** Options of one run. */
export type RunOptions = {
  /** Source of the noise inputs; needed when the graph has any. */
  readonly rng?: Rng;
};

/** A compiled graph with its state. */
export type Program = {
  readonly session: Session;
  readonly inputs: ReadonlyMap<string, Meta>;
  /** Nodes before encoding and bytes of the model, for curiosity and reports. */
  readonly stats: {
    readonly nodes: number;
    readonly bytes: number;
    readonly buildMs: number;
    readonly sessionMs: number;
  };
  /**
   * Runs once; named state in the store is replaced by its updates. The arrays returned are overwritten by the next run.
   * Throws `shape`, `dtype`, `usage` for inputs that do not fit, `backend` when onnxruntime fails.
   */
  run(inputs: Readonly<Record<string, NdArray>>, o?: RunOptions): Promise<Record<string, NdArray>>;
  /** Takes the last run's updates back: the store holds the state from before it again. Good for one run, and once. */
  revert(): void;
  close(): Promise<void>;
};

const UPDATE = 'update:';

/** How programs are made. */
export type ProgramOptions = SessionOptions & {
  /**
   * The store's parameters become constants of the graph: onnxruntime copies them once and lays them out for its kernels, which saves it that work at
   * every run. They are no longer looked up in the store. Not for graphs that change state, nor for more than 2 GB.
   */
  readonly frozen?: boolean;
};

/** Compiles a trace whose outputs are given by name; makes sure that the store holds what it needs. */
export async function createProgram(
  trace: Trace,
  outputs: ReadonlyMap<string, Tensor>,
  store: Store,
  o: ProgramOptions = {},
): Promise<Program> {
  const started = performance.now();
  const device = await resolveDevice(o.device);
  const plain = new Map<string, Tensor>(outputs);
  for (const [path, t] of trace.updates) plain.set(UPDATE + path, t);
  const all = device === 'cpu' ? rewriteForCpu(plain) : plain;
  ensureParams(trace, store);
  const initializers = o.frozen ? constantsOf(trace, store) : new Map<string, NdArray>();
  const bytes = encodeModel({ name: 'bow2bot', inputs: [...trace.graph.inputs.values()], outputs: all, initializers });
  const built = performance.now();
  const session = await createSession(bytes, { ...o, device });
  const stats = {
    nodes: trace.graph.nodes.length,
    bytes: bytes.byteLength,
    buildMs: built - started,
    sessionMs: performance.now() - built,
  };
  const plan = planOf(trace, outputs);
  return { session, inputs: plan.inputs, stats, ...runner(session, plan, store), close: () => session.close() };
}

function ensureParams(trace: Trace, store: Store): void {
  const specs = [...trace.params.values()].map((p) => p.spec);
  for (const spec of specs) if (spec.like === undefined) store.ensure(spec);
  for (const spec of specs) if (spec.like !== undefined) store.ensure(spec); // copies come after what they copy
}

function constantsOf(trace: Trace, store: Store): Map<string, NdArray> {
  const [changed] = trace.updates.keys();
  if (changed !== undefined)
    throw new BowError('usage', 'a frozen program cannot change its state', { place: changed });
  return new Map([...trace.params.keys()].map((path) => [path, store.get(path)]));
}

/**
 * What running needs to know of a trace, without the graph: a kept graph would be thousands of objects for the garbage collector, which every
 * run of onnxruntime wakes (docs/decisions/0003-cpu-rewrites.md).
 */
type Plan = {
  /** Inputs that the caller feeds. */
  readonly inputs: ReadonlyMap<string, Meta>;
  readonly params: readonly string[];
  readonly noise: readonly (readonly [NoiseSpec, Meta])[];
  readonly outputs: ReadonlyMap<string, Meta>;
  readonly updates: ReadonlyMap<string, Meta>;
};

function planOf(trace: Trace, outputs: ReadonlyMap<string, Tensor>): Plan {
  const metas = (m: Iterable<readonly [string, Tensor]>): Map<string, Meta> =>
    new Map([...m].map(([name, { shape, dtype }]) => [name, { shape, dtype }]));
  const { graph, params, noise } = trace;
  return {
    inputs: metas([...graph.inputs].filter(([name]) => !params.has(name) && !noise.has(name))),
    params: [...params.keys()],
    noise: [...noise.values()].map((spec) => [spec, { shape: spec.shape, dtype: trace.dtype }]),
    outputs: metas(outputs),
    updates: metas(trace.updates),
  };
}

function runner(session: Session, plan: Plan, store: Store): Pick<Program, 'run' | 'revert'> {
  const fetches: Record<string, ort.Tensor> = {};
  const results: Record<string, NdArray> = {};
  for (const [name, t] of plan.outputs) {
    results[name] = buffer(t);
    fetches[name] = toOrt(results[name]);
  }
  const spare = new Map([...plan.updates].map(([path, t]) => [path, buffer(t)]));
  const noise = plan.noise.map(([spec, meta]) => [spec, buffer(meta)] as const);
  const wanted = new Set(session.inputNames);
  let running = false;
  let revertible = false;
  const swap = (): void => {
    for (const [path, array] of spare) {
      spare.set(path, store.get(path));
      store.set(path, array);
    }
  };

  const run: Program['run'] = async (given, o = {}) => {
    if (running)
      throw new BowError('usage', 'a program runs one call at a time', { hint: 'await the run before the next' });
    running = true;
    try {
      const feeds: Record<string, ort.Tensor> = {};
      for (const [name, t] of plan.inputs) feeds[name] = toOrt(checked(name, t, given, plan.inputs));
      for (const path of plan.params) feeds[path] = toOrt(store.get(path));
      for (const [spec, array] of noise) {
        fillNoise(spec, array, o.rng);
        feeds[spec.path] = toOrt(array);
      }
      for (const [path, array] of spare) fetches[UPDATE + path] = toOrt(array);
      for (const name of Object.keys(feeds)) if (!wanted.has(name)) delete feeds[name];
      const got = await session.run(feeds, fetches);
      if (!session.writesInPlace) {
        for (const name of plan.outputs.keys()) results[name] = fromOrt(got[name]!);
        for (const path of spare.keys()) spare.set(path, fromOrt(got[UPDATE + path]!));
      }
      swap();
      revertible = true;
      return { ...results };
    } finally {
      running = false;
    }
  };
  const revert = (): void => {
    if (!revertible) throw new BowError('usage', 'there is no run to take back');
    revertible = false;
    swap();
  };
  return { run, revert };
}

function buffer(t: Meta): NdArray {
  return { dtype: t.dtype, shape: t.shape, data: makeArray(t.dtype, sizeOf(t.shape)) };
}

function checked(
  name: string,
  t: Meta,
  given: Readonly<Record<string, NdArray>>,
  known: ReadonlyMap<string, Meta>,
): NdArray {
  const a = given[name];
  for (const k of Object.keys(given))
    if (!known.has(k)) throw new BowError('usage', unknownName('input', k, known.keys()));
  if (!a) throw new BowError('usage', `input "${name}" is missing`, { detail: { given: Object.keys(given) } });
  if (a.dtype !== t.dtype) throw new BowError('dtype', `input "${name}" is ${a.dtype}, the graph takes ${t.dtype}`);
  if (!sameShape(a.shape, t.shape)) {
    throw new BowError('shape', `input "${name}" has another shape than the graph`, {
      detail: { given: a.shape, graph: t.shape },
    });
  }
  return a;
}

/** Fills a noise input from the run's stream and the input's own path. */
function fillNoise(spec: NoiseSpec, array: NdArray, rng: Rng | undefined): void {
  if (!rng) throw new BowError('usage', 'this graph draws random numbers; pass { rng }', { place: spec.path });
  const stream = rng.split(spec.path);
  const data = array.data as Float32Array;
  if (spec.kind === 'normal') for (let i = 0; i < data.length; i++) data[i] = stream.normal();
  else for (let i = 0; i < data.length; i++) data[i] = (stream.uint32() >>> 8) / 16777216; // 24 bits: exact in float32, never 1
}
