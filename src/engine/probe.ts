/** What the runtime on this machine can do: which devices start, and how fast a matrix product is on them. */
import { isBowError, Rng } from '../base/index.ts';
import { compile } from './compile.ts';
import { ndarray } from './dtype.ts';
import { encodeModel } from './encode.ts';
import { newTrace } from './scope.ts';
import { createSession, type Device } from './session.ts';

/** Whether a device starts a session, and if not, why. */
export type DeviceProbe = {
  readonly device: Exclude<Device, 'auto'>;
  readonly works: boolean;
  readonly why: string | undefined;
};

/** Starts a session of one addition on a device and runs it. Native warnings may appear on stderr. */
export async function probeDevice(device: Exclude<Device, 'auto'>): Promise<DeviceProbe> {
  const t = newTrace();
  const x = t.graph.input('x', 'float32', [2]);
  const bytes = encodeModel({ name: 'probe', inputs: [x], outputs: new Map([['y', x.add(x)]]) });
  try {
    const session = await createSession(bytes, { device, threads: 1 });
    await session.close();
    return { device, works: true, why: undefined };
  } catch (e) {
    return { device, works: false, why: isBowError(e) ? e.message : String(e) };
  }
}

/** Figures of {@link measureGemm}. */
export type GemmFigure = { readonly size: number; readonly threads: number; readonly gflops: number };

/**
 * The best rate of a float32 product of two n × n matrices over several runs, in GFLOP/s (2n³ operations). Error `backend` where no session starts.
 */
export async function measureGemm(
  o: { size?: number; device?: Device; threads?: number; runs?: number } = {},
): Promise<GemmFigure> {
  const n = o.size ?? 1024;
  const rng = new Rng('gemm');
  const matrix = (): Float32Array => Float32Array.from({ length: n * n }, () => rng.float() - 0.5);
  const product = compile((_s, { a, b }) => ({ y: a!.matmul(b!) }), {
    ...(o.device ? { device: o.device } : {}),
    ...(o.threads ? { threads: o.threads } : {}),
  });
  const inputs = { a: ndarray('float32', [n, n], matrix()), b: ndarray('float32', [n, n], matrix()) };
  let best = Number.POSITIVE_INFINITY;
  try {
    for (let i = 0; i < (o.runs ?? 12); i++) {
      const started = performance.now();
      await product.run(inputs);
      if (i > 1) best = Math.min(best, performance.now() - started);
    }
    const { session } = await product.program(inputs);
    return { size: n, threads: session.threads, gflops: (2 * n ** 3) / best / 1e6 };
  } finally {
    await product.close();
  }
}
