/** The shared memory that word2vec trains in: both matrices, the tables, and scratch for every worker. */
import { BowError } from '../../base/index.ts';
import { wasm } from './kernel.ts';
import { sigmoidTable } from './rules.ts';
import type { Huffman } from './vocabulary.ts';

/** What the kernel exports; pointers are byte addresses in the shared memory. See kernels/word2vec.ts. */
export type Word2VecKernel = {
  train(context: number, ids: number, n: number): number;
  update(context: number, kind: number, h: number, m: number, n: number, treeNodes: number, twice: number): void;
  fill(at: number, rows: number, width: number, stride: number, by: number, seed: bigint): bigint;
  products(matrix: number, n: number, q: number, stride: number, out: number): void;
};

/** The switches of a run. */
export type KernelOptions = {
  readonly words: number;
  readonly width: number;
  readonly window: number;
  readonly negative: number;
  readonly hs: boolean;
  readonly cbow: boolean;
  readonly sharedNegatives: boolean;
  readonly skipSaturated: boolean;
  readonly exactSigmoid: boolean;
  readonly cbowSum: boolean;
  readonly fullWindow: boolean;
  readonly workers: number;
  /** Longest sentence trained on as one. */
  readonly maxSentence: number;
  /** Most ids in a block. */
  readonly blockIds: number;
};

/** Where things are. Everything a worker needs besides the memory itself. */
export type Layout = {
  readonly stride: number;
  readonly syn0: number;
  readonly syn1neg: number;
  readonly syn1: number;
  readonly noise: number;
  readonly keep: number;
  readonly codes: number;
  readonly points: number;
  readonly codeStarts: number;
  readonly contexts: readonly number[];
  readonly ids: readonly number[];
};

const slots = {
  syn0: 0, syn1neg: 1, syn1: 2, stride: 3, words: 4, window: 5, negative: 6, keep: 7, noise: 8, sigmoid: 9, flags: 10, codes: 11, points: 12,
  codeStarts: 13, sentence: 14, maxSentence: 15, targets: 16, labels: 17, scores: 18, work: 19, hidden: 20, zero: 21, contexts: 22, rng: 24,
  alpha: 26, loss: 28, pairs: 30,
} as const; // biome-ignore format: one table

/** Bits of the flags slot. */
const flag = { cbow: 1, hs: 2, skipSaturated: 4, exact: 8, shared: 16, sum: 32, fullWindow: 64, measure: 128 } as const;

let compiled: WebAssembly.Module | undefined;

/** The kernel on a memory. */
export function openKernel(memory: WebAssembly.Memory): Word2VecKernel {
  compiled ??= new WebAssembly.Module(
    Uint8Array.from(atob(wasm.replace(/\n/g, '')), (c) => c.charCodeAt(0)) as BufferSource,
  );
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Word2VecKernel;
}

/** Bytes of a row: whole vectors of four floats. */
export function strideOf(width: number): number {
  return Math.ceil(width / 4) * 16;
}

