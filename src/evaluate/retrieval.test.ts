import { expect, test } from 'vitest';
import { fromDense } from '../text/index.ts';
import { foundWithin, ranksOf, retrievalMetrics, similarities, transpose } from './retrieval.ts';

const matrix = (rows: number[][]) => ({
  rows: rows.length,
  columns: rows[0]!.length,
  data: Float64Array.from(rows.flat()),
});

test('ranks, recalls and medians by hand', () => {
  // partners on the diagonal: first, second, third of three
  const s = matrix([
    [9, 1, 2],
    [5, 4, 3],
    [3, 2, 1],
  ]);
  expect(ranksOf(s).map((p) => p.higher)).toEqual([0, 1, 2]);
  const m = retrievalMetrics('text_to_image', s);
  expect(m['text_to_image_R@1']).toBeCloseTo(1 / 3);
  expect(m['text_to_image_R@5']).toBe(1);
  expect(m['text_to_image_mean_rank']).toBe(2);
  expect(m['text_to_image_median_rank']).toBe(2);
  expect(retrievalMetrics('x', s, () => 0)['x_R@1']).toBe(1); // column 0 is the largest of every row
});

test('a system that scores everything alike is at chance', () => {
  const s = { rows: 7, columns: 7, data: new Float64Array(49).fill(0.5) };
  const m = retrievalMetrics('x', s);
  expect(m['x_R@1']).toBeCloseTo(1 / 7);
  expect(m['x_R@5']).toBeCloseTo(5 / 7);
  expect(m['x_mean_rank']).toBe(4);
});

test('with several right columns the first of them counts', () => {
  // row 0: right are columns 1 and 2, of scores 3 and 9; column 3 scores 5
  const s = matrix([[1, 3, 9, 5]]);
  expect(ranksOf(s, () => [1, 2])).toEqual([{ higher: 0, equal: 1, right: 1 }]);
  expect(retrievalMetrics('x', s, () => [0, 1])['x_mean_rank']).toBe(3);
  // all alike: 2 right of 7; the first three hold one with probability 1 − (5·4·3)/(7·6·5), the mean first rank is 8/3
  const blind = { rows: 1, columns: 7, data: new Float64Array(7) };
  const [rank] = ranksOf(blind, () => [2, 5]);
  expect(rank).toEqual({ higher: 0, equal: 7, right: 2 });
  expect(foundWithin(3, rank!)).toBeCloseTo(1 - 60 / 210, 12);
  expect(foundWithin(7, rank!)).toBe(1);
  expect(retrievalMetrics('x', blind, () => [2, 5])['x_mean_rank']).toBeCloseTo(8 / 3, 12);
});

test('a partner that is not a number is last', () => {
  const s = matrix([
    [Number.NaN, 1],
    [0, 1],
  ]);
  expect(retrievalMetrics('x', s)['x_R@1']).toBe(0.5);
});

test('similarities of dense and of sparse vectors, and transposed', () => {
  const a = { rows: 2, width: 3, data: Float32Array.of(3, 0, 4, 0, 0, 0) };
  const b = { rows: 3, width: 3, data: Float32Array.of(0, 0, 2, 0, 5, 0, 4, 0, 3) };
  const s = similarities(a, b);
  [0.8, 0, 0.96, 0, 0, 0].forEach((x, at) => expect(s.data[at]).toBeCloseTo(x, 12));
  [0.8, 0, 0, 0, 0.96, 0].forEach((x, at) => expect(transpose(s).data[at]).toBeCloseTo(x, 12));
  const sparse = ({ rows, width, data }: typeof a) =>
    fromDense(Array.from({ length: rows }, (_, i) => data.subarray(i * width, (i + 1) * width)));
  expect([...similarities(sparse(a), sparse(b)).data]).toEqual([...s.data]);
  expect(() => similarities(a, sparse(b))).toThrow(/cannot be compared/);
  expect(() => retrievalMetrics('x', { rows: 0, columns: 0, data: new Float64Array(0) })).toThrow(/nothing/);
});
