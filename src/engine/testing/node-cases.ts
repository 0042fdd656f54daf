/**
 * ONNX's own test cases of single operators, run through the import: the case becomes a model file, the file is imported, the graph is run by the
 * float64 references and by onnxruntime, and both results are compared with the case's.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  ModelProtoSchema,
  AttributeProto_AttributeType as T,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { isBowError } from '../../base/index.ts';
import { trace } from '../compile.ts';
import { type DType, isFloat, type NdArray } from '../dtype.ts';
import { importOnnx } from '../import/import-onnx.ts';
import { NEWEST_OPSET } from '../import/model.ts';
import { storedTensor } from '../import/stored-tensor.ts';
import { interpret, toRef } from '../interpret.ts';
import { createProgram } from '../program.ts';
import { Store } from '../store.ts';
import { relativeError } from './check.ts';

/** An array of a case: little-endian bytes in base 64. Texts, sequences and missing values are cases that cannot be run. */
export type CaseArray = { readonly dtype: string | undefined; readonly dims: readonly number[]; readonly b64?: string };
type CaseAttribute = number | string | readonly number[] | readonly string[] | { readonly tensor: CaseArray };

/** One case, as a line of the file of cases has it. */
export type NodeCase = {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  /** Versions of operator sets; the newest when empty. */
  readonly opset: readonly (readonly [domain: string, version: number])[];
  readonly attrs: Readonly<Record<string, CaseAttribute>>;
  readonly in_names: readonly string[];
  readonly out_names: readonly string[];
  readonly inputs: readonly (CaseArray | null)[];
  readonly outputs: readonly (CaseArray | null)[];
};

/** What became of a case: passed (on which paths), or why not. */
export type CaseResult = { readonly passed: boolean; readonly reason: string };

const codes: Readonly<Record<string, number>> = { float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, bool: 9, float16: 10, float64: 11, uint32: 12, uint64: 13, bfloat16: 16 }; // biome-ignore format: a table

/** Version that cases without one are taken to be of. */
const NEWEST = NEWEST_OPSET;

function tensorOf(name: string, a: CaseArray): TensorProto {
  const dataType = codes[a.dtype ?? ''];
  if (a.dtype === undefined) throw new Error('a value that is no tensor');
  if (dataType === undefined || a.b64 === undefined) throw new Error(`elements of type ${a.dtype}`);
  return create(TensorProtoSchema, {
    name,
    dims: a.dims.map(BigInt),
    dataType,
    rawData: Uint8Array.from(Buffer.from(a.b64, 'base64')),
  });
}

