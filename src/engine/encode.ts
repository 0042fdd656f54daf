/** Writes a graph as an ONNX model: plain operators of opset 21, plus onnxruntime's `com.microsoft` set where rewrites have put one of its ops. */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { badArgument, isTyped, needMap, needOptions, needText } from './arguments.ts';
import { fromNumbers, type NdArray, onnxCode } from './dtype.ts';
import { ancestors, type Node, type Value } from './graph.ts';
import type { Encoded } from './op.ts';
import { opSpec } from './ops/index.ts';

/** The official operator set that is emitted: the newest whose random ops and the rest all have CPU kernels in the npm binaries. */
export const OPSET = 21;
/** The operator set of graphs that are fed bfloat16: the binding of Node has no such tensors, so they enter as their bits, and BitCast is from 26. */
const BITS_OPSET = 26;
const UINT16 = 4;
/** ONNX intermediate representation that goes with it. */
const IR_VERSION = 10;

/** A graph's part to encode: its inputs in order, its outputs by name. */
export type GraphPart = {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: ReadonlyMap<string, Value>;
  /** Inputs with a fixed value, stored in the file: under their names, or `<name>:value` where an output has the name. */
  readonly initializers?: ReadonlyMap<string, NdArray>;
};

/** The ONNX file's bytes. */
export function encodeModel(part: GraphPart): Uint8Array {
  needOptions(undefined, 'encodeModel', part);
  needText(undefined, 'encodeModel: name', part.name);
  if (!Array.isArray(part.inputs) || !part.inputs.every(isTyped))
    throw badArgument(undefined, 'encodeModel: inputs must be a list of tensors', part.inputs);
  needMap('encodeModel: outputs', part.outputs);
  if (part.initializers !== undefined) needMap('encodeModel: initializers', part.initializers);
  return toBinary(ModelProtoSchema, modelProto(part));
}

/** The ONNX model as a message; arrays of initializers are viewed, not copied. */
export function modelProto(part: GraphPart): ModelProto {
  const nodes = ancestors([...part.outputs.values()]);
  const encoder = new Encoder(part, nodes);
  const node = nodes.flatMap((n) => encoder.nodes(n));
  node.push(...encoder.aliases());
  return create(ModelProtoSchema, {
    irVersion: BigInt(IR_VERSION),
    producerName: 'bow2bot',
    opsetImport: [
      { domain: '', version: BigInt(encoder.takesBits ? BITS_OPSET : OPSET) },
      { domain: 'com.microsoft', version: 1n },
    ],
    graph: {
      name: part.name,
      node,
      initializer: encoder.initializers,
      input: part.inputs
        .filter((v) => !part.initializers?.has(v.name!))
        .map((v) => valueInfo(v.name!, v, v.dtype === 'bfloat16' ? UINT16 : onnxCode(v.dtype))),
      output: [...part.outputs].map(([name, v]) => valueInfo(name, v, onnxCode(v.dtype))),
    },
  });
}

class Encoder {
  readonly initializers: TensorProto[] = [];
  readonly #names = new Map<Value, string>();
  /** Values that are bfloat16 to us and their bits, uint16, to onnxruntime. */
  readonly #bits: Set<Value>;
  /** True when an input is bfloat16, fed as its bits. */
  readonly takesBits: boolean;
  readonly #aliases: [from: Value, to: string][] = [];
  readonly #constants = new Map<string, string>();
  readonly #read: ReadonlySet<Value>;
  /** Names that came from outside: made names keep out of their way. */
  readonly #given: ReadonlySet<string>;

