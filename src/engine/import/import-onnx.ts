/**
 * A published model as a part of ours: every node of the file becomes operators of the graph being traced, so the part can be cut at any tensor,
 * frozen, continued with layers, and differentiated where its operators have gradient rules.
 */
import { BowError, isBowError, unknownName } from '../../base/index.ts';
import { type DType, isFloat, type NdArray } from '../dtype.ts';
import { interpret, toRef } from '../interpret.ts';
import type { Ref } from '../op.ts';
import type { Scope } from '../scope.ts';
import type { Tensor } from '../tensor.ts';
import { Context, KnownValues, toArray } from './context.ts';
import { converters } from './converters/index.ts';
import { type FileInput, type FileNode, type OnnxFile, readModel } from './model.ts';
import { checkNode } from './signatures.ts';
import type { ReadExternal, StoredTensor } from './stored-tensor.ts';

/** Options of {@link importOnnx}. */
export type ImportOptions = {
  /** Name of the file in messages. */
  readonly place?: string;
  /** Reads tensors that lie in files beside the model; `importOnnxFile` of `engine/node` gives one. */
  readonly external?: ReadExternal;
};

/** Options of a call. */
export type ImportedCall = {
  /** Tensors of the file to return; its own outputs when absent. */
  readonly outputs?: readonly string[];
  /** Which initializers are not trained (default: all). */
  readonly frozen?: boolean | ((name: string) => boolean);
};

/** An imported model: call it with a scope and its inputs by name. An input named as an inner tensor of the file replaces that tensor. */
export type Imported = {
  (s: Scope, inputs: Readonly<Record<string, Tensor>>, o?: ImportedCall): Record<string, Tensor>;
  readonly inputs: readonly FileInput[];
  readonly outputs: readonly string[];
  readonly initializers: ReadonlyMap<string, Pick<StoredTensor, 'dtype' | 'shape' | 'size'>>;
  /** Every tensor that a node makes, in order: where the model can be cut. */
  readonly tensors: readonly string[];
  /** Operator names that the file uses and the import does not know. */
  readonly unknown: readonly string[];
  readonly metadata: ReadonlyMap<string, string>;
};

/** Constant results up to this size are computed at once, so that shape arithmetic leaves no nodes behind. */
const FOLDED = 4096;
/** Float constants of nodes from this size on are weights. */
const WEIGHT = 64;

/**
 * Reads a model. Float initializers become parameters of the scope under their own names (buffers when frozen), integers become constants.
 * float16 and bfloat16 are computed in float32. Throws `checkpoint` for files that are damaged or contradict themselves; operators without a
 * mapping are an error of the call that needs them, so a model can be cut before them.
 */
export function importOnnx(bytes: Uint8Array, o: ImportOptions = {}): Imported {
  const file = readModel(bytes, o.place ?? 'model', o.external);
  const call = (s: Scope, inputs: Readonly<Record<string, Tensor>>, c: ImportedCall = {}): Record<string, Tensor> =>
    new Importer(file, s, inputs, c).run();
  const unknown = file.nodes.map(keyOf).filter((k) => !Object.hasOwn(converters, k));
  return Object.assign(call, {
    inputs: file.inputs,
    outputs: file.outputs,
    initializers: file.initializers,
    tensors: file.nodes.flatMap((n) => n.outputs.filter((t) => t !== '')),
    unknown: [...new Set(unknown)],
    metadata: file.metadata,
  });
}

const keyOf = (n: FileNode): string => (n.domain === '' ? n.op : `${n.domain}:${n.op}`);

class Importer {
  readonly #file: OnnxFile;
  readonly #s: Scope;
  readonly #wanted: readonly string[];
  /** Tensors that an output or a node asks for. */
  readonly #used: Set<string>;
  readonly #frozen: (name: string) => boolean;
  readonly #values = new Map<string, Tensor>();
  /** Stored values of the parameters made here, by their path. */
  readonly #stored = new Map<string, StoredTensor>();
  readonly #refs = new Map<string, Ref>();
  readonly #knownValues = new KnownValues((t) => this.#known(t));

