import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { exactIndex, matches, parseFilter, type VectorIndex } from './index.ts';
import { lanceIndex } from './node/index.ts';
import { anyFields, anyFilter } from './testing/any-filter.ts';

const hasLance = (() => {
  try {
    return createRequire(import.meta.url).resolve('@lancedb/lancedb') !== '';
  } catch {
    return false;
  }
})();

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-stores-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
let made = 0;

const stores: Record<string, { skip: boolean; open: (width: number) => Promise<VectorIndex> }> = {
  exact: { skip: false, open: async (width) => exactIndex(width) },
  'lance (skipped unless @lancedb/lancedb is installed)': {
    skip: !hasLance,
    open: (width) => lanceIndex(join(folder, `lance-${made++}`), width),
  },
};

const width = 7;
const names = (n: number): string[] => Array.from({ length: n }, (_, i) => `p${i}`);
function rows(n: number, seed: string, w: number = width): Float32Array {
  const rng = new Rng(seed);
  return Float32Array.from({ length: n * w }, () => rng.normal());
}

/** All rows by cosine, said plainly. */
function truth(vectors: Float32Array, ids: readonly string[], query: Float32Array): { id: string; score: number }[] {
  const norm = (x: Float32Array): number => Math.hypot(...x);
  const hits = ids.map((id, r) => {
    const v = vectors.subarray(r * width, (r + 1) * width);
    return { id, score: v.reduce((s, x, i) => s + x * query[i]!, 0) / (norm(v) * norm(query)) };
  });
  return hits.sort((a, b) => b.score - a.score);
}

