import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { compile, type F, full, grad, ndarray, type Scope, type Tensor } from '../engine/index.ts';
import { dropout, dropPath } from './dropout.ts';

const [b, n] = [97, 31];
const x = ndarray('float32', [b, n], new Float32Array(b * n).fill(2));

function run(fn: (s: Scope, x: F) => Tensor, training: boolean, seed = 3): Promise<Record<string, Float32Array>> {
  const step = compile(
    (s, { x }) => {
      const y = fn(s, x as F);
      return { y, g: grad(y.sum(), [x!])[0]! };
    },
    { training, threads: 1 },
  );
  return step.run({ x }, { rng: new Rng(seed) }).then(async (out) => {
    const copy = Object.fromEntries(Object.entries(out).map(([k, a]) => [k, (a.data as Float32Array).slice()]));
    await step.close();
    return copy;
  });
}

test('dropout keeps the mean, its gradient is its mask, equal seeds drop equally', async () => {
  const { y, g } = await run((s, x) => dropout(s.at('drop'), x, 0.25), true);
  const kept = y!.filter((u) => u !== 0).length / y!.length;
  expect(Math.abs(kept - 0.75)).toBeLessThan(0.03); // 4 standard deviations of a share of 3,007 draws
  expect(new Set(y)).toEqual(new Set([0, Math.fround(2 / 0.75)]));
  expect([...g!]).toEqual([...y!].map((u) => (u === 0 ? 0 : Math.fround(1 / 0.75))));
  expect((await run((s, x) => dropout(s.at('drop'), x, 0.25), true)).y).toEqual(y);
  expect((await run((s, x) => dropout(s.at('drop'), x, 0.25), true, 4)).y).not.toEqual(y);
});

test('dropPath drops whole rows', async () => {
  const { y } = await run((s, x) => dropPath(s.at('path'), x, 0.5), true);
  const rows = Array.from({ length: b }, (_, i) => new Set(y!.subarray(i * n, (i + 1) * n)));
  expect(rows.every((r) => r.size === 1)).toBe(true);
  const kept = rows.filter((r) => r.has(4)).length;
  expect(kept).toBeGreaterThan(b * 0.3);
  expect(kept).toBeLessThan(b * 0.7);
});

test('nothing happens outside training, at rate 0, and everything at rate 1', async () => {
  expect((await run((s, x) => dropPath(s.at('p'), dropout(s, x, 0.5), 0.5), false)).y).toEqual(x.data);
  expect((await run((s, x) => dropout(s, x, 0), true)).y).toEqual(x.data);
  expect((await run((s, x) => dropout(s, x, 1), true)).y).toEqual(new Float32Array(b * n));
  await expect(run((s, x) => dropout(s.at('drop'), x.add(full(x, [], 0)) as F, 1.5), true)).rejects.toThrow(/\[0, 1\]/);
});
