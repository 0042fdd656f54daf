/**
 * The graph under construction and the symbolic tensors in it. A node is made by {@link Graph.emit}, which runs the operator's shape rule and
 * shares equal nodes; nothing is computed here.
 */
import { BowError, isBowError } from '../base/index.ts';
import { needDType, needWholes } from './arguments.ts';
import type { DType, NdArray } from './dtype.ts';
import type { Attrs, AttrValue } from './op.ts';
import { type OpName, opSpec } from './ops/index.ts';
import type { Meta } from './shape.ts';

/** One operator applied to tensors. */
export type Node<V = Value> = {
  readonly op: OpName;
  readonly inputs: readonly V[];
  readonly attrs: Attrs;
  readonly outputs: readonly V[];
  /** Scope path that was current when the node was made; for messages and profiles. */
  readonly place: string;
  /** Position in the graph; inputs always come earlier. */
  readonly index: number;
};

/** A tensor in the graph: made by a node, fed from outside, or constant. */
export type Value = Meta & {
  readonly id: number;
  readonly graph: Graph;
  readonly node: Node | undefined;
  /** Name of an input; the key of its values at run time. */
  readonly name: string | undefined;
  readonly constant: NdArray | undefined;
};

/** Makes the public tensor object for a value; set once by tensor.ts, so that graph.ts need not know its methods. */
export type MakeValue<V extends Value> = (v: Omit<Value, 'id'> & { id: number }) => V;

/** A graph being built. */
export class Graph<V extends Value = Value> {
  readonly nodes: Node<V>[] = [];
  readonly inputs: Map<string, V> = new Map();
  /** Scope path for the nodes made next. */
  place = '';
  readonly #make: MakeValue<V>;
  readonly #shared = new Map<string, readonly V[]>();
  readonly #constants = new Map<string, V>();
  #ids = 0;

  constructor(make: MakeValue<V>) {
    this.#make = make;
  }

  #value(meta: Meta, o: { node?: Node<V>; name?: string; constant?: NdArray }): V {
    const { shape, dtype } = meta;
    const id = this.#ids++;
    return this.#make({ id, shape, dtype, graph: this, node: o.node, name: o.name, constant: o.constant });
  }

  /** An input fed at run time; its name must be new. */
  input(name: string, dtype: DType, shape: readonly number[]): V {
    needDType({ rank: 0, graph: this }, `input "${name}"`, dtype);
    needWholes({ rank: 0, graph: this }, `the shape of "${name}"`, shape, { low: 0 });
    if (this.inputs.has(name)) throw new BowError('usage', `input "${name}" exists already`, { place: this.place });
    const v = this.#value({ shape, dtype }, { name });
    this.inputs.set(name, v);
    return v;
  }

  /** A constant; equal small constants are shared. */
  constant(value: NdArray): V {
    if (value.data.length > 64) return this.#value(value, { constant: value });
    const key = `${value.dtype}[${value.shape.join()}]${value.data.join()}`;
    const found = this.#constants.get(key);
    if (found) return found;
    const v = this.#value(value, { constant: value });
    this.#constants.set(key, v);
    return v;
  }

  /** Applies an operator. An equal application made before is returned again. */
  emit(name: OpName, inputs: readonly V[], attrs: Attrs = {}): readonly V[] {
    for (const v of inputs) if (v.graph !== (this as Graph)) throw this.#foreign(name); // first: ids count in each graph
    const key = `${name}(${inputs.map((v) => v.id).join()})${attrsKey(attrs)}`;
    const shared = this.#shared.get(key);
    if (shared) return shared;
    this.#needNumbers(name, attrs);
    const metas = this.#infer(name, inputs, attrs);
    const outputs: V[] = [];
    const node: Node<V> = { op: name, inputs, attrs, outputs, place: this.place, index: this.nodes.length };
    for (const m of metas) outputs.push(this.#value(m, { node }));
    this.nodes.push(node);
    this.#shared.set(key, outputs);
    return outputs;
  }

  #infer(name: OpName, inputs: readonly Value[], attrs: Attrs): readonly Meta[] {
    try {
      return opSpec(name).infer(inputs, attrs);
    } catch (e) {
      if (!isBowError(e)) throw e;
      const detail = Object.fromEntries(inputs.map((v, i) => [`input ${i}`, metaText(v)]));
      throw new BowError(e.code, `${name}: ${e.message}${e.code === 'dtype' ? named(inputs) : ''}`, {
        place: this.place,
        detail: { ...detail, ...e.detail },
        ...(e.hint === undefined ? {} : { hint: e.hint }),
      });
    }
  }

  /** NaN is no attribute: it comes from an undefined number somewhere before. */
  #needNumbers(name: OpName, attrs: Attrs): void {
    for (const [key, value] of Object.entries(attrs)) {
      if (Array.isArray(value) ? !value.some(Number.isNaN) : !Number.isNaN(value)) continue;
      throw new BowError('usage', `${name}: ${key} is NaN`, { place: this.place });
    }
  }

  #foreign(name: string): BowError {
    return new BowError('usage', `${name}: an operand belongs to another graph`, {
      place: this.place,
      hint: 'tensors live in the trace that made them; pass values between traces as inputs',
    });
  }
}

/** Type, shape and, where it has one, name. */
function metaText(v: Value): string {
  const text = `${v.dtype} [${v.shape.join(', ')}]`;
  return v.name === undefined ? text : `${text} "${v.name}"`;
}

/** Operators whose result has the type of the first operand, and for a reader its name. */
const moves: ReadonlySet<string> = new Set(['Transpose', 'Reshape', 'Slice', 'Expand', 'Concat', 'StopGradient']);

/** `; "x" is int64` for operands that are inputs, perhaps moved: it is there that a caller gave another type than the function is for. */
function named(inputs: readonly Value[]): string {
  const found = inputs.map((v) => {
    let at = v;
    while (at.node && moves.has(at.node.op)) at = at.node.inputs[0]!;
    return at.name === undefined ? undefined : `; "${at.name}" is ${at.dtype}`;
  });
  return [...new Set(found)].join('');
}

function attrsKey(attrs: Attrs): string {
  let key = '';
  for (const [k, v] of Object.entries(attrs) as [string, AttrValue][]) key += `;${k}=${String(v)}`;
  return key;
}

/** The nodes that the given values depend on, in order. */
export function ancestors<V extends Value & { readonly node: Node<V> | undefined }>(outputs: readonly V[]): Node<V>[] {
  const needed = new Set<Node<V>>();
  const stack = outputs.flatMap((v) => (v.node ? [v.node] : []));
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (needed.has(node)) continue;
    needed.add(node);
    for (const v of node.inputs) if (v.node && !needed.has(v.node)) stack.push(v.node);
  }
  return [...needed].sort((a, b) => a.index - b.index);
}
