/** What a converter sees of a node: its operands as tensors of our graph, its attributes with their types, its constants. */
import { BowError } from '../../base/index.ts';
import { type DType, fromNumbers, type NdArray, sizeOf } from '../dtype.ts';
import { ancestors } from '../graph.ts';
import { interpret, toRef } from '../interpret.ts';
import type { Ref } from '../op.ts';
import type { Tensor, TensorGraph } from '../tensor.ts';
import type { AttributeValue, FileNode } from './model.ts';
import { LARGEST_RANK, type StoredTensor, shown } from './stored-tensor.ts';

/** From a node of the file to tensors of our graph, one for each output that is used. */
export type Converter = (c: Context) => Tensor | readonly (Tensor | undefined)[];

/** Values that shape arithmetic may have; beyond it a tensor is data, not a shape. */
const LARGEST_CONSTANT = 1 << 22;

/** One node being converted. */
export class Context {
  readonly node: FileNode;
  /** Version of the node's operator set. */
  readonly opset: number;
  readonly graph: TensorGraph;
  /** Type of floating tensors in this trace: what the file's float32 and half precisions become. */
  readonly float: DType;
  readonly training: boolean;
  readonly #operands: readonly (Tensor | undefined)[];
  readonly #known: KnownValues;

  constructor(o: {
    node: FileNode;
    opset: number;
    graph: TensorGraph;
    float: DType;
    training: boolean;
    operands: readonly (Tensor | undefined)[];
    known: KnownValues;
  }) {
    this.node = o.node;
    this.opset = o.opset;
    this.graph = o.graph;
    this.float = o.float;
    this.training = o.training;
    this.#operands = o.operands;
    this.#known = o.known;
  }

  /** A typed error that names operator, node and operator set. */
  fail(why: string, o: { code?: 'checkpoint' | 'usage'; hint?: string; input?: string } = {}): BowError {
    const { op, name } = this.node;
    return new BowError(o.code ?? 'checkpoint', `${op} of opset ${this.opset}: ${why}`, {
      place: `node "${name}"`,
      ...(o.input === undefined ? {} : { detail: { input: o.input } }),
      ...(o.hint === undefined ? {} : { hint: o.hint }),
    });
  }

  /** Operand i; an error when the node has none. */
  x(i: number): Tensor {
    const t = this.#operands[i];
    if (!t) throw this.fail(`operand ${i} is missing`);
    return t;
  }

  /** Operand i or undefined. */
  maybe(i: number): Tensor | undefined {
    return this.#operands[i];
  }

  /** All operands; none may be missing. */
  all(): Tensor[] {
    return this.#operands.map((_, i) => this.x(i));
  }

  get outputs(): number {
    return this.node.outputs.length;
  }

