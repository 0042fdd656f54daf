import { describe, expect, test } from 'vitest';
import { float32ToFloat16, isBowError } from '../base/index.ts';
import {
  encodeSafetensors,
  keysOf,
  readSafetensors,
  readTensors,
  type Safetensors,
  type TensorData,
  type TensorNames,
  writeTensors,
} from './index.ts';

const tensor = (shape: readonly number[], first = 1): TensorData<'float32'> => {
  const n = shape.reduce((a, b) => a * b, 1);
  return { dtype: 'float32', shape, data: Float32Array.from({ length: n }, (_, i) => first + i) };
};
const file = (tensors: Readonly<Record<string, TensorData>>): Promise<Safetensors> =>
  readSafetensors(encodeSafetensors(new Map(Object.entries(tensors))), 'file');
const values = (tensors: ReadonlyMap<string, TensorData>, name: string): number[] =>
  Array.from(tensors.get(name)!.data, Number);
const refusal = async (what: () => unknown): Promise<string> => {
  try {
    await what();
  } catch (e) {
    if (isBowError(e)) return `${e.code}: ${e.message} ${JSON.stringify(e.detail)}`;
  }
  return 'no error';
};

const names: TensorNames = [
  ['norm/weight', 'ln.weight'],
  { path: 'proj/weight', key: 'proj', transpose: true },
  { paths: ['q/weight', 'k/weight', 'v/weight'], key: 'in_proj' },
  { paths: ['q/bias', null, 'v/bias'], key: 'in_proj_bias' },
  { paths: ['wide/a', 'wide/b'], key: 'wide', axis: 1, sizes: [1, 2] },
  { path: 'gate/weight', keys: ['w1', 'w2'], sizes: [1, 3] },
  { path: 'tokens', key: 'embed', tied: ['head'] },
  { path: 'class', key: 'cls', reshape: [[-1], [1, 1, -1]] },
  { path: 'kernel', key: 'kernel', transpose: [3, 2, 0, 1] },
];
const ours = {
  'norm/weight': tensor([3], 100),
  'proj/weight': tensor([2, 3], 200),
  'q/weight': tensor([2, 2], 1),
  'k/weight': tensor([2, 2], 11),
  'v/weight': tensor([2, 2], 21),
  'q/bias': tensor([2], 31),
  'v/bias': tensor([2], 41),
  'wide/a': tensor([2, 1], 51),
  'wide/b': tensor([2, 2], 61),
  'gate/weight': tensor([4, 2], 71),
  tokens: tensor([5, 2], 300),
  class: tensor([3], 400),
  kernel: tensor([2, 3, 5, 7], 500),
};

test('each way of naming, by hand', () => {
  const written = writeTensors(new Map(Object.entries(ours)), names);
  expect(written.get('proj')!.shape).toEqual([3, 2]);
  expect(values(written, 'proj')).toEqual([200, 203, 201, 204, 202, 205]);
  expect(written.get('in_proj')!.shape).toEqual([6, 2]);
  expect(values(written, 'in_proj')).toEqual([1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24]);
  expect(values(written, 'in_proj_bias')).toEqual([31, 32, 0, 0, 41, 42]);
  expect(values(written, 'wide')).toEqual([51, 61, 62, 52, 63, 64]);
  expect([values(written, 'w1'), written.get('w2')!.shape]).toEqual([
    [71, 72],
    [3, 2],
  ]);
  expect([written.has('embed'), written.has('head')]).toEqual([true, false]);
  expect(written.get('cls')!.shape).toEqual([1, 1, 3]);
  const kernel = written.get('kernel')!;
  expect(kernel.shape).toEqual([5, 7, 3, 2]); // ours is [out 2, in 3, y 5, x 7], Keras's [y, x, in, out]
  const [y, x, i, o] = [4, 2, 1, 1];
  expect(kernel.data[((y * 7 + x) * 3 + i) * 2 + o]).toBe(ours.kernel.data[((o * 3 + i) * 5 + y) * 7 + x]);
  expect(written.get('ln.weight')).toBe(ours['norm/weight']); // what stays as it is is not copied
});

test('reading is the inverse of writing', async () => {
  await using written = await file(Object.fromEntries(writeTensors(new Map(Object.entries(ours)), names)));
  const read = await readTensors(written, names);
  expect(Object.fromEntries(read)).toEqual(ours);
});

test('half precision is read as float32, or as it is stored', async () => {
  const half = (t: TensorData<'float32'>): TensorData => ({ ...t, dtype: 'float16', data: float32ToFloat16(t.data) });
  await using f = await file({
    in_proj: half(tensor([6, 1])),
    w: { dtype: 'int64', shape: [1], data: BigInt64Array.of(7n) },
  });
  const list: TensorNames = [{ paths: ['q', 'k', 'v'], key: 'in_proj' }];
  const read = await readTensors(f, list, { ignore: /^w$/ });
  expect([read.get('k')!.dtype, values(read, 'k')]).toEqual(['float32', [3, 4]]);
  const stored = await readTensors(f, [...list, ['w', 'w']], { as: 'stored' });
  expect([stored.get('k')!.dtype, stored.get('w')!.data]).toEqual(['float16', BigInt64Array.of(7n)]);
});

