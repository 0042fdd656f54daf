import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { conv1d, conv2d, convTranspose1d, convTranspose2d, newTrace, type Tensor } from '../index.ts';
import { check } from '../testing/check.ts';
import { errorAgainstTorch, type TorchCase } from '../testing/torch/torch.ts';

const small = (n: number): fc.Arbitrary<number> => fc.integer({ min: 1, max: n });

/** A random geometry over `rank` axes; sizes are made large enough for one window. */
const geometry = (rank: number) =>
  fc.record({
    b: small(3),
    i: small(3),
    o: small(3),
    groups: small(3),
    kernel: fc.tuple(...Array.from({ length: rank }, () => small(3))),
    stride: fc.tuple(...Array.from({ length: rank }, () => small(3))),
    dilation: fc.tuple(...Array.from({ length: rank }, () => small(2))),
    padding: fc.tuple(...Array.from({ length: rank }, () => fc.tuple(fc.nat(2), fc.nat(2)))),
    more: fc.tuple(...Array.from({ length: rank }, () => fc.nat(4))),
    bias: fc.boolean(),
    seed: fc.nat(1000),
  });

type Case = ReturnType<typeof geometry> extends fc.Arbitrary<infer T> ? T : never;

const run = (rank: number, property: (c: Case) => Promise<void>, numRuns: number): Promise<void> =>
  fc.assert(fc.asyncProperty(geometry(rank), property), { numRuns, seed: 23 });

describe.each([1, 2])('%i-D', (rank) => {
  test('convolution: value and gradients for operand, weight and bias', async () => {
    const fn = rank === 1 ? conv1d : conv2d;
    await run(
      rank,
      async ({ b, i, o, groups, kernel, stride, dilation, padding, more, bias, seed }) => {
        const sizes = kernel.map((k, a) => dilation[a]! * (k - 1) + 1 + more[a]!);
        await check(
          ([x, w, c]) =>
            fn(x as Tensor<'float32'>, w as Tensor<'float32'>, {
              stride,
              dilation,
              padding,
              groups,
              ...(bias ? { bias: c as Tensor<'float32'> } : {}),
            }),
          [
            { shape: [b, groups * i, ...sizes] },
            { shape: [groups * o, i, ...kernel] },
            ...(bias ? [{ shape: [groups * o] }] : []),
          ],
          { seed, tolerance: 1e-4, step: 0.1 },
        );
      },
      10,
    );
  });

  test('transposed convolution: value and gradients', async () => {
    const fn = rank === 1 ? convTranspose1d : convTranspose2d;
    await run(
      rank,
      async ({ b, i, o, groups, kernel, stride, dilation, padding, more, bias, seed }) => {
        const outputPadding = stride.map((s, a) => more[a]! % s);
        const sizes = more.map((m) => m + 1);
        const uncut = sizes.map(
          (n, a) => (n - 1) * stride[a]! + dilation[a]! * (kernel[a]! - 1) + 1 + outputPadding[a]!,
        );
        const cut = padding.map(([p, q], a) => (p + q < uncut[a]! ? ([p, q] as const) : ([0, 0] as const)));
        await check(
          ([x, w, c]) =>
            fn(x as Tensor<'float32'>, w as Tensor<'float32'>, {
              stride,
              dilation,
              padding: cut,
              outputPadding,
              groups,
              ...(bias ? { bias: c as Tensor<'float32'> } : {}),
            }),
          [
            { shape: [b, groups * i, ...sizes] },
            { shape: [groups * i, o, ...kernel] },
            ...(bias ? [{ shape: [groups * o] }] : []),
          ],
          { seed, tolerance: 1e-4, step: 0.1 },
        );
      },
      10,
    );
  });
});

test('many channels: the weight gradient by taps', async () => {
  await check(
    ([x, w]) =>
      conv2d(x as Tensor<'float32'>, w as Tensor<'float32'>, {
        stride: [2, 1],
        dilation: [1, 2],
        padding: [
          [1, 0],
          [2, 3],
        ],
      }),
    [{ shape: [2, 17, 4, 3] }, { shape: [2, 17, 3, 2] }],
    { tolerance: 1e-4, step: 0.1 },
  );
});

