/** Any part of a model as a standalone ONNX file: plain operators, weights under their paths, a free batch axis. */
import { create, toBinary } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema, StringStringEntryProtoSchema } from 'onnx-buf';
import { BowError } from '../../base/index.ts';
import { needOptions } from '../arguments.ts';
import { trace } from '../compile.ts';
import type { NdArray } from '../dtype.ts';
import { modelProto } from '../encode.ts';
import { ancestors } from '../graph.ts';
import type { InputSpec, ModelFunction } from '../model-function.ts';
import type { Store } from '../store.ts';
import { freeBatch, StructureDiffers } from './free-batch.ts';

/** Options of {@link exportOnnx}. */
export type ExportOptions = {
  /** Holds the weights. */
  readonly store: Store;
  /** Shapes and types of the inputs; the first axis is the batch when it is free. */
  readonly inputs: Readonly<Record<string, InputSpec>>;
  /** Name of the free first axis of all inputs (true: `batch`), or false to fix all sizes. */
  readonly freeBatch?: boolean | string;
  /** Inputs whose first axis is not the batch. */
  readonly fixed?: readonly string[];
  /** Name of the graph. */
  readonly name?: string;
  /** Pairs of key and value stored with the model. */
  readonly metadata?: Readonly<Record<string, string>>;
};

/** A message of protobuf ends at 2 GiB; a little is left for the graph. */
const LARGEST = 2 ** 31 - 2 ** 26;

/** Batch sizes to trace with: primes that a model is unlikely to have as a size of its own, a second pair should it have one. */
const sizes: readonly (readonly [number, number])[] = [
  [1009, 1013],
  [2657, 2659],
];

/**
 * The bytes of a model for inference: the function's inputs and outputs under their names, parameters as initializers under their paths. Nothing
 * but standard operators is written. Throws `usage` when the function draws noise, changes state, or does with the batch what has no free form.
 */
export function exportOnnx(fn: ModelFunction, o: ExportOptions): Uint8Array {
  const model = exportModel(fn, o);
  const bytes = weightBytes(model);
  if (bytes > LARGEST) {
    throw new BowError('usage', `${bytes} bytes of weights do not fit into one ONNX file`, {
      hint: 'write it with exportOnnxFile, which puts them into a second file',
    });
  }
  return toBinary(ModelProtoSchema, model);
}

/** Bytes of all initializers. */
export function weightBytes(model: ModelProto): number {
  return model.graph!.initializer.reduce((n, t) => n + t.rawData.length, 0);
}

/** The model as a message; its weights are views of the store's arrays. */
export function exportModel(fn: ModelFunction, o: ExportOptions): ModelProto {
  needOptions(undefined, 'exportOnnx', o);
  needOptions(undefined, 'exportOnnx: inputs', o.inputs);
  const { freeBatch: free = true } = o;
  const source = Object.entries(o.inputs).find(([name, s]) => s.shape.length > 0 && !o.fixed?.includes(name))?.[0];
  const model =
    free === false ? encode(fn, o, undefined) : withFreeBatch(fn, o, free === true ? 'batch' : free, source);
  model.metadataProps = Object.entries(o.metadata ?? {}).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
  const domains = new Set(model.graph!.node.map((n) => n.domain));
  model.opsetImport = model.opsetImport.filter((s) => s.domain === '' || domains.has(s.domain));
  return model;
}

function withFreeBatch(fn: ModelFunction, o: ExportOptions, axis: string, source: string | undefined): ModelProto {
  if (source === undefined)
    throw new BowError('usage', 'no input has a batch axis to free', { hint: 'freeBatch: false' });
  for (const batch of sizes) {
    try {
      return freeBatch({ models: [encode(fn, o, batch[0]), encode(fn, o, batch[1])], batch }, axis, source);
    } catch (e) {
      if (!(e instanceof StructureDiffers)) throw e;
    }
  }
  throw new BowError('usage', 'the model is built differently for every batch size', {
    hint: 'a free batch axis needs the same operators at every size; freeBatch: false fixes it',
  });
}

function encode(fn: ModelFunction, o: ExportOptions, batch: number | undefined): ModelProto {
  const specs = Object.fromEntries(
    Object.entries(o.inputs).map(([name, s]): [string, InputSpec] => {
      const free = batch !== undefined && s.shape.length > 0 && !o.fixed?.includes(name);
      return [name, free ? { dtype: s.dtype, shape: [batch, ...s.shape.slice(1)] } : s];
    }),
  );
  const { trace: t, outputs } = trace(fn, specs, { storage: (path) => o.store.storageOf(path) });
  for (const name of outputs.keys())
    if (name in specs)
      throw new BowError('usage', `"${name}" is the name of an input and of an output`, { place: name });
  const [changed] = [...t.updates.keys(), ...t.appends.keys()];
  if (changed !== undefined)
    throw new BowError('usage', 'a model for inference cannot change its state', { place: changed });
  const nodes = ancestors([...outputs.values()]);
  const used = new Set([...outputs.values(), ...nodes.flatMap((n) => n.inputs)].map((v) => v.name));
  for (const path of t.noise.keys())
    if (used.has(path)) throw new BowError('usage', 'a model for inference cannot draw noise', { place: path });
  const weights = new Map<string, NdArray>();
  for (const [path, { spec }] of t.params) {
    if (!used.has(path)) continue;
    o.store.get(path); // an absent weight is an error, not a random start
    o.store.ensure(spec);
    weights.set(path, o.store.get(path));
  }
  const inputs = [...t.graph.inputs.values()].filter((v) => v.name! in specs || weights.has(v.name!));
  return modelProto({ name: o.name ?? 'bow2bot', inputs, outputs, initializers: weights });
}
