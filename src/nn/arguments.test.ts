/** Every exported function with arguments and options of every wrong kind: a typed error each time, while the graph is built; never silence, never a raw TypeError. */
import { describe, expect, test } from 'vitest';
import { isBowError } from '../base/index.ts';
import { type DType, ndarray, newTrace, Scope, Store, Tensor } from '../engine/index.ts';
import * as nn from './index.ts';

const input = (name: string, dtype: DType, ...shape: number[]): Tensor => newTrace().graph.input(name, dtype, shape);
/** What a call gets: a fresh trace each time, so that no call meets the parameters of another. */
type Site = { readonly s: Scope; readonly f: (...shape: number[]) => Tensor; readonly i: (...shape: number[]) => Tensor; readonly b: (...shape: number[]) => Tensor }; // biome-ignore format: one line
function site(): Site {
  const t = newTrace();
  let n = 0;
  const make = (dtype: DType) => (...shape: number[]): Tensor => t.graph.input(`in${n++}`, dtype, shape); // biome-ignore format: one line
  return { s: new Scope(t).at('tower'), f: make('float32'), i: make('int64'), b: make('bool') };
}

/** What nobody means, whatever the parameter. */
const nonsense = {
  null: null,
  NaN: Number.NaN,
  'a string': 'x y z',
  'an array of undefined': [undefined],
  'an array with NaN': [Number.NaN],
  ndarray: ndarray('float32', [2, 3], [1, 2, 3, 4, 5, 6]),
  'a foreign tensor of rank 9': input('far', 'float32', 1, 1, 1, 1, 1, 1, 1, 1, 1),
} as const;
const [floatTensor, intTensor, boolTensor] = [input('f', 'float32', 2, 3), input('n', 'int64', 2, 3), input('b', 'bool', 2, 3)]; // biome-ignore format: one line
const notTensors = { null: null, undefined, NaN: Number.NaN, 'a number': 1, 'a string': 'x', 'an object': {}, 'an array': [1, 2], 'a function': () => 1, ndarray: nonsense.ndarray, 'a typed array': Float32Array.of(1, 2) } as const; // biome-ignore format: one line
const wrong = {
  scope: { ...nonsense, undefined, 'a number': 1, 'an object': {}, 'a trace': newTrace(), 'a function': () => 1 },
  floats: { ...notTensors, ints: intTensor, bools: boolTensor, 'rank 9': nonsense['a foreign tensor of rank 9'] },
  'floats of any rank': { ...notTensors, ints: intTensor, bools: boolTensor },
  ints: { ...notTensors, floats: floatTensor, bools: boolTensor },
  bools: { ...notTensors, floats: floatTensor, ints: intTensor },
  'any tensor': notTensors,
  mask: { ...nonsense, 'a number': 1, 'an object': {}, ints: intTensor },
  masks: {
    ...nonsense,
    'an array of undefined': [null],
    'a number': 1,
    'an object': {},
    ints: intTensor,
    'a list of ints': [intTensor],
  },
  size: { ...nonsense, undefined, zero: 0, negative: -1, fraction: 0.5, infinite: Infinity, 'an array': [1], 'an object': {} }, // biome-ignore format: one line
  count: { ...nonsense, undefined, negative: -1, fraction: 0.5, infinite: Infinity, 'an array': [1], 'an object': {} },
  whole: { ...nonsense, undefined, fraction: 0.5, infinite: Infinity, 'an array': [1], 'an object': {} },
  'size for each axis': {
    ...nonsense,
    undefined,
    zero: 0,
    negative: -1,
    fraction: 0.5,
    'too many': [1, 1, 1],
    zeros: [0, 0],
    'an object': {},
  },
  padding: { ...nonsense, negative: -1, fraction: 0.5, 'three of one axis': [[1, 1, 1]], 'an object': {} },
  'number or nothing': { ...nonsense, infinite: Infinity, 'an array': [1], 'an object': {} },
  number: { ...nonsense, undefined, infinite: Infinity, 'an array': [1], 'an object': {} },
  share: { ...nonsense, undefined, negative: -0.1, 'above 1': 1.5, 'a number as a string': '0.5', 'an array': [1] },
  positive: { ...nonsense, undefined, negative: -1, 'an array': [1] },
  flag: { ...nonsense, 'a number': 1, 'an object': {} },
  function: { ...nonsense, 'a number': 1, 'an object': {} },
  text: { null: null, NaN: Number.NaN, 'a number': 1, 'an object': {}, 'an array': ['x'] },
  name: { ...nonsense, 'a number': 1, misspelt: 'separat', 'an object': {} },
  texts: { ...nonsense, undefined, 'a number': 1, 'an object': {}, numbers: [1] },
  collection: { null: null, NaN: Number.NaN, 'a number': 1, 'a string': 'x', 'an object': {} },
  paths: { null: null, undefined, NaN: Number.NaN, 'a number': 1, 'a string': 'x', 'an object': {} },
  sizes: { ...nonsense, undefined, 'a number': 6, fractions: [1.5, 4], negative: [-2, -3], 'an object': {}, strings: ['1', '2'] }, // biome-ignore format: one line
  numbers: { null: null, undefined, NaN: Number.NaN, 'a number': 1, 'a string': 'xy', 'an object': {}, strings: ['1'], holes: [undefined], 'with NaN': [Number.NaN] }, // biome-ignore format: one line
  options: { null: null, 'a number': 3, 'a string': 'x', 'an array': [1], tensor: floatTensor, 'a function': () => 1 },
  operand: { ...nonsense, 'an array': [1], 'an object': {}, ints: intTensor },
  values: { null: null, undefined, 'a number': 1, 'an array': [1, 2], 'an object': {}, ints: ndarray('int32', [2], [1, 2]), tensor: floatTensor, 'rank 1': ndarray('float32', [2], [1, 2]) }, // biome-ignore format: one line
  record: { null: null, undefined, 'a number': 1, 'a string': 'x', 'an array': [1], 'numbers in it': { a: 1 } },
  rule: { null: null, undefined, NaN: Number.NaN, 'a string': 'x', 'an array': [1], 'strings in it': { a: 'x' }, 'negative in it': { a: -1 }, negative: -1, infinite: Infinity }, // biome-ignore format: one line
  'above 0': { ...nonsense, undefined, zero: 0, negative: -1, infinite: Infinity, 'an array': [1], 'an object': {} },
  'at least 0': { ...nonsense, negative: -1, infinite: Infinity, 'an array': [1], 'an object': {} },
  betas: { ...nonsense, 'a number': 0.9, one: [0.9], three: [0.9, 0.9, 0.9], 'one of 1': [0.9, 1], negative: [-0.1, 0.9], 'with NaN': [0.9, Number.NaN], strings: ['0.9', '0.9'] }, // biome-ignore format: one line
  bounds: { null: null, undefined, 'a number': 1, 'a string': 'x', 'an array': [1, 2], 'one bound': { a: [1] }, reversed: { a: [2, 1] }, 'with NaN': { a: [0, Number.NaN] }, strings: { a: ['0', '1'] }, 'a number in it': { a: 1 } }, // biome-ignore format: one line
  'share or scalar': { ...nonsense, undefined, negative: -0.1, 'above 1': 1.5, ints: input('ns', 'int64'), 'rank 2': floatTensor }, // biome-ignore format: one line
  'rate or scalar': {
    ...nonsense,
    undefined,
    negative: -0.1,
    infinite: Infinity,
    'rank 2': floatTensor,
    ints: input('nl', 'int64'),
  },
  'any scalar': { ...nonsense, 'a number': 1, 'rank 2': floatTensor },
  steps: { ...nonsense, undefined, negative: [-1], fractions: [1.5], 'a number': 3 },
  group: { ...nonsense, undefined, 'an object': {}, 'a group': { params: [] }, 'no patterns': [{ optimizer: nn.sgd() }], 'a pattern': [{ params: 'a', optimizer: nn.sgd() }], 'no optimiser': [{ params: ['a'] }], 'a negative rate': [{ params: ['a'], optimizer: nn.sgd(), lr: -0.1 }], 'half a step': [{ params: ['a'], optimizer: nn.sgd(), delay: 0.5 }], 'steps before 0': [{ params: ['a'], optimizer: nn.sgd(), delay: -1 }] }, // biome-ignore format: one line
  gate: { ...nonsense, undefined, 'an object': {}, 'no patterns': [{}], 'a pattern': [{ params: 'a' }], 'no tensor': [{ params: ['a'], open: undefined }], 'a number': [{ params: ['a'], open: 1 }], 'rank 2': [{ params: ['a'], open: floatTensor }] }, // biome-ignore format: one line
} as const satisfies Readonly<Record<string, Readonly<Record<string, unknown>>>>;
type Kind = keyof typeof wrong | 'good';

