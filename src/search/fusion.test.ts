import { expect, test } from 'vitest';
import { reciprocalRankFusion } from './index.ts';

test('two rankings by hand, k = 60', () => {
  const fused = reciprocalRankFusion([
    ['a', 'b', 'c'],
    ['c', 'a', 'd'],
  ]);
  expect(fused.map((f) => f.id)).toEqual(['a', 'c', 'b', 'd']);
  // a: 1/61 + 1/62, c: 1/63 + 1/61, b: 1/62, d: 1/63
  const by = (id: string): number => fused.find((f) => f.id === id)!.score;
  expect(by('a')).toBeCloseTo(0.0163934426 + 0.0161290323, 9);
  expect(by('c')).toBeCloseTo(0.0158730159 + 0.0163934426, 9);
  expect(by('b')).toBeCloseTo(0.0161290323, 9);
  expect(by('d')).toBeCloseTo(0.0158730159, 9);
  expect(fused[0]!.ranks).toEqual([1, 2]);
  expect(fused[3]!.ranks).toEqual([undefined, 3]);
});

test('equal scores: the better single rank, then the order of the lists; another k; nothing', () => {
  expect(reciprocalRankFusion([['a'], ['b']]).map((f) => f.id)).toEqual(['a', 'b']);
  // x: 2/(0+2) = 1 = 1/1 of y, whose best rank is better
  const fused = reciprocalRankFusion([['p', 'x'], ['y', 'x'], []], { k: 0 });
  expect(fused.map((f) => [f.id, f.score])).toEqual([
    ['p', 1],
    ['y', 1],
    ['x', 1],
  ]);
  expect(reciprocalRankFusion([['a', 'a', 'b']])[1]).toEqual({ id: 'b', score: 1 / 63, ranks: [3] });
  expect(reciprocalRankFusion([])).toEqual([]);
});
