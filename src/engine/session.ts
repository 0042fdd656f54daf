/** One interface to ONNX Runtime: in Node on CPU, WebGPU and CUDA, in a browser on WebAssembly and WebGPU. What runs where is said, never guessed. */
import * as ort from '#ort';
import { BowError, isRecord } from '../base/index.ts';
import { badArgument, needDType } from './arguments.ts';
import type { DType, NdArray } from './dtype.ts';
import { RunOrder } from './run-order.ts';

/** Where a graph runs. `auto`: CUDA when its library is there, else the CPU (in a browser: WebGPU when there is an adapter, else WebAssembly). */
export type Device = 'auto' | 'cpu' | 'webgpu' | 'cuda';

/** How sessions are made. */
export type SessionOptions = {
  readonly device?: Device;
  /** CPU threads of one run; default: all the process may use, at most 16. */
  readonly threads?: number;
  /** Writes an onnxruntime profile with this file prefix. */
  readonly profile?: string;
};

/** A loaded graph. */
export type Session = {
  /** Where it really runs. */
  readonly device: Exclude<Device, 'auto'>;
  readonly threads: number;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** True when onnxruntime writes into the tensors given as fetches; onnxruntime-web leaves them as they are and returns its own. */
  readonly writesInPlace: boolean;
  /** Runs once. `fetches`: the outputs wanted; a tensor makes onnxruntime write into its memory, null lets it allocate. */
  run(
    feeds: Record<string, ort.Tensor>,
    fetches: Record<string, ort.Tensor | null>,
  ): Promise<Record<string, ort.Tensor>>;
  /** Ends the profile, when one was asked for, and frees the session. */
  close(): Promise<void>;
};

/** A fusion that is switched off: the Gemm of a product and its bias copies the bias serially and costs more than a separate Add. */
const NO_GEMM = 'MatMulAddFusion';
/** Another, not on the CPU: that of a sum with the norm behind it forgets that gradients read the norm's mean and deviation, which WebGPU's kernel then does not give. */
const NO_SKIP_NORM = 'SkipLayerNormFusion';

const isNode = typeof process === 'object' && typeof process.versions?.node === 'string';

/** onnxruntime-web runs one session at a time and throws for a second one. */
const webRuns = new RunOrder();

/** Back ends that onnxruntime says it holds, and whether a session can be expected to start on them. */
export function listBackends(): { name: string; bundled: boolean }[] {
  const list = (ort as unknown as { listSupportedBackends?: () => { name: string; bundled: boolean }[] })
    .listSupportedBackends;
  return list ? list() : [{ name: 'cpu', bundled: true }];
}

/** Threads that a run uses by default: physical cores are what matrix products want, so at most what the process may use. */
export async function defaultThreads(): Promise<number> {
  const n = isNode
    ? process.getBuiltinModule('node:os').availableParallelism() // no import: a bundle for a browser would reach for it
    : (globalThis.navigator?.hardwareConcurrency ?? 1);
  return Math.max(1, Math.min(16, n));
}

/** Loads a model (bytes, or a path in Node). Throws `backend` when the device is unavailable: there is no silent fallback. */
export async function createSession(model: Uint8Array | string, o: SessionOptions = {}): Promise<Session> {
  const threads = o.threads ?? (await defaultThreads());
  const device = await resolveDevice(o.device);
  const provider = !isNode && device === 'cpu' ? 'wasm' : device;
  const options: ort.InferenceSession.SessionOptions = {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    extra: {
      optimization: { disable_specified_optimizers: device === 'cpu' ? NO_GEMM : `${NO_GEMM};${NO_SKIP_NORM}` },
    },
    ...(o.profile ? { enableProfiling: true, profileFilePrefix: o.profile } : {}),
  };
  if (!isNode) ort.env.wasm.numThreads = threads;
  let inner: ort.InferenceSession;
  try {
    inner =
      typeof model === 'string'
        ? await ort.InferenceSession.create(model, options)
        : await ort.InferenceSession.create(model, options);
  } catch (e) {
    throw sessionError(e, device);
  }
  return {
    device,
    threads,
    inputNames: inner.inputNames,
    outputNames: inner.outputNames,
    writesInPlace: isNode,
    run: async (feeds, fetches) => {
      const call = (): Promise<ort.InferenceSession.OnnxValueMapType> =>
        inner.run(feeds, isNode ? (fetches as ort.InferenceSession.OnnxValueMapType) : Object.keys(fetches));
      try {
        return (await (isNode ? call() : webRuns.write(call))) as Record<string, ort.Tensor>;
      } catch (e) {
        throw new BowError('backend', `onnxruntime: ${messageOf(e)}`, { place: device, cause: e });
      }
    },
    close: async () => {
      if (o.profile) inner.endProfiling();
      await inner.release();
    },
  };
}