  constructor(part: GraphPart, nodes: readonly Node[]) {
    this.#read = new Set([...part.outputs.values(), ...nodes.flatMap((n) => n.inputs)]);
    this.#given = new Set([...part.inputs.map((v) => v.name!), ...part.outputs.keys()]);
    for (const v of part.inputs) this.#names.set(v, v.name!);
    this.#bits = new Set(part.inputs.filter((v) => v.dtype === 'bfloat16' && !part.initializers?.has(v.name!)));
    this.takesBits = this.#bits.size > 0;
    for (const v of part.inputs) {
      const fixed = part.initializers?.get(v.name!);
      if (!fixed) continue;
      if (part.outputs.has(v.name!)) this.#names.set(v, this.#fresh(`${v.name}:value`)); // the output keeps the plain name
      this.initializers.push(tensorProto(this.#names.get(v)!, fixed));
    }
    for (const [name, v] of part.outputs) {
      if (v.node && !this.#names.has(v)) this.#names.set(v, name);
      else this.#aliases.push([v, name]);
    }
  }

  /**
   * A node; with those that make values of bits. Only moving does with bits: the cast to another type is where they become numbers, so that no
   * copy of a parameter in 16 bits lives longer than its use.
   */
  nodes(n: Node): NodeProto[] {
    if (n.inputs.some((v) => this.#bits.has(v)) && n.op === 'HoldBack') {
      this.#bits.add(n.outputs[0]!);
      return [this.#node(n)];
    }
    const own = new Map<Value, string>();
    const casts = n.inputs.flatMap((v) => {
      if (!this.#bits.has(v) || own.has(v)) return [];
      const output = this.#fresh(`v${v.id}:bfloat16_${n.index}`);
      own.set(v, output);
      const to = attribute('to', { int: onnxCode('bfloat16') });
      return [
        create(NodeProtoSchema, { opType: 'BitCast', input: [this.#nameOf(v)], output: [output], attribute: [to] }),
      ];
    });
    return [...casts, this.#node(n, own)];
  }

  /** An output that is an input, a constant, or another output under a second name. */
  aliases(): NodeProto[] {
    return this.#aliases.map(([v, name]) =>
      create(NodeProtoSchema, { opType: 'Identity', input: [this.#nameOf(v)], output: [name] }),
    );
  }

  #nameOf(v: Value): string {
    const known = this.#names.get(v);
    if (known !== undefined) return known;
    const name = this.#fresh(v.constant ? `c${v.id}` : `v${v.id}`);
    this.#names.set(v, name);
    if (v.constant) this.initializers.push(tensorProto(name, v.constant));
    return name;
  }

  #fresh(name: string): string {
    return this.#given.has(name) ? this.#fresh(`${name}_`) : name;
  }

  /** Constant inputs that stand for attributes; equal ones are stored once. */
  #constant(c: NonNullable<NonNullable<Encoded['constants']>[number]>): string {
    const key = `${c.dtype}[${c.shape.join()}]${c.values.join()}`;
    let name = this.#constants.get(key);
    if (name === undefined) {
      name = this.#fresh(`k${this.#constants.size}`);
      this.#constants.set(key, name);
      this.initializers.push(
        tensorProto(name, { dtype: c.dtype, shape: c.shape, data: fromNumbers(c.dtype, c.values) }),
      );
    }
    return name;
  }

  #node(n: Node, own: ReadonlyMap<Value, string> = new Map()): NodeProto {
    const spec = opSpec(n.op);
    const encoded = spec.encode?.(n.attrs, n.inputs) ?? {};
    const tensors = n.inputs.slice(0, encoded.tensors ?? n.inputs.length).map((v) => own.get(v) ?? this.#nameOf(v));
    const constants = (encoded.constants ?? []).map((c) => (c ? this.#constant(c) : ''));
    const last = n.outputs.findLastIndex((v) => this.#read.has(v));
    const outputs = n.outputs.slice(0, Math.max(last + 1, spec.requiredOutputs ?? n.outputs.length));
    return create(NodeProtoSchema, {
      opType: spec.onnx,
      domain: spec.domain ?? '',
      name: `${n.place || 'graph'}/${n.op}_${n.index}`,
      input: [...tensors, ...constants],
      output: outputs.map((v) => this.#nameOf(v)),
      attribute: Object.entries(encoded.attributes ?? {}).map(([k, a]) => attribute(k, a)),
    });
  }
}

function attribute(name: string, a: NonNullable<Encoded['attributes']>[string]): AttributeProto {
  const T = AttributeProto_AttributeType;
  if ('int' in a) return create(AttributeProtoSchema, { name, type: T.INT, i: BigInt(a.int) });
  if ('float' in a) return create(AttributeProtoSchema, { name, type: T.FLOAT, f: a.float });
  if ('ints' in a) return create(AttributeProtoSchema, { name, type: T.INTS, ints: a.ints.map(BigInt) });
  return create(AttributeProtoSchema, { name, type: T.STRING, s: new TextEncoder().encode(a.string) });
}

/** A tensor as ONNX stores it: raw little-endian bytes. */
export function tensorProto(name: string, a: NdArray): TensorProto {
  const bytes = new Uint8Array(a.data.buffer as ArrayBuffer, a.data.byteOffset, a.data.byteLength);
  return create(TensorProtoSchema, { name, dims: a.shape.map(BigInt), dataType: onnxCode(a.dtype), rawData: bytes });
}

function valueInfo(name: string, v: Value, elemType: number): ValueInfoProto {
  const dim = v.shape.map((d) => ({ value: { case: 'dimValue' as const, value: BigInt(d) } }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } },
  });
}
