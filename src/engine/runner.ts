/** Running a session: what is fed, what comes back, and how state moves from one set of buffers to the other. */
import type * as ort from '#ort';
import { BowError, type ErrorDetail, type Rng } from '../base/index.ts';
import { makeArray, type NdArray, sizeOf } from './dtype.ts';
import { checkInputs } from './inputs.ts';
import type { NoiseSpec } from './scope.ts';
import { fromOrt, type Session, toOrt } from './session.ts';
import { type Meta, sameShape } from './shape.ts';
import type { Store } from './store.ts';

/** Options of one run. */
export type RunOptions = {
  /**
   * Where the noise inputs are drawn from; needed when the graph has any (dropout while training). A run does not advance it, so that a step can be
   * repeated: the same stream gives the same numbers, `rng.split(step)` new ones for every step.
   */
  readonly rng?: Rng;
};

/**
 * What running needs to know of a trace, without the graph: a kept graph would be thousands of objects for the garbage collector, which every
 * run of onnxruntime wakes (docs/decisions/0003-cpu-rewrites.md). `as` is a value's name in the model.
 */
export type Plan = {
  /** Inputs that the caller feeds. */
  readonly inputs: ReadonlyMap<string, Meta>;
  /** Paths fed from the store. */
  readonly params: readonly string[];
  readonly noise: readonly (Meta & { readonly spec: NoiseSpec })[];
  readonly outputs: readonly { readonly name: string; readonly as: string }[];
  /** State that rows are written into; the shape is the state's. */
  readonly appends: readonly AppendPlan[];
  readonly updates: readonly (Meta & { readonly path: string; readonly as: string })[];
};

/** A state and what a run appends to it: `count` rows along `axis`, at the row that the input `at` says. */
type AppendPlan = Meta & {
  readonly path: string;
  readonly as: string;
  readonly axis: number;
  readonly at: string;
  readonly count: number;
};

/** The part of a program that acts. */
export type Runner = {
  /**
   * Runs once; named state in the store is replaced by its updates. Calls may overlap: they queue in the order of the calls, with those of all
   * programs over the same store (runs that change nothing may overlap each other), and an error of one does not stop the next. Inputs are read
   * when the run starts, so leave them as they are until it ends. The arrays returned are the caller's: no later run writes into them.
   * Throws `shape`, `dtype`, `usage` for inputs that do not fit, `backend` when onnxruntime fails.
   */
  run(inputs: Readonly<Record<string, NdArray>>, o?: RunOptions): Promise<Record<string, NdArray>>;
  /**
   * Takes the last run's updates back: the store holds the state from before it again. Good for one run, and once; `usage` when there is
   * nothing to take back, or when the state has been changed since by another program or by hand.
   */
  revert(): void;
  /** Frees the session when the runs asked for so far have ended; later ones are refused. */
  close(): Promise<void>;
};

/** A runner of a session over a store. */
export function createRunner(session: Session, plan: Plan, store: Store): Runner {
  const state = doubleBuffers(plan, store);
  const noise = noiseBuffers(plan);
  const appended = appendedState(plan, store);
  const wanted = new Set(session.inputNames);
  const pending = new Set<Promise<unknown>>();
  let closed: Promise<void> | undefined;

  const runNow = async (inputs: readonly (readonly [string, NdArray])[], o: RunOptions): Promise<Results> => {
    appended.prepare(inputs);
    const feeds: Record<string, ort.Tensor> = {};
    const feed = (name: string, array: NdArray): void => {
      if (wanted.has(name)) feeds[name] = toOrt(array);
    };
    for (const [name, array] of inputs) feed(name, array);
    for (const path of plan.params) feed(path, store.get(path));
    const drawn = noise.draw(o.rng);
    for (const [path, array] of drawn) feed(path, array);
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const { as } of plan.outputs) fetches[as] = null; // onnxruntime allocates: a result is nobody's but the caller's
    for (const { as } of plan.appends) fetches[as] = null;
    for (const { path, as } of plan.updates) fetches[as] = toOrt(state.spare(path));
    const got = await session.run(feeds, fetches);
    noise.release(drawn);
    appended.write(inputs, (as) => fromOrt(got[as]!));
    state.move(session.writesInPlace ? undefined : (as) => fromOrt(got[as]!));
    return Object.fromEntries(plan.outputs.map(({ name, as }) => [name, fromOrt(got[as]!)]));
  };

  const run: Runner['run'] = async (given, o = {}) => {
    if (closed) throw new BowError('usage', 'this program is closed');
    const inputs = checkInputs(given, plan.inputs);
    const job = (): Promise<Results> => runNow(inputs, o);
    const done = plan.updates.length + plan.appends.length > 0 ? store.order.write(job) : store.order.read(job);
    pending.add(done);
    try {
      return await done;
    } finally {
      pending.delete(done);
    }
  };
  const close: Runner['close'] = () => {
    closed ??= Promise.allSettled(pending).then(() => session.close());
    return closed;
  };
  const revert: Runner['revert'] = () => {
    const [first] = plan.appends;
    if (first) throw new BowError('usage', 'rows that were appended cannot be taken back', { place: first.path });
    state.revert();
  };
  return { run, revert, close };
}