describe.each(Object.entries(stores))('%s', (_, { skip, open }) => {
  test.skipIf(skip)('numbers at the ends of what there is: infinity, the negative zero, any k', async () => {
    const index = await open(width);
    const fields = [{ v: -0 }, { v: 0 }, { v: -5 }, { v: 1e308 }, {}];
    await index.add({ ids: names(5), vectors: rows(5, 'rows'), fields });
    const found = async (filter: string, k = 10): Promise<string> => {
      const [hits] = await index.search(rows(1, 'query'), { k, filter: parseFilter(filter) });
      return hits!
        .map((h) => h.id)
        .sort()
        .join(' ');
    };
    expect(await found('v < 1e999')).toBe('p0 p1 p2 p3');
    expect(await found('v > -1e999 and not v in (1e999)')).toBe('p0 p1 p2 p3');
    for (const zero of ['v = 0', 'v = -0', 'v in (0)', 'v >= 0 and v < 1']) expect(await found(zero)).toBe('p0 p1');
    expect([await found('v < 0'), await found('v not in (0)')]).toEqual(['p2', 'p2 p3']);
    for (const k of [2 ** 32, Number.MAX_SAFE_INTEGER]) expect(await found('not v = 1', k)).toBe('p0 p1 p2 p3 p4');
    await index.close();
  });

  test.skipIf(skip)('order, scores, k above the number of rows, several queries', async () => {
    const index = await open(width);
    const [ids, vectors, queries] = [names(61), rows(61, 'rows'), rows(6, 'queries')];
    await index.add({ ids, vectors });
    await index.optimize();
    expect([await index.count(), index.width]).toEqual([61, width]);
    const found = await index.search(queries, { k: 5 });
    const all = await index.search(queries, { k: 1000 });
    expect([found.length, all.map((h) => h.length)]).toEqual([6, [61, 61, 61, 61, 61, 61]]);
    for (let q = 0; q < 6; q++) {
      const right = truth(vectors, ids, queries.subarray(q * width, (q + 1) * width));
      expect(all[q]!.map((h) => h.id)).toEqual(right.map((h) => h.id));
      all[q]!.forEach((h, i) => expect(h.score).toBeCloseTo(right[i]!.score, 6));
      expect(found[q]).toEqual(all[q]!.slice(0, 5));
      expect(await index.search(queries.slice(q * width, (q + 1) * width), { k: 5 })).toEqual([found[q]]);
    }
    expect(await index.search(queries.subarray(0, width), { k: 0 })).toEqual([[]]);
    expect(await index.search(new Float32Array(0))).toEqual([]);
    await index.close();
  });

  test.skipIf(skip)('equal rows come in the order of their ids', async () => {
    const index = await open(width);
    const one = rows(1, 'one');
    const ids = ['c', 'a', 'd', 'b'];
    await index.add({
      ids,
      vectors: Float32Array.from({ length: 4 * width }, (_, i) => (1 + Math.floor(i / width)) * one[i % width]!),
    });
    const [hits] = await index.search(one, { k: 4 });
    const sorted = hits!.toSorted((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
    expect(hits).toEqual(sorted);
    await index.add({ ids: names(3), vectors: Float32Array.from({ length: 3 * width }, (_, i) => -one[i % width]!) });
    expect((await index.search(one, { k: 7 }))[0]!.slice(4).map((h) => h.id)).toEqual(names(3));
    await index.close();
  });

  test.skipIf(skip)('rows are replaced and removed', async () => {
    const index = await open(width);
    const [a, b] = [rows(13, 'a'), rows(13, 'b')];
    expect(await index.search(a.subarray(0, width))).toEqual([[]]);
    expect(await index.remove(['p1'])).toBe(0);
    await index.add({ ids: names(13), vectors: a, fields: names(13).map((_, i) => ({ n: i })) });
    await index.add({ ids: ['p3', 'new'], vectors: b.subarray(0, 2 * width), fields: [{ n: 103 }, { text: 'yes' }] });
    expect(await index.remove(['p0', 'p12', "it's not here", 'p5'])).toBe(3);
    expect(await index.count()).toBe(11);
    const kept = ['p1', 'p2', 'p4', 'p6', 'p7', 'p8', 'p9', 'p10', 'p11'];
    const now = Float32Array.from([
      ...kept.flatMap((id) => [...a.subarray(+id.slice(1) * width, (+id.slice(1) + 1) * width)]),
      ...b.subarray(0, 2 * width),
    ]);
    const query = rows(1, 'query');
    const right = truth(now, [...kept, 'p3', 'new'], query);
    expect((await index.search(query, { k: 50 }))[0]!.map((h) => h.id)).toEqual(right.map((h) => h.id));
    const filtered = await index.search(query, { k: 50, filter: parseFilter('n > 100 or text = yes') });
    expect(filtered[0]!.map((h) => h.id).sort()).toEqual(['new', 'p3']);
    await index.remove([...kept, 'p3', 'new']);
    expect([await index.count(), await index.search(query)]).toEqual([0, [[]]]);
    await index.close();
  });

  test.skipIf(skip)(
    'any filter leaves exactly the rows that it should',
    async () => {
      const index = await open(width);
      const n = 43;
      const vectors = rows(n, 'filtered');
      const fields = fc.sample(anyFields, { numRuns: n, seed: 5 });
      await index.add({
        ids: names(n).slice(0, 20),
        vectors: vectors.subarray(0, 20 * width),
        fields: fields.slice(0, 20),
      });
      await index.add({ ids: names(n).slice(20), vectors: vectors.subarray(20 * width), fields: fields.slice(20) });
      const query = rows(1, 'q');
      const right = truth(vectors, names(n), query);
      await fc.assert(
        fc.asyncProperty(anyFilter, async (filter) => {
          const wanted = right.filter((h) => matches(filter, fields[+h.id.slice(1)]!)).map((h) => h.id);
          expect((await index.search(query, { k: n, filter }))[0]!.map((h) => h.id)).toEqual(wanted);
          expect((await index.search(query, { k: 3, filter }))[0]!.map((h) => h.id)).toEqual(wanted.slice(0, 3));
        }),
        { numRuns: 60, seed: 3 },
      );
      await index.close();
    },
    120_000,
  );

  test.skipIf(skip)('wrong sizes, zeros, not-numbers and doubled ids are refused', async () => {
    const index = await open(width);
    const good = rows(2, 'good');
    await expect(index.add({ ids: ['a'], vectors: good })).rejects.toMatchObject({ code: 'shape' });
    await expect(index.add({ ids: ['a', 'b'], vectors: good, fields: [{}] })).rejects.toMatchObject({ code: 'shape' });
    await expect(index.add({ ids: ['a', 'a'], vectors: good })).rejects.toMatchObject({ code: 'data' });
    await expect(index.add({ ids: ['a'], vectors: new Float32Array(width) })).rejects.toMatchObject({
      code: 'not-finite',
    });
    const broken = good.map((x, i) => (i === 9 ? NaN : x));
    await expect(index.add({ ids: ['a', 'b'], vectors: broken })).rejects.toThrow(/row 1 has length NaN/);
    await expect(index.search(good.subarray(0, width + 1))).rejects.toMatchObject({ code: 'shape' });
    await expect(index.search(good, { k: -1 })).rejects.toMatchObject({ code: 'usage' });
    await index.add({ ids: ['a'], vectors: good.subarray(0, width) });
    const stopped = index.search(good, { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
    expect(await index.count()).toBe(1);
    await index.close();
  });
});

test('stores agree to the last bit of every score', { skip: !hasLance }, async () => {
  const lance = await stores[Object.keys(stores)[1]!]!.open(width);
  const exact = exactIndex(width);
  const fields = fc.sample(anyFields, { numRuns: 211, seed: 8 });
  for (const s of [lance, exact]) await s.add({ ids: names(211), vectors: rows(211, 'both'), fields });
  const queries = rows(9, 'both queries');
  expect(await lance.search(queries, { k: 31 })).toEqual(await exact.search(queries, { k: 31 }));
  const filter = parseFilter('not (size > 1) or style != noto');
  expect(await lance.search(queries, { k: 31, filter })).toEqual(await exact.search(queries, { k: 31, filter }));
  await lance.close();
});

test.skipIf(!hasLance).each([8, 11])(
  'LanceDB with an approximate index of width %i: near the exact answer, never scored wrongly',
  async (w) => {
    const path = join(folder, `approximate-${w}`);
    const n = 2003;
    const [ids, vectors, queries] = [names(n), rows(n, 'many', w), rows(13, 'many queries', w)];
    const fields = ids.map((_, i) => ({ n: i % 50 }));
    const lance = await lanceIndex(path, w, { approximateFrom: 1000 });
    const exact = exactIndex(w);
    for (const s of [lance, exact]) await s.add({ ids, vectors, fields });
    await lance.optimize();
    await lance.add({ ids: ['late'], vectors: queries.subarray(0, w) }); // rows after the index was made are found too
    await exact.add({ ids: ['late'], vectors: queries.subarray(0, w) });
    const filter = parseFilter('n = 7');
    for (const o of [{ k: 10 }, { k: 10, filter }]) {
      const [got, right] = [await lance.search(queries, o), await exact.search(queries, o)];
      const same = got.flatMap((hits, q) =>
        hits.filter((h) => right[q]!.some((r) => r.id === h.id && r.score === h.score)),
      );
      expect(same.length / (10 * 13)).toBeGreaterThan(0.9);
      expect(got.every((hits) => hits.length === 10)).toBe(true);
      if (o.filter) expect(got.flat().every((h) => Number(h.id.slice(1)) % 50 === 7)).toBe(true);
    }
    expect((await lance.search(queries.subarray(0, w), { k: 1 }))[0]![0]!.id).toBe('late');
    await lance.close();
    const data = join(path, 'vectors.lance', 'data');
    for (const f of await readdir(data)) await writeFile(join(data, f), 'damaged');
    const damaged = await lanceIndex(path, w);
    await expect(damaged.search(queries.subarray(0, w))).rejects.toMatchObject({ code: 'checkpoint', place: path });
    await damaged.close();
  },
);

test('a Lance folder opens again; another width and damage are reported', { skip: !hasLance }, async () => {
  const path = join(folder, 'again');
  const first = await lanceIndex(path, width);
  await first.add({ ids: names(5), vectors: rows(5, 'again'), fields: names(5).map((id) => ({ id })) });
  await first.close();
  const second = await lanceIndex(path, width);
  expect(
    (await second.search(rows(5, 'again').subarray(0, width), { k: 1, filter: parseFilter('id = p0') }))[0],
  ).toHaveLength(1);
  await second.close();
  await expect(lanceIndex(path, width + 1)).rejects.toThrow(/vectors of 7 numbers where 8 are needed/);
  await rm(join(path, 'vectors.lance', '_versions'), { recursive: true });
  await writeFile(join(path, 'vectors.lance', 'data', 'x.lance'), 'nothing');
  await expect(lanceIndex(path, width)).rejects.toMatchObject({ code: 'checkpoint' });
});

test('without LanceDB the error names the command that installs it', { skip: hasLance }, async () => {
  await expect(lanceIndex(join(folder, 'none'), width)).rejects.toMatchObject({
    code: 'backend',
    hint: expect.stringMatching(/npm install @lancedb\/lancedb.*clone.*-D/),
  });
});
