import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compile,
  customGradient,
  gelu,
  isInf,
  isNan,
  ndarray,
  newTrace,
  quickGelu,
  relu,
  round,
  Store,
  silu,
  softplus,
  type Tensor,
  where,
} from '../index.ts';
import { apply } from '../tensor.ts';
import { check } from '../testing/check.ts';

type Case = [name: string, fn: (x: Tensor<'float32'>) => Tensor, low?: number, high?: number];

const unary: Case[] = [
  ['neg', (x) => x.neg()],
  ['abs', (x) => x.abs()],
  ['exp', (x) => x.exp()],
  ['log', (x) => x.log(), 0.2, 3],
  ['sqrt', (x) => x.sqrt(), 0.2, 3],
  ['rsqrt', (x) => x.rsqrt(), 0.2, 3],
  ['reciprocal', (x) => x.reciprocal(), 0.3, 2],
  ['square', (x) => x.square()],
  ['pow 3', (x) => x.pow(3), 0.2, 2],
  ['erf', (x) => x.erf()],
  ['tanh', (x) => x.tanh()],
  ['sin', (x) => x.sin()],
  ['cos', (x) => x.cos()],
  ['tan', (x) => apply('Tan', [x]), -1.2, 1.2],
  ['asin', (x) => apply('Asin', [x]), -0.9, 0.9],
  ['acos', (x) => apply('Acos', [x]), -0.9, 0.9],
  ['atan', (x) => apply('Atan', [x])],
  ['sinh', (x) => apply('Sinh', [x])],
  ['cosh', (x) => apply('Cosh', [x])],
  ['asinh', (x) => apply('Asinh', [x])],
  ['acosh', (x) => apply('Acosh', [x]), 1.3, 3],
  ['atanh', (x) => apply('Atanh', [x]), -0.8, 0.8],
  ['sigmoid', (x) => x.sigmoid(), -5, 5],
  ['softplus', softplus, -5, 5],
  ['relu', relu],
  ['gelu', (x) => gelu(x), -4, 4],
  ['gelu tanh', (x) => gelu(x, { approximate: 'tanh' }), -4, 4],
  ['quickGelu', quickGelu, -4, 4],
  ['silu', silu, -4, 4],
  ['clip', (x) => x.clip(-0.7, 0.9)],
];

const shape = fc.array(fc.constantFrom(1, 2, 3, 5, 7), { minLength: 0, maxLength: 4 });

describe('one tensor', () => {
  test.each(unary)('%s: value and gradient on random shapes', async (_name, fn, low = -2, high = 2) => {
    await fc.assert(
      fc.asyncProperty(shape, fc.nat(1000), async (dims, seed) => {
        await check(([x]) => fn(x as Tensor<'float32'>), [{ shape: dims, low, high }], { seed, tolerance: 1e-4 });
      }),
      { numRuns: 5, seed: 17 },
    );
  });
});

/** Two shapes that broadcast: a common shape, axes set to 1 or cut off at the front. */
const pair = fc
  .tuple(
    shape,
    fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    fc.nat(4),
    fc.nat(4),
  )
  .map(([dims, p, q, i, j]) => {
    const drop = (flags: boolean[], lead: number): number[] =>
      dims.map((d, k) => (flags[k] ? d : 1)).slice(Math.min(lead, dims.length));
    return [drop(p, i), drop(q, j)] as const;
  });

const binary: [string, (a: Tensor, b: Tensor) => Tensor, number?, number?][] = [
  ['add', (a, b) => a.add(b)],
  ['sub', (a, b) => a.sub(b)],
  ['mul', (a, b) => a.mul(b)],
  ['div', (a, b) => a.div(b), 0.3, 2],
  ['pow', (a, b) => a.pow(b), 0.3, 2],
  ['max', (a, b) => a.max(b)],
  ['min', (a, b) => a.min(b)],
];

