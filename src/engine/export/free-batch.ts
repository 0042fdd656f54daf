/**
 * A model with a free batch axis from two encodings of it at two batch sizes: what differs between them depends on the batch. Shapes that differ
 * become computations on the batch size of the running model; anything else that differs has no free-batch form and is an error.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
} from 'onnx-buf';
import { BowError } from '../../base/index.ts';

/** The same model traced at two batch sizes. */
export type Pair = { readonly models: readonly [ModelProto, ModelProto]; readonly batch: readonly [number, number] };

/** Thrown when the two graphs do not match node by node, which another pair of sizes may mend. */
export class StructureDiffers extends Error {}

const BATCH = 'batch/size';

/** Changes the first model of the pair into one whose batch axis is free. `axis` names the axis; `source` is an input that has it first. */
export function freeBatch(pair: Pair, axis: string, source: string): ModelProto {
  const [model, other] = pair.models;
  const [graph, twin] = [model.graph!, other.graph!];
  matchNodes(graph, twin);
  const differing = differingConstants(graph, twin);
  const made = differing.flatMap(([tensor, pairOf]) => replaceConstant(graph, tensor, pairOf, pair.batch));
  if (made.length > 0) graph.node.unshift(sizeNode(source), ...made);
  for (const [i, v] of graph.input.entries()) freeDimensions(v, twin.input[i]!, pair.batch[0], axis);
  for (const [i, v] of graph.output.entries()) freeDimensions(v, twin.output[i]!, pair.batch[0], axis);
  return model;
}

function matchNodes(a: GraphProto, b: GraphProto): void {
  const alike = (p: NodeProto, q: NodeProto): boolean =>
    p.opType === q.opType && p.input.join() === q.input.join() && p.output.join() === q.output.join();
  if (a.node.length !== b.node.length || a.initializer.length !== b.initializer.length) throw new StructureDiffers();
  a.node.forEach((p, i) => {
    const q = b.node[i]!;
    if (!alike(p, q)) throw new StructureDiffers();
    p.attribute.forEach((x, k) => {
      const [u, v] = [toBinary(AttributeProtoSchema, x), toBinary(AttributeProtoSchema, q.attribute[k]!)];
      if (u.length !== v.length || u.some((byte, j) => byte !== v[j]))
        throw stuck(`attribute "${x.name}" of ${p.opType} depends`, p.name);
    });
  });
}

function stuck(what: string, place: string): BowError {
  return new BowError('usage', `${what} on the batch size`, {
    place,
    hint: 'export with freeBatch: false for one batch size, or leave out what mixes samples (means over the batch, losses)',
  });
}

function differingConstants(a: GraphProto, b: GraphProto): [TensorProto, TensorProto][] {
  return a.initializer.flatMap((t, i): [TensorProto, TensorProto][] => {
    const u = b.initializer[i]!;
    if (t.name !== u.name) throw new StructureDiffers();
    const same =
      t.dims.length === u.dims.length &&
      t.dims.every((d, k) => d === u.dims[k]) &&
      t.rawData.length === u.rawData.length &&
      t.rawData.every((byte, k) => byte === u.rawData[k]);
    return same ? [] : [[t, u]];
  });
}

const isShape = (t: TensorProto): boolean => t.dataType === 7 && t.dims.length === 1;

function longs(t: TensorProto): number[] {
  const view = new DataView(t.rawData.buffer, t.rawData.byteOffset, t.rawData.byteLength);
  return Array.from({ length: t.rawData.byteLength / 8 }, (_, i) => Number(view.getBigInt64(i * 8, true)));
}

function longTensor(name: string, values: readonly number[]): TensorProto {
  const data = BigInt64Array.from(values, BigInt);
  const rawData = new Uint8Array(data.buffer);
  return create(TensorProtoSchema, { name, dims: [BigInt(values.length)], dataType: 7, rawData });
}

/** A constant that depends on the batch: one open size of a reshape, else offset + slope·batch computed in the model. */
function replaceConstant(
  graph: GraphProto,
  t: TensorProto,
  u: TensorProto,
  batch: readonly [number, number],
): NodeProto[] {
  const users = graph.node.filter((n) => n.input.includes(t.name));
  const place = users[0]?.name ?? t.name;
  if (!isShape(t) || t.dims[0] !== u.dims[0])
    throw stuck(`a constant of ${users[0]?.opType ?? 'the outputs'} depends`, place);
  const [p, q] = [longs(t), longs(u)];
  const slope = p.map((v, i) => (q[i]! - v) / (batch[1] - batch[0]));
  if (!slope.every(Number.isInteger))
    throw stuck(`a size in ${users[0]?.opType ?? 'the model'} does not grow evenly: it depends`, place);
  const open = slope.flatMap((s, i) => (s === 0 ? [] : [i]));
  if (open.length === 1 && users.every((n) => n.opType === 'Reshape')) {
    Object.assign(
      t,
      longTensor(
        t.name,
        p.map((v, i) => (i === open[0] ? -1 : v)),
      ),
    );
    return [];
  }
  const offset = p.map((v, i) => v - slope[i]! * batch[0]);
  graph.initializer.splice(
    graph.initializer.indexOf(t),
    1,
    longTensor(`${t.name}/slope`, slope),
    longTensor(`${t.name}/offset`, offset),
  );
  return [
    create(NodeProtoSchema, { opType: 'Mul', input: [BATCH, `${t.name}/slope`], output: [`${t.name}/grown`] }),
    create(NodeProtoSchema, { opType: 'Add', input: [`${t.name}/grown`, `${t.name}/offset`], output: [t.name] }),
  ];
}

/** The running model's batch size as int64 [1]. */
function sizeNode(source: string): NodeProto {
  const int = (name: string, i: bigint) =>
    create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i });
  return create(NodeProtoSchema, {
    opType: 'Shape',
    input: [source],
    output: [BATCH],
    attribute: [int('start', 0n), int('end', 1n)],
  });
}

function freeDimensions(v: ValueInfoProto, w: ValueInfoProto, batch: number, axis: string): void {
  const [p, q] = [v, w].map((x) => (x.type!.value.case === 'tensorType' ? x.type!.value.value.shape!.dim : []));
  p!.forEach((d, i) => {
    const [m, n] = [d.value.value, q![i]!.value.value];
    if (m === n) return;
    // only the plain batch has a name; sizes like 2·batch stay open
    d.value = m === BigInt(batch) ? { case: 'dimParam', value: axis } : { case: undefined };
  });
}