  constructor(file: OnnxFile, s: Scope, inputs: Readonly<Record<string, Tensor>>, o: ImportedCall) {
    const { frozen = true } = o;
    this.#file = file;
    this.#s = s;
    this.#wanted = o.outputs ?? file.outputs;
    this.#used = new Set(this.#wanted);
    this.#frozen = typeof frozen === 'function' ? frozen : () => frozen;
    const made = new Set(file.nodes.flatMap((n) => n.outputs));
    const declared = new Map(file.inputs.map((i) => [i.name, i]));
    for (const [name, t] of Object.entries(inputs)) {
      const d = declared.get(name);
      if (d) checkInput(d, t, s);
      else if (!made.has(name) && !file.initializers.has(name))
        throw new BowError('usage', unknownName('input', name, [...declared.keys(), ...made]), { place: s.path });
      this.#values.set(name, t);
    }
  }

  run(): Record<string, Tensor> {
    for (const node of this.#needed()) this.#convert(node);
    return Object.fromEntries(this.#wanted.map((name) => [name, this.#value(name)!]));
  }

  /** The nodes that the wanted tensors need, in order; what an input replaces is left out. */
  #needed(): FileNode[] {
    const { nodes, inputs, initializers } = this.#file;
    const need = this.#used;
    const known = new Set([...nodes.flatMap((n) => n.outputs), ...inputs.map((i) => i.name), ...initializers.keys()]);
    for (const w of this.#wanted)
      if (!known.has(w)) throw new BowError('usage', unknownName('tensor', w, known), { place: this.#s.path });
    const out: FileNode[] = [];
    for (const n of [...nodes].reverse()) {
      if (!n.outputs.some((o) => need.has(o) && !this.#values.has(o))) continue;
      out.push(n);
      for (const i of n.inputs) need.add(i);
    }
    return out.reverse();
  }

  /** A tensor of the file: made already, or an initializer. */
  #value(name: string): Tensor | undefined {
    if (name === '') return undefined;
    const known = this.#values.get(name);
    if (known) return known;
    const stored = this.#file.initializers.get(name);
    if (!stored) {
      throw new BowError('usage', `input "${name}" of the imported model is missing`, {
        place: this.#s.path,
        detail: { wants: this.#file.inputs.map((i) => i.name) },
      });
    }
    const t = this.#weight(name, stored);
    this.#values.set(name, t);
    return t;
  }

  /** The name of a stored tensor as a path: levels that are empty in it (`a//b`), which no path may have, become `_`. */
  #pathOf(name: string): string {
    let path = name.replace(/(?<=\/)(?=\/|$)/g, '_');
    while (path !== name && this.#file.initializers.has(path)) path += '_';
    return path;
  }

  #weight(name: string, stored: StoredTensor): Tensor {
    const s = this.#s;
    if (!isFloat(stored.dtype)) return s.trace.graph.constant(stored.read()) as Tensor;
    const init = (out: Float32Array | Float64Array): void => out.set(stored.read().data as Float32Array);
    const path = this.#pathOf(name);
    const t = this.#frozen(name) ? s.buffer(path, stored.shape, init) : s.param(path, stored.shape, init);
    this.#stored.set(t.name!, stored);
    return stored.dtype === 'float64' && t.dtype !== 'float64' ? t.to('float64') : t;
  }

  /** Values of a parameter made here, for shapes that are computed from it. */
  readonly #known = (t: Tensor): Ref | undefined => {
    const stored = this.#stored.get(t.name ?? '');
    if (!stored || stored.size > FOLDED) return undefined;
    const ref = this.#refs.get(t.name!) ?? toRef(stored.read());
    this.#refs.set(t.name!, ref);
    return ref;
  };

  #convert(node: FileNode): void {
    const { graph, training, dtype } = this.#s.trace;
    const opset = this.#file.opsets.get(node.domain) ?? 1;
    const place = `${this.#s.path === '' ? '' : `${this.#s.path}/`}${node.name}`;
    graph.place = place;
    const converter = Object.hasOwn(converters, keyOf(node)) ? converters[keyOf(node)] : undefined;
    if (!converter) {
      throw new BowError('checkpoint', `operator ${keyOf(node)} of opset ${opset} has no mapping`, {
        place: `node "${place}"`,
        hint: 'cut the model before it with { outputs }, or give its result as an input',
      });
    }
    checkNode(node, keyOf(node), opset, place);
    const weight = this.#constantWeight(node);
    if (weight) return;
    const operands = node.inputs.map((name) => this.#value(name));
    const float = dtype as DType;
    const context = new Context({ node, opset, graph, float, training, operands, known: this.#knownValues });
    const made = this.#guarded(node, opset, place, () => {
      const result = converter(context);
      return this.#folded(
        operands,
        Array.isArray(result) ? (result as readonly (Tensor | undefined)[]) : [result as Tensor],
      );
    });
    for (const t of made) if (t) context.size(t.shape);
    node.outputs.forEach((name, i) => {
      if (name === '' || this.#values.has(name)) return;
      if (made[i]) this.#values.set(name, made[i]);
      else if (this.#used.has(name)) throw context.fail(`output ${i} ("${name}") is not supported`);
    });
  }

  /** Some exporters keep weights in Constant nodes: large ones are treated as initializers. */
  #constantWeight(node: FileNode): boolean {
    const value = node.op === 'Constant' ? node.attributes.get('value') : undefined;
    if (
      typeof value !== 'object' ||
      value === null ||
      !('read' in value) ||
      !isFloat(value.dtype) ||
      value.size < WEIGHT
    )
      return false;
    const name = node.outputs[0];
    if (name === undefined) return false;
    if (!this.#values.has(name)) this.#values.set(name, this.#weight(name, value));
    return true;
  }

  /** What our operators refuse is reported with the file's names. */
  #guarded<T>(node: FileNode, opset: number, place: string, f: () => T): T {
    try {
      return f();
    } catch (e) {
      if (!isBowError(e)) {
        // what a converter did not foresee is still the file's doing
        throw new BowError('checkpoint', `${node.op} of opset ${opset} makes no sense here`, {
          place: `node "${place}"`,
          cause: e,
        });
      }
      if (e.message.startsWith(`${node.op} of opset`)) throw e;
      throw new BowError(e.code, `${node.op} of opset ${opset}: ${e.message}`, {
        place: `node "${place}"`,
        detail: e.detail,
        cause: e,
        ...(e.hint === undefined ? {} : { hint: e.hint }),
      });
    }
  }

  /** Results of constants are constants. */
  #folded(
    operands: readonly (Tensor | undefined)[],
    made: readonly (Tensor | undefined)[],
  ): readonly (Tensor | undefined)[] {
    const constant = operands.every((t) => !t || (t.constant && t.size <= FOLDED && exact(t.constant)));
    return made.map((t) => {
      if (!constant || !t?.node || t.size > FOLDED) return t;
      const [value] = interpret([t], {});
      if (t.dtype === 'int64' && !value!.data.every((u) => Number.isSafeInteger(u))) return t;
      return this.#s.trace.graph.constant(toArray(value!, t.dtype) as NdArray) as Tensor;
    });
  }
}

/** Whether the references, which compute in float64, see the very numbers. */
function exact(a: NdArray): boolean {
  return !(a.data instanceof BigInt64Array) || a.data.every((u) => Number.isSafeInteger(Number(u)));
}

function checkInput(d: FileInput, t: Tensor, s: Scope): void {
  const halves = isFloat(d.dtype) && isFloat(t.dtype) && d.dtype !== 'float64';
  if (t.dtype !== d.dtype && !halves)
    throw new BowError('dtype', `input "${d.name}" is ${t.dtype}, the imported model takes ${d.dtype}`, {
      place: s.path,
    });
  const fits = !d.shape || (d.shape.length === t.rank && d.shape.every((n, i) => n === undefined || n === t.shape[i]));
  if (fits) return;
  throw new BowError('shape', `input "${d.name}" does not fit the imported model`, {
    place: s.path,
    detail: { given: t.shape, wants: d.shape!.map((n) => n ?? 'any') },
  });
}