/** What `auto` (or nothing) stands for on this machine. */
export async function resolveDevice(device: Device = 'auto'): Promise<Exclude<Device, 'auto'>> {
  if (device !== 'auto') return device;
  if (isNode) return listBackends().some((b) => b.name === 'cuda' && b.bundled) ? 'cuda' : 'cpu';
  return (await adapter()) ? 'webgpu' : 'cpu';
}

type Adapter = { readonly features: ReadonlySet<string> };

/** The GPU of a browser. */
async function adapter(): Promise<Adapter | null | undefined> {
  const { gpu } = (globalThis.navigator ?? {}) as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
  return await gpu?.requestAdapter();
}

/** Error `backend` where onnxruntime cannot widen weights that are kept in 16 bits: onnxruntime-web has no bfloat16, and not every GPU has float16. */
export async function checkHalf(half: 'float16' | 'bfloat16', device: Exclude<Device, 'auto'>): Promise<void> {
  if (isNode) return;
  const refused = (message: string, hint: string): BowError =>
    new BowError('backend', message, { place: device, hint });
  if (half === 'bfloat16') throw refused('no browser runs graphs with bfloat16 weights', 'keep them as float16');
  if (device !== 'webgpu' || (await adapter())?.features.has('shader-f16')) return;
  throw refused('this GPU has no 16-bit floats (shader-f16)', "run on 'cpu', or keep the weights in float32");
}

/** The sentence a person needs of onnxruntime's messages, which begin with a source path and a C++ signature. */
function messageOf(e: unknown): string {
  const first = (e instanceof Error ? e.message : String(e)).split('\n')[0]!;
  return first.replace(/^\/\S+:\d+ .*?(?:was false\. |\] )(?=\S)/, '').slice(0, 500);
}

function sessionError(e: unknown, device: string): BowError {
  const message = messageOf(e);
  const missing = /provider|adapter|webgpu|cuda|backend/i.test(message) && device !== 'cpu';
  return new BowError('backend', `cannot start a session: ${message}`, {
    place: device,
    cause: e,
    ...(missing
      ? { hint: `"bow2bot doctor" says what ${device} needs on this machine; device: 'cpu' always works` }
      : {}),
  });
}

const wrappers = new WeakMap<ArrayBufferView, ort.Tensor>();

/** An onnxruntime tensor over the same memory; one wrapper for each array. */
export function toOrt(a: NdArray): ort.Tensor {
  if (!isRecord(a) || !ArrayBuffer.isView(a.data) || !Array.isArray(a.shape))
    throw badArgument(
      undefined,
      'toOrt: the argument must be an array of values',
      a,
      'make one: ndarray(dtype, shape, values)',
    );
  needDType(undefined, 'toOrt', a.dtype);
  const known = wrappers.get(a.data);
  if (known && known.dims.length === a.shape.length && known.dims.every((d, i) => d === a.shape[i])) return known;
  const type = a.dtype === 'bfloat16' ? 'uint16' : a.dtype; // the binding has no bfloat16: the model takes its bits (encode.ts)
  const t = new ort.Tensor(type as 'float32', a.data as Float32Array, a.shape);
  wrappers.set(a.data, t);
  return t;
}

/** The values of an onnxruntime tensor on the CPU, not copied. Error `dtype` for a type that the engine does not hold. */
export function fromOrt(t: ort.Tensor): NdArray {
  if (!isRecord(t) || !Array.isArray(t.dims) || !ArrayBuffer.isView(t.data))
    throw badArgument(undefined, 'fromOrt: the argument must be a tensor of onnxruntime with its values on the CPU', t);
  needDType(undefined, 'fromOrt', t.type);
  return { dtype: t.type as DType, shape: t.dims, data: t.data as Float32Array } as NdArray;
}
