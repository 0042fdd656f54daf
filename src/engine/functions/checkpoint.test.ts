import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { expect, test } from 'vitest';
import * as ort from '#ort';
import { Rng } from '../../base/index.ts';
import {
  checkpoint,
  compile,
  encodeModel,
  type F,
  gelu,
  grad,
  type Init,
  layerNorm,
  type NdArray,
  ndarray,
  type Scope,
  Store,
  type Tensor,
  trace,
  valueAndGrad,
} from '../index.ts';
import { rewriteForCpu } from '../rewrites/cpu.ts';

const normal: Init = (out, _shape, rng) => {
  for (let i = 0; i < out.length; i++) out[i] = 0.3 * rng.normal();
};
const wrapped = (on: boolean, f: (x: F) => F, x: F): F => (on ? checkpoint(f, x) : f(x));

/** A residual block with a parameter that others use too, noise, and a way through an operator that has no gradient (and needs none). */
function residual(s: Scope, x: F, outside: { shared: F; scale: F }): F {
  const up = gelu(layerNorm(x).matmul(s.param('up', [5, 11], normal))).mul(s.noise('keep', [11]));
  const down = up.matmul(s.param('down', [11, 5], normal)).mul(outside.shared);
  return x.add(down.mul(outside.scale.floor().add(0.5)));
}

/** Mean square of what three blocks make of x; `nested`: each block has a second one inside. */
const tower =
  (on: boolean, nested = false) =>
  (s: Scope, { x, scale }: { x: F; scale: F }): F => {
    const outside = { shared: s.param('shared', [5], normal), scale };
    let y: F = x.mul(s.param('first', [5], normal));
    for (const i of [0, 1, 2]) {
      const inner = (h: F): F => residual(s.at(`${i}/inner`), h, outside);
      const whole = (h: F): F => residual(s.at(i), nested ? wrapped(on, inner, h) : h, outside);
      y = wrapped(on, whole, y);
    }
    return y.square().mean();
  };

const rng = new Rng(3);
const x = ndarray(
  'float32',
  [7, 5],
  Float32Array.from({ length: 35 }, () => rng.normal()),
);
const inputs = { x, scale: ndarray('float32', [], [1.7]) };

test.each([false, true])('values and gradients are those without it (nested: %s)', async (nested) => {
  const store = new Store(1);
  const run = async (on: boolean) => {
    const c = compile(valueAndGrad(tower(on, nested)), { store, threads: 1 });
    const out = await c.run(inputs, { rng: new Rng(5) });
    await c.close();
    return out;
  };
  const plain = await run(false);
  const others: Record<string, NdArray> = await run(true);
  expect(Object.keys(others)).toEqual(Object.keys(plain));
  expect(Object.keys(plain)).toHaveLength(nested ? 15 : 9);
  for (const [name, a] of Object.entries(plain)) {
    const [wanted, found] = [a, others[name]!].map((r) => r.data as Float32Array) as [Float32Array, Float32Array];
    const scale = wanted.reduce((m, u) => Math.max(m, Math.abs(u)), 0);
    expect(scale).toBeGreaterThan(0);
    wanted.forEach((u, i) => {
      expect(Math.abs(found[i]! - u)).toBeLessThan(1e-6 * scale);
    });
  }
});

test('onnxruntime computes the blocks twice: it merges nothing of what was to be computed again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bow2bot-checkpoint-'));
  const gelus = async (on: boolean): Promise<number> => {
    const { trace: t, outputs } = trace(valueAndGrad(tower(on)), inputs);
    const bytes = encodeModel({ name: 'tower', inputs: [...t.graph.inputs.values()], outputs: rewriteForCpu(outputs) });
    const path = join(folder, `${on}.onnx`);
    const options = { optimizedModelFilePath: path, graphOptimizationLevel: 'all', logSeverityLevel: 3 } as const;
    await (await ort.InferenceSession.create(bytes, options)).release();
    const { node } = fromBinary(ModelProtoSchema, await readFile(path)).graph!;
    return node.filter((n) => n.opType === 'Gelu').length;
  };
  expect([await gelus(false), await gelus(true)]).toEqual([3, 6]);
  await rm(folder, { recursive: true });
});

test('what takes no part is left alone; a block that returns no tensor is refused', () => {
  const { trace: t } = trace((s, { x }) => {
    expect(checkpoint((h) => h, x!)).toBe(x);
    expect(() => checkpoint(() => undefined as never, x!)).toThrow(/must return one tensor/);
    const [used, unused] = [s.param('used', [5], normal), s.param('unused', [5], normal)];
    const y = checkpoint((h: Tensor) => h.mul(used.stopGradient()).exp(), x!);
    const [a, b, c] = grad(y.sum(), [x!, used, unused]);
    return { a: a!, b: b!, c: c! };
  }, { x: inputs.x }); // biome-ignore format: short
  expect(t.params.size).toBe(2);
});
