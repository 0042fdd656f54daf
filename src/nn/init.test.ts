import { describe, expect, test } from 'vitest';
import { isBowError, Rng } from '../base/index.ts';
import type { Init } from '../engine/index.ts';
import {
  constant,
  eye,
  fans,
  glorotNormal,
  heNormal,
  heUniform,
  kaimingNormal,
  kaimingUniform,
  lecunNormal,
  lecunUniform,
  normal,
  orthogonal,
  transposed,
  truncNormal,
  uniform,
  values,
  xavierNormal,
  xavierUniform,
} from './index.ts';

const draw = (init: Init, shape: readonly number[], seed = 1): Float64Array => {
  const out = new Float64Array(shape.reduce((a, b) => a * b, 1));
  init(out, shape, new Rng(seed));
  return out;
};
const mean = (x: Float64Array): number => x.reduce((a, b) => a + b, 0) / x.length;
const std = (x: Float64Array): number => {
  const m = mean(x);
  return Math.sqrt(x.reduce((a, v) => a + (v - m) ** 2, 0) / x.length);
};
const largest = (x: Float64Array): number => x.reduce((a, v) => Math.max(a, Math.abs(v)), 0);

// A convolution [o, i, 3, 5] has fan-in 13·15 and fan-out 41·15, a linear layer [o, i] has i and o.
const conv = [41, 13, 3, 5];
const matrix = [211, 97];

test('fans count the kernel', () => {
  expect(fans(conv)).toEqual({ fanIn: 195, fanOut: 615 });
  expect(fans(matrix)).toEqual({ fanIn: 97, fanOut: 211 });
  expect(() => fans([7])).toThrow(/fan-in/);
});

describe.each([
  ['xavierUniform', xavierUniform, (i: number, o: number) => 2 / (i + o), 'uniform'],
  ['xavierNormal', xavierNormal, (i: number, o: number) => 2 / (i + o), 'normal'],
  ['glorotNormal', glorotNormal, (i: number, o: number) => 2 / (i + o), 'truncated'],
  ['kaimingUniform', kaimingUniform(), (i: number) => 2 / i, 'uniform'],
  ['kaimingUniform √5', kaimingUniform({ a: Math.sqrt(5) }), (i: number) => 1 / (3 * i), 'uniform'],
  ['kaimingNormal out', kaimingNormal({ mode: 'fan-out' }), (_: number, o: number) => 2 / o, 'normal'],
  ['lecunNormal', lecunNormal, (i: number) => 1 / i, 'truncated'],
  ['lecunUniform', lecunUniform, (i: number) => 1 / i, 'uniform'],
  ['heNormal', heNormal, (i: number) => 2 / i, 'truncated'],
  ['heUniform', heUniform, (i: number) => 2 / i, 'uniform'],
] as const)('%s', (_name, init, variance, kind) => {
  test.each([[conv], [matrix]])('of %j has the stated mean, deviation and range', (shape) => {
    const x = draw(init, shape);
    const { fanIn, fanOut } = fans(shape);
    const wanted = Math.sqrt(variance(fanIn, fanOut));
    // Four standard errors: of the mean, and of the deviation (at most 1/√(2n) relative for these distributions)
    expect(Math.abs(mean(x))).toBeLessThan((4 * wanted) / Math.sqrt(x.length));
    expect(Math.abs(std(x) / wanted - 1)).toBeLessThan(4 / Math.sqrt(2 * x.length));
    const edge = kind === 'uniform' ? Math.sqrt(3) : kind === 'truncated' ? 2 / 0.8796256610342398 : 6;
    expect(largest(x)).toBeLessThan(edge * wanted * (1 + 1e-9));
    if (kind !== 'normal') expect(largest(x)).toBeGreaterThan(0.99 * edge * wanted);
    else expect(largest(x)).toBeGreaterThan(3 * wanted);
  });
});

test('uniform, normal, constant, values', () => {
  const u = draw(uniform(2, 5), [10007]);
  expect([Math.min(...u) >= 2, Math.max(...u) < 5]).toEqual([true, true]);
  expect(mean(u)).toBeCloseTo(3.5, 1);
  const z = draw(normal(0.5, 3), [10007]);
  expect(mean(z)).toBeCloseTo(3, 1);
  expect(std(z)).toBeCloseTo(0.5, 1);
  expect([...draw(constant(7), [3])]).toEqual([7, 7, 7]);
  expect([...draw(values([1, 2, 3]), [3])]).toEqual([1, 2, 3]);
  expect(() => draw(values([1, 2]), [3])).toThrow(/2 values/);
});

test('truncNormal cuts at values, as PyTorch', () => {
  const x = draw(truncNormal(0.02), [10007]); // ±2 is a hundred deviations away
  expect(std(x)).toBeCloseTo(0.02, 3);
  const wide = draw(truncNormal(1, { low: -0.5, high: 2 }), [30011]);
  expect(Math.min(...wide)).toBeGreaterThanOrEqual(-0.5);
  expect(Math.max(...wide)).toBeLessThanOrEqual(2);
  // E = (φ(−½) − φ(2)) / (Φ(2) − Φ(−½)) = (0.352065 − 0.053991) / (0.977250 − 0.308538)
  expect(mean(wide)).toBeCloseTo(0.44575, 1);
  const tail = draw(truncNormal(1, { low: 1.5, high: 2 }), [30011]); // narrow: E = (0.129518 − 0.053991)/(0.977250 − 0.933193)
  expect(Math.abs(mean(tail) - 1.7143)).toBeLessThan(0.005);
  expect(() => truncNormal(1, { low: 3, high: 4 })).toThrow(/two standard deviations/);
});

test.each([
  [[7, 13], 1],
  [[13, 7], 2],
  [[5, 3, 2, 2], 1],
])('orthogonal %j times %d', (shape, gain) => {
  const w = draw(orthogonal({ gain }), shape);
  const [rows, columns] = [shape[0]!, w.length / shape[0]!];
  const at = (i: number, j: number): number => (rows <= columns ? w[i * columns + j]! : w[j * columns + i]!);
  const [n, k] = [Math.min(rows, columns), Math.max(rows, columns)];
  for (let a = 0; a < n; a++) {
    for (let b = 0; b < n; b++) {
      let dot = 0;
      for (let j = 0; j < k; j++) dot += at(a, j) * at(b, j);
      expect(dot).toBeCloseTo(a === b ? gain ** 2 : 0, 10);
    }
  }
});

test('eye and transposed', () => {
  expect([...draw(eye, [2, 3])]).toEqual([1, 0, 0, 0, 1, 0]);
  const count: Init = (out, shape) => out.forEach((_, i) => (out[i] = shape[0]! * 100 + i));
  expect([...draw(transposed(count), [2, 3])]).toEqual([300, 302, 304, 301, 303, 305]);
});

test('equal seeds give equal bits', () => {
  expect(draw(lecunNormal, matrix, 5)).toEqual(draw(lecunNormal, matrix, 5));
  expect(draw(lecunNormal, matrix, 5)).not.toEqual(draw(lecunNormal, matrix, 6));
  try {
    draw(xavierUniform, [3]);
  } catch (e) {
    expect(isBowError(e)).toBe(true);
  }
});