describe('a tied tensor', () => {
  const list: TensorNames = [{ path: 't', key: 'a', tied: ['b', 'c'] }];

  test('is read under whichever key is there', async () => {
    for (const key of ['a', 'b', 'c']) {
      await using f = await file({ [key]: tensor([2]) });
      expect(values(await readTensors(f, list), 't')).toEqual([1, 2]);
    }
    await using both = await file({ a: tensor([2]), c: tensor([2]) });
    expect(values(await readTensors(both, list), 't')).toEqual([1, 2]);
  });

  test('is written once, or under all its keys where readers know different ones', async () => {
    const t = new Map([['t', tensor([2])]]);
    expect([...writeTensors(t, list).keys()]).toEqual(['a']);
    const all: TensorNames = [{ path: 't', key: 'a', tied: ['b'], writeTied: true }];
    const written = writeTensors(t, all);
    expect([...written.keys()]).toEqual(['a', 'b']);
    expect(written.get('b')).toEqual(tensor([2]));
    expect(keysOf(all[0]!)).toEqual(['a', 'b']);
    await using one = await file({ b: tensor([2]) });
    expect(values(await readTensors(one, all), 't')).toEqual([1, 2]);
  });

  test('that differs between its keys is another model', async () => {
    await using f = await file({ a: tensor([2]), c: tensor([2], 5) });
    expect(await refusal(() => readTensors(f, list))).toMatch(/^checkpoint: .*different \(at file:c\)/);
  });
});

describe('what does not fit', () => {
  test('missing and unexpected tensors are named', async () => {
    await using f = await file({ a: tensor([2]), other: tensor([1]), position_ids: tensor([1]) });
    const list: TensorNames = [
      ['x', 'a'],
      ['y', 'b'],
    ];
    const said = await refusal(() => readTensors(f, list, { ignore: /position_ids$/ }));
    expect(said).toMatch(/^checkpoint: .*lack 1 tensors of the model and have 1 that are not its \(at file\)/);
    expect(said).toContain('{"missing":["b"],"unexpected":["other"]}');
    expect([...(await readTensors(f, list, { partial: true })).keys()]).toEqual(['x']);
  });

  test.each<[string, TensorNames, Record<string, TensorData>, RegExp]>([
    ['uneven pieces', [{ paths: ['q', 'k', 'v'], key: 'w' }], { w: tensor([5]) }, /^shape: .*not cut into 3/],
    ['wrong sizes', [{ paths: ['q', 'k'], key: 'w', sizes: [1, 1] }], { w: tensor([5]) }, /^shape: pieces of 1, 1/],
    ['a wrong shape', [{ path: 'q', key: 'w', reshape: [[2, 2], [4]] }], { w: tensor([5]) }, /^shape: 5 elements/],
    ['wrong axes', [{ path: 'q', key: 'w', transpose: [0, 2] }], { w: tensor([5, 2]) }, /^shape: axes \[0, 2\]/],
    [
      'parts that differ',
      [{ path: 'q', keys: ['w', 'v'], axis: 1 }],
      { w: tensor([5, 2]), v: tensor([4, 2]) },
      /^shape: .*join/,
    ],
    ['a gap that is not zero', [{ paths: ['q', null], key: 'w' }], { w: tensor([4]) }, /^checkpoint: .*not zero/],
    [
      'a path twice',
      [
        ['q', 'w'],
        ['q', 'v'],
      ],
      { w: tensor([4]), v: tensor([4]) },
      /^usage: .*path "q"/,
    ],
    [
      'a key twice',
      [
        ['q', 'w'],
        ['p', 'w'],
      ],
      { w: tensor([4]) },
      /^usage: .*key "w"/,
    ],
  ])('%s', async (_, list, stored, message) => {
    await using f = await file(stored);
    expect(await refusal(() => readTensors(f, list))).toMatch(message);
  });

  test('a path that the model has not, with the nearest one it has', async () => {
    const tensors = new Map([['q/weight', tensor([2])]]);
    const list: TensorNames = [['q/weigth', 'w']];
    expect(await refusal(() => writeTensors(tensors, list))).toMatch(/^checkpoint: .*did you mean "q\/weight"/);
    expect([...writeTensors(tensors, list, { partial: true }).keys()]).toEqual([]);
    const fused: TensorNames = [{ paths: ['q/weight', 'k/weight'], key: 'w' }];
    expect(await refusal(() => writeTensors(tensors, fused, { partial: true }))).toMatch(/^checkpoint: /);
  });
});
