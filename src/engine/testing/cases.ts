/** One small case for every function of the engine: what the table of back ends (docs/operators.md) is made from, in Node and in a browser. */
import {
  adaptiveAveragePool,
  argmax,
  averagePool2d,
  batchNorm,
  conv1d,
  conv2d,
  convTranspose2d,
  cumsum,
  type F,
  flip,
  gather,
  gatherElements,
  gelu,
  groupNorm,
  type I,
  l2Normalize,
  layerNorm,
  logSoftmax,
  maxPool2d,
  oneHot,
  pad,
  quickGelu,
  rearrange,
  relu,
  resize,
  rmsNorm,
  roll,
  scatterElements,
  silu,
  softmax,
  softplus,
  type Tensor,
  topK,
  tril,
  where,
} from '../index.ts';
import type { Operand } from './check.ts';

/** A function with operands. */
export type Case = {
  readonly name: string;
  readonly fn: (x: readonly Tensor[]) => Tensor | readonly Tensor[];
  readonly operands: readonly Operand[];
  /** False where the function has no gradient. */
  readonly gradient?: boolean;
};

const x: Operand = { shape: [3, 5, 7] };
const positive: Operand = { shape: [3, 5, 7], low: 0.3, high: 2 };
const picture: Operand = { shape: [2, 3, 7, 5] };

function unary(name: string, fn: (x: F) => Tensor, operand: Operand = x): Case {
  return { name, fn: ([t]) => fn(t as F), operands: [operand] };
}

function binary(name: string, fn: (a: F, b: F) => Tensor, low = -2): Case {
  const operands = [
    { ...x, low },
    { shape: [5, 1], low },
  ];
  return { name, fn: ([a, b]) => fn(a as F, b as F), operands };
}

