import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { type Compiled, compile, ndarray, sizeOf } from '../index.ts';
import { interpret } from '../interpret.ts';
import type { Ref } from '../op.ts';
import { broadcast } from '../shape.ts';
import { constantLike, newGraph, type Tensor } from '../tensor.ts';
import { rewriteForCpu } from './cpu.ts';

/** One step of a random graph: two earlier tensors, by number, and what becomes of them. */
type Step = {
  readonly what: 'matmul' | 'swap' | 'permute' | 'factor' | 'vector' | 'add' | 'sum' | 'leading' | 'unsqueeze';
  readonly a: number;
  readonly b: number;
  readonly rank: number;
  readonly value: number;
};

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom('matmul', 'swap', 'permute', 'factor', 'vector', 'add', 'sum', 'leading', 'unsqueeze'),
  a: fc.nat(30),
  b: fc.nat(30),
  rank: fc.nat(4),
  value: fc.constantFrom(0, 0.5, -2, 3, 1e20, 1e-20),
});

const shapes = [
  [2, 3],
  [3, 2],
  [3, 3],
  [2, 3, 2],
  [1, 2, 3],
  [2, 1, 3, 2],
] as const;

/** The product of a and b, each turned where that makes them fit; undefined when nothing does. */
function productOf(a: Tensor, b: Tensor): Tensor | undefined {
  for (const [p, q] of [
    [a, b],
    [a, b.mT],
    [a.mT, b],
    [a.mT, b.mT],
  ] as const) {
    // biome-ignore format: a table
    if (p.dim(-1) !== q.dim(-2)) continue;
    try {
      broadcast(p.shape.slice(0, -2), q.shape.slice(0, -2));
    } catch {
      continue;
    }
    return p.matmul(q);
  }
  return undefined;
}

function fits(a: Tensor, b: Tensor): boolean {
  try {
    broadcast(a.shape, b.shape);
    return true;
  } catch {
    return false;
  }
}

function stepped(s: Step, made: readonly Tensor[]): Tensor | undefined {
  const [a, b] = [made[s.a % made.length]!, made[s.b % made.length]!];
  if (a.size > 2000) return undefined;
  const ones = (n: number): number[] => new Array<number>(n).fill(1);
  if (s.what === 'matmul') return a.rank < 2 || b.rank < 2 ? undefined : productOf(a, b);
  if (s.what === 'swap') return a.rank < 2 ? undefined : a.mT;
  if (s.what === 'permute') return a.transpose([...a.shape.keys()].reverse());
  if (s.what === 'factor') return a.mul(constantLike(a, 'float32', ones(s.rank), [s.value]));
  if (s.what === 'vector') return a.rank === 0 ? undefined : a.mul(constantLike(a, 'float32', [a.dim(-1)], Array.from({ length: a.dim(-1) }, (_, i) => i - 0.5))); // biome-ignore format: one line
  if (s.what === 'add') return fits(a, b) ? a.add(b) : undefined;
  if (s.what === 'sum') return a.rank === 0 ? undefined : a.sum(s.b % a.rank, { keep: s.value > 0 });
  if (s.what === 'leading') return a.rank < 2 ? undefined : big(a).sum([...a.shape.keys()].slice(0, -1));
  return a.rank > 3 ? undefined : a.unsqueeze(s.b % (a.rank + 1));
}

/** A tensor large enough for the rule about sums: stretched along its first axis. */
function big(a: Tensor): Tensor {
  const stretched = a.unsqueeze(0).expand([1400, ...a.shape]);
  return stretched.reshape([1400 * a.dim(0), ...a.shape.slice(1)]);
}

/** What the steps make of the inputs; the last few results and some in the middle are the outputs. */
function grown(inputs: readonly Tensor[], steps: readonly Step[]): Map<string, Tensor> {
  const made = [...inputs];
  for (const s of steps) {
    const t = stepped(s, made);
    if (t) made.push(t);
  }
  const results = made.slice(inputs.length);
  return new Map(results.flatMap((t, i): [string, Tensor][] => (i % 3 === 2 || i >= results.length - 3 ? [[`y${i}`, t]] : []))); // biome-ignore format: one line
}

