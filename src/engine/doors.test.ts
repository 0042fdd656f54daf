/** What the tables of arguments.test.ts leave out: scopes, stores, tracing, running, arrays. Wrong arguments are typed errors, never raw ones, never NaN. */
import { expect, test } from 'vitest';
import { BowError } from '../base/index.ts';
import * as engine from './index.ts';
import { bucketLength, compile, ndarray, newTrace, padAxis, Scope, Store, trace } from './index.ts';

type Call = (...args: readonly unknown[]) => unknown;
const on = (target: object, name: string): Call => {
  const found: unknown = Reflect.get(target, name);
  return (...args) => Reflect.apply(found as Call, target, args);
};
const free = (name: keyof typeof engine): Call => Reflect.get(engine, name) as Call;
const scope = (): Scope => new Scope(newTrace()).at('tower');
const x = ndarray('float32', [2], [1, 2]);
const zeros = (): void => {};
const notPaths = [null, undefined, Number.NaN, 3, '', {}, ['a']];
const notShapes = [null, undefined, 3, 'ab', [-1], [0.5], [Number.NaN], ['2'], {}];
const notFunctions = [null, undefined, 3, 'x', {}];
const notTensors = [null, undefined, 3, [1], {}, x];
const notOptions = [null, 3, 'x', [1], () => 1];
const notArrays = [null, undefined, 3, [1, 2], {}, { shape: [1] }, Float32Array.of(1), { dtype: 'float32', shape: [3], data: Float32Array.of(1) }, { dtype: 'int64', shape: [1], data: Float32Array.of(1) }, { dtype: 'float33', shape: [1], data: Float32Array.of(1) }, { dtype: 'float32', shape: [-1], data: Float32Array.of(1) }, { dtype: 'float32', shape: [2], data: [1, 2] }]; // biome-ignore format: one line

