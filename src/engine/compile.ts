/** From a function over symbolic tensors to something that runs: traced once per input shapes, cached. */
import { BowError } from '../base/index.ts';
import type { DType, Float, NdArray } from './dtype.ts';
import { grad } from './grad.ts';
import { createProgram, type Program, type ProgramOptions, type RunOptions } from './program.ts';
import { newTrace, Scope, type Trace } from './scope.ts';
import { Store } from './store.ts';
import type { Tensor } from './tensor.ts';

/** A model, a loss or a whole training step: uses named parameters of the scope, returns named tensors. */
export type ModelFunction = (s: Scope, inputs: Record<string, Tensor>) => Record<string, Tensor>;

/** Shape and type of an input. */
export type InputSpec = { readonly dtype: DType; readonly shape: readonly number[] };

/** What a trace gives: the graph's parts and its named outputs. */
export type Traced = { readonly trace: Trace; readonly outputs: Map<string, Tensor> };

/** How a function is traced. */
export type TraceOptions = {
  /** Type of the parameters; float64 is for tests. */
  readonly dtype?: Float;
  readonly training?: boolean;
  /** Paths of intermediate tensors (`s.tap`) that become outputs too; `*` stands for anything but a slash. */
  readonly taps?: readonly string[];
};

/** Calls a function with symbolic inputs. Error `usage` for an output with the name of an input: ONNX names every value once. */
export function trace(fn: ModelFunction, inputs: Readonly<Record<string, InputSpec>>, o: TraceOptions = {}): Traced {
  const t = newTrace(o);
  const symbols: Record<string, Tensor> = {};
  for (const [name, spec] of Object.entries(inputs)) symbols[name] = t.graph.input(name, spec.dtype, spec.shape);
  const outputs = new Map(Object.entries(fn(new Scope(t), symbols)));
  t.checks.run();
  for (const pattern of o.taps ?? []) {
    const hits = [...t.taps].filter(([path]) => pathPattern(pattern).test(path));
    if (hits.length === 0)
      throw new BowError('usage', `no tap matches "${pattern}"`, { detail: { taps: [...t.taps.keys()] } });
    for (const [path, tensor] of hits) outputs.set(path, tensor);
  }
  for (const name of outputs.keys()) {
    if (!t.graph.inputs.has(name)) continue;
    const what = t.params.has(name) ? 'a parameter' : 'an input';
    throw new BowError('usage', `"${name}" is the name of ${what} and of an output`, { place: name });
  }
  return { trace: t, outputs };
}

/** A rule over paths as a regular expression: `*` is anything within a level, `**` anything at all. */
export function pathPattern(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/\*\*|\*/g, (m) => (m === '**' ? '.*' : '[^/]*'))}$`);
}

/** Options of {@link compile}. */
export type CompileOptions = TraceOptions & ProgramOptions & { readonly store?: Store };

/** A function ready to be called with values. */
export type Compiled = {
  readonly store: Store;
  /** Runs; traces and compiles first when these shapes are new. The arrays returned are overwritten by the next run of the same shapes. */
  run(inputs: Readonly<Record<string, NdArray>>, o?: RunOptions): Promise<Record<string, NdArray>>;
  /** The program for given input shapes, compiled when new. */
  program(inputs: Readonly<Record<string, InputSpec>>): Promise<Program>;
  close(): Promise<void>;
};

/** Compiles a function lazily for every set of input shapes that it is called with; parameters live in one store. */
export function compile(fn: ModelFunction, o: CompileOptions = {}): Compiled {
  const store = o.store ?? new Store();
  const programs = new Map<string, Promise<Program>>();
  const program = (inputs: Readonly<Record<string, InputSpec>>): Promise<Program> => {
    const key = Object.entries(inputs)
      .map(([n, s]) => `${n}:${s.dtype}[${s.shape.join()}]`)
      .join(' ');
    let p = programs.get(key);
    if (!p) {
      p = Promise.resolve().then(() => {
        const { trace: t, outputs } = trace(fn, inputs, o);
        return createProgram(t, outputs, store, o);
      });
      programs.set(key, p);
      p.catch(() => programs.delete(key));
    }
    return p;
  };
  return {
    store,
    program,
    run: async (inputs, runOptions) => (await program(inputs)).run(inputs, runOptions),
    close: async () => {
      for (const p of programs.values()) await (await p).close();
      programs.clear();
    },
  };
}

/** The loss of a function and its gradient for every trainable parameter, under `loss` and `gradient/<path>`. */
export function valueAndGrad(fn: (s: Scope, inputs: Record<string, Tensor>) => Tensor): ModelFunction {
  return (s, inputs) => {
    const loss = fn(s, inputs);
    const params = s.trainable();
    const gradients = grad(loss, [...params.values()]);
    return { loss, ...Object.fromEntries([...params.keys()].map((path, i) => [`gradient/${path}`, gradients[i]!])) };
  };
}