const values = shapes.map((shape, i): Ref => {
  const rng = new Rng(i);
  return { shape, data: Float64Array.from({ length: sizeOf(shape) }, () => Math.fround(rng.uniform(-1, 1))) };
});
const feeds: Record<string, Ref> = Object.fromEntries(values.map((v, i) => [`x${i}`, v]));

function expectClose(found: ArrayLike<number>, wanted: Float64Array, tolerance: number): void {
  const scale = wanted.reduce((m, u) => Math.max(m, Math.abs(u)), 1e-30);
  wanted.forEach((u, i) => {
    if (!(Math.abs(found[i]! - u) <= tolerance * scale)) expect(found[i]).toBe(u);
  });
}

describe('rewriting for the CPU', () => {
  test('keeps the shapes, types and values of random graphs', () => {
    const property = fc.property(fc.array(step, { minLength: 3, maxLength: 14 }), (steps) => {
      const graph = newGraph();
      const outputs = grown(shapes.map((shape, i) => graph.input(`x${i}`, 'float32', shape)), steps); // biome-ignore format: one line
      const rewritten = rewriteForCpu(outputs);
      expect([...rewritten.keys()]).toEqual([...outputs.keys()]);
      const [plain, other] = [outputs, rewritten].map((m) => interpret([...m.values()], feeds)) as [Ref[], Ref[]];
      [...outputs.values()].forEach((t, i) => {
        const u = [...rewritten.values()][i]!;
        expect({ shape: u.shape, dtype: u.dtype }).toEqual({ shape: t.shape, dtype: t.dtype });
        expect(other[i]!.shape).toEqual(plain[i]!.shape);
        expectClose(other[i]!.data, plain[i]!.data, 1e-9);
      });
    });
    fc.assert(property, { seed: 1, numRuns: 400 });
  });

  test('makes models that onnxruntime takes, with the values of the references', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 10 }), async (steps) => {
      const graph = newGraph();
      const outputs = grown(shapes.map((shape, i) => graph.input(`x${i}`, 'float32', shape)), steps); // biome-ignore format: one line
      if (outputs.size === 0) return;
      const wanted = interpret([...outputs.values()], feeds);
      const c = compile((_s, x) => Object.fromEntries(grown(shapes.map((_, i) => x[`x${i}`]!), steps)), { threads: 1 }); // biome-ignore format: one line
      const found = await run(c);
      [...outputs.keys()].forEach((name, i) => {
        expect(found[name]!.shape).toEqual(wanted[i]!.shape);
        const largest = wanted[i]!.data.reduce((m, u) => Math.max(m, Math.abs(u)), 0);
        if (largest > 0 && (largest < 1e-15 || largest > 1e25)) return; // beyond what float32 holds on the way
        expectClose(found[name]!.data as Float32Array, wanted[i]!.data, 1e-4);
      });
    });
    await fc.assert(property, { seed: 2, numRuns: 60 });
  });

  test('a factor with more axes than the product stays a factor', async () => {
    const c = compile((_s, { x0, x1 }) => ({ y: x0!.matmul(x1!).mul(constantLike(x0!, 'float32', [1, 1, 1], [2])) }), {
      threads: 1,
    });
    const x = (i: number) => ndarray('float32', shapes[i]!, Float32Array.from(values[i]!.data));
    const { y } = await c.run({ x0: x(0), x1: x(1) });
    expect(y!.shape).toEqual([1, 2, 2]);
    await c.close();
  });

  test('a factor 0 leaves infinities what they were', async () => {
    const c = compile((_s, { x }) => ({ y: x!.matmul(x!).mul(0) }), { threads: 1 });
    const { y } = await c.run({ x: ndarray('float32', [1, 1], [Infinity]) });
    expect(y!.data[0]).toBeNaN();
    await c.close();
  });
});

async function run(c: Compiled) {
  try {
    return await c.run(Object.fromEntries(shapes.map((shape, i) => [`x${i}`, ndarray('float32', shape, Float32Array.from(values[i]!.data))]))); // biome-ignore format: one line
  } finally {
    await c.close();
  }
}