export const cases: readonly Case[] = [
  binary('add', (a, b) => a.add(b)),
  binary('sub', (a, b) => a.sub(b)),
  binary('mul', (a, b) => a.mul(b)),
  binary('div', (a, b) => a.div(b), 0.3),
  binary('pow', (a, b) => a.pow(b), 0.3),
  binary('max', (a, b) => a.max(b)),
  binary('min', (a, b) => a.min(b)),
  unary('neg', (t) => t.neg()),
  unary('abs', (t) => t.abs()),
  unary('exp', (t) => t.exp()),
  unary('log', (t) => t.log(), positive),
  unary('sqrt', (t) => t.sqrt(), positive),
  unary('rsqrt', (t) => t.rsqrt(), positive),
  unary('erf', (t) => t.erf()),
  unary('tanh', (t) => t.tanh()),
  unary('sin', (t) => t.sin()),
  unary('cos', (t) => t.cos()),
  unary('sigmoid', (t) => t.sigmoid()),
  unary('softplus', softplus),
  unary('clip', (t) => t.clip(-0.7, 0.9)),
  unary('relu', relu),
  unary('gelu', (t) => gelu(t)),
  unary('gelu tanh', (t) => gelu(t, { approximate: 'tanh' })),
  unary('quickGelu', quickGelu),
  unary('silu', silu),
  {
    name: 'comparisons',
    fn: ([a, b]) => [a!.less(b!), a!.equal(b!).not()],
    operands: [x, { shape: [7] }],
    gradient: false,
  },
  {
    name: 'where',
    fn: ([c, a, b]) => where(c as Tensor<'bool'>, a as F, b as F),
    operands: [{ shape: [5, 1], dtype: 'bool' }, x, { shape: [7] }],
  },
  { name: 'matmul', fn: ([a, b]) => a!.matmul(b!), operands: [x, { shape: [7, 11] }] },
  { name: 'matmul batched', fn: ([a, b]) => a!.matmul(b!.mT), operands: [x, { shape: [3, 2, 7] }] },
  unary('sum', (t) => t.sum([0, 2])),
  unary('mean', (t) => t.mean(1)),
  unary('reduceMax', (t) => t.reduceMax(2)),
  unary('reduceMin', (t) => t.reduceMin(1)),
  unary('logSumExp', (t) => t.logSumExp(1)),
  unary('softmax', (t) => softmax(t, 1)),
  unary('logSoftmax', (t) => logSoftmax(t)),
  unary('l2Normalize', (t) => l2Normalize(t)),
  unary('layerNorm', (t) => layerNorm(t)),
  {
    name: 'layerNorm of a sum with weights', // onnxruntime would fuse the sum, the norm and its constants
    fn: ([a, b, scale, shift]) => layerNorm(a!.add(b!) as F, { scale: scale as F, shift: shift as F }),
    operands: [{ shape: [2, 5, 12] }, { shape: [2, 5, 12] }, { shape: [12] }, { shape: [12] }],
  },
  unary('rmsNorm', (t) => rmsNorm(t)),
  unary('groupNorm', (t) => groupNorm(t, 2), { shape: [3, 4, 5] }),
  {
    name: 'batchNorm',
    fn: ([t, mean, variance]) => batchNorm(t as F, { training: true, mean: mean as F, variance: variance as F }).y,
    operands: [{ shape: [5, 3, 7] }, { shape: [3], fixed: true }, { shape: [3], low: 0.5, fixed: true }],
  },
  {
    name: 'conv1d',
    fn: ([a, w]) => conv1d(a as F, w as F, { padding: 1 }),
    operands: [{ shape: [2, 3, 7] }, { shape: [5, 3, 3] }],
  },
  {
    name: 'conv2d strided',
    fn: ([a, w]) => conv2d(a as F, w as F, { stride: 2, padding: 1 }),
    operands: [picture, { shape: [5, 3, 3, 3] }],
  },
  {
    name: 'conv2d depthwise',
    fn: ([a, w]) => conv2d(a as F, w as F, { groups: 3 }),
    operands: [picture, { shape: [3, 1, 3, 3] }],
  },
  {
    name: 'convTranspose2d',
    fn: ([a, w]) => convTranspose2d(a as F, w as F, { stride: 2 }),
    operands: [{ shape: [2, 3, 3, 2] }, { shape: [3, 5, 3, 3] }],
  },
  unary('maxPool2d', (t) => maxPool2d(t, 3, { stride: 2 }), picture),
  unary('averagePool2d', (t) => averagePool2d(t, 3, { stride: 2 }), picture),
  unary('adaptiveAveragePool', (t) => adaptiveAveragePool(t, [3, 2]), picture),
  unary('resize bilinear', (t) => resize(t, [5, 11], { method: 'linear' }), picture),
  unary('resize bicubic', (t) => resize(t, [11, 3], { method: 'cubic' }), picture),
  unary('rearrange', (t) => rearrange(t, 'a (b c) d -> b d (a c)', { b: 5 })),
  unary('slice', (t) => t.slice(1, 1, 4)),
  unary('slice strided', (t) => t.slice(2, 0, 7, 3)),
  unary('slice backwards', (t) => t.slice(1, 3, 0, -2)),
  unary('pad', (t) =>
    pad(t, [
      [0, 1],
      [2, 0],
      [1, 1],
    ]),
  ),
  unary('pad reflect', (t) =>
    pad(
      t,
      [
        [0, 0],
        [2, 1],
        [0, 0],
      ],
      { mode: 'reflect' },
    ),
  ),
  unary('flip', (t) => flip(t, 2)),
  unary('roll', (t) => roll(t, 2, 1)),
  unary('expand', (t) => t.unsqueeze(1).expand([3, 2, 5, 7])),
  unary('tril', (t) => tril(t)),
  unary('cumsum', (t) => cumsum(t, 1)),
  unary('topK', (t) => topK(t, 2).values),
  { name: 'argmax', fn: ([a]) => argmax(a!), operands: [x], gradient: false },
  {
    name: 'gather',
    fn: ([table, at]) => gather(table as F, at as I),
    operands: [{ shape: [11, 3] }, { shape: [2, 5], dtype: 'int32', low: 0, high: 11 }],
  },
  {
    name: 'gatherElements',
    fn: ([a, at]) => gatherElements(a as F, at as I, 1),
    operands: [{ shape: [3, 7] }, { shape: [3, 2], dtype: 'int64', low: 0, high: 7 }],
  },
  {
    name: 'scatterElements add',
    fn: ([a, at, u]) => scatterElements(a as F, at as I, u as F, 1, { reduction: 'add' }),
    operands: [{ shape: [3, 7] }, { shape: [3, 2], dtype: 'int64', values: [0, 3, 6, 2, 5, 1] }, { shape: [3, 2] }],
  },
  {
    name: 'oneHot',
    fn: ([at]) => oneHot(at as I, 7, 'float32'),
    operands: [{ shape: [5], dtype: 'int32', low: 0, high: 7 }],
    gradient: false,
  },
];
