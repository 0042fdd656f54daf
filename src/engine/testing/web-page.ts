/** What Node and a page compute in ../web.test.ts. */
import { isBowError, Rng } from '../../base/index.ts';
import {
  arange,
  compile,
  einsum,
  type F,
  gatherElements,
  type Half,
  type Init,
  l2Normalize,
  logSoftmax,
  ndarray,
  probeDevice,
  Store,
  valueAndGrad,
} from '../index.ts';

const x = ndarray(
  'float32',
  [5, 13],
  Float32Array.from({ length: 65 }, (_, i) => ((i * i) % 17) / 16 - 0.5),
);
const normal: Init = (out, _shape, rng) => {
  for (let i = 0; i < out.length; i++) out[i] = rng.normal();
};

/** What a graph is fed as noise, bit for bit. */
export async function noise(): Promise<number[]> {
  const c = compile((s) => ({ a: s.noise('a', [7], 'normal'), b: s.noise('b', [7]) }), { device: 'cpu', threads: 1 });
  const { a, b } = await c.run({}, { rng: new Rng('noise') });
  await c.close();
  return [...a.data, ...b.data].map(Number);
}

/** A loss of frozen weights that are kept in 16 bits, and its gradient by what is trained. */
export async function halves(half: Half, device: 'cpu' | 'webgpu' = 'cpu'): Promise<number[]> {
  const store = new Store(2, { storage: { 'base/**': half } });
  const loss = valueAndGrad((s, i: { x: F<'b i'> }) => {
    const base = s.at('base').with({ spec: (d) => ({ ...d, kind: 'buffer' }) });
    const y = i.x.mul(s.param('gain', [13], normal)).matmul(base.param('in', [13, 7], normal));
    return y.tanh().square().mean();
  });
  const c = compile(loss, { store, device, threads: 1 });
  const out = await c.run({ x });
  await c.close();
  return [out.loss, out['gradient/gain']!].flatMap(({ data }) => [...data].map(Number));
}

/** What a device makes of weights in 16 bits, or the code of its refusal. */
export async function halvesOn(device: 'cpu' | 'webgpu', half: Half): Promise<number[] | string> {
  return await halves(half, device).catch((e: unknown) => (isBowError(e) ? e.code : String(e)));
}

/** A contrastive loss and its gradient: onnxruntime-web's older WebGPU kernels gave others, in silence. */
export async function contrast(device: 'cpu' | 'webgpu'): Promise<number[]> {
  const loss = valueAndGrad((s, i: { x: F<'b i'> }) => {
    const y = l2Normalize(i.x.matmul(s.param('w', [13, 7], normal)));
    const logits = einsum('i e, j e -> i j', y, i.x.slice(1, 0, 7)).mul(3);
    const matches = arange(logits, 5).unsqueeze(-1);
    return gatherElements(logSoftmax(logits), matches, -1)
      .add(gatherElements(logSoftmax(logits.mT), matches, -1))
      .mean();
  });
  const c = compile(loss, { store: new Store(3), device, threads: 1 });
  const out = await c.run({ x });
  await c.close();
  return [out.loss, out['gradient/w']!].flatMap(({ data }) => [...data].map(Number));
}

/** Whether there is a GPU, and whether it has 16-bit floats. */
export async function gpu(): Promise<{ works: boolean; float16: boolean }> {
  const { works } = await probeDevice('webgpu');
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<{ features: ReadonlySet<string> } | null> } };
  return { works, float16: (await gpu?.requestAdapter())?.features.has('shader-f16') ?? false };
}

/** Programs over stores of their own, made, run and closed at once; each counts its runs. */
export async function overlapping(): Promise<number[][]> {
  const one = async (factor: number): Promise<number[]> => {
    const c = compile(
      (s, i: { x: F<'b i'> }) => {
        const runs = s.state('runs', [], () => {});
        s.update(runs, runs.add(1));
        return { y: i.x.mul(factor).sum(), runs };
      },
      { store: new Store(), device: 'cpu', threads: 1 },
    );
    const results = await Promise.all(Array.from({ length: 4 }, () => c.run({ x })));
    await c.close();
    return results.flatMap(({ y, runs }) => [Number(y.data[0]), Number(runs.data[0])]);
  };
  return await Promise.all([1, 2, 3].map(one));
}
