/** Numbers that become float16 or bfloat16: by value, never as raw bits. */
import { describe, expect, test } from 'vitest';
import { compile, type F, fromNumbers, narrowed, ndarray, newTrace, padAxis, Scope, widened } from './index.ts';
import { interpret } from './interpret.ts';

const numbers = [0.5, -2, 1 + 2 ** -9, 65504, 1e-7, 1 / 3, 0];
const wanted = {
  float16: [0.5, -2, 1 + 2 ** -9, 65504, 1.1920928955078125e-7, 0.333251953125, 0],
  bfloat16: [0.5, -2, 1, 65536, 1.0011717677116394e-7, 0.333984375, 0],
} as const;

describe.each(['float16', 'bfloat16'] as const)('%s', (half) => {
  const back = (data: Uint16Array): number[] =>
    Array.from(widened({ dtype: half, shape: [data.length], data }).data, (u) => u);

  test('numbers and arrays of numbers are rounded to nearest', () => {
    expect(back(fromNumbers(half, numbers))).toEqual(wanted[half]);
    expect(back(ndarray(half, [7], numbers).data)).toEqual(wanted[half]);
    expect(back(fromNumbers(half, [Infinity, -Infinity, 1e39, -1e39, Number.NaN]))).toEqual([
      Infinity,
      -Infinity,
      Infinity,
      -Infinity,
      Number.NaN,
    ]);
  });

  test('once: what lies next to a tie does not become one on the way', () => {
    const ulp = half === 'float16' ? 2 ** -10 : 2 ** -7;
    const [tie, more, less] = [1 + ulp / 2, 1 + ulp / 2 + 2 ** -40, 1 + 1.5 * ulp - 2 ** -40];
    const values = [tie, more, less, -more, -less];
    const rounded = [1, 1 + ulp, 1 + ulp, -1 - ulp, -1 - ulp];
    expect(back(fromNumbers(half, values))).toEqual(rounded);
    const { data } = narrowed(ndarray('float64', [5], values), half);
    expect(data).toEqual(fromNumbers(half, values));
  });

  test('constants of a graph have their values, in onnxruntime and in the reference', async () => {
    const c = compile((s, { x }: { x: F }) => ({
      y: s.constant(numbers, undefined, half).to('float32').mul(x.to('float32')),
    }));
    const { y } = await c.run({ x: ndarray(half, [1], [2]) });
    expect(Array.from(y.data as Float32Array)).toEqual(wanted[half].map((u) => 2 * u));
    await c.close();
    const constant = new Scope(newTrace()).constant(numbers, undefined, half);
    expect(Array.from(interpret([constant.to('float64')], {})[0]!.data)).toEqual(wanted[half]);
  });

  test('padding is by value', () => {
    const padded = padAxis(ndarray(half, [2], [1, 2]), 0, 3, 0.5);
    expect(back(padded.data as Uint16Array)).toEqual([1, 2, 0.5]);
  });
});

test('a number beside a float16 tensor is that number', async () => {
  const c = compile((_, { x }: { x: F }) => ({ y: x.mul(0.5).add(0.25).max(1).to('float32'), more: x.greater(1.5) }));
  const out = await c.run({ x: ndarray('float16', [3], [1, 2, 3]) });
  expect([Array.from(out.y.data as Float32Array), Array.from(out.more.data)]).toEqual([
    [1, 1.25, 1.75],
    [0, 1, 1],
  ]);
  await c.close();
});

test('bfloat16 has no arithmetic: an error when the graph is built, with the cast to do', () => {
  const { graph } = newTrace();
  const x = graph.input('x', 'bfloat16', [2, 3]);
  const calls = [
    () => x.mul(0.5),
    () => x.add(x),
    () => x.exp(),
    () => x.sum(),
    () => x.mean(),
    () => x.matmul(x.mT),
    () => x.less(1),
    () => x.neg(),
  ];
  for (const call of calls)
    expect(call).toThrow(expect.objectContaining({ code: 'dtype', hint: "cast first: x.to('float32')" }));
  expect(x.reshape([6]).slice(0, 1).to('float32').mul(0.5).dtype).toBe('float32');
});