function attributeOf(name: string, v: CaseAttribute): AttributeProto {
  const bytes = (s: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(s);
  if (typeof v === 'string') return create(AttributeProtoSchema, { name, type: T.STRING, s: bytes(v) });
  if (typeof v === 'number') {
    // JSON writes 1.0 as 1: what the standard calls a float is recognised by name
    return Number.isInteger(v) && !floats.has(name)
      ? create(AttributeProtoSchema, { name, type: T.INT, i: BigInt(v) })
      : create(AttributeProtoSchema, { name, type: T.FLOAT, f: v });
  }
  if (!Array.isArray(v))
    return create(AttributeProtoSchema, { name, type: T.TENSOR, t: tensorOf('', (v as { tensor: CaseArray }).tensor) });
  const list = v as readonly (number | string)[];
  if (list.length > 0 && list.every((n) => typeof n === 'string'))
    return create(AttributeProtoSchema, { name, type: T.STRINGS, strings: list.map(bytes) });
  return list.every(Number.isInteger) && !floats.has(name)
    ? create(AttributeProtoSchema, { name, type: T.INTS, ints: list.map(BigInt) })
    : create(AttributeProtoSchema, { name, type: T.FLOATS, floats: list as number[] });
}

const floats = new Set(['alpha', 'beta', 'gamma', 'epsilon', 'bias', 'lambd', 'ratio', 'value', 'scales', 'min', 'max', 'cubic_coeff_a', 'extrapolation_value', 'spatial_scale', 'value_float', 'value_floats']); // biome-ignore format: a list

/** The case as a file: every input is an input of the graph, but for those that must be constants. */
export function modelOf(c: NodeCase, constant: ReadonlySet<string>): Uint8Array {
  const version = c.opset.find(([d]) => d === c.domain)?.[1] ?? NEWEST;
  const present = named(c.in_names, c.inputs);
  const info = (name: string, a: CaseArray): ValueInfoProto =>
    create(ValueInfoProtoSchema, {
      name,
      type: { value: { case: 'tensorType', value: { elemType: codes[a.dtype ?? ''] ?? 8 } } },
    });
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [{ domain: c.domain, version: BigInt(version) }],
    graph: {
      name: c.name,
      node: [
        {
          opType: c.op,
          domain: c.domain,
          input: [...c.in_names],
          output: [...c.out_names],
          attribute: Object.entries(c.attrs).map(([k, v]) => attributeOf(k, v)),
        },
      ],
      initializer: present.flatMap(([name, a]) => (constant.has(name) ? [tensorOf(name, a!)] : [])),
      input: present.flatMap(([name, a]) => (constant.has(name) ? [] : [info(name, a)])),
      output: named(c.out_names, c.outputs).map(([name, a]) => info(name, a)),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

/** Names that are there, each with its array: the lists of arrays leave out what has no name. */
function named(names: readonly string[], arrays: readonly (CaseArray | null)[]): (readonly [string, CaseArray])[] {
  const present = names.filter((n) => n !== '');
  return present.map((name, i) => {
    const a = arrays[i];
    if (!a) throw new Error('a value that is no tensor');
    return [name, a] as const;
  });
}

/** The array as the engine holds it: halves as float32, narrow integers widened. */
function engineArray(a: CaseArray): NdArray {
  return storedTensor(tensorOf('', a), 'case').read();
}

/** Runs a case. Operands that the import wants to know while the graph is built are made constants. */
export async function runCase(c: NodeCase): Promise<CaseResult> {
  const constant = new Set<string>();
  for (;;) {
    try {
      return await runWith(c, constant);
    } catch (e) {
      if (!isBowError(e)) return { passed: false, reason: e instanceof Error ? e.message : String(e) };
      const input = e.detail['input'];
      if (typeof input !== 'string' || constant.has(input)) return { passed: false, reason: e.message };
      constant.add(input);
    }
  }
}

async function runWith(c: NodeCase, constant: ReadonlySet<string>): Promise<CaseResult> {
  const inputs = named(c.in_names, c.inputs).filter(([name]) => !constant.has(name));
  const arrays = new Map(inputs.map(([name, a]) => [name, engineArray(a)]));
  const part = importOnnx(modelOf(c, constant), { place: c.name });
  const specs = Object.fromEntries([...arrays].map(([name, a]) => [name, { dtype: a.dtype, shape: a.shape }]));
  const traced = trace((s, inputs) => part(s, inputs), specs);
  const wanted = named(c.out_names, c.outputs).map(([name, a]) => [name, engineArray(a)] as const);
  const half = [...c.inputs, ...c.outputs].some((a) => a?.dtype === 'float16' || a?.dtype === 'bfloat16');
  const tolerance = half ? 2e-3 : 2e-4; // ONNX's own runner allows 1e-3; some cases give four digits

  const feeds = Object.fromEntries([...arrays].map(([name, a]) => [name, toRef(a)]));
  for (const [path, { spec }] of traced.trace.params) {
    const out = new Float32Array(spec.shape.reduce((a, b) => a * b, 1));
    spec.init(out, spec.shape, undefined as never);
    feeds[path] = toRef({ dtype: 'float32', shape: spec.shape, data: out });
  }
  const outputs = wanted.map(([name]) => traced.outputs.get(name)!);
  const exact = interpret(outputs, feeds);
  for (const [i, [name, array]] of wanted.entries()) {
    const dtype = outputs[i]!.dtype;
    if (dtype !== array.dtype) return { passed: false, reason: `${name} is ${dtype}, not ${array.dtype}` };
    const e = relativeError(array, exact[i]!);
    if (!(e <= tolerance)) return { passed: false, reason: `${name} differs by ${e} in the references` };
  }
  return onnxruntime(traced, arrays, wanted, tolerance);
}

async function onnxruntime(
  traced: ReturnType<typeof trace>,
  arrays: ReadonlyMap<string, NdArray>,
  wanted: readonly (readonly [string, NdArray])[],
  tolerance: number,
): Promise<CaseResult> {
  const program = await createProgram(traced.trace, traced.outputs, new Store(), { threads: 1 });
  try {
    const found = await program.run(Object.fromEntries(arrays));
    for (const [name, array] of wanted) {
      const e = relativeError(found[name]!, toRef(array));
      const limit = isFloat(array.dtype as DType) ? tolerance : 0;
      if (!(e <= limit)) return { passed: false, reason: `${name} differs by ${e} in onnxruntime` };
    }
    return { passed: true, reason: '' };
  } finally {
    await program.close();
  }
}
