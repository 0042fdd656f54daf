import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type F, ndarray } from '../engine/index.ts';
import { type ResizeTableOptions, resizePositions, resizeTable } from './index.ts';
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
  const o: ResizeTableOptions = {
    from: [4, 3],
    to: c.size,
    keep: 1,
    method: c.mode === 'bicubic' ? 'cubic' : 'linear',
    antialias: c.antialias,
  };
  const wanted = table(c.output);
  const stored = resizeTable(ndarray('float32', grid.shape, grid.data), o);
  expect(stored.shape).toEqual(wanted.shape);
  expect(difference(stored.data as Float32Array, wanted.data)).toBeLessThan(1e-6);
  const { y } = await evaluate((_s, { x }) => ({ y: resizePositions(x as F, o) }), { x: grid });
  expect(difference(y!, wanted.data)).toBeLessThan(1e-6);
});

test('a table that is not the grid is an error', () => {
  expect(() => resizeTable(ndarray('float32', [5, 1], [1, 2, 3, 4, 5]), { from: [2, 2], to: [3, 3] })).toThrow(
    /no grid/,
  );
});
