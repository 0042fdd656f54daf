import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { type F, type I, ndarray, trace } from '../engine/index.ts';
import { bertEmbeddings, mlmHead } from './index.ts';
import { difference, evaluate, type Packed } from './testing/evaluate.ts';

const draw = (shape: readonly number[], seed: number): Packed => {
  const rng = new Rng(seed);
  return { shape, data: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()) };
};
const normalised = (row: readonly number[]): number[] => {
  const mean = row.reduce((a, b) => a + b, 0) / row.length;
  const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length;
  return row.map((x) => (x - mean) / Math.sqrt(variance));
};
const rowOf = (table: Packed, i: number): number[] => table.data.slice(i * table.shape[1]!, (i + 1) * table.shape[1]!);

const o = { vocabulary: 7, width: 5, context: 4 };
const tables = { 'tokens/weight': draw([7, 5], 1), positions: draw([4, 5], 2), types: draw([2, 5], 3) };
const tokens = ndarray('int32', [2, 3], [6, 0, 2, 2, 5, 1]);

test.each(['added', 'stored'] as const)('embeddings by hand, positions %s', async (positions) => {
  const found = await evaluate((s, i) => ({ y: bertEmbeddings(s, i['tokens'] as I, { ...o, positions }) }), { tokens }, { fill: tables }); // biome-ignore format: one line
  const ids = Array.from(tokens.data as Int32Array);
  const wanted = ids.flatMap((id, at) => {
    const [word, place, type] = [rowOf(tables['tokens/weight'], id), rowOf(tables.positions, at % 3), rowOf(tables.types, 0)]; // biome-ignore format: one line
    return normalised(word.map((x, k) => x + type[k]! + (positions === 'added' ? place[k]! : 0)));
  });
  expect(difference(found['y']!, wanted)).toBeLessThan(1e-5);
});

test('a stored table of positions is a parameter of the model', () => {
  const inputs = { tokens: { dtype: 'int32', shape: [2, 3] } } as const;
  const found = trace((s, i) => ({ y: bertEmbeddings(s, i['tokens'] as I, { ...o, positions: 'stored' }) }), inputs);
  expect([...found.trace.params.keys()].sort()).toEqual([
    'norm/bias',
    'norm/weight',
    'positions',
    'tokens/weight',
    'types',
  ]);
});

test('more tokens than the context are refused', () => {
  const inputs = { tokens: { dtype: 'int32', shape: [2, 5] } } as const;
  const call = (): unknown => trace((s, i) => ({ y: bertEmbeddings(s.at('text'), i['tokens'] as I, o) }), inputs);
  expect(call).toThrow('5 tokens do not fit a context of 4');
});

test('the head by hand: with a table of its own, and with a given one', async () => {
  const x = draw([2, 3], 4);
  const fill = { 'dense/weight': draw([3, 3], 5), 'dense/bias': draw([3], 6), bias: draw([7], 7) };
  const table = draw([7, 3], 8);
  // x·Φ(x) with the error function by its series: exact, unlike the approximation by tanh
  const erf = (z: number): number => {
    let [sum, term] = [0, z];
    for (let n = 0; n < 60; n++) [sum, term] = [sum + term / (2 * n + 1), (term * -z * z) / (n + 1)];
    return (2 / Math.sqrt(Math.PI)) * sum;
  };
  const wanted = [0, 1].flatMap((b) => {
    const hidden = [0, 1, 2].map((k) => rowOf(fill['dense/weight'], k).reduce((a, w, i) => a + w * rowOf(x, b)[i]!, fill['dense/bias'].data[k]!)); // biome-ignore format: one line
    const h = normalised(hidden.map((z) => (z * (1 + erf(z / Math.SQRT2))) / 2));
    return fill.bias.data.map((bias, v) => rowOf(table, v).reduce((a, w, i) => a + w * h[i]!, bias));
  });
  const own = await evaluate((s, i) => ({ y: mlmHead(s, i['x'] as F, { vocabulary: 7 }) }), { x }, { fill: { ...fill, 'decoder/weight': table } }); // biome-ignore format: one line
  const given = await evaluate((s, i) => ({ y: mlmHead(s, i['x'] as F, { vocabulary: 7, decoder: i['table'] as F }) }), { x, table }, { fill }); // biome-ignore format: one line
  expect(difference(own['y']!, wanted)).toBeLessThan(1e-5);
  expect(difference(given['y']!, wanted)).toBeLessThan(1e-5);
});
