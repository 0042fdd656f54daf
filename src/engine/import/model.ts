/**
 * An ONNX file as plain data, checked: what the rest of the import relies on is made sure here, so that a damaged or hostile file is a typed error
 * with its place, never a crash, a hang, or memory out of proportion to its size.
 */
import { fromBinary } from '@bufbuild/protobuf';
import { type AttributeProto, type GraphProto, type ModelProto, ModelProtoSchema, type ValueInfoProto } from 'onnx-buf';
import { BowError } from '../../base/index.ts';
import { type DType, fromOnnxCode } from '../dtype.ts';
import { type ReadExternal, type StoredTensor, storedTensor } from './stored-tensor.ts';

/** A value of a node's attribute. */
export type AttributeValue = number | string | readonly number[] | readonly string[] | StoredTensor;

/** A node of the file. */
export type FileNode = {
  readonly op: string;
  readonly domain: string;
  /** Its name, or one made from operator and position. */
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
};

/** An input of the graph; sizes that the file leaves open are undefined. */
export type FileInput = {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly (number | undefined)[] | undefined;
};

/** A checked file: nodes in an order in which inputs come first. */
export type OnnxFile = {
  readonly opsets: ReadonlyMap<string, number>;
  readonly nodes: readonly FileNode[];
  readonly initializers: ReadonlyMap<string, StoredTensor>;
  readonly inputs: readonly FileInput[];
  readonly outputs: readonly string[];
  readonly metadata: ReadonlyMap<string, string>;
};

/** A `checkpoint` error of a file. */
export function damaged(what: string, place: string, hint?: string): BowError {
  return new BowError('checkpoint', what, { place, ...(hint === undefined ? {} : { hint }) });
}

/** Reads and checks a file's bytes. `place` names it in messages; `external` reads tensors that lie in files beside it. */
export function readModel(bytes: Uint8Array, place: string, external?: ReadExternal): OnnxFile {
  const model = decode(bytes, place);
  const graph = model.graph;
  if (!graph) throw damaged('the file holds no graph', place, 'is it an ONNX model?');
  if (model.functions.length > 0)
    throw damaged(
      `functions local to the model are not supported ("${model.functions[0]!.name}")`,
      place,
      'inline them when exporting',
    );
  const initializers = readInitializers(graph, place, external);
  const nodes = readNodes(graph, place, external);
  const inputs = graph.input.filter((v) => !initializers.has(v.name)).map((v) => readInput(v, place));
  const given = new Set([...inputs.map((i) => i.name), ...initializers.keys()]);
  if (given.size !== inputs.length + initializers.size) throw damaged('two inputs have the same name', place);
  const outputs = graph.output.map((v) => v.name);
  const ordered = order(nodes, given, outputs, place);
  return {
    opsets: new Map(model.opsetImport.map((o) => [o.domain === 'ai.onnx' ? '' : o.domain, Number(o.version)])),
    nodes: ordered,
    initializers,
    inputs,
    outputs,
    metadata: new Map(model.metadataProps.map((p) => [p.key, p.value])),
  };
}

function decode(bytes: Uint8Array, place: string): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (e) {
    const why = e instanceof Error ? e.message.slice(0, 200) : String(e);
    throw new BowError('checkpoint', `not a whole ONNX file: ${why}`, {
      place,
      cause: e,
      hint: 'is the file truncated? fetch or export it again',
    });
  }
}

function readInitializers(graph: GraphProto, place: string, external?: ReadExternal): Map<string, StoredTensor> {
  if (graph.sparseInitializer.length > 0) throw damaged('sparse initializers are not supported', place);
  const out = new Map<string, StoredTensor>();
  for (const t of graph.initializer) {
    if (t.name === '' || out.has(t.name)) throw damaged(`initializer "${t.name}" has no name of its own`, place);
    out.set(t.name, storedTensor(t, `${place}: initializer "${t.name}"`, external));
  }
  return out;
}

