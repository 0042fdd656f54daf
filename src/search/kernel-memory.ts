/** WebAssembly kernels over a memory of their own that grows. */
import { BowError } from '../base/index.ts';

const page = 65_536;

/** Bytes that a memory can have. */
export const largest: number = 65_536 * page;

const compiled = new Map<string, WebAssembly.Module>();

/** The functions of a kernel (its module in base64) over a new memory; `grow` makes that at least `bytes` large. Views of it are then void. */
export function kernelMemory<Kernel>(wasm: string): {
  readonly kernel: Kernel;
  readonly memory: WebAssembly.Memory;
  grow(bytes: number): void;
} {
  let module = compiled.get(wasm);
  if (!module) {
    module = new WebAssembly.Module(
      Uint8Array.from(atob(wasm.replace(/\n/g, '')), (c) => c.charCodeAt(0)) as BufferSource,
    );
    compiled.set(wasm, module);
  }
  const memory = new WebAssembly.Memory({ initial: 1, maximum: largest / page });
  const grow = (bytes: number): void => {
    const missing = Math.ceil(bytes / page) - memory.buffer.byteLength / page;
    if (missing <= 0) return;
    try {
      memory.grow(missing);
    } catch (cause) {
      throw new BowError('usage', `no memory for vectors: ${Math.ceil(bytes / 2 ** 20)} MiB are not free`, {
        place: 'exact index',
        hint: '--store lance keeps vectors on disk',
        cause,
      });
    }
  };
  return { kernel: new WebAssembly.Instance(module, { env: { memory } }).exports as Kernel, memory, grow };
}