test('windows side by side: both gradients by matrix products', async () => {
  await check(
    ([x, w]) => conv2d(x as Tensor<'float32'>, w as Tensor<'float32'>, { stride: [2, 3] }),
    [{ shape: [2, 3, 5, 7] }, { shape: [5, 3, 2, 3] }],
    { tolerance: 1e-4, step: 0.1 },
  );
});

test.each<[TorchCase, (x: readonly Tensor<'float64'>[]) => Tensor]>([
  ['conv1d', ([x, w, bias]) => conv1d(x!, w!, { bias, stride: 2, padding: 1, dilation: 2 })],
  [
    'conv2d groups',
    ([x, w, bias]) => conv2d(x!, w!, { bias, stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 2 }),
  ],
  ['conv2d depthwise', ([x, w]) => conv2d(x!, w!, { padding: 'same', groups: 3 })],
  ['conv2d patches', ([x, w, bias]) => conv2d(x!, w!, { bias, stride: [2, 3] })],
  ['conv1d asymmetric', ([x, w]) => conv1d(x!, w!, { padding: [[0, 2]] })],
  [
    'conv_transpose1d',
    ([x, w, bias]) => convTranspose1d(x!, w!, { bias, stride: 2, padding: 1, dilation: 2, outputPadding: 1 }),
  ],
  [
    'conv_transpose2d groups',
    ([x, w, bias]) =>
      convTranspose2d(x!, w!, { bias, stride: [2, 3], padding: [1, 0], dilation: 1, groups: 2, outputPadding: [1, 2] }),
  ],
])('%s equals PyTorch', (name, fn) => {
  expect(errorAgainstTorch(name, fn)).toBeLessThan(1e-8);
});

test("'same' keeps ⌈size/stride⌉ positions", () => {
  const { graph } = newTrace();
  const x = graph.input('x', 'float32', [2, 3, 7, 5]) as Tensor<'float32'>;
  const w = graph.input('w', 'float32', [11, 3, 4, 3]) as Tensor<'float32'>;
  expect(conv2d(x, w, { padding: 'same' }).shape).toEqual([2, 11, 7, 5]);
  expect(conv2d(x, w, { padding: 'same', stride: [2, 3], dilation: 2 }).shape).toEqual([2, 11, 4, 2]);
});

test('errors say what does not fit', () => {
  const { graph } = newTrace();
  const x = graph.input('x', 'float32', [2, 6, 7, 5]) as Tensor<'float32'>;
  const w = graph.input('w', 'float32', [4, 3, 3, 3]) as Tensor<'float32'>;
  expect(() => conv2d(x, w)).toThrow(/operand has 6 channels, the weight 3 in 1 groups/);
  expect(() => conv2d(x, w, { groups: 3 })).toThrow(/3 groups do not divide 4 channels/);
  expect(() => conv2d(x, w, { groups: 2, dilation: 3 })).toThrow(/a window of 7 does not fit into 5/);
  expect(() => conv2d(x, w, { groups: 2, stride: 0 })).toThrow(/strides \[0, 0\] must be 2 integers ≥ 1/);
  expect(() => conv2d(x, w, { groups: 2, bias: graph.input('b', 'float32', [3]) as Tensor<'float32'> })).toThrow(
    /bias must be \[4\]/,
  );
  expect(() => conv1d(x, w)).toThrow(/a 1-D convolution needs operands with 3 axes/);
  expect(() => convTranspose2d(x, w)).toThrow(/operand has 6 channels, the weight 4/);
  const v = graph.input('v', 'float32', [6, 3, 3, 3]) as Tensor<'float32'>;
  expect(() => convTranspose2d(x, v, { outputPadding: 1 })).toThrow(/1 extra positions/);
  expect(() => convTranspose2d(x, v, { padding: 9 })).toThrow(/nothing is left/);
});