type Results = Record<string, NdArray>;

function buffer(t: Meta): NdArray {
  return { dtype: t.dtype, shape: t.shape, data: makeArray(t.dtype, sizeOf(t.shape)) };
}

/** The second set of buffers for the state that a run updates. */
function doubleBuffers(plan: Plan, store: Store) {
  const spare = new Map(plan.updates.map((t) => [t.path, buffer(t)]));
  let moved: Map<string, NdArray> | undefined;
  /** Puts the spare arrays into the store and keeps those that were there. */
  const swap = (): void => {
    for (const [path, array] of spare) {
      spare.set(path, store.get(path));
      store.set(path, array);
    }
  };
  return {
    spare: (path: string): NdArray => spare.get(path)!,
    /** After a run: the new values become the store's. `received`: they were not written into the spare arrays, but returned under their names. */
    move: (received: ((as: string) => NdArray) | undefined): void => {
      if (received) for (const { path, as } of plan.updates) spare.set(path, received(as));
      moved = new Map(spare);
      swap();
    },
    revert: (): void => {
      if (!moved || moved.size === 0) throw new BowError('usage', 'there is no run to take back');
      const changed = [...moved].find(([path, array]) => !store.has(path) || store.get(path) !== array);
      if (changed) {
        const message = 'the run cannot be taken back: the state has been changed since';
        throw new BowError('usage', message, { place: changed[0] });
      }
      moved = undefined;
      swap();
    },
  };
}

type Inputs = readonly (readonly [string, NdArray])[];

/** State that rows are written into, in place. */
function appendedState(plan: Plan, store: Store) {
  const rowOf = (p: AppendPlan, inputs: Inputs): number => Number(inputs.find(([name]) => name === p.at)![1].data[0]);
  return {
    /** Throws `shape` when the rows do not fit; makes room where a run at row 0 has other sizes than the state. */
    prepare: (inputs: Inputs): void => {
      for (const p of plan.appends) {
        const at = rowOf(p, inputs);
        const [length, end] = [p.shape[p.axis]!, at + p.count];
        const refuse = (what: string, hint: string, detail: ErrorDetail): BowError =>
          new BowError('shape', what, { place: p.path, hint, detail });
        if (at < 0 || end > length)
          throw refuse(
            `rows ${at} to ${end - 1} are not among the ${length} of the state`,
            'make it longer, or begin anew at 0',
            {},
          );
        const { shape } = store.get(p.path);
        if (at > 0 && !sameShape(shape, p.shape))
          throw refuse('the state was begun with other sizes', 'begin anew at 0', { state: shape, run: p.shape });
      }
      for (const p of plan.appends) if (!sameShape(store.get(p.path).shape, p.shape)) store.set(p.path, buffer(p));
    },
    /** After a run: its rows go into the state. */
    write: (inputs: Inputs, rowsOf: (as: string) => NdArray): void => {
      for (const p of plan.appends) {
        const [rows, state] = [rowsOf(p.as).data, store.get(p.path).data];
        const inner = sizeOf(p.shape.slice(p.axis + 1));
        const [each, whole] = [p.count * inner, p.shape[p.axis]! * inner];
        const first = rowOf(p, inputs) * inner;
        for (let i = 0; i * each < rows.length; i++)
          (state as Float32Array).set(rows.subarray(i * each, (i + 1) * each) as Float32Array, i * whole + first);
      }
    },
  };
}

type Drawn = ReadonlyMap<string, NdArray>;

/** Arrays for the noise inputs; runs that overlap have arrays of their own. */
function noiseBuffers(plan: Plan) {
  const free: Drawn[] = [];
  return {
    draw: (rng: Rng | undefined): Drawn => {
      const arrays = free.pop() ?? new Map(plan.noise.map((t) => [t.spec.path, buffer(t)]));
      for (const { spec } of plan.noise) fillNoise(spec, arrays.get(spec.path)!, rng);
      return arrays;
    },
    release: (arrays: Drawn): void => void free.push(arrays),
  };
}

/** Fills a noise input from the run's stream and the input's own path. */
function fillNoise(spec: NoiseSpec, array: NdArray, rng: Rng | undefined): void {
  if (!rng)
    throw new BowError('usage', 'this graph draws random numbers and was run without { rng }', {
      place: spec.path,
      hint: "run(inputs, { rng: rng.split(step) }), with rng = new Rng(seed) of 'bow2bot/base'; one stream draws the same numbers in every run",
    });
  const stream = rng.split(spec.path);
  const data = array.data as Float32Array;
  if (spec.kind === 'normal') for (let i = 0; i < data.length; i++) data[i] = stream.normal();
  else for (let i = 0; i < data.length; i++) data[i] = (stream.uint32() >>> 8) / 16777216; // 24 bits: exact in float32, never 1
}