function readInput(v: ValueInfoProto, place: string): FileInput {
  const at = `${place}: input "${v.name}"`;
  if (v.type?.value.case !== 'tensorType') throw damaged('only tensors can be inputs', at);
  const { elemType, shape } = v.type.value.value;
  return {
    name: v.name,
    dtype: widened(elemType, at),
    shape: shape?.dim.map((d) => {
      if (d.value.case !== 'dimValue') return undefined;
      const n = Number(d.value.value);
      return n > 0 ? n : undefined; // some exporters write 0 or −1 for a free axis
    }),
  };
}

/** Integer types that the engine does not hold are computed in the next wider one that it does. */
export function widened(code: number, place: string): DType {
  const wider: Readonly<Record<number, DType>> = { 3: 'int32', 4: 'int32', 5: 'int32', 12: 'int64', 13: 'int64' };
  return wider[code] ?? fromOnnxCode(code, place);
}

function readNodes(graph: GraphProto, place: string, external?: ReadExternal): FileNode[] {
  return graph.node.map((n, i) => {
    const name = n.name === '' ? `${n.opType}_${i}` : n.name;
    const at = `${place}: node "${name}"`;
    const attributes = new Map<string, AttributeValue>();
    for (const a of n.attribute) {
      const value = attributeValue(a, `${at}, attribute "${a.name}"`, external);
      if (value !== undefined) attributes.set(a.name, value);
    }
    const domain = n.domain === 'ai.onnx' ? '' : n.domain;
    return { op: n.opType, domain, name, inputs: n.input, outputs: n.output, attributes };
  });
}

/** ONNX `AttributeProto.AttributeType`: 1 float · 2 int · 3 string · 4 tensor · 5 graph · 6 floats · 7 ints · 8 strings; old files leave it 0. */
function attributeValue(a: AttributeProto, place: string, external?: ReadExternal): AttributeValue | undefined {
  const text = new TextDecoder();
  switch (a.type as number) {
    case 1:
      return a.f;
    case 2:
      return Number(a.i);
    case 3:
      return text.decode(a.s);
    case 4:
      if (!a.t) throw damaged('the tensor is missing', place);
      return storedTensor(a.t, place, external);
    case 6:
      return a.floats;
    case 7:
      return a.ints.map(Number);
    case 8:
      return a.strings.map((s) => text.decode(s));
    default:
      return undefined; // graphs and types: the operators that take them have no mapping and are reported by name
  }
}

/** Nodes in an order in which every input comes before its use; names that nobody makes, are made twice, or need themselves are errors. */
function order(
  nodes: readonly FileNode[],
  given: ReadonlySet<string>,
  outputs: readonly string[],
  place: string,
): FileNode[] {
  const maker = new Map<string, FileNode>();
  for (const n of nodes) {
    for (const o of n.outputs) {
      if (o === '') continue;
      if (maker.has(o) || given.has(o)) throw damaged(`tensor "${o}" is made twice`, `${place}: node "${n.name}"`);
      maker.set(o, n);
    }
  }
  const out: FileNode[] = [];
  const state = new Map<FileNode, 'open' | 'done'>();
  for (const root of nodes) {
    const stack: { node: FileNode; next: number }[] = [{ node: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (top.next === 0 && state.get(top.node) === 'done') {
        stack.pop();
        continue;
      }
      state.set(top.node, 'open');
      const input = top.node.inputs[top.next++];
      if (input === undefined) {
        state.set(top.node, 'done');
        out.push(top.node);
        stack.pop();
        continue;
      }
      if (input === '' || given.has(input)) continue;
      const from = maker.get(input);
      const at = `${place}: node "${top.node.name}"`;
      if (!from) throw damaged(`tensor "${input}" comes from nowhere`, at);
      if (state.get(from) === 'open') throw damaged(`tensor "${input}" depends on itself`, at);
      if (state.get(from) !== 'done') stack.push({ node: from, next: 0 });
    }
  }
  for (const o of outputs) if (!maker.has(o) && !given.has(o)) throw damaged(`output "${o}" comes from nowhere`, place);
  return out;
}
