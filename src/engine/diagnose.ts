/**
 * Finds where a number stopped being finite: the same function is traced again, every floating intermediate becomes an output, and the first
 * tensor that is not finite while all it was computed from is, is named by its scope path.
 */
import { type CompileOptions, trace } from './compile.ts';
import type { NdArray } from './dtype.ts';
import { isFloat } from './dtype.ts';
import { ancestors, type Node, type Value } from './graph.ts';
import { checkArrays } from './inputs.ts';
import type { ModelFunction } from './model-function.ts';
import { createProgram } from './program.ts';
import type { RunOptions } from './runner.ts';
import { isHalf, widened } from './storage.ts';
import type { Store } from './store.ts';
import type { Tensor } from './tensor.ts';

/** A tensor that is not finite although its operands are. */
export type NotFinite = {
  /** Scope path of the operator, or the name of a parameter or input. Operators of the backward pass carry the path of the forward one. */
  readonly place: string;
  /** Operator; undefined for a parameter or an input. */
  readonly op: string | undefined;
  readonly shape: readonly number[];
  readonly nan: number;
  readonly infinite: number;
};

/** Outputs of one session at most, bytes: intermediates are looked at in groups, so that a large model does not need them all at once. */
const groupBytes = 256 * 2 ** 20;

/**
 * Looks for the first tensor that is not finite and that the outputs or updates depend on. Runs on the values that the store holds now; nothing
 * in it changes. Infinite constants (masks) are deliberate, and so is what is computed from them as long as no NaN appears.
 * Undefined when every tensor is finite.
 */
export async function findNotFinite(
  fn: ModelFunction,
  inputs: Readonly<Record<string, NdArray>>,
  o: CompileOptions & RunOptions & { readonly store: Store },
): Promise<NotFinite | undefined> {
  checkArrays(inputs);
  const traced = trace(fn, inputs, { ...o, storage: (path) => o.store.storageOf(path) });
  const { graph, params, updates, appends } = traced.trace;
  const seen: Verdicts = new Map();
  for (const [name, v] of graph.inputs) {
    const array = params.has(name) ? o.store.get(name) : inputs[name];
    if (array && isFloat(v.dtype)) seen.set(v, count(array));
  }
  const results = [...traced.outputs.values(), ...updates.values(), ...[...appends.values()].map((a) => a.rows)];
  const nodes = ancestors(results);
  for (const group of groups(nodes)) {
    updates.clear(); // the store must stay as it is
    appends.clear();
    const program = await createProgram(traced.trace, group, o.store, o);
    try {
      const values = await program.run(inputs, o);
      for (const [name, v] of group) seen.set(v, count(values[name]!));
    } finally {
      await program.close();
    }
  }
  return firstBirth(nodes, results, seen);
}

type Verdict = { readonly nan: number; readonly infinite: number };
type Verdicts = Map<Value, Verdict>;

function count(a: NdArray): Verdict {
  let [nan, infinite] = [0, 0];
  for (const x of (isHalf(a.dtype) ? widened(a) : a).data as Float32Array) {
    if (Number.isFinite(x)) continue;
    if (Number.isNaN(x)) nan++;
    else infinite++;
  }
  return { nan, infinite };
}

/** The floating results of the nodes, in their order, in groups of bounded size. */
function* groups(nodes: readonly Node[]): Generator<Map<string, Tensor>> {
  let group = new Map<string, Tensor>();
  let bytes = 0;
  for (const v of nodes.flatMap((n) => n.outputs) as Tensor[]) {
    if (!isFloat(v.dtype)) continue;
    if (group.size > 0 && bytes + 8 * v.size > groupBytes) {
      yield group;
      group = new Map();
      bytes = 0;
    }
    group.set(`value:${v.id}`, v);
    bytes += 8 * v.size;
  }
  if (group.size > 0) yield group;
}

function firstBirth(nodes: readonly Node[], results: readonly Value[], seen: Verdicts): NotFinite | undefined {
  const bad = badTensors(nodes, seen);
  const reached = new Set<Value>();
  const stack = results.filter((v) => bad.has(v));
  for (let v = stack.pop(); v; v = stack.pop()) {
    if (reached.has(v)) continue;
    reached.add(v);
    stack.push(...(v.node?.inputs ?? []).filter((x) => bad.has(x)));
  }
  const births = [...reached].filter((v) => !v.node?.inputs.some((x) => bad.has(x)));
  const index = (v: Value): number => v.node?.index ?? -1;
  const first = births.sort((a, b) => index(a) - index(b))[0];
  if (!first) return undefined;
  const place = first.node ? first.node.place || 'graph' : first.name!;
  return { place, op: first.node?.op, shape: first.shape, ...seen.get(first)! };
}

/** Tensors with values that nobody meant: NaN, or infinities that do not come from infinite constants. */
function badTensors(nodes: readonly Node[], seen: Verdicts): Set<Value> {
  const bad = new Set<Value>([...seen].filter(([v, s]) => !v.node && s.nan + s.infinite > 0).map(([v]) => v));
  const deliberate = new Set<Value>();
  for (const node of nodes) {
    for (const v of node.inputs)
      if (v.constant && isFloat(v.dtype) && count(v.constant).infinite > 0) deliberate.add(v);
    const meant = node.inputs.some((v) => deliberate.has(v)) && !node.inputs.some((v) => bad.has(v));
    for (const v of node.outputs) {
      const { nan, infinite } = seen.get(v) ?? { nan: 0, infinite: 0 };
      if (nan > 0 || (infinite > 0 && !meant)) bad.add(v);
      else if (infinite > 0) deliberate.add(v);
    }
  }
  return bad;
}
