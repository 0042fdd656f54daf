/** From a function over symbolic tensors to something that runs: traced once per input shapes, cached. */
import { BowError } from '../base/index.ts';
import { badArgument, needOptions } from './arguments.ts';
import type { Float } from './dtype.ts';
import { grad } from './grad.ts';
import type { Half } from './half.ts';
import { askedInputs, checkArrays } from './inputs.ts';
import type { ArraysOf, InputSpec, ModelFunction, SpecsOf, Tensors } from './model-function.ts';
import { pathPattern } from './path-pattern.ts';
import { createProgram, type Program, type ProgramOptions } from './program.ts';
import { ProgramCache } from './program-cache.ts';
import type { RunOptions } from './runner.ts';
import { newTrace, Scope, type Trace } from './scope.ts';
import { Store } from './store.ts';
import { Tensor } from './tensor.ts';

/** What a trace gives: the graph's parts and its named outputs. */
export type Traced = { readonly trace: Trace; readonly outputs: Map<string, Tensor> };

/** How a function is traced. */
export type TraceOptions = {
  /** Type that is computed in, float32 (default) or float64 (for tests). Storage types are refused: see `storage` of {@link Store}. */
  readonly dtype?: Float;
  /** How a parameter is stored, by path; `compile` asks its store. */
  readonly storage?: (path: string) => Half | undefined;
  readonly training?: boolean;
  /** Paths of intermediate tensors (`s.tap`) that become outputs too; `*` stands for anything but a slash. */
  readonly taps?: readonly string[];
};

/**
 * Calls a function with symbolic inputs. Errors: `usage` for an input that it never asks for, for one that it needs and that is not given, and for a
 * tap that matches nothing; `dtype` and `shape` from what it does.
 */
export function trace<In extends Tensors = Record<string, Tensor>, Out extends Tensors = Record<string, Tensor>>(
  fn: ModelFunction<In, Out>,
  inputs: NoInfer<SpecsOf<In>>,
  o?: TraceOptions,
): Traced;
export function trace(fn: ModelFunction, inputs: Readonly<Record<string, InputSpec>>, o: TraceOptions = {}): Traced {
  if (typeof fn !== 'function') throw badArgument(undefined, 'what is traced must be a function', fn);
  needOptions(undefined, 'inputs by name', inputs);
  const t = newTrace(o);
  const symbols: Record<string, Tensor> = {};
  for (const [name, spec] of Object.entries(inputs)) {
    needOptions(undefined, `input "${name}"`, spec);
    symbols[name] = t.graph.input(name, spec.dtype, spec.shape);
  }
  const outputs = new Map(Object.entries(called(fn, new Scope(t), symbols)));
  t.checks.run();
  for (const pattern of o.taps ?? []) {
    const hits = [...t.taps].filter(([path]) => pathPattern(pattern).test(path));
    if (hits.length === 0)
      throw new BowError('usage', `no tap matches "${pattern}"`, { detail: { taps: [...t.taps.keys()] } });
    for (const [path, tensor] of hits) outputs.set(path, tensor);
  }
  return { trace: t, outputs };
}

/** What the function returns, having asked for all the inputs that are given. */
function called(fn: ModelFunction, s: Scope, symbols: Record<string, Tensor>): Record<string, Tensor> {
  const { inputs, check } = askedInputs(symbols);
  let outputs: Record<string, Tensor>;
  try {
    outputs = fn(s, inputs);
  } catch (e) {
    check(e);
    throw e;
  }
  check();
  checkOutputs(outputs, s.trace);
  return outputs;
}

/** Throws `usage` for results that are not tensors of the trace by name. */
function checkOutputs(outputs: unknown, { graph }: Trace): void {
  if (outputs instanceof Promise)
    throw new BowError('usage', 'a function that is traced cannot be async', { hint: 'load what it needs before' });
  if (typeof outputs !== 'object' || outputs === null || outputs instanceof Tensor)
    throw badArgument(undefined, 'the function must return tensors by name', outputs, 'return { y }');
  for (const [name, t] of Object.entries(outputs)) {
    if (!(t instanceof Tensor)) throw badArgument(undefined, `output "${name}" must be a tensor`, t);
    if (t.graph !== graph) throw new BowError('usage', `output "${name}" is a tensor of another trace`);
  }
}