/** Arguments of a call that is right, the kind of each, and of options of the last argument: a good value and its kind. */
type Row = {
  readonly args: (a: Site) => readonly unknown[];
  readonly kinds: readonly Kind[];
  /** Options that must be there too are tried without. */
  readonly options?: Readonly<Record<string, Kind>>;
  readonly required?: Readonly<Record<string, Kind>>;
};

const initialiser = (args: readonly unknown[], kinds: readonly Kind[], options: Row['options'] = {}): Row => ({
  args: () => args,
  kinds,
  options,
});
const loss = (options: Row['options'] = {}): Row => ({
  args: ({ f }) => [f(2, 3), f(2, 3), {}],
  kinds: ['floats', 'floats', 'options'],
  options: { reduction: 'name', ...options },
});
const blockOptions = { mask: 'masks', kvHeads: 'size', headSize: 'size', bias: 'flag', scale: 'number', projection: 'name', attentionDropout: 'share', memory: 'function', hidden: 'size', activation: 'name', gated: 'flag', hiddenDropout: 'share', order: 'name', norm: 'name', epsilon: 'positive', layerScale: 'number', dropout: 'share', dropPath: 'share', cross: 'options' } as const; // biome-ignore format: one line
const rateOptions = { lrScale: 'rule', layerDecay: 'at least 0', weightDecay: 'at least 0', decay: 'rule' } as const;
const adamOptions = { ...rateOptions, betas: 'betas', eps: 'at least 0' } as const;
const tower = { patch: 4, width: 6, heads: 2, depth: 1 };
const words = { vocabulary: 11, context: 5, width: 6, heads: 2, depth: 1 };

