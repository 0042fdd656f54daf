import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { fitProbe, type Labelled, probeAccuracy } from './linear-probe.ts';

type Case = {
  rows: number;
  width: number;
  c: number;
  labels: string[];
  x: number[];
  coefficients: number[];
  intercepts: number[];
  accuracy: number;
};
const { cases } = JSON.parse(readFileSync(resolve('src/evaluate/testing/probe/sklearn.json'), 'utf8')) as {
  cases: Case[];
};

test('coefficients, intercepts and accuracy are scikit-learn’s, with two classes and with more', async () => {
  for (const { rows, width, c, labels, x, coefficients, intercepts, accuracy } of cases) {
    const data = { x: { rows, width, data: Float32Array.from(x) }, labels };
    const { model } = await fitProbe(data, { c, tolerance: 1e-9 });
    const given = model.weights.length - coefficients.length; // of two classes scikit-learn tells the second
    const scale = Math.max(...coefficients.map(Math.abs));
    coefficients.forEach((w, i) => expect(Math.abs(model.weights[given + i]! - w) / scale).toBeLessThan(1e-6));
    const first = model.intercepts.length - intercepts.length;
    // intercepts of more than two classes are free up to a common number
    const mean = (b: ArrayLike<number>): number => Array.from(b).reduce((s, v) => s + v, 0) / b.length;
    const ours = [...model.intercepts].slice(first);
    const shift = first === 0 ? mean(ours) - mean(intercepts) : 0;
    intercepts.forEach((b, i) => expect(Math.abs(ours[i]! - shift - b) / scale).toBeLessThan(1e-6));
    expect(probeAccuracy(model, data)).toBeCloseTo(accuracy, 12);
  }
});

/** Classes as directions hidden in noise; `signal` 0 hides them for good. */
function features(rows: number, signal: number, seed: number): Labelled {
  const rng = new Rng(seed);
  const labels = Array.from({ length: rows }, (_, i) => 'abc'[i % 3]!);
  const data = Float32Array.from(
    { length: rows * 13 },
    (_, at) => rng.normal() + ('abc'.indexOf(labels[Math.floor(at / 13)]!) === at % 13 ? signal : 0),
  );
  return { x: { rows, width: 13, data }, labels };
}

test('C is chosen on held-out data; with nothing to learn the probe guesses', async () => {
  const [train, test_] = [features(307, 3, 1), features(211, 3, 2)];
  const probe = await fitProbe(train);
  expect(probeAccuracy(probe.model, test_)).toBeGreaterThan(0.85);
  expect((await fitProbe(train)).c).toBe(probe.c);
  const none = await fitProbe(features(307, 0, 1));
  expect(probeAccuracy(none.model, features(211, 0, 2))).toBeLessThan(0.5);
});

test('refusals', async () => {
  const x = { rows: 3, width: 1, data: Float32Array.of(1, 2, 3) };
  await expect(fitProbe({ x, labels: ['a', 'b'] }, { c: 1 })).rejects.toThrow(
    expect.objectContaining({ code: 'shape' }),
  );
  await expect(fitProbe({ x, labels: ['a', 'a', 'a'] }, { c: 1 })).rejects.toThrow(/two classes/);
  const { model } = await fitProbe({ x, labels: ['a', 'b', 'b'] }, { c: 1 });
  expect(() => probeAccuracy(model, { x: { rows: 1, width: 2, data: new Float32Array(2) }, labels: ['a'] })).toThrow(
    /2 columns/,
  );
});
