/** Every method and function of tensors with arguments of every wrong kind: a typed error each time, with the place; never silence, never a raw TypeError. */
import { describe, expect, test } from 'vitest';
import { isBowError } from '../base/index.ts';
import * as engine from './index.ts';
import { type F, ndarray, newTrace, Scope, Tensor } from './index.ts';

const t = newTrace();
const s = new Scope(t).at('blocks/3');
const input = <D extends engine.DType>(name: string, dtype: D, ...shape: number[]): Tensor<D> =>
  t.graph.input(name, dtype, shape);
const x = input('x', 'float32', 2, 3);
const sequence = input('sequence', 'float32', 2, 3, 5);
const image = input('image', 'float32', 2, 3, 5, 7);
const [ints, bools] = [input('ints', 'int64', 2, 3), input('bools', 'bool', 2, 3)];
const index = input('index', 'int64', 2);
const [vector, kernel1, kernel2] = [input('v', 'float32', 3), input('k1', 'float32', 4, 3, 2), input('k2', 'float32', 4, 3, 2, 2)]; // biome-ignore format: one line
const foreign = newTrace().graph.input('y', 'float32', [2, 3]);

/** What nobody means, whatever the parameter. */
const nonsense = {
  null: null,
  NaN: Number.NaN,
  'a string': 'x',
  'an array of strings': ['x'],
  'an array with NaN': [Number.NaN],
  'an array of undefined': [undefined],
  'an object': {},
  'a function': () => 1,
  ndarray: ndarray('float32', [2, 3], [1, 2, 3, 4, 5, 6]),
  'a typed array': Float32Array.of(1, 2),
} as const;
const wrong = {
  operand: {
    ...nonsense,
    undefined,
    'another graph': foreign,
    'an array': [1, 2],
    ints,
    bools,
    'another shape': input('odd', 'float32', 5),
  },
  tensor: { ...nonsense, undefined, 'a number': 1, 'an array': [1, 2], ints, bools },
  any: { ...nonsense, undefined, 'a number': 1, 'an array': [1, 2] },
  floats: { ...nonsense, undefined, 'a number': 1, ints, bools },
  indices: {
    ...nonsense,
    undefined,
    'another graph': newTrace().graph.input('i', 'int64', [2]),
    'a number': 1,
    'an array': [0, 1],
    floats: x,
    bools,
  },
  'whole numbers': { ...nonsense, undefined, 'a number': 1, floats: x, bools },
  condition: { ...nonsense, undefined, 'a number': 1, floats: x, ints },
  axis: { ...nonsense, 'out of range': 4, below: -5, fraction: 0.5, infinite: Infinity, 'an array': [0], tensor: x },
  axes: { ...nonsense, 'out of range': 4, 'one out of range': [0, -5], fraction: 0.5, fractions: [0.5], tensor: x },
  whole: { ...nonsense, fraction: 0.5, infinite: Infinity, 'an array': [1], tensor: x },
  count: { ...nonsense, undefined, negative: -1, fraction: 0.5, 'an array': [1], tensor: x },
  shape: { ...nonsense, undefined, 'a number': 6, fractions: [1.5, 4], negative: [-2, -3], 'other size': [5, 7], tensor: x }, // biome-ignore format: one line
  sizes: { ...nonsense, undefined, 'a number': 6, fractions: [1.5, 4], negative: [-2, -3], tensor: x },
  window: { ...nonsense, fraction: 0.5, infinite: Infinity, negative: -1, 'too many': [1, 2, 3], tensor: x },
  number: { ...nonsense, undefined, 'an array': [1], tensor: x },
  pattern: { ...nonsense, undefined, empty: '', 'other axes': 'a b c d e f -> a', 'a number': 3, tensor: x },
  values: { null: null, NaN: Number.NaN, 'a string': 'xy', 'too many': [1, 2, 3], 'another typed array': Float64Array.of(1, 2), tensor: x, undefined }, // biome-ignore format: one line
  dtype: { ...nonsense, undefined, misspelt: 'float23', 'a number': 3, tensor: x },
  options: { null: null, 'a number': 3, 'a string': 'x', 'an array': [1] },
  tensors: { ...nonsense, undefined, 'a number': 1, tensor: x, empty: [], 'numbers in it': [x, 1], ints: [x, ints], 'another graph': [x, foreign] }, // biome-ignore format: one line
  list: { ...nonsense, undefined, 'a number': 1, tensor: x, 'numbers in it': [x, 1], 'another graph': [x, foreign] },
  function: { null: null, undefined, 'a number': 1, tensor: x },
  name: { null: null, NaN: Number.NaN, 'a number': 1, misspelt: 'constnat' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, unknown>>>>;

type Kind = keyof typeof wrong | 'good';
/** A call that is right, and what kind each of its arguments is: each is then replaced by all that is wrong for its kind. */
type Row = readonly [args: readonly unknown[], kinds: readonly Kind[]];

const unary: Row = [[], []];
const binary: Row = [[x], ['operand']];
const reduction: Row = [
  [0, { keep: true }],
  ['axes', 'options'],
];
const methods: Readonly<Record<string, Row>> = {
  dim: [[0], ['axis']],
  axes: [['b n'], ['pattern']],
  ...Object.fromEntries(['add', 'sub', 'mul', 'div', 'pow', 'max', 'min', 'equal', 'less', 'lessEqual', 'greater', 'greaterEqual'].map((m) => [m, binary])), // biome-ignore format: one line
  ...Object.fromEntries(['neg', 'abs', 'sign', 'exp', 'log', 'sqrt', 'rsqrt', 'reciprocal', 'square', 'erf', 'tanh', 'sin', 'cos', 'sigmoid', 'floor', 'ceil', 'stopGradient', 'asFloat'].map((m) => [m, unary])), // biome-ignore format: one line
  ...Object.fromEntries(['sum', 'mean', 'reduceMax', 'reduceMin', 'logSumExp'].map((m) => [m, reduction])),
  clip: [
    [0, 1],
    ['number', 'number'],
  ],
  matmul: [[input('right', 'float32', 3, 2)], ['operand']],
  transpose: [[[1, 0]], ['shape']],
  reshape: [[[3, 2]], ['shape']],
  expand: [[[4, 2, 3]], ['shape']],
  unsqueeze: [[0], ['axis']],
  slice: [
    [0, 0, 1, 1],
    ['axis', 'whole', 'whole', 'whole'],
  ],
  at: [
    [0, 1],
    ['axis', 'whole'],
  ],
  to: [['int32'], ['dtype']],
};
/** On other tensors than floats of [2, 3]. */
const others: readonly (readonly [on: Tensor, method: string, row: Row])[] = [
  [bools, 'and', [[bools], ['condition']]],
  [bools, 'or', [[bools], ['condition']]],
  [bools, 'not', unary],
  [bools, 'asBool', unary],
  [ints, 'asInt', unary],
  [input('one', 'float32', 1, 3), 'squeeze', [[0], ['axis']]],
];

const functions: Readonly<Record<string, Row>> = {
  softmax: [
    [x, 1],
    ['floats', 'axis'],
  ],
  logSoftmax: [
    [x, 1],
    ['floats', 'axis'],
  ],
  gelu: [
    [x, {}],
    ['floats', 'options'],
  ],
  quickGelu: [[x], ['floats']],
  silu: [[x], ['floats']],
  relu: [[x], ['floats']],
  softplus: [[x], ['floats']],
  where: [
    [bools, x, x],
    ['condition', 'operand', 'operand'],
  ],
  concat: [
    [[x, x], 0],
    ['tensors', 'axis'],
  ],
  stack: [
    [[x, x], 0],
    ['tensors', 'axis'],
  ],
  split: [
    [x, [1, 2], 1],
    ['any', 'shape', 'axis'],
  ],
  gather: [
    [x, index],
    ['any', 'indices'],
  ],
  arange: [
    [x, 3],
    ['any', 'count'],
  ],
  full: [
    [x, [2], 1],
    ['any', 'sizes', 'number'],
  ],
  constantLike: [
    [x, 'float32', [2], [1, 2]],
    ['any', 'dtype', 'shape', 'values'],
  ],
  standardize: [
    [x, 1e-5],
    ['floats', 'number'],
  ],
  variance: [
    [x, 0, {}],
    ['floats', 'axes', 'options'],
  ],
  l2Normalize: [
    [x, {}],
    ['floats', 'options'],
  ],
  conv1d: [
    [sequence, kernel1, {}],
    ['tensor', 'tensor', 'options'],
  ],
  conv2d: [
    [image, kernel2, {}],
    ['tensor', 'tensor', 'options'],
  ],
  convTranspose1d: [
    [sequence, input('t1', 'float32', 3, 4, 2), {}],
    ['tensor', 'tensor', 'options'],
  ],
  convTranspose2d: [
    [image, input('t2', 'float32', 3, 4, 2, 2), {}],
    ['tensor', 'tensor', 'options'],
  ],
  maxPool1d: [
    [sequence, 2, {}],
    ['tensor', 'window', 'options'],
  ],
  maxPool2d: [
    [image, 2, {}],
    ['tensor', 'window', 'options'],
  ],
  averagePool1d: [
    [sequence, 2, {}],
    ['tensor', 'window', 'options'],
  ],
  averagePool2d: [
    [image, 2, {}],
    ['tensor', 'window', 'options'],
  ],
  globalAveragePool: [[image], ['tensor']],
  adaptiveAveragePool: [
    [image, [2, 2]],
    ['tensor', 'sizes'],
  ],
  customGradient: [
    [x, [x], () => [x]],
    ['any', 'list', 'function'],
  ],
  einsum: [
    ['i j, k j -> i k', x, x],
    ['pattern', 'operand', 'operand'],
  ],
  argmax: [
    [x, 0, {}],
    ['any', 'axis', 'options'],
  ],
  argmin: [
    [x, 0, {}],
    ['any', 'axis', 'options'],
  ],
  causalMask: [
    [x, 3, 3],
    ['any', 'count', 'good'],
  ],
  flip: [
    [x, [0]],
    ['any', 'axes'],
  ],
  gatherElements: [
    [x, ints, 0],
    ['any', 'indices', 'axis'],
  ],
  gatherNd: [
    [x, index],
    ['any', 'indices'],
  ],
  gemm: [
    [x, x, input('c', 'float32', 2), { transB: true }],
    ['tensor', 'tensor', 'good', 'options'],
  ],
  isInf: [[x], ['floats']],
  isNan: [[x], ['floats']],
  linspace: [
    [x, 0, 1, 3],
    ['any', 'number', 'number', 'count'],
  ],
  lowerTriangle: [
    [x, 3, 3, 0],
    ['any', 'count', 'count', 'whole'],
  ],
  oneHot: [
    [index, 5, 'float32'],
    ['whole numbers', 'count', 'dtype'],
  ],
  pad: [[x, [[1, 1], [0, 0]], {}], ['any', 'shape', 'options']], // biome-ignore format: one line
  roll: [
    [x, 1, 0],
    ['any', 'whole', 'axis'],
  ],
  round: [[x], ['floats']],
  scatterElements: [
    [x, ints, x, 0, {}],
    ['any', 'indices', 'operand', 'axis', 'options'],
  ],
  scatterNd: [[x, input('pairs', 'int64', 4, 2), input('u', 'float32', 4), {}], ['any', 'indices', 'operand', 'options']], // biome-ignore format: one line
  sort: [
    [x, {}],
    ['any', 'options'],
  ],
  take: [
    [x, index, 0],
    ['any', 'indices', 'axis'],
  ],
  tile: [
    [x, [2, 1]],
    ['any', 'sizes'],
  ],
  topK: [
    [x, 1, {}],
    ['any', 'count', 'options'],
  ],
  tril: [
    [x, 0],
    ['any', 'whole'],
  ],
  triu: [
    [x, 0],
    ['any', 'whole'],
  ],
  batchNorm: [
    [image, { mean: vector, variance: vector, training: true }],
    ['tensor', 'options'],
  ],
  groupNorm: [
    [image, 3, {}],
    ['tensor', 'count', 'options'],
  ],
  instanceNorm: [
    [image, {}],
    ['tensor', 'options'],
  ],
  layerNorm: [
    [x, {}],
    ['floats', 'options'],
  ],
  rmsNorm: [
    [x, {}],
    ['floats', 'options'],
  ],
  rearrange: [
    [x, 'a b -> b a', {}],
    ['any', 'pattern', 'options'],
  ],
  repeat: [
    [x, 'a b -> a n b', { n: 3 }],
    ['any', 'pattern', 'options'],
  ],
  resize: [
    [image, [2, 2], {}],
    ['tensor', 'sizes', 'options'],
  ],
  cumsum: [
    [x, 0, {}],
    ['any', 'axis', 'options'],
  ],
  grad: [
    [x.sum(), [x]],
    ['tensor', 'list'],
  ],
};

/** Functions of the index that make no tensors of tensors. */
const notOfTensors = new Set(
  'compile pickCompileOptions trace valueAndGrad pathPattern findNotFinite fromNumbers makeArray ndarray sizeOf encodeModel exportOnnx resizeWeights importOnnx measureGemm probeDevice createProgram newTrace createSession defaultThreads fromOrt listBackends toOrt bucketLength padAxis checkpoint narrowed widened badArgument notATensor'.split(
    ' ',
  ),
);

type Call = (...args: readonly unknown[]) => unknown;

/** Undefined for a typed error that says something; else what came instead. */
function silence(call: () => unknown): string | undefined {
  try {
    const result = call();
    return `no error, ${result instanceof Tensor ? `a tensor of ${result.dtype} [${result.shape}]` : typeof result}`;
  } catch (e) {
    if (!isBowError(e)) return `a raw error: ${e}`;
    return undefined;
  }
}

function look(name: string, call: Call, [args, kinds]: Row): string[] {
  s.at('attn');
  expect(() => call(...args), `${name} as it should be called`).not.toThrow();
  return kinds.flatMap((kind, at) => {
    if (kind === 'good') return [];
    return Object.entries(wrong[kind]).flatMap(([what, value]) => {
      const said = silence(() => call(...args.map((a, i) => (i === at ? value : a))));
      return said === undefined ? [] : [`${name}, argument ${at} ${what}: ${said}`];
    });
  });
}

describe('wrong arguments', () => {
  const method = (on: Tensor, name: string): Call => {
    const found: unknown = Reflect.get(on, name);
    if (typeof found !== 'function') throw new Error(`no method ${name}`);
    return (...args) => Reflect.apply(found, on, args);
  };

  test.each(Object.entries(methods))('method %s', (name, row) => {
    expect(look(name, method(x, name), row)).toEqual([]);
  });

  test.each(others.map(([on, name, row]) => [name, on, row] as const))('method %s of other types', (name, on, row) => {
    expect(look(name, method(on, name), row)).toEqual([]);
  });

  test.each(Object.entries(functions))('function %s', (name, row) => {
    const fn: unknown = Reflect.get(engine, name);
    expect(look(name, (...args) => Reflect.apply(fn as Call, undefined, args), row)).toEqual([]);
  });

  test('every method and every exported function is in the tables', () => {
    const own = Object.getOwnPropertyNames(Tensor.prototype).filter((name) => {
      const { value } = Object.getOwnPropertyDescriptor(Tensor.prototype, name)!;
      return typeof value === 'function' && name !== 'constructor';
    });
    const tested = new Set([...Object.keys(methods), ...others.map(([, name]) => name)]);
    expect(own.filter((name) => !tested.has(name))).toEqual([]);
    const exported = Object.entries(engine).filter(([, v]) => typeof v === 'function' && !/^class /.test(String(v)));
    expect(exported.map(([name]) => name).filter((name) => !(name in functions) && !notOfTensors.has(name))).toEqual(
      [],
    );
  });

  test.each([
    ['abs', bools],
    ['neg', bools],
    ['sign', bools],
    ['sum', bools],
    ['mean', ints],
    ['mean', bools],
    ['logSumExp', ints],
    ['reduceMax', bools],
    ['exp', ints],
    ['not', x],
    ['and', x],
    ['or', ints],
    ['less', bools],
    ['asInt', x],
    ['asFloat', ints],
    ['asBool', ints],
    ['floor', ints],
  ] as const)('%s of a type that it is not for', (name, on) => {
    // biome-ignore format: a table
    expect(silence(() => method(on, name)(on))).toBe(undefined);
  });

  test('numbers that an integer type cannot hold, and options out of range', () => {
    expect(silence(() => ints.mul(0.5))).toBe(undefined);
    expect(silence(() => ints.add(Infinity))).toBe(undefined);
    expect(silence(() => bools.equal(2))).toBe(undefined);
    expect(silence(() => x.clip(1, 0))).toBe(undefined);
    expect(silence(() => engine.conv2d(image, kernel2, { stride: 0.5 }))).toBe(undefined);
    expect(silence(() => engine.conv2d(image, kernel2, { padding: [1] }))).toBe(undefined);
    expect(silence(() => engine.maxPool2d(image, 2, { stride: [1] }))).toBe(undefined);
    expect(silence(() => x.sum(Number.NaN))).toBe(undefined);
    expect(silence(() => vector.mT)).toBe(undefined);
    expect(silence(() => x.reshape([-1, 0]))).toBe(undefined);
    expect(silence(() => x.reshape([-1, -1]))).toBe(undefined);
    expect(silence(() => x.reshape([-1, 4]))).toBe(undefined);
    expect(silence(() => x.transpose([0, 0]))).toBe(undefined);
    expect(silence(() => x.transpose([0]))).toBe(undefined);
    expect(silence(() => x.slice(0, 0, 1, 0))).toBe(undefined);
    expect(silence(() => x.at(0, 2))).toBe(undefined);
  });
});

describe('what an error says', () => {
  const caught = (
    call: () => unknown,
  ): { code: string; place: string | undefined; message: string; hint: string | undefined } => {
    try {
      call();
    } catch (e) {
      if (isBowError(e)) return { code: e.code, place: e.place, message: e.message, hint: e.hint };
    }
    throw new Error('no typed error');
  };

  test('the place, what was given, and one hint', () => {
    const attn = s.at('attn');
    const values = ndarray('float32', [3], [1, 2, 3]);
    const operand: unknown = values;
    expect(caught(() => x.mul(operand as F))).toEqual({
      code: 'usage',
      place: attn.path,
      message: `Mul: the operand must be a tensor or a number, got values (float32 [3]) (at ${attn.path})`,
      hint: 'make it an input of the function, or a constant: s.constant(values)',
    });
    expect(caught(() => engine.gather(x, vector.to('float32') as unknown as engine.I))).toMatchObject({
      code: 'dtype',
      place: attn.path,
      message: expect.stringContaining('indices must be int32 or int64, got float32'),
      hint: expect.stringContaining('.to('),
    });
    expect(caught(() => x.sum(2))).toMatchObject({ code: 'shape', place: attn.path });
    expect(caught(() => x.to('flaot32' as 'float32')).message).toContain('did you mean "float32"?');
  });
});

describe('constants', () => {
  test('numbers, lists of lists, typed arrays and values with their type', () => {
    const shapes = [s.constant(2), s.constant([1, 2, 3]), s.constant([[1, 2, 3], [4, 5, 6]]), s.constant(Float64Array.of(1, 2)), s.constant([1, 2, 3, 4], [2, 2])].map((c) => [c.dtype, c.shape]); // biome-ignore format: one line
    expect(shapes).toEqual([['float32', []], ['float32', [3]], ['float32', [2, 3]], ['float32', [2]], ['float32', [2, 2]]]); // biome-ignore format: one line
    const classes: Tensor<'int64'> = s.constant([3, 1], undefined, 'int64');
    expect(Array.from(classes.constant!.data, Number)).toEqual([3, 1]);
    const given: Tensor<'float64'> = s.constant(ndarray('float64', [1, 2], [1, 2]));
    expect([given.dtype, given.shape]).toEqual(['float64', [1, 2]]);
  });

  test('what is no constant is a typed error', () => {
    const bad: readonly (() => unknown)[] = [
      () => s.constant([[1, 2], [3]]),
      () => s.constant([1, 2, 3], [2, 2]),
      () => s.constant([0.5], undefined, 'int32'),
      () => s.constant([300], undefined, 'uint8'),
      () => s.constant(Number.NaN),
      () => s.constant(['x'] as unknown as number[]),
      () => s.constant(undefined as unknown as number),
      () => s.constant(x as unknown as number),
      () => s.constant([1], undefined, 'float23' as 'float32'),
      () => s.constant([1, 2], [1.5] as number[]),
    ];
    expect(bad.map((call) => silence(call)).filter((said) => said !== undefined)).toEqual([]);
  });

  test('arrays are checked when they are made', () => {
    const bad: readonly (() => unknown)[] = [
      () => ndarray('float32', [2], new Float64Array(2) as unknown as Float32Array),
      () => ndarray('float32', [2], [1]),
      () => ndarray('int64', [1], [0.5]),
      () => ndarray('bool', [1], [2]),
      () => ndarray('float32', [-1, -1], [1]),
      () => ndarray('float23' as 'float32', [1], [1]),
      () => ndarray('float32', [1], undefined as unknown as number[]),
    ];
    expect(bad.map((call) => silence(call)).filter((said) => said !== undefined)).toEqual([]);
  });
});
