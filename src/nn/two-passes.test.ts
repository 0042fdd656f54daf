/** One model twice in a graph: statistics of batch norm, and teachers in evaluation mode. */
import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { compile, type F, ndarray, type Scope, Store } from '../engine/index.ts';
import { batchNorm, dropout, linear, ones } from './index.ts';

const [n, c] = [5, 2];
const a = [1, 4, -2, 0.5, 3, 7, 2, -1, 0, 6];
const b = [0.25, 2, 5, -3, 1, 1, -4, 8, 2, 0];

/** What PyTorch's BatchNorm1d does to its statistics at one forward pass: momentum 0.1, unbiased variance. */
function moved(running: { mean: number[]; variance: number[] }, batch: readonly number[]): typeof running {
  const columns = [0, 1].map((k) => batch.filter((_, i) => i % c === k));
  const means = columns.map((list) => list.reduce((p, q) => p + q) / n);
  const variances = columns.map((list, k) => list.reduce((s, u) => s + (u - means[k]!) ** 2, 0) / (n - 1));
  return {
    mean: running.mean.map((u, k) => 0.9 * u + 0.1 * means[k]!),
    variance: running.variance.map((u, k) => 0.9 * u + 0.1 * variances[k]!),
  };
}

test('batch norm that is applied twice moves its running statistics twice, as in PyTorch; then evaluation uses them', async () => {
  const store = new Store();
  const step = compile(
    (s, inputs) => {
      const [p, q] = [inputs['a']!.to('float32'), inputs['b']!.to('float32')];
      batchNorm(s, p);
      batchNorm(s, q);
      return { y: batchNorm(s.with({ training: false }), p) };
    },
    { store, training: true, threads: 1 },
  );
  const { y } = await step.run({ a: ndarray('float32', [n, c], a), b: ndarray('float32', [n, c], b) });
  const wanted = moved(moved({ mean: [0, 0], variance: [1, 1] }, a), b);
  const stored = (path: string): number[] => Array.from(store.get(path).data, Number);
  stored('running_mean').forEach((u, k) => expect(u).toBeCloseTo(wanted.mean[k]!, 6));
  stored('running_var').forEach((u, k) => expect(u).toBeCloseTo(wanted.variance[k]!, 5));
  Array.from(y!.data, Number).forEach((u, i) => {
    const k = i % c;
    expect(u).toBeCloseTo((a[i]! - wanted.mean[k]!) / Math.sqrt(wanted.variance[k]! + 1e-5), 5);
  });
});

test('a teacher in evaluation mode beside a training student: no noise, statistics of its own, left as they are', async () => {
  const tower = (s: Scope, x: F): F =>
    dropout(s.at('drop'), batchNorm(s.at('norm'), linear(s.at('map'), x, 3, { init: ones })), 0.5);
  const store = new Store();
  const step = compile(
    (s, inputs) => {
      const x = inputs['x']!.to('float32');
      const teacher = s.redirect((p) => `teacher/${p}`, { training: false });
      return { student: tower(s, x), view: tower(s, x), teacher: tower(teacher, x) };
    },
    { store, training: true, threads: 1 },
  );
  const out = await step.run({ x: ndarray('float32', [n, c], a) }, { rng: new Rng(3) });
  const [student, view, teacher] = [out.student, out.view, out.teacher].map((a) => Array.from(a.data, Number));
  const sums = [5, -1.5, 10, 1, 6];
  teacher!.forEach((u, i) => expect(u).toBeCloseTo(sums[Math.floor(i / 3)]! / Math.sqrt(1 + 1e-5), 5));
  expect(student!.filter((u) => u === 0).length).toBeGreaterThan(2);
  expect(student!.map((u) => u === 0)).not.toEqual(view!.map((u) => u === 0));
  expect(Array.from(store.get('teacher/norm/running_mean').data, Number)).toEqual([0, 0, 0]);
  expect(Number(store.get('norm/running_mean').data[0])).toBeCloseTo(0.19 * 4.1, 5);
});
