import { describe, expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { wasm } from './codes-kernel.ts';
import { exactIndex, parseFilter, type VectorHit, type VectorIndex } from './index.ts';
import { kernelMemory } from './kernel-memory.ts';
import { rowCodes } from './row-codes.ts';
import { bestHits, dotProduct, unitRows } from './vector-index.ts';

/** What the index must give: every row's product in double precision, plainly. */
function everyRow(rows: Map<string, Float32Array>, queries: Float32Array, width: number, k: number): VectorHit[][] {
  const units = [...rows].map(([id, row]) => [id, unitRows(row, width, 'rows')] as const);
  const unit = unitRows(queries, width, 'queries');
  return Array.from({ length: unit.length / width }, (_, q) =>
    bestHits(
      units.map(([id, row]) => ({ id, score: dotProduct(row, unit, 0, q * width, width) })),
      k,
    ),
  );
}

type Maker = (rng: Rng, i: number, width: number) => number[];
const normals: Maker = (rng, _, width) => Array.from({ length: width }, () => rng.normal());
const makers: Record<string, Maker> = {
  'at random': normals,
  'in five clusters': (rng, i, width) =>
    normals(new Rng(`centre ${i % 5}`), i, width).map((x) => x + 0.05 * rng.normal()),
  'all in one narrow cone': (rng, i, width) => normals(new Rng('axis'), i, width).map((x) => x + 1e-4 * rng.normal()),
  'differing in the last bits': (rng, i, width) =>
    normals(new Rng('same'), i, width).map((x) => x + 1e-7 * rng.normal()),
  'three vectors, repeated': (_, i, width) => normals(new Rng(`of three ${i % 3}`), i, width),
  'all the same': (_, i, width) => Array.from({ length: width }, () => 1 + 0 * i),
  'of the largest codes, of both signs': (rng, _, width) => Array.from({ length: width }, () => (rng.int(2) ? 1 : -1)),
  'a peak and next to nothing besides': (rng, i, width) =>
    normals(rng, i, width).map((x, j) => (j === i % width ? 1 : 0.003 * x)),
  'mostly zeros': (rng, i, width) => normals(rng, i, width).map((x, j) => (j % 7 === i % 7 || j === 0 ? x : 0)),
  'huge and tiny': (rng, i, width) => normals(rng, i, width).map((x) => x * (i % 2 ? 1e37 : 1e-37)),
};

describe.each(Object.entries(makers))('vectors %s', (name, make) => {
  test.each([1, 7, 64, 521])('of width %i: the hits and scores of a plain scan, to the last bit', async (width) => {
    const rng = new Rng(`${name} ${width}`);
    const rows = new Map(Array.from({ length: 311 }, (_, i) => [`p${i}`, Float32Array.from(make(rng, i, width))]));
    const index = exactIndex(width);
    const add = (ids: string[]): Promise<void> =>
      index.add({
        ids,
        vectors: Float32Array.from(ids.flatMap((id) => [...rows.get(id)!])),
        fields: ids.map((id) => ({ n: +id.slice(1) % 10 })),
      });
    const queries = Float32Array.from(Array.from({ length: 6 }, (_, i) => make(rng, i, width)).flat()); // four together and two alone
    await add([...rows.keys()]);
    await same(index, rows, queries, width);
    for (const i of [3, 0, 310, 77]) rows.delete(`p${i}`);
    await index.remove(['p3', 'p0', 'p310', 'p77']);
    for (const i of [5, 309, 400, 401]) rows.set(`p${i}`, Float32Array.from(make(rng, i, width)));
    await add(['p5', 'p309', 'p400', 'p401']);
    await same(index, rows, queries, width);
  });
});

async function same(index: VectorIndex, rows: Map<string, Float32Array>, queries: Float32Array, width: number) {
  for (const k of [0, 1, 10, 1000])
    expect(await index.search(queries, { k })).toEqual(everyRow(rows, queries, width, k));
  const passing = new Map([...rows].filter(([id]) => +id.slice(1) % 10 > 7));
  const found = await index.search(queries, { k: 5, filter: parseFilter('n > 7') });
  expect(found).toEqual(everyRow(passing, queries, width, 5));
}

test('codes leave few rows to compare in full, and a row alone where it is far ahead', () => {
  const [width, n, k] = [256, 3000, 10];
  const rng = new Rng('few');
  const codes = rowCodes(width);
  codes.reserve(n);
  const vector = (): Float32Array => unitRows(Float32Array.from(normals(rng, 0, width)), width, 'rows');
  const rows = Array.from({ length: n }, vector);
  rows.forEach((row, i) => {
    codes.set(i, row);
  });
  const near = (query: Float32Array, most: number): number => {
    codes.ask(0, query);
    codes.bound(0, n, 1);
    return codes.near(0, [{ first: 0, n }], most).reduce((sum, run) => sum + run.n, 0);
  };
  expect(near(rows[1234]!, 1)).toBe(1);
  const kept = near(vector(), k);
  expect(kept).toBeGreaterThanOrEqual(k);
  expect(kept).toBeLessThan(4 * k);
});

test.each([8, 24, 32, 40, 520])('the kernel of width %i against a plain loop', (n) => {
  type Run = (rows: number, count: number, n: number, query: number, out: number, apart: number) => void;
  type Kernel = { encode(row: number, n: number, to: number): void; bounds: Run; bounds4: Run };
  const { kernel, memory, grow } = kernelMemory<Kernel>(wasm);
  grow(1 << 20);
  const rng = new Rng(`kernel ${n}`);
  const count = 13;
  const [rowAt, rowsAt, queriesAt, outAt] = [0, 8192, 65_536, 131_072];
  const records = Array.from({ length: count }, (_, r) => {
    const row = Float32Array.from(normals(rng, r, n));
    new Float32Array(memory.buffer, rowAt, n).set(row);
    const at = rowsAt + r * (8 + n);
    kernel.encode(rowAt, n, at);
    const [scale, lost] = new Float32Array(memory.buffer, at, 2) as unknown as [number, number];
    const codes = [...new Int8Array(memory.buffer, at + 8, n)];
    expect(scale).toBe(Math.fround(Math.max(...row.map(Math.abs)) / 127));
    const exactly = Math.hypot(...codes.map((c, i) => row[i]! - scale * c));
    expect(Math.max(...codes.map((c, i) => Math.abs(row[i]! - scale * c)))).toBeLessThan(0.50001 * scale);
    expect(lost).toBeGreaterThan(exactly);
    expect(lost).toBeLessThan(exactly * (1 + 2 ** -18));
    return { scale, lost, codes };
  });
  const steps = Math.min(32_767, Math.floor((2 ** 31 - 1) / (127 * n)));
  const queries = Array.from({ length: 4 }, (_, q) => {
    const [factor, gap] = [rng.float() / steps, 1e-3 * rng.float()];
    const codes = Array.from({ length: n }, () => (q === 0 ? steps : rng.int(2 * steps + 1) - steps));
    const at = queriesAt + q * (16 + 2 * n);
    new Float64Array(memory.buffer, at, 2).set([factor, gap]);
    new Int16Array(memory.buffer, at + 16, n).set(codes);
    return { factor, gap, codes };
  });
  const right = queries.flatMap(({ factor, gap, codes }) => {
    const pairs = records.map((row) => {
      const product = row.codes.reduce((s, c, i) => s + c * codes[i]!, 0);
      const score = product * row.scale * factor;
      const reach = row.lost + gap * (1 + row.lost);
      return [Math.fround(score - reach), Math.fround(score + reach)];
    });
    return [...pairs.map(([low]) => low), ...pairs.map(([, high]) => high)];
  });
  kernel.bounds4(rowsAt, count, n, queriesAt, outAt, 4 * count);
  expect([...new Float32Array(memory.buffer, outAt, 8 * count)]).toEqual(right);
  new Float32Array(memory.buffer, outAt, 8 * count).fill(0);
  kernel.bounds(rowsAt, count, n, queriesAt, outAt, 4 * count);
  expect([...new Float32Array(memory.buffer, outAt, 2 * count)]).toEqual(right.slice(0, 2 * count));
});

test('widths that cannot be are refused', () => {
  for (const width of [0, -1, 1.5, NaN, Infinity, 2 ** 24])
    expect(() => exactIndex(width)).toThrow(expect.objectContaining({ code: 'usage' }));
});
