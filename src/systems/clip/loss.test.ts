import { expect, test } from 'vitest';
import { compile, type F, type I, ndarray } from '../../engine/index.ts';
import { clipLoss } from './clip.ts';

/** The loss of logits by rows, with or without groups. */
async function lossOf(rows: readonly number[][], group?: readonly number[], smoothing?: number): Promise<number> {
  const n = rows.length;
  const fn = compile(
    (_s, x) => ({ y: clipLoss(x['logits'] as F<'i j'>, x['group'] as I<'i'> | undefined, smoothing) }),
    {
      threads: 1,
    },
  );
  const out = await fn.run({
    logits: ndarray('float32', [n, n], Float32Array.from(rows.flat())),
    ...(group ? { group: ndarray('int32', [n], Int32Array.from(group)) } : {}),
  });
  await fn.close();
  return Number(out['y']!.data[0]);
}

const rows = [
  [0.3, -1, 2],
  [1, 0.5, 0],
  [-0.7, 0.2, 1.1],
];

test('groups of one are CLIP’s own loss', async () => {
  expect(await lossOf(rows, [5, 2, 9])).toBeCloseTo(await lossOf(rows), 6);
});

test('equal numbers share the target, in both directions', async () => {
  const log = (row: readonly number[], k: number): number =>
    row[k]! - Math.log(row.reduce((s, x) => s + Math.exp(x), 0));
  const columns = [0, 1, 2].map((j) => rows.map((r) => r[j]!));
  const one = (m: readonly number[][]): number =>
    -((log(m[0]!, 0) + log(m[0]!, 2)) / 2 + log(m[1]!, 1) + (log(m[2]!, 0) + log(m[2]!, 2)) / 2) / 3;
  expect(await lossOf(rows, [4, 7, 4])).toBeCloseTo((one(rows) + one(columns)) / 2, 5);
});

test('smoothing spreads a share of every target over the batch; groups keep the rest', async () => {
  const columns = [0, 1, 2].map((j) => rows.map((r) => r[j]!));
  const log = (row: readonly number[], k: number): number =>
    row[k]! - Math.log(row.reduce((s, x) => s + Math.exp(x), 0));
  const even = (m: readonly number[][]): number =>
    -m.reduce((s, row) => s + log(row, 0) + log(row, 1) + log(row, 2), 0) / 9;
  const spread = (even(rows) + even(columns)) / 2;
  expect(await lossOf(rows, undefined, 0.3)).toBeCloseTo(0.7 * (await lossOf(rows)) + 0.3 * spread, 5);
  const group = [4, 7, 4];
  expect(await lossOf(rows, group, 0.3)).toBeCloseTo(0.7 * (await lossOf(rows, group)) + 0.3 * spread, 5);
});
