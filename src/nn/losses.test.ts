import { expect, test } from 'vitest';
import {
  compile,
  type F,
  fromNumbers,
  grad,
  type I,
  logSoftmax,
  ndarray,
  Store,
  type Tensor,
} from '../engine/index.ts';
import {
  binaryCrossEntropy,
  crossEntropy,
  huber,
  klDivergence,
  meanSquaredError,
  type Reduction,
  smoothL1,
  softCrossEntropy,
} from './losses.ts';
import expected from './testing/losses/losses.json' with { type: 'json' };

const [rows, classes] = [7, 5];
const wave = (n: number, phase: number): number[] => Array.from({ length: n }, (_, i) => Math.sin(0.7 * i + phase));
const unit = wave(rows * classes, 1).map((u) => (u + 1) / 2);
const share = unit.map((u, i) => {
  const row = Math.floor(i / classes) * classes;
  return u / unit.slice(row, row + classes).reduce((a, b) => a + b);
});
const values = {
  x: wave(rows * classes, 0).map((u) => 3 * u),
  unit,
  share,
  sparse: share.map((u) => (u < 0.15 ? 0 : u)),
};
type Inputs = { x: F; unit: F; share: F; sparse: F; target: I; weight: F };

/** The loss that a case's name describes. */
function lossOf(name: string, t: Inputs): F {
  const [kind, reduction, ...rest] = name.split(' ') as [string, Reduction | 'batchmean', ...string[]];
  const r = reduction as Reduction;
  const weight = rest.includes('weighted') ? { weight: t.weight } : {};
  if (kind === 'crossEntropy')
    return crossEntropy(t.x, t.target, { reduction: r, labelSmoothing: Number(rest[0]), ...weight });
  if (kind === 'softCrossEntropy')
    return softCrossEntropy(t.x, t.share, { reduction: r, labelSmoothing: Number(rest[0]), ...weight });
  if (kind === 'binaryCrossEntropy') {
    const weighted = rest.includes('weighted') ? { positiveWeight: t.weight, weight: t.weight.add(1) } : {};
    return binaryCrossEntropy(t.x, t.unit, { reduction: r, ...weighted });
  }
  if (kind === 'meanSquaredError') return meanSquaredError(t.x, t.unit, { reduction: r });
  if (kind === 'smoothL1') return smoothL1(t.x, t.unit, { reduction: r, beta: Number(rest[0]) });
  if (kind === 'huber') return huber(t.x, t.unit, { reduction: r, delta: Number(rest[0]) });
  const logTarget = rest.includes('log');
  const target = logTarget ? logSoftmax(t.unit) : t.sparse;
  return klDivergence(logSoftmax(t.x), target, { reduction, logTarget });
}

test('values and gradients of every loss and reduction are PyTorch’s', async () => {
  const names = Object.keys(expected) as (keyof typeof expected)[];
  const fn = compile(
    (_s, t) => {
      const inputs = t as unknown as Inputs;
      const out: Record<string, Tensor> = {};
      for (const name of names) {
        const y = lossOf(name, inputs);
        const w = inputs.x.graph.constant(ndarray('float32', y.shape, wave(y.size, 2)));
        out[`value ${name}`] = y;
        out[`gradient ${name}`] = grad(y.mul(w).sum(), [inputs.x])[0]!;
      }
      return out;
    },
    { store: new Store(), threads: 1 },
  );
  const matrix = (v: readonly number[]) => ndarray('float32', [rows, classes], fromNumbers('float32', v));
  const out = await fn.run({
    x: matrix(values.x),
    unit: matrix(values.unit),
    share: matrix(values.share),
    sparse: matrix(values.sparse),
    target: ndarray('int32', [rows], [3, 0, -100, 4, 1, 1, -100]),
    weight: ndarray('float32', [classes], [0.5, 2, 1, 0.25, 3]),
  });
  await fn.close();
  for (const name of names) {
    for (const part of ['value', 'gradient'] as const) {
      const [found, wanted] = [out[`${part} ${name}`]!.data as Float32Array, expected[name][part]];
      const scale = Math.max(1e-3, ...wanted.map(Math.abs));
      const error = Math.max(...wanted.map((w, i) => Math.abs(w - found[i]!))) / scale;
      expect(error, `${part} of ${name}`).toBeLessThan(1e-5);
    }
  }
});

test('extreme logits stay finite', async () => {
  const fn = compile(
    (_s, { x, t, c }) => {
      const loss = binaryCrossEntropy(x as F, t as F).add(crossEntropy(x as F, c as I));
      return { loss, gradient: grad(loss, [x!])[0]! };
    },
    { threads: 1 },
  );
  const out = await fn.run({
    x: ndarray('float32', [2, 2], [1000, -1000, -1000, 1000]),
    t: ndarray('float32', [2, 2], [0, 1, 0, 1]),
    c: ndarray('int64', [2], new BigInt64Array([1n, 1n])),
  });
  expect((out.loss!.data as Float32Array)[0]).toBeCloseTo(500 + 1000, 3);
  expect([...(out.gradient!.data as Float32Array)].every(Number.isFinite)).toBe(true);
  await fn.close();
});
