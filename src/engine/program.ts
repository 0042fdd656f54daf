/** A traced graph made ready to run: one session, named state in preallocated double buffers, nothing copied between runs. */
import { BowError } from '../base/index.ts';
import { badArgument, needMap, needOptions } from './arguments.ts';
import type { NdArray } from './dtype.ts';
import { encodeModel } from './encode.ts';
import { rewriteForCpu } from './rewrites/cpu.ts';
import { createRunner, type Plan, type Runner } from './runner.ts';
import type { Trace } from './scope.ts';
import { checkHalf, createSession, resolveDevice, type Session, type SessionOptions } from './session.ts';
import type { Meta } from './shape.ts';
import { isHalf } from './storage.ts';
import { Store } from './store.ts';
import { type Tensor, TensorGraph } from './tensor.ts';

/** A compiled graph with its state. */
export type Program = Runner & {
  readonly session: Session;
  readonly inputs: ReadonlyMap<string, Meta>;
  /** Nodes before encoding and bytes of the model, for curiosity and reports. */
  readonly stats: {
    readonly nodes: number;
    readonly bytes: number;
    readonly buildMs: number;
    readonly sessionMs: number;
  };
};

/** How programs are made. */
export type ProgramOptions = SessionOptions & {
  /**
   * The store's parameters become constants of the graph: onnxruntime copies them once and lays them out for its kernels, which saves it that work at
   * every run. They are no longer looked up in the store. Not for graphs that change state, nor for more than 2 GB.
   */
  readonly frozen?: boolean;
};

/** Results and new values have names of their own in the model, so that an output may be called like an input or a parameter. */
const [OUTPUT, UPDATE, APPEND] = ['output:', 'update:', 'append:'];

/**
 * Compiles a trace whose outputs are given by name; makes sure that the store holds what it needs. Errors: `checkpoint` and `dtype` for stored
 * tensors that do not fit, `usage` for a frozen program that changes state, `backend` when the session does not start.
 */
export async function createProgram(
  trace: Trace,
  outputs: ReadonlyMap<string, Tensor>,
  store: Store,
  o: ProgramOptions = {},
): Promise<Program> {
  if (!(trace?.graph instanceof TensorGraph && trace.params instanceof Map))
    throw badArgument(undefined, 'createProgram: the first argument must be a trace', trace);
  needMap('createProgram: the second argument', outputs);
  if (!(store instanceof Store))
    throw badArgument(undefined, 'createProgram: the third argument must be a store', store);
  needOptions(undefined, 'createProgram', o);
  const started = performance.now();
  const device = await resolveDevice(o.device);
  const results = new Map<string, Tensor>();
  for (const [name, t] of outputs) results.set(OUTPUT + name, t);
  for (const [path, t] of trace.updates) results.set(UPDATE + path, t);
  for (const [path, { rows }] of trace.appends) results.set(APPEND + path, rows);
  if (results.size === 0)
    throw new BowError('usage', 'the function gives no result and changes no state', { hint: 'return { y }' });
  const all = device === 'cpu' ? rewriteForCpu(results) : results;
  ensureParams(trace, store);
  for (const [name, t] of results)
    if (t.dtype === 'bfloat16')
      throw new BowError('dtype', 'a result cannot be bfloat16', { place: name, hint: "cast it: x.to('float32')" });
  const initializers = o.frozen ? constantsOf(trace, store) : new Map<string, NdArray>();
  for (const { dtype, name } of trace.graph.inputs.values())
    if (isHalf(dtype) && !initializers.has(name!)) await checkHalf(dtype, device);
  const bytes = encodeModel({ name: 'bow2bot', inputs: [...trace.graph.inputs.values()], outputs: all, initializers });
  const built = performance.now();
  const session = await createSession(bytes, { ...o, device });
  const stats = {
    nodes: trace.graph.nodes.length,
    bytes: bytes.byteLength,
    buildMs: built - started,
    sessionMs: performance.now() - built,
  };
  const plan = planOf(trace, outputs, o.frozen === true);
  return { session, inputs: plan.inputs, stats, ...createRunner(session, plan, store) };
}

function ensureParams(trace: Trace, store: Store): void {
  const specs = [...trace.params.values()].map((p) => p.spec);
  for (const spec of specs) if (spec.like === undefined) store.ensure(spec);
  for (const spec of specs) if (spec.like !== undefined) store.ensure(spec); // copies come after what they copy
}

function constantsOf(trace: Trace, store: Store): Map<string, NdArray> {
  const [changed] = [...trace.updates.keys(), ...trace.appends.keys()];
  if (changed !== undefined)
    throw new BowError('usage', 'a frozen program cannot change its state', { place: changed });
  return new Map([...trace.params.keys()].map((path) => [path, store.get(path)]));
}

function planOf(trace: Trace, outputs: ReadonlyMap<string, Tensor>, frozen: boolean): Plan {
  const metas = (m: Iterable<readonly [string, Tensor]>): [string, Meta][] =>
    [...m].map(([name, t]) => [name, metaOf(t)]);
  const metaOf = ({ shape, dtype }: Tensor): Meta => ({ shape, dtype });
  const { graph, params, noise } = trace;
  return {
    inputs: new Map(metas([...graph.inputs].filter(([name]) => !params.has(name) && !noise.has(name)))),
    params: frozen ? [] : [...params.keys()],
    noise: [...noise.values()].map((spec) => ({ spec, shape: spec.shape, dtype: trace.dtype })),
    outputs: [...outputs.keys()].map((name) => ({ name, as: OUTPUT + name })),
    appends: [...trace.appends].map(([path, { rows, axis, at }]) => ({
      path,
      as: APPEND + path,
      axis,
      at,
      count: rows.dim(axis),
      ...metaOf(params.get(path)!.tensor),
    })),
    updates: metas(trace.updates).map(([path, meta]) => ({ path, as: UPDATE + path, ...meta })),
  };
}