describe('two tensors', () => {
  test.each(binary)('%s: value and gradient under broadcasting', async (_name, fn, low = -2, high = 2) => {
    await fc.assert(
      fc.asyncProperty(pair, fc.nat(1000), async ([a, b], seed) => {
        await check(
          ([x, y]) => fn(x!, y!),
          [
            { shape: a, low, high },
            { shape: b, low, high },
          ],
          { seed, tolerance: 1e-4 },
        );
      }),
      { numRuns: 8, seed: 19 },
    );
  });

  test.each(['less', 'lessEqual', 'greater', 'greaterEqual', 'equal'] as const)('%s', async (name) => {
    const operand = { dtype: 'int32', low: -2, high: 3 } as const;
    const fn = ([x, y]: readonly Tensor[]): Tensor => x![name](y!).not().or(x!.greater(y!)).and(y!.less(2));
    await check(
      fn,
      [
        { ...operand, shape: [3, 5] },
        { ...operand, shape: [5] },
      ],
      { gradient: false },
    );
  });
});

test('where: the gradient reaches the chosen side only', async () => {
  await check(
    ([c, x, y]) => where(c as Tensor<'bool'>, x as Tensor<'float32'>, y as Tensor<'float32'>),
    [{ shape: [3, 1], dtype: 'bool' }, { shape: [5] }, { shape: [2, 3, 5] }],
  );
});

test('casts and signs', async () => {
  await check(([x]) => x!.to('int32'), [{ shape: [3, 7] }], { gradient: false });
  await check(([x]) => x!.to('float32'), [{ shape: [3, 7], dtype: 'bool' }], { gradient: false });
  await check(([x]) => [x!.sign(), x!.floor(), x!.ceil()], [{ shape: [3, 7] }], { gradient: false });
});

test('remainders, rounding, integer division', async () => {
  const operands = [
    { shape: [2, 7], dtype: 'int32', low: -9, high: 9 },
    { shape: [7], dtype: 'int32', values: [1, -2, 3, -4, 5, -6, 7] },
  ] as const;
  const fns = ([a, b]: readonly Tensor[]): Tensor[] => [
    apply('Mod', [a!, b!], { fmod: false }),
    apply('Mod', [a!, b!], { fmod: true }),
    a!.div(b!),
  ];
  await check(fns, operands, { gradient: false, tolerance: 0 });
  const halves = { shape: [8], values: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4, -2.6] };
  await check(([x]) => [round(x as Tensor<'float32'>), apply('Mod', [x!, x!.add(0.7)], { fmod: true })], [halves], {
    gradient: false,
    tolerance: 1e-6,
  });
});

test('values that are not finite are found', async () => {
  const x = { shape: [5], values: [1, Number.NaN, Infinity, -Infinity, 0] };
  await check(([x]) => [isNan(x as Tensor<'float32'>), isInf(x as Tensor<'float32'>)], [x], { gradient: false });
});

test('a custom gradient and a stopped one', async () => {
  const step = compile(
    (s, { x }) => {
      const w = s.param('w', [3], (out) => out.fill(2));
      const y = customGradient(w.floor(), [w], (g) => [g.mul(10)]).add(w.stopGradient());
      return { y: y.mul(x as Tensor<'float32'>) };
    },
    { store: new Store() },
  );
  const out = await step.run({ x: ndarray('float32', [3], [1, 2, 3]) });
  expect([...(out.y!.data as Float32Array)]).toEqual([4, 8, 12]);
  await step.close();
});

test('errors name the place, the operands and a hint', () => {
  const t = newTrace();
  t.graph.place = 'visual/blocks/3/attn';
  const [a, b] = [t.graph.input('a', 'float32', [2, 3, 7]), t.graph.input('b', 'float32', [2, 5, 7])];
  expect(() => a.matmul(b)).toThrow(/inner sizes differ, 7 and 5 \(at visual\/blocks\/3\/attn\)/);
  // @ts-expect-error other types are found by the compiler, too
  expect(() => a.add(t.graph.input('c', 'int32', [7]))).toThrow(/types differ, float32 and int32/);
  expect(() => a.add(b)).toThrow(/sizes 3 and 5 do not broadcast/);
  expect(() => a.axes('b n')).toThrow(/expected axes 'b n', got 3 axes/);
  expect(() => a.add(newTrace().graph.input('z', 'float32', [7]))).toThrow(/another graph/);
  expect(() => apply('Not', [a])).toThrow(/needs booleans/);
});