const rows: Readonly<Record<string, Row>> = {
  attention: {
    args: ({ s, f }) => [s, f(2, 3, 6), f(2, 5, 6), { heads: 2 }],
    kinds: ['scope', 'floats', 'floats', 'options'],
    options: { mask: 'masks', kvHeads: 'size', headSize: 'size', bias: 'flag', keyBias: 'flag', outBias: 'flag', scale: 'number', projection: 'name', attentionDropout: 'share', memory: 'function', init: 'function', outInit: 'function' }, // biome-ignore format: one line
    required: { heads: 'size' },
  },
  attend: {
    args: ({ s, f }) => [s, f(2, 3, 5, 7), f(2, 3, 5, 7), f(2, 3, 5, 7), {}],
    kinds: ['scope', 'floats', 'floats', 'floats', 'options'],
    options: { mask: 'masks', scale: 'number', attentionDropout: 'share' },
  },
  splitHeads: { args: ({ f }) => [f(2, 3, 6), 2], kinds: ['floats', 'size'] },
  mergeHeads: { args: ({ f }) => [f(2, 3, 5, 7)], kinds: ['floats'] },
  conv1d: {
    args: ({ s, f }) => [s, f(2, 3, 7), 5, { kernel: 3 }],
    kinds: ['scope', 'floats', 'size', 'options'],
    options: {
      bias: 'flag',
      init: 'function',
      groups: 'size',
      stride: 'size for each axis',
      dilation: 'size for each axis',
      padding: 'padding',
    },
    required: { kernel: 'size for each axis' },
  },
  conv2d: {
    args: ({ s, f }) => [s, f(2, 3, 7, 7), 5, { kernel: [3, 2] }],
    kinds: ['scope', 'floats', 'size', 'options'],
    options: {
      bias: 'flag',
      init: 'function',
      groups: 'size',
      stride: 'size for each axis',
      dilation: 'size for each axis',
      padding: 'padding',
    },
    required: { kernel: 'size for each axis' },
  },
  dropout: { args: ({ s, f }) => [s, f(2, 3), 0.1], kinds: ['scope', 'floats of any rank', 'share'] },
  dropPath: { args: ({ s, f }) => [s, f(2, 3), 0.1], kinds: ['scope', 'floats of any rank', 'share'] },
  fans: { args: () => [[2, 3]], kinds: ['sizes'] },
  constant: initialiser([1], ['number']),
  values: initialiser([[1, 2]], ['numbers']),
  uniform: initialiser([-1, 2], ['number', 'number']),
  normal: initialiser([1, 0], ['positive', 'number or nothing']),
  truncNormal: initialiser([1, {}], ['positive', 'options'], { mean: 'number', low: 'number', high: 'number' }),
  varianceScaling: initialiser([1, 'fan-in', 'uniform'], ['positive', 'name', 'name']),
  kaimingUniform: initialiser([{}], ['options'], { a: 'number', mode: 'name' }),
  kaimingNormal: initialiser([{}], ['options'], { a: 'number', mode: 'name' }),
  orthogonal: initialiser([{}], ['options'], { gain: 'number' }),
  transposed: initialiser([nn.zeros], ['function']),
  resizePositions: {
    args: ({ f }) => [f(7, 5), { from: [2, 3], to: [4, 3], keep: 1 }],
    kinds: ['floats', 'options'],
    options: { keep: 'count', method: 'name', alignCorners: 'flag', antialias: 'flag' },
    required: { from: 'sizes', to: 'sizes' },
  },
  resizeTable: {
    args: () => [ndarray('float32', [6, 2], new Float32Array(12)), { from: [2, 3], to: [4, 3] }],
    kinds: ['values', 'options'],
    options: { keep: 'count', method: 'name', alignCorners: 'flag', antialias: 'flag' },
    required: { from: 'sizes', to: 'sizes' },
  },
  kvCache: {
    args: ({ i }) => [{ length: 5, position: i() }],
    kinds: ['options'],
    required: { length: 'size', position: 'ints' },
  },
  cacheMask: {
    args: ({ i }) => [2, { length: 5, position: i() }],
    kinds: ['size', 'options'],
    required: { length: 'size', position: 'ints' },
  },
  linear: {
    args: ({ s, f }) => [s, f(2, 3), 5, {}],
    kinds: ['scope', 'floats of any rank', 'size', 'options'],
    options: { bias: 'flag', init: 'function', biasInit: 'function', layout: 'name' },
  },
  embedding: {
    args: ({ s, i }) => [s, i(2, 3), { size: 5, width: 7 }],
    kinds: ['scope', 'ints', 'options'],
    options: { init: 'function' },
    required: { size: 'size', width: 'size' },
  },
  withLora: {
    args: ({ s }) => [s, { layers: ['a'], rank: 2 }],
    kinds: ['scope', 'options'],
    options: { alpha: 'number', dropout: 'share', train: 'texts' },
    required: { layers: 'texts', rank: 'size' },
  },
  mergeLora: {
    args: () => [adapted(), {}],
    kinds: ['scope', 'options'],
    options: { alpha: 'number', layout: 'function' },
  },
  crossEntropy: {
    args: ({ f, i }) => [f(2, 3), i(2), {}],
    kinds: ['floats', 'ints', 'options'],
    options: { labelSmoothing: 'share', ignoreIndex: 'whole', weight: 'floats', reduction: 'name' },
  },
  softCrossEntropy: loss({ labelSmoothing: 'share', weight: 'floats' }),
  binaryCrossEntropy: loss({ positiveWeight: 'operand', weight: 'operand' }),
  meanSquaredError: loss(),
  smoothL1: loss({ beta: 'positive' }),
  huber: loss({ delta: 'positive' }),
  klDivergence: loss({ logTarget: 'flag' }),
  combineMasks: { args: ({ f, b }) => [f(2, 3), b(2, 3), f(2, 3)], kinds: ['floats of any rank', 'mask', 'mask'] },
  paddingMask: { args: ({ b }) => [b(2, 3)], kinds: ['any tensor'] },
  prefixMask: { args: ({ f }) => [f(2, 3), 5, 2], kinds: ['any tensor', 'size', 'count'] },
  layerNorm: {
    args: ({ s, f }) => [s, f(2, 3), {}],
    kinds: ['scope', 'floats of any rank', 'options'],
    options: { epsilon: 'positive', bias: 'flag' },
  },
  rmsNorm: {
    args: ({ s, f }) => [s, f(2, 3), {}],
    kinds: ['scope', 'floats of any rank', 'options'],
    options: { epsilon: 'positive' },
  },
  groupNorm: {
    args: ({ s, f }) => [s, f(2, 6, 5), 3, {}],
    kinds: ['scope', 'floats', 'size', 'options'],
    options: { epsilon: 'positive' },
  },
  batchNorm: {
    args: ({ s, f }) => [s, f(2, 6, 5), {}],
    kinds: ['scope', 'floats of any rank', 'options'],
    options: { epsilon: 'positive', momentum: 'share' },
  },
  checkPatterns: { args: () => [['a'], ['a'], 'pattern'], kinds: ['texts', 'paths', 'text'] },
  freeze: { args: ({ s }) => [s, ['a']], kinds: ['scope', 'texts'] },
  initialise: { args: ({ s }) => [s, { a: nn.zeros }], kinds: ['scope', 'record'] },
  layerDecay: { args: () => [0.5, ['a/blocks/0/w']], kinds: ['positive', 'paths'] },
  matcher: { args: () => [['a']], kinds: ['texts'] },
  ruleValue: { args: () => [1, 'a', [2]], kinds: ['rule', 'text', 'sizes'] },
  learnedPositions: {
    args: ({ s }) => [s, 2, 3, {}],
    kinds: ['scope', 'size', 'size', 'options'],
    options: { name: 'text', init: 'function' },
  },
  sinusoids: { args: () => [3, 4, {}], kinds: ['count', 'size', 'options'], options: { layout: 'name', base: 'positive' } }, // biome-ignore format: one line
  sinusoids2d: { args: () => [3, 2, 8, {}], kinds: ['count', 'count', 'size', 'options'], options: { base: 'positive' } }, // biome-ignore format: one line
  constantPositions: { args: ({ f }) => [f(2, 3), new Float64Array(6), 3], kinds: ['floats of any rank', 'numbers', 'size'] }, // biome-ignore format: one line
  relativeBias: {
    args: ({ s }) => [s, 3, 5, { heads: 2 }],
    kinds: ['scope', 'size', 'size', 'options'],
    options: { buckets: 'size', maxDistance: 'size', causal: 'flag', init: 'function' },
    required: { heads: 'size' },
  },
  relativeBucket: { args: () => [3, 8, 16, true], kinds: ['whole', 'size', 'size', 'flag'] },
  residualTokens: {
    args: ({ s, f }) => [s, f(2, 3, 8, 8), { patch: 2, stages: [5, 7], depth: 1 }],
    kinds: ['scope', 'floats', 'options'],
    required: { patch: 'size', stages: 'sizes', depth: 'count' },
  },
  residualTower: {
    args: ({ s, f }) => [s, f(2, 3, 8, 8), { patch: 2, stages: [5, 7], depth: 1 }],
    kinds: ['scope', 'floats', 'options'],
    required: { patch: 'size', stages: 'sizes', depth: 'count' },
  },
  categorical: {
    args: ({ s, f }) => [s, f(2, 3), {}],
    kinds: ['scope', 'floats of any rank', 'options'],
    options: { exclude: 'bools' },
  },
  categoricalWithoutReplacement: {
    args: ({ s, f }) => [s, f(2, 3), 2, {}],
    kinds: ['scope', 'floats of any rank', 'size', 'options'],
    options: { exclude: 'bools' },
  },
  textTokens: {
    args: ({ s, i }) => [s, i(2, 3), words],
    kinds: ['scope', 'ints', 'options'],
    options: {
      ...blockOptions,
      mask: 'mask',
      causal: 'flag',
      positions: 'name',
      finalNorm: 'flag',
      checkpoint: 'flag',
    },
    required: { vocabulary: 'size', context: 'size', width: 'size', heads: 'size', depth: 'count' },
  },
  bertEmbeddings: {
    args: ({ s, i }) => [s, i(2, 3), { vocabulary: 11, width: 6, context: 5 }],
    kinds: ['scope', 'ints', 'options'],
    options: { types: 'size', positions: 'name', epsilon: 'positive', dropout: 'share' },
    required: { vocabulary: 'size', width: 'size', context: 'size' },
  },
  mlmHead: {
    args: ({ s, f }) => [s, f(2, 3, 6), { vocabulary: 11 }],
    kinds: ['scope', 'floats of any rank', 'options'],
    options: { decoder: 'floats', activation: 'name', epsilon: 'positive' },
    required: { vocabulary: 'size' },
  },
  bagOfTokens: {
    args: ({ s, i }) => [s, i(2, 3), { vocabulary: 11, width: 6, eot: 'largest' }],
    kinds: ['scope', 'ints', 'options'],
    options: { dropout: 'share', epsilon: 'positive' },
    required: { vocabulary: 'size', width: 'size' },
  },
  textTransformer: {
    args: ({ s, i }) => [s, i(2, 3), words],
    kinds: ['scope', 'ints', 'options'],
    options: { ...blockOptions, mask: 'mask', causal: 'flag', positions: 'name', finalNorm: 'flag', checkpoint: 'flag', pool: 'name' }, // biome-ignore format: one line
    required: { vocabulary: 'size', context: 'size', width: 'size', heads: 'size', depth: 'count' },
  },
  tiedLogits: { args: ({ s, f }) => [s, f(2, 3, 6), 11], kinds: ['scope', 'floats of any rank', 'size'] },
  mlp: {
    args: ({ s, f }) => [s, f(2, 6), {}],
    kinds: ['scope', 'floats of any rank', 'options'],
    options: { hidden: 'size', activation: 'name', bias: 'flag', gated: 'flag', hiddenDropout: 'share' },
  },
  block: {
    args: ({ s, f }) => [s, f(2, 3, 6), { heads: 2 }],
    kinds: ['scope', 'floats', 'options'],
    options: { ...blockOptions, pick: 'function' },
    required: { heads: 'size' },
  },
  norm: {
    args: ({ s, f }) => [s, f(2, 6), {}],
    kinds: ['scope', 'floats of any rank', 'options'],
    options: { norm: 'name', epsilon: 'positive' },
  },
  transformer: {
    args: ({ s, f }) => [s, f(2, 3, 6), { heads: 2, depth: 1 }],
    kinds: ['scope', 'floats', 'options'],
    options: { ...blockOptions, checkpoint: 'flag', last: 'options' },
    required: { heads: 'size', depth: 'count' },
  },
  patchEmbedding: {
    args: ({ s, f }) => [s, f(2, 3, 8, 8), { patch: 4, width: 6 }],
    kinds: ['scope', 'floats', 'options'],
    options: { bias: 'flag', init: 'function' },
    required: { patch: 'size', width: 'size' },
  },
  vit: {
    args: ({ s, f }) => [s, f(2, 3, 8, 8), tower],
    kinds: ['scope', 'floats', 'options'],
    options: { ...blockOptions, classToken: 'flag', positions: 'name', patchBias: 'flag', preNorm: 'flag', finalNorm: 'flag', checkpoint: 'flag', pool: 'name' }, // biome-ignore format: one line
    required: { patch: 'size', width: 'size', heads: 'size', depth: 'count' },
  },
  vitTokens: {
    args: ({ s, f }) => [s, f(2, 3, 8, 8), tower],
    kinds: ['scope', 'floats', 'options'],
    options: { ...blockOptions, classToken: 'flag', positions: 'name', patchBias: 'flag', preNorm: 'flag', finalNorm: 'flag', checkpoint: 'flag' }, // biome-ignore format: one line
    required: { patch: 'size', width: 'size', heads: 'size', depth: 'count' },
  },
  chain: { args: () => [nn.sgd(), nn.adamW()], kinds: ['function', 'function'] },
  minimize: {
    args: ({ s, f }) => [s, trained(s), nn.sgd(), { lr: f() }],
    kinds: ['scope', 'floats of any rank', 'function', 'options'],
    options: { microBatches: 'size', gathered: 'flag', known: 'collection' },
    required: { lr: 'rate or scalar' },
  },
  accumulate: {
    args: ({ s }) => [s, trained(s), {}],
    kinds: ['scope', 'floats of any rank', 'options'],
    options: { keep: 'any scalar' },
  },
  parameterGroups: {
    args: () => [[{ params: ['a/**'], optimizer: nn.sgd() }], nn.adamW()],
    kinds: ['group', 'function'],
  },
  gateGradients: { args: ({ f }) => [[{ params: ['a/**'], open: f() }, { params: ['b'] }]], kinds: ['gate'] },
  measureGlobalNorm: { args: () => [], kinds: [] },
  clipByGlobalNorm: { args: () => [1], kinds: ['above 0'] },
  sgd: { args: () => [{}], kinds: ['options'], options: { ...rateOptions, momentum: 'share', nesterov: 'flag' } },
  adam: { args: () => [{}], kinds: ['options'], options: adamOptions },
  adamW: { args: () => [{}], kinds: ['options'], options: adamOptions },
  holdWithin: { args: () => [{ scale: [0, 1] }], kinds: ['bounds'] },
  ema: {
    args: () => [0.9, {}],
    kinds: ['share or scalar', 'options'],
    options: { rename: 'function', warmUp: 'flag' },
  },
  constantSchedule: { args: () => [3], kinds: ['number'] },
  linearSchedule: { args: () => [8, 0, 4], kinds: ['number', 'number', 'size'] },
  cosineSchedule: { args: () => [8, 0, 4], kinds: ['number', 'number', 'size'] },
  stepSchedule: { args: () => [8, 0.5, [3, 5]], kinds: ['number', 'positive', 'steps'] },
  warmUp: { args: () => [4, nn.constantSchedule(1)], kinds: ['count', 'function'] },
  warmUpCosine: {
    args: () => [1e-3, { warmUp: 10, total: 110 }],
    kinds: ['number', 'options'],
    options: { final: 'number' },
    required: { warmUp: 'count', total: 'size' },
  },
};