/** Memory of at least `bytes`, shared. Error `data` above the 4 GiB that WebAssembly addresses. */
export function sharedMemory(bytes: number, what: string): WebAssembly.Memory {
  const pages = Math.ceil(bytes / 65536);
  if (pages > 65535) {
    throw new BowError('data', `${what} does not fit into 4 GiB`, {
      detail: { bytes },
      hint: 'raise minCount, set maxFinalVocab, or lower vectorSize',
    });
  }
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

/** Allocates the memory of a run and writes the constant parts of every worker's context. */
export function layOut(o: KernelOptions, codeBits: number): { memory: WebAssembly.Memory; layout: Layout } {
  const stride = strideOf(o.width);
  let end = 65536;
  const region = (bytes: number): number => {
    const at = end;
    end += Math.ceil((bytes + 64) / 64) * 64;
    return at;
  };
  const matrix = o.words * stride;
  const shared = {
    syn0: region(matrix),
    syn1neg: o.negative > 0 ? region(matrix) : 0,
    syn1: o.hs ? region(matrix) : 0,
    noise: region(8 * o.words),
    keep: region(4 * o.words),
    codes: region(codeBits),
    points: region(4 * codeBits),
    codeStarts: region(4 * (o.words + 1)),
  };
  const sigmoid = region(4000);
  const targets = 128 + o.negative + 8;
  const contexts = 2 * o.window + 2;
  const workers = Array.from({ length: o.workers }, () => ({
    context: region(256),
    sentence: region(4 * o.maxSentence),
    targets: region(4 * targets),
    labels: region(4 * targets),
    scores: region(4 * targets * (o.sharedNegatives ? contexts : 1)),
    work: region(stride * (o.sharedNegatives ? contexts : 1)),
    hidden: region(stride),
    zero: region(stride),
    contexts: region(4 * contexts),
    ids: region(4 * o.blockIds),
  }));
  const memory = sharedMemory(end, `a model of ${o.words} words × ${o.width}`);
  new Float32Array(memory.buffer, sigmoid, 1000).set(sigmoidTable());
  for (const w of workers) {
    const c = new Uint32Array(memory.buffer, w.context, 64);
    const { context: _, ids: __, ...own } = w;
    const { words, window, negative, maxSentence } = o;
    const values = { ...shared, ...own, stride, words, window, negative, maxSentence, sigmoid, flags: flagsOf(o) };
    for (const [name, value] of Object.entries(values)) c[slots[name as keyof typeof slots]] = value;
  }
  return {
    memory,
    layout: { ...shared, stride, contexts: workers.map((w) => w.context), ids: workers.map((w) => w.ids) },
  };
}

function flagsOf(o: KernelOptions): number {
  return (
    (o.cbow ? flag.cbow : 0) |
    (o.hs ? flag.hs : 0) |
    (o.skipSaturated ? flag.skipSaturated : 0) |
    (o.exactSigmoid ? flag.exact : 0) |
    (o.sharedNegatives ? flag.shared : 0) |
    (o.cbowSum ? flag.sum : 0) |
    (o.fullWindow ? flag.fullWindow : 0)
  );
}

/** Writes noise table, keep thresholds (absent: no subsampling) and Huffman codes. */
export function writeTables(
  memory: WebAssembly.Memory,
  l: Layout,
  noise: Uint32Array,
  keep: Float64Array | undefined,
  tree: Huffman | undefined,
): void {
  new Uint32Array(memory.buffer, l.noise, noise.length).set(noise);
  if (keep)
    new Uint32Array(memory.buffer, l.keep, keep.length).set(
      Array.from(keep, (p) => Math.min(2 ** 32 - 1, Math.floor(p * 2 ** 32))),
    );
  for (const c of l.contexts) if (!keep) new Uint32Array(memory.buffer, c, 64)[slots.keep] = 0;
  if (tree) {
    new Uint8Array(memory.buffer, l.codes, tree.codes.length).set(tree.codes);
    new Int32Array(memory.buffer, l.points, tree.points.length).set(tree.points);
    new Uint32Array(memory.buffer, l.codeStarts, tree.starts.length).set(tree.starts);
  }
}

/** One worker's changing state. */
export type Context = {
  random: bigint;
  alpha: number;
  measure: boolean;
  readonly loss: number;
  readonly pairs: number;
  clearLoss(): void;
};

/** Accessors of a worker's context block. */
export function contextAt(memory: WebAssembly.Memory, at: number): Context {
  const words = new Uint32Array(memory.buffer, at, 64);
  const floats = new Float32Array(memory.buffer, at, 64);
  const doubles = new Float64Array(memory.buffer, at, 32);
  const longs = new BigUint64Array(memory.buffer, at, 32);
  return {
    get random() {
      return longs[slots.rng / 2]!;
    },
    set random(x) {
      longs[slots.rng / 2] = x;
    },
    get alpha() {
      return floats[slots.alpha]!;
    },
    set alpha(x) {
      floats[slots.alpha] = x;
    },
    get measure() {
      return (words[slots.flags]! & flag.measure) !== 0;
    },
    set measure(on) {
      words[slots.flags] = on ? words[slots.flags]! | flag.measure : words[slots.flags]! & ~flag.measure;
    },
    get loss() {
      return doubles[slots.loss / 2]!;
    },
    get pairs() {
      return doubles[slots.pairs / 2]!;
    },
    clearLoss() {
      doubles[slots.loss / 2] = 0;
      doubles[slots.pairs / 2] = 0;
    },
  };
}

/** Addresses of a worker's lists, for tests of single updates. */
export function listsAt(
  memory: WebAssembly.Memory,
  at: number,
): { targets: Uint32Array; labels: Float32Array; contexts: Uint32Array } {
  const c = new Uint32Array(memory.buffer, at, 64);
  return {
    targets: new Uint32Array(memory.buffer, c[slots.targets], 128),
    labels: new Float32Array(memory.buffer, c[slots.labels], 128),
    contexts: new Uint32Array(memory.buffer, c[slots.contexts], 4),
  };
}

/** Copies rows out of the padded matrix: [rows × width]. */
export function unpadded(memory: WebAssembly.Memory, at: number, rows: number, width: number): Float32Array {
  const stride = strideOf(width) / 4;
  const padded = new Float32Array(memory.buffer, at, rows * stride);
  if (stride === width) return Float32Array.from(padded);
  const out = new Float32Array(rows * width);
  for (let i = 0; i < rows; i++) out.set(padded.subarray(i * stride, i * stride + width), i * width);
  return out;
}

/** Copies rows into the padded matrix. */
export function padInto(memory: WebAssembly.Memory, at: number, rows: Float32Array, width: number): void {
  const stride = strideOf(width) / 4;
  const n = rows.length / width;
  const padded = new Float32Array(memory.buffer, at, n * stride);
  for (let i = 0; i < n; i++) padded.set(rows.subarray(i * width, (i + 1) * width), i * stride);
}
