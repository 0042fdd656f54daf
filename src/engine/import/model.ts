/**
 * An ONNX file as plain data, checked: what the rest of the import relies on is made sure here, so that a damaged or hostile file is a typed error
 * with its place, never a crash, a hang, or memory out of proportion to its size.
 */
import { fromBinary, isFieldSet } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type ValueInfoProto,
} from 'onnx-buf';
import { BowError } from '../../base/index.ts';
import { type DType, fromOnnxCode } from '../dtype.ts';
import { type ReadExternal, type StoredTensor, storedTensor } from './stored-tensor.ts';

/** The newest operator set whose meanings the import knows: that of onnx 1.23. */
export const NEWEST_OPSET = 28;

/** A value of a node's attribute; null where its kind (a graph, a type, a sparse tensor) is of no operator that the import knows. */
export type AttributeValue = number | string | readonly number[] | readonly string[] | StoredTensor | null;

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
    opsets: readOpsets(model, ordered, place),
    nodes: ordered,
    initializers,
    inputs,
    outputs,
    metadata: new Map(model.metadataProps.map((p) => [p.key, p.value])),
  };
}

/**
 * Version of every domain's operators. Only the standard's has versions that change meanings; a file that uses it must say which, but before IR
 * version 3, where it is 1.
 */
function readOpsets(model: ModelProto, nodes: readonly FileNode[], place: string): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const o of model.opsetImport) {
    const domain = o.domain === 'ai.onnx' ? '' : o.domain;
    const version = Number(o.version);
    if ((opsets.get(domain) ?? version) !== version)
      throw damaged(`operator sets ${opsets.get(domain)} and ${version} of the same domain "${domain}"`, place);
    opsets.set(domain, version);
  }
  if (opsets.size === 0 && model.irVersion < 3n) opsets.set('', 1);
  if (!nodes.some((n) => n.domain === '')) return opsets;
  const standard = opsets.get('');
  if (standard === undefined) throw damaged('the file does not say of which operator set it is', place);
  if (standard < 1 || standard > NEWEST_OPSET)
    throw damaged(
      `operator set ${standard} is not known, only 1 to ${NEWEST_OPSET}`,
      place,
      'export it with an older one',
    );
  return opsets;
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
      if (attributes.has(a.name)) throw damaged(`attribute "${a.name}" is given twice`, at);
      attributes.set(a.name, attributeValue(a, `${at}, attribute "${a.name}"`, external));
    }
    const domain = n.domain === 'ai.onnx' ? '' : n.domain;
    return { op: n.opType, domain, name, inputs: n.input, outputs: n.output, attributes };
  });
}

/** ONNX `AttributeProto.AttributeType`: 1 float · 2 int · 3 string · 4 tensor · 5 graph · 6 floats · 7 ints · 8 strings. */
function attributeValue(a: AttributeProto, place: string, external?: ReadExternal): AttributeValue {
  const text = new TextDecoder();
  switch ((a.type as number) || kindOf(a)) {
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
      return null;
  }
}

/** Files before IR version 2 do not say of which kind an attribute is: it is that of the field that is set. */
function kindOf(a: AttributeProto): number {
  const { field } = AttributeProtoSchema;
  const set = [field.f, field.i, field.s, field.t, field.g, field.floats, field.ints, field.strings];
  return set.findIndex((f) => isFieldSet(a, f)) + 1;
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