  #attribute<T>(name: string, is: (v: AttributeValue) => boolean, fallback: T | undefined, kind: string): T {
    const v = this.node.attributes.get(name);
    if (v === undefined) {
      if (fallback === undefined) throw this.fail(`attribute "${name}" is missing`);
      return fallback;
    }
    if (!is(v)) throw this.fail(`attribute "${name}" is not ${kind}`);
    return v as T;
  }

  has(name: string): boolean {
    return this.node.attributes.has(name);
  }
  number(name: string, fallback?: number): number {
    return this.#attribute(name, (v) => typeof v === 'number', fallback, 'a number');
  }
  int(name: string, fallback?: number): number {
    return this.#attribute(name, (v) => Number.isSafeInteger(v), fallback, 'a whole number');
  }
  string(name: string, fallback?: string): string {
    return this.#attribute(name, (v) => typeof v === 'string', fallback, 'a string');
  }
  ints(name: string, fallback?: readonly number[]): readonly number[] {
    const is = (v: AttributeValue): boolean => Array.isArray(v) && v.every((n) => Number.isInteger(n));
    return this.#attribute(name, is, fallback, 'a list of whole numbers');
  }
  numbers(name: string, fallback?: readonly number[]): readonly number[] {
    return this.#attribute(
      name,
      (v) => Array.isArray(v) && v.every((n) => typeof n === 'number'),
      fallback,
      'a list of numbers',
    );
  }
  tensor(name: string): StoredTensor {
    const is = (v: AttributeValue): boolean => typeof v === 'object' && v !== null && 'read' in v;
    return this.#attribute<StoredTensor>(name, is, undefined, 'a tensor');
  }

  /** An attribute that is one of a few words. */
  choice<T extends string>(name: string, words: readonly T[], fallback: T): T {
    const word = this.string(name, fallback);
    if (words.includes(word as T)) return word as T;
    throw this.fail(`${name} "${word}" is not known, only ${words.map((w) => `"${w}"`).join(', ')}`);
  }
  /** An attribute that is 0 or 1. */
  flag(name: string, fallback: 0 | 1 = 0): boolean {
    const v = this.int(name, fallback);
    if (v !== 0 && v !== 1) throw this.fail(`attribute "${name}" is 0 or 1, not ${v}`);
    return v === 1;
  }

  /** An attribute of whole numbers that a later operator set made an operand; undefined when the node has neither. */
  intsAt(name: string, operand: number): readonly number[] | undefined {
    if (this.#operands[operand]) return this.values(operand);
    return this.has(name) ? this.ints(name) : undefined;
  }

  /** The values of operand i, which must be known while the graph is built. */
  values(i: number): readonly number[] {
    const t = this.x(i);
    const known = this.#known.of(t);
    if (known) return Array.from(known.data);
    const input = this.node.inputs[i]!;
    throw this.fail(`operand ${i} ("${input}") must be known while the graph is built`, {
      code: 'usage',
      input,
      hint: 'it depends on values, not on shapes; give it as a constant',
    });
  }

  /** Operand i as one number. */
  scalar(i: number): number {
    const v = this.values(i);
    if (v.length !== 1) throw this.fail(`operand ${i} must be one number`);
    return v[0]!;
  }

  /** A constant of our graph. */
  constant<D extends DType>(dtype: D, shape: readonly number[], values: ArrayLike<number>): Tensor<D> {
    return this.graph.constant({ dtype, shape, data: fromNumbers(dtype, values) });
  }

  /** An axis counted from the start. */
  axis(a: number, rank: number): number {
    const at = a < 0 ? a + rank : a;
    if (!Number.isInteger(a) || at < 0 || at >= rank) throw this.fail(`axis ${a} does not exist in rank ${rank}`);
    return at;
  }

  axes(list: readonly number[], rank: number): number[] {
    return list.map((a) => this.axis(a, rank));
  }

  /** Throws when a table that would be made while the graph is built is out of proportion to a file. */
  table(n: number): number {
    if (!(n >= 0 && n <= LARGEST_CONSTANT)) throw this.fail(`a table of ${n} values is out of proportion`);
    return n;
  }

  /** Throws when a size that the file asks for is out of all proportion. */
  size(shape: readonly number[]): readonly number[] {
    const n = sizeOf(shape);
    const valid = shape.length <= LARGEST_RANK && shape.every((d) => Number.isSafeInteger(d) && d >= 0) && n <= 2 ** 31;
    if (!valid) throw this.fail(`[${shown(shape)}] is no shape to compute with`);
    return shape;
  }
}

/** Nodes that one import looks at to find values; what is left out of that is data, not a shape. */
const LARGEST_SEARCH = 1 << 19;

/** Values of tensors that depend on nothing but constants and weights and are small; computed with the references, each once. */
export class KnownValues {
  readonly #weight: (input: Tensor) => Ref | undefined;
  readonly #found = new Map<Tensor, Ref | undefined>();
  #left = LARGEST_SEARCH;

  constructor(weight: (input: Tensor) => Ref | undefined) {
    this.#weight = weight;
  }

  /** The tensor's value; undefined where it is not known or too large to be a shape. */
  of(t: Tensor): Ref | undefined {
    if (t.constant) return t.size <= LARGEST_CONSTANT ? toRef(t.constant) : undefined;
    if (!this.#found.has(t)) this.#found.set(t, this.#compute(t));
    return this.#found.get(t);
  }

  #compute(t: Tensor): Ref | undefined {
    const feeds: Record<string, Ref> = {};
    const feed = (v: Tensor): boolean => {
      if (v.node || v.constant) return true;
      const r = v.name === undefined ? undefined : (feeds[v.name] ?? this.#weight(v));
      if (r) feeds[v.name!] = r;
      return r !== undefined;
    };
    if (!feed(t) || this.#left <= 0) return undefined;
    const nodes = ancestors([t]);
    this.#left -= nodes.length;
    let work = 0;
    for (const n of nodes) {
      if (!n.inputs.every((v) => feed(v))) return undefined;
      for (const v of [...n.inputs, ...n.outputs]) work += sizeOf(v.shape);
      if (work > LARGEST_CONSTANT) return undefined;
    }
    return interpret([t], feeds)[0];
  }
}

/** The float64 values as an array of a type; whole numbers beyond int64 are limited to it. */
export function toArray(r: Ref, dtype: DType): NdArray {
  if (dtype !== 'int64') return { dtype, shape: r.shape, data: fromNumbers(dtype, r.data) };
  const data = new BigInt64Array(r.data.length);
  const [low, high] = [-(2n ** 63n), 2n ** 63n - 1n];
  r.data.forEach((u, i) => {
    data[i] = u >= 2 ** 63 ? high : u <= -(2 ** 63) ? low : BigInt(Math.trunc(u) || 0);
  });
  return { dtype, shape: r.shape, data };
}