/** A loss with one trainable parameter. */
function trained(s: Scope): Tensor {
  return s.param('w', [2], nn.zeros).sum();
}

/** A store with one LoRA adapter. */
function adapted(): Store {
  const store = new Store();
  const shapes = { 'fc/weight': [3, 5], 'fc/lora_A/weight': [2, 5], 'fc/lora_B/weight': [3, 2] };
  for (const [path, [r, c]] of Object.entries(shapes)) store.set(path, ndarray('float32', [r!, c!], new Float32Array(r! * c!))); // biome-ignore format: one line
  return store;
}

/** Initialisers and rules, which a store or an optimiser calls and no user. */
const calledByOthers = new Set(
  'eye glorotNormal glorotUniform heNormal heUniform lecunNormal lecunUniform ones unitRows xavierNormal xavierUniform zeros sinusoid matricesOnly'.split(' '), // biome-ignore format: one line
);

/** Undefined for a typed error; else what came instead. */
function silence(call: () => unknown): string | undefined {
  try {
    const result = call();
    return `no error, ${result instanceof Tensor ? `a tensor of ${result.dtype} [${result.shape}]` : typeof result}`;
  } catch (e) {
    return isBowError(e) ? undefined : `a raw error: ${e}`;
  }
}

describe('wrong arguments', () => {
  test.each(Object.entries(rows))('%s', (name, row) => {
    const found: unknown = Reflect.get(nn, name);
    if (typeof found !== 'function') throw new Error(`no function ${name}`);
    const call = (change: (args: unknown[], a: Site) => void = () => {}): unknown => {
      const a = site();
      const args = [...row.args(a)];
      change(args, a);
      return Reflect.apply(found, undefined, args);
    };
    expect(() => call(), `${name} as it should be called`).not.toThrow();
    const said: string[] = [];
    const look = (what: string, kind: Kind, set: (args: unknown[], value: unknown) => void): void => {
      if (kind === 'good') return;
      for (const [label, value] of Object.entries(wrong[kind])) {
        const result = silence(() => call((args) => set(args, value)));
        if (result !== undefined) said.push(`${name}, ${what} ${label}: ${result}`);
      }
    };
    row.kinds.forEach((kind, at) => {
      look(`argument ${at}`, kind, (args, value) => {
        args[at] = value;
      });
    });
    const option =
      (key: string) =>
      (args: unknown[], value: unknown): void => {
        // biome-ignore format: one line
        args[args.length - 1] = { ...(args.at(-1) as object), [key]: value };
      };
    for (const [key, kind] of Object.entries(row.required ?? {})) look(`o.${key}`, kind, option(key));
    for (const [key, kind] of Object.entries(row.options ?? {}))
      look(`o.${key}`, kind, (args, value) => option(key)(args, value ?? null)); // an option may be absent, but is not null
    expect(said).toEqual([]);
  });

  test('every exported function is in the table', () => {
    const exported = Object.entries(nn).flatMap(([name, v]) => (typeof v === 'function' ? [name] : []));
    expect(exported.filter((name) => !(name in rows) && !calledByOthers.has(name))).toEqual([]);
    const listed = [...Object.keys(rows), ...calledByOthers];
    expect(listed.filter((name) => !exported.includes(name))).toEqual([]);
  });
});

