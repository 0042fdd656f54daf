/** The two passes of a resize in WebAssembly (kernels/resize.ts): this file owns the kernel's memory. */
import { wasm } from './resize-kernel.ts';

/** For every output place the first input place and the fixed-point weights from there. */
export type Weights = { readonly first: Int32Array; readonly values: readonly Int32Array[] };

type Kernel = {
  alongRows(
    source: number,
    width: number,
    rows: number,
    channels: number,
    target: number,
    to: number,
    table: number,
    weights: number,
    taps: number,
  ): void;
  alongColumns(
    source: number,
    row: number,
    target: number,
    to: number,
    table: number,
    weights: number,
    taps: number,
  ): void;
};

/** Bytes behind every buffer that the kernel may touch. */
const SLACK = 16;
const PAGE = 65536;
/** Bytes of an image that lie in the kernel's memory at a time. */
const STRIP = 1 << 20;

let kernel: { readonly memory: WebAssembly.Memory; readonly passes: Kernel } | undefined;

function loaded(): NonNullable<typeof kernel> {
  if (kernel) return kernel;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const bytes = Uint8Array.from(atob(wasm.replace(/\n/g, '')), (c) => c.charCodeAt(0)) as BufferSource;
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  kernel = { memory, passes: instance.exports as unknown as Kernel };
  return kernel;
}

/** Places one after the other, on 16 bytes; grows the memory to hold them. */
function layout(sizes: readonly number[]): number[] {
  let end = PAGE; // the first page is the compiler's
  const offsets = sizes.map((size) => {
    const at = end;
    end += (size + SLACK + 15) & ~15;
    return at;
  });
  const { memory } = loaded();
  const missing = Math.ceil((end - memory.buffer.byteLength) / PAGE);
  if (missing > 0) memory.grow(missing);
  return offsets;
}

const mostOf = (w: Weights): number => w.values.reduce((most, v) => Math.max(most, v.length), 0);

/** Writes the pairs (first place less `base`, number of weights) and the weights, padded to one length. */
function writeWeights(w: Weights, taps: number, table: number, at: number, base = 0): void {
  const { buffer } = loaded().memory;
  const pairs = new Int32Array(buffer, table, 2 * w.first.length);
  const weights = new Int32Array(buffer, at, taps * w.first.length);
  w.values.forEach((v, i) => {
    pairs[2 * i] = w.first[i]! - base;
    pairs[2 * i + 1] = v.length;
    weights.set(v, i * taps);
  });
}

/** One pass along the rows of interleaved bytes, 1 to 4 a pixel: [rows × width] becomes [rows × weights]. */
export function resizeRows(
  data: Uint8Array | Uint8ClampedArray,
  width: number,
  channels: number,
  w: Weights,
): Uint8Array {
  const [to, row, taps] = [w.first.length, width * channels, mostOf(w)];
  const rows = data.length / row;
  const strip = Math.max(1, Math.min(rows, Math.floor(STRIP / row)));
  const sizes = [8 * to, 4 * taps * to, strip * row, strip * to * channels];
  const [table, weights, source, target] = layout(sizes) as [number, number, number, number];
  const { memory, passes } = loaded();
  writeWeights(w, taps, table, weights);
  const memoryBytes = new Uint8Array(memory.buffer);
  const out = new Uint8Array(rows * to * channels);
  for (let y = 0; y < rows; y += strip) {
    const n = Math.min(strip, rows - y);
    memoryBytes.set(data.subarray(y * row, (y + n) * row), source);
    passes.alongRows(source, width, n, channels, target, to, table, weights, taps);
    out.set(memoryBytes.subarray(target, target + n * to * channels), y * to * channels);
  }
  return out;
}

/** One pass along the columns of rows of `row` bytes; `data` begins with row number `base` of what the weights count. */
export function resizeColumns(data: Uint8Array, row: number, base: number, w: Weights): Uint8Array {
  const [to, taps] = [w.first.length, mostOf(w)];
  const sizes = [8 * to, 4 * taps * to, data.length, to * row];
  const [table, weights, source, target] = layout(sizes) as [number, number, number, number];
  const { memory, passes } = loaded();
  writeWeights(w, taps, table, weights, base);
  const memoryBytes = new Uint8Array(memory.buffer);
  memoryBytes.set(data, source);
  passes.alongColumns(source, row, target, to, table, weights, taps);
  return memoryBytes.slice(target, target + to * row);
}
