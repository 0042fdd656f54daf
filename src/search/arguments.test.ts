/** Every function of search with arguments of every wrong kind: a typed error each time. */
import { expect, test } from 'vitest';
import { type Call, notRefused } from '../base/testing/wrong-arguments.ts';
import * as search from './index.ts';

const { exactIndex, fieldTypes, parseFilter } = search;
const filter = parseFilter('a > 1 and not b in (x, y)');
const types = fieldTypes([{ a: 1, b: 'x' }]);
const vectors = Float32Array.of(1, 0, 0, 1);
const index = exactIndex(2);
await index.add({ ids: ['p', 'q'], vectors, fields: [{ a: 1 }, { a: 2 }] });

const calls: Readonly<Record<string, Call>> = {
  exactIndex: { call: exactIndex, args: [2] },
  'exactIndex.add': { call: index.add, args: [{ ids: ['p'], vectors: vectors.subarray(0, 2) }] },
  'exactIndex.add ids': { call: (ids: string[]) => index.add({ ids, vectors: vectors.subarray(0, 2) }), args: [['p']] },
  'exactIndex.add vectors': { call: (v: Float32Array) => index.add({ ids: ['p'], vectors: v }), args: [vectors.subarray(0, 2)] }, // biome-ignore format: one line
  'exactIndex.add fields': { call: (fields: []) => index.add({ ids: ['p'], vectors: vectors.subarray(0, 2), fields }), args: [[{ a: 1 }]], fine: [['undefined', 'an array of objects']] }, // biome-ignore format: one line
  'exactIndex.remove': { call: index.remove, args: [['none']] },
  'exactIndex.search': {
    call: index.search,
    args: [vectors, { k: 1 }],
    fine: [[], ['undefined', 'an object', 'a date']],
  },
  'exactIndex.search k': { call: (k: number) => index.search(vectors, { k }), args: [1], fine: [['undefined']] },
  'exactIndex.search filter': { call: (f: typeof filter) => index.search(vectors, { filter: f }), args: [filter], fine: [['undefined']] }, // biome-ignore format: one line
  checkFilter: { call: search.checkFilter, args: [filter, types] },
  fieldType: { call: search.fieldType, args: ['x'], fine: ['all'] },
  fieldTypes: { call: fieldTypes, args: [[{ a: 1 }]], fine: [['an array of objects']] },
  matches: { call: search.matches, args: [filter, { a: 1 }], fine: [[], ['an object', 'a date']] },
  parseFilter: { call: parseFilter, args: ['a = 1'], fine: [['a string']] },
  reciprocalRankFusion: { call: search.reciprocalRankFusion, args: [[['p'], ['q', 'p']], { k: 60 }], fine: [['an array of arrays'], ['undefined', 'an object', 'a date']] }, // biome-ignore format: one line
  'reciprocalRankFusion k': { call: (k: number) => search.reciprocalRankFusion([['p']], { k }), args: [60], fine: [['undefined', 'a fraction']] }, // biome-ignore format: one line
  topK: { call: search.topK, args: [Float32Array.of(1, 3, 2), 2, [0, 1]], fine: [[], [], ['undefined']] },
  unitRows: { call: search.unitRows, args: [vectors, 2, 'rows'], fine: [[], [], 'all'] },
};

test.each(Object.entries(calls))('%s', async (name, call) => {
  expect(await notRefused(name, call)).toEqual([]);
});

test('every exported function is in the table', () => {
  const exported = Object.entries(search).filter(([, value]) => typeof value === 'function');
  expect(exported.map(([name]) => name).filter((name) => !(name in calls))).toEqual([]);
});