test('an error says layer, argument, scope and what was given', () => {
  const { s, f, i } = site();
  const error = (call: () => unknown): unknown => {
    try {
      return call();
    } catch (e) {
      return e;
    }
  };
  const attention = (x: unknown, o: unknown): unknown => Reflect.apply(nn.attention, undefined, [s, x, f(2, 3, 6), o]);
  expect(error(() => attention(i(2, 3, 6), { heads: 2 }))).toMatchObject({
    code: 'dtype',
    place: 'tower',
    message: 'attention: x must hold floating values, got int64; "in0" is int64 (at tower)',
    hint: "cast it first: .to('float32')",
  });
  expect(error(() => attention(f(2, 6), { heads: 2 }))).toMatchObject({
    code: 'shape',
    message: 'attention: x must be [b n d], got 2 axes (at tower)',
  });
  expect(error(() => attention(f(2, 3, 6), { heads: 2, projection: 'fuse' }))).toMatchObject({
    code: 'usage',
    message: 'attention: o.projection must be one of separate, fused, got the string "fuse" (at tower)',
  });
  expect(error(() => attention(undefined, { heads: 2 }))).toMatchObject({
    code: 'usage',
    message: 'attention: x must be a tensor, got undefined (at tower)',
  });
});

test('tensors that would broadcast into a wrong loss are refused', () => {
  const { f, i } = site();
  const apply = (name: string, args: readonly unknown[]): unknown => Reflect.apply(Reflect.get(nn, name), undefined, args); // biome-ignore format: one line
  for (const name of [
    'meanSquaredError',
    'huber',
    'smoothL1',
    'binaryCrossEntropy',
    'klDivergence',
    'softCrossEntropy',
  ])
    expect(() => apply(name, [f(3, 1), f(3)])).toThrow(expect.objectContaining({ code: 'shape' }));
  expect(() => apply('crossEntropy', [f(5, 3), i(1)])).toThrow(/crossEntropy: target must be \[5\], got \[1\]/);
  expect(() => apply('crossEntropy', [f(5, 3), i(5), { weight: f(1) }])).toThrow(/weight must be \[3\]/);
});
