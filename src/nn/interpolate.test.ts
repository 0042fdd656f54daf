import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type F, ndarray } from '../engine/index.ts';
import { type ResizeOptions, resizeMatrix, resizePositions, resizeTable } from './index.ts';
import { difference, evaluate, type Packed } from './testing/evaluate.ts';

type Case = { mode: 'bilinear' | 'bicubic'; antialias: boolean; size: [number, number]; output: Packed };
const fixtures = JSON.parse(readFileSync(new URL('testing/torch.json', import.meta.url), 'utf8')) as {
  grid: Packed;
  resize: Case[];
};

/** [d, y, x] as a table [y·x, d] behind one extra row of sevens. */
function table(p: Packed): { shape: [number, number]; data: number[] } {
  const [d, n] = [p.shape[0]!, p.shape[1]! * p.shape[2]!];
  const rows = Array.from({ length: n * d }, (_, i) => p.data[(i % d) * n + Math.floor(i / d)]!);
  return { shape: [1 + n, d], data: [...new Array<number>(d).fill(7), ...rows] };
}

test.each(
  fixtures.resize.map((c) => [`${c.mode} to ${c.size.join('×')}${c.antialias ? ' antialiased' : ''}`, c] as const),
)('%s equals torch.nn.functional.interpolate, stored and in a graph', async (_name, c) => {
  const grid = table(fixtures.grid);
  const o: ResizeOptions = { from: [4, 3], to: c.size, keep: 1, mode: c.mode, antialias: c.antialias };
  const wanted = table(c.output);
  const stored = resizeTable(ndarray('float32', grid.shape, grid.data), o);
  expect(stored.shape).toEqual(wanted.shape);
  expect(difference(stored.data as Float32Array, wanted.data)).toBeLessThan(1e-6);
  const { y } = await evaluate((_s, { x }) => ({ y: resizePositions(x as F, o) }), { x: grid });
  expect(difference(y!, wanted.data)).toBeLessThan(1e-6);
});

test('the weights of every new place add up to 1, and the same size changes nothing', () => {
  for (const antialias of [false, true]) {
    const w = resizeMatrix(7, 5, { antialias });
    for (let i = 0; i < 5; i++) expect(w.subarray(7 * i, 7 * i + 7).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    expect([...resizeMatrix(3, 3, { antialias })]).toEqual(
      [1, 0, 0, 0, 1, 0, 0, 0, 1].map((v) => expect.closeTo(v, 12)),
    );
  }
});

test('a table that is not the grid is an error', () => {
  expect(() => resizeTable(ndarray('float32', [5, 1], [1, 2, 3, 4, 5]), { from: [2, 2], to: [3, 3] })).toThrow(
    /no grid/,
  );
});
