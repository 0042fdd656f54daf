import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { fromDense } from './csr.ts';
import { accuracy, fitLogisticRegression, predictLabels, predictProbabilities } from './logistic-regression.ts';

test('two classes: the optimum has a zero gradient, checked by differences', async () => {
  const rng = new Rng(1);
  const rows = Array.from({ length: 53 }, () =>
    Array.from({ length: 7 }, () => (rng.float() < 0.5 ? 0 : rng.normal())),
  );
  const labels = rows.map((r) => (r[0]! + 0.5 * r[1]! + 0.3 * rng.normal() > 0 ? 'yes' : 'no'));
  const m = await fitLogisticRegression(fromDense(rows), labels, { c: 2, tolerance: 1e-9, maxIterations: 1000 });
  const w = Array.from(m.weights.slice(7));
  const value = (v: number[], b: number): number =>
    0.5 * v.reduce((s, x) => s + x * x, 0) +
    2 *
      rows.reduce(
        (s, r, i) =>
          s + Math.log(1 + Math.exp((labels[i] === 'yes' ? -1 : 1) * (b + r.reduce((t, x, k) => t + x * v[k]!, 0)))),
        0,
      );
  const best = value(w, m.intercepts[1]!);
  for (let k = 0; k < 7; k++) {
    for (const d of [-1e-3, 1e-3])
      expect(
        value(
          w.map((x, j) => (j === k ? x + d : x)),
          m.intercepts[1]!,
        ),
      ).toBeGreaterThan(best);
  }
  expect(value(w, m.intercepts[1]! + 1e-3)).toBeGreaterThan(best);
});

test('three classes are separated; shuffled labels are not; probabilities add up', async () => {
  const rng = new Rng(2);
  const labels = Array.from({ length: 307 }, (_, i) => 'abc'[i % 3]!);
  const rows = labels.map((l) =>
    Array.from({ length: 11 }, (_, k) => (k === 'abc'.indexOf(l) ? 1 : 0) + 0.3 * rng.normal()),
  );
  const [train, test_] = [fromDense(rows.slice(0, 200)), fromDense(rows.slice(200))];
  const m = await fitLogisticRegression(train, labels.slice(0, 200));
  expect(accuracy(m, test_, labels.slice(200))).toBeGreaterThan(0.9);
  const p = predictProbabilities(m, test_);
  expect(p[0]! + p[1]! + p[2]!).toBeCloseTo(1, 12);
  const control = await fitLogisticRegression(train, rng.shuffle(labels.slice(0, 200)));
  expect(accuracy(control, test_, labels.slice(200))).toBeLessThan(0.55);
  expect(predictLabels(m, fromDense([rows[0]!]))).toEqual(['a']);
});

test('refusals', async () => {
  await expect(fitLogisticRegression(fromDense([[1]]), ['a', 'b'])).rejects.toThrow(
    expect.objectContaining({ code: 'shape' }),
  );
  await expect(fitLogisticRegression(fromDense([[1], [2]]), ['a', 'a'])).rejects.toThrow(
    expect.objectContaining({ code: 'data' }),
  );
});