/** Calls with each of the wrong values in the place of `at`. */
const rows: readonly (readonly [
  name: string,
  call: () => Call,
  good: readonly unknown[],
  at: number,
  wrong: readonly unknown[],
])[] = [
  ...(['param', 'buffer', 'state'] as const).flatMap((kind) =>
    (
      [
        [0, notPaths],
        [1, notShapes],
        [2, notFunctions],
      ] as const
    ).map(([at, wrong]) => [kind, () => on(scope(), kind), ['w', [2], zeros], at, wrong] as const),
  ),
  ['noise', () => on(scope(), 'noise'), ['n', [2], 'normal'], 0, notPaths],
  ['noise', () => on(scope(), 'noise'), ['n', [2], 'normal'], 1, notShapes],
  ['noise', () => on(scope(), 'noise'), ['n', [2], 'normal'], 2, ['norml', 3, null]],
  ['tap', () => on(scope(), 'tap'), ['t', newTrace().graph.input('x', 'float32', [2])], 1, notTensors],
  ['redirect', () => on(scope(), 'redirect'), [(p: string) => p, {}], 0, notFunctions],
  ['redirect', () => on(scope(), 'redirect'), [(p: string) => p, {}], 1, [...notOptions, { kind: 'stat' }]],
  ['with', () => on(scope(), 'with'), [{}], 0, [...notOptions, undefined, { rename: 'x' }, { spec: 3 }]],
  ['append', () => on(scope(), 'append'), ['k', newTrace().graph.input('x', 'float32', [2]), { length: 3, axis: 0, at: newTrace().graph.input('at', 'int64', []) }], 1, notTensors], // biome-ignore format: one line
  ['append', () => on(scope(), 'append'), ['k', newTrace().graph.input('x', 'float32', [2]), { length: 3, axis: 0, at: newTrace().graph.input('at', 'int64', []) }], 2, [...notOptions, {}, { length: 3, axis: 0 }]], // biome-ignore format: one line
  ['update', () => { const s = scope(); s.param('w', [2], zeros); return on(s, 'update'); }, ['tower/w', () => new Scope(newTrace()).constant([1, 2])], 1, [null, undefined, 3, [1, 2], x, () => undefined, () => 3]], // biome-ignore format: one line
  [
    'get',
    () => {
      const store = new Store();
      store.set('w', x);
      return on(store, 'get');
    },
    ['w'],
    0,
    notPaths,
  ],
  ['set', () => on(new Store(), 'set'), ['w', x], 0, notPaths],
  ['set', () => on(new Store(), 'set'), ['w', x], 1, notArrays],
  ['ensure', () => on(new Store(), 'ensure'), [{ path: 'w', shape: [2], dtype: 'float32', kind: 'param', init: zeros }], 0, [...notOptions, undefined, {}]], // biome-ignore format: one line
  [
    'new Store',
    () =>
      (...args) =>
        Reflect.construct(Store, args),
    [1, {}],
    0,
    [Number.NaN, null, {}, [1], new Set()],
  ],
  [
    'new Store',
    () =>
      (...args) =>
        Reflect.construct(Store, args),
    [1, {}],
    1,
    [...notOptions, { storage: { '**': 'int8' } }],
  ],
  ['trace', () => free('trace'), [() => ({}), {}], 0, [...notFunctions, async () => ({}), () => undefined, () => 3, () => ({ y: 3 }), () => ({ y: x }), (s: Scope) => s.constant([1]), () => ({ y: new Scope(newTrace()).constant([1]) })]], // biome-ignore format: one line
  ['trace', () => free('trace'), [() => ({}), {}], 1, [null, 3, 'x', [1], { x: null }, { x: 3 }]],
  [
    'newTrace',
    () => free('newTrace'),
    [{ dtype: 'float64' }],
    0,
    [{ dtype: 'int32' }, { dtype: 'float33' }, { dtype: 3 }],
  ],
  ['makeArray', () => free('makeArray'), ['int32', 2], 0, ['int8', null, undefined, 3, {}]],
  ['makeArray', () => free('makeArray'), ['int32', 2], 1, [null, undefined, -1, 0.5, Number.NaN, Infinity, '2']],
  ['sizeOf', () => free('sizeOf'), [[2, 3]], 0, [null, undefined, 3, 'ab', {}]],
  ['pathPattern', () => free('pathPattern'), ['a/**'], 0, [null, undefined, 3, {}, ['a']]],
  ['widened', () => free('widened'), [x], 0, notArrays],
  ['bucketLength', () => free('bucketLength'), [5, {}], 0, [null, undefined, -1, 0.5, Number.NaN, '5', [5]]],
  ['bucketLength', () => free('bucketLength'), [5, {}], 1, [...notOptions, { min: 0 }, { min: -1 }, { min: Number.NaN }, { min: 0.5 }, { min: '8' }, { max: Number.NaN }, { max: 0.5 }]], // biome-ignore format: one line
  ['padAxis', () => free('padAxis'), [x, 0, 3, 0], 0, notArrays],
  ['padAxis', () => free('padAxis'), [x, 0, 3, 0], 2, [null, undefined, -1, 3.5, Number.NaN, Infinity, '3']],
  ['padAxis', () => free('padAxis'), [x, 0, 3, 0], 3, [null, Number.NaN, '0', [0]]],
  ['exportOnnx', () => free('exportOnnx'), [(s: Scope, { a }: { a: engine.F }) => ({ y: a.mul(s.param('w', [], zeros)) }), { store: (() => { const s = new Store(); s.set('w', ndarray('float32', [], [1])); return s; })(), inputs: { a: { dtype: 'float32', shape: [2] } } }], 1, [...notOptions, undefined, {}]], // biome-ignore format: one line
];

test.each(rows)('%s', (name, call, good, at, wrong) => {
  if (name !== 'tap' && name !== 'append' && name !== 'update') expect(() => call()(...good)).not.toThrow();
  for (const value of wrong)
    expect(() => call()(...good.map((g, i) => (i === at ? value : g))), `${name}, argument ${at}`).toThrow(BowError);
});

test('arrays that a run is given are checked before it starts', async () => {
  const double = compile((_, { a }: { a: engine.F }) => ({ y: a.to('float32').mul(2) }), { threads: 1 });
  const run = on(double, 'run');
  for (const a of notArrays) await expect(run({ a })).rejects.toBeInstanceOf(BowError);
  for (const inputs of [null, undefined, 3, 'x', [1]]) await expect(run(inputs)).rejects.toBeInstanceOf(BowError);
  const program = await double.program({ a: { dtype: 'float32', shape: [2] } });
  for (const a of notArrays) await expect(on(program, 'run')({ a })).rejects.toBeInstanceOf(BowError);
  expect(Array.from((await double.run({ a: x })).y.data)).toEqual([2, 4]);
  await double.close();
});

test('a function that gives nothing and changes nothing is refused', async () => {
  const nothing = compile((_, { a }: { a: engine.F }) => (a.rank > 9 ? { a } : {}), { threads: 1 });
  await expect(nothing.run({ a: x })).rejects.toMatchObject({ code: 'usage' });
});

test('a bucket is a whole number of at least one row, whatever is asked for', () => {
  expect(bucketLength(0)).toBe(8);
  expect(padAxis(x, 0, 3).data).toHaveLength(3);
  expect(trace((_, { a }: { a: engine.F }) => ({ y: a }), { a: { dtype: 'float32', shape: [2] } }).outputs.size).toBe(
    1,
  );
});