/** Options of {@link compile}. */
export type CompileOptions = TraceOptions &
  ProgramOptions & {
    readonly store?: Store;
    /**
     * Programs kept, one for each set of input shapes; beyond it the one that was used longest ago is closed. Default 16. Lengths that vary freely
     * are better padded to a few ({@link bucketLength}).
     */
    readonly maxPrograms?: number;
  };

const compileOptions = ['dtype', 'storage', 'training', 'taps', 'device', 'threads', 'profile', 'frozen', 'store', 'maxPrograms'] as const satisfies readonly (keyof CompileOptions)[]; // biome-ignore format: one line

/** Those of the options that are {@link compile}'s, for callers that have more of their own: others are refused there. */
export function pickCompileOptions(o: CompileOptions): CompileOptions {
  needOptions(undefined, 'pickCompileOptions', o);
  return Object.fromEntries(compileOptions.flatMap((name) => (o[name] === undefined ? [] : [[name, o[name]]])));
}

/** A function ready to be called with values. */
export type Compiled<In extends Tensors = Record<string, Tensor>, Out extends Tensors = Record<string, Tensor>> = {
  readonly store: Store;
  /** Programs that are kept at present. */
  readonly programs: number;
  /**
   * Runs; traces and compiles first when these shapes are new. Calls may overlap: they run in the order in which they were made, those of other
   * functions over the same store included. The arrays
   * returned are the caller's. Errors: `usage`, `dtype` and `shape` for inputs that are no arrays of values; those of tracing, and {@link Program.run}'s.
   */
  run(inputs: Readonly<ArraysOf<In>>, o?: RunOptions): Promise<ArraysOf<Out>>;
  /** The program for given input shapes, compiled when new. It is closed when `maxPrograms` others have been used since. */
  program(inputs: SpecsOf<In>): Promise<Program>;
  close(): Promise<void>;
};

/**
 * Compiles a function lazily for every set of input shapes that it is called with; parameters live in one store. Inputs and results are typed by
 * the function; taps that are asked for come beside its own results.
 */
export function compile<In extends Tensors = Record<string, Tensor>, Out extends Tensors = Record<string, Tensor>>(
  fn: ModelFunction<In, Out>,
  o: CompileOptions & { readonly taps: readonly string[] },
): Compiled<In, Out & Record<string, Tensor>>;
export function compile<In extends Tensors = Record<string, Tensor>, Out extends Tensors = Record<string, Tensor>>(
  fn: ModelFunction<In, Out>,
  o?: CompileOptions,
): Compiled<In, Out>;
export function compile(fn: ModelFunction, o: CompileOptions = {}): Compiled {
  needOptions(undefined, 'compile', o, compileOptions);
  const store = o.store ?? new Store();
  const programs = new ProgramCache(o.maxPrograms ?? 16, (inputs) => {
    const { trace: t, outputs } = trace(fn, inputs, { ...o, storage: (path) => store.storageOf(path) });
    return createProgram(t, outputs, store, o);
  });
  return {
    store,
    get programs() {
      return programs.size;
    },
    program: (inputs) => programs.use(inputs, (p) => p),
    run: async (inputs, runOptions) => {
      checkArrays(inputs);
      const mine = store.order.turn();
      return await programs
        .use(inputs, async (p) => {
          if (mine.before) await mine.before;
          const result = p.run(inputs, runOptions);
          mine.end();
          return result;
        })
        .finally(mine.end);
    },
    close: () => programs.close(),
  };
}

/**
 * The loss of a function and its gradient for every trainable parameter, under `loss` ([]) and `gradient/<path>` (the parameter's shape). Errors as
 * for {@link grad}.
 */
export function valueAndGrad<In extends Tensors = Record<string, Tensor>, D extends Float = Float>(
  fn: (s: Scope, inputs: In) => Tensor<D>,
): ModelFunction<In, { loss: Tensor<D>; [gradient: `gradient/${string}`]: Tensor<Float> }> {
  return (s, inputs) => {
    const loss = fn(s, inputs);
    const gradients = [...grad(loss, s.trainable())].map(([path, g]) => [`gradient/${path}`, g] as const);
    return { loss, ...Object.fromEntries(gradients) };
  };
}
