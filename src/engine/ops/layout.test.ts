import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  causalMask,
  concat,
  einsum,
  flip,
  linspace,
  newTrace,
  pad,
  rearrange,
  repeat,
  roll,
  split,
  stack,
  type Tensor,
  tile,
  tril,
  triu,
} from '../index.ts';
import { interpret } from '../interpret.ts';
import { apply } from '../tensor.ts';
import { check } from '../testing/check.ts';

const shape = fc.array(fc.constantFrom(1, 2, 3, 5), { minLength: 1, maxLength: 4 });

describe('slice', () => {
  const bound = fc.option(fc.integer({ min: -9, max: 9 }), { nil: undefined });
  const step = fc.constantFrom(1, 2, 3, -1, -2, -3);

  test('takes what NumPy takes, in value and gradient', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(1, 2, 5, 7), bound, bound, step, async (n, start, end, by) => {
        const positions = pythonSlice(n, start, end, by);
        const found = newTrace().graph.input('x', 'float32', [2, n, 3]).slice(1, start, end, by);
        expect(found.shape).toEqual([2, positions.length, 3]);
        if (positions.length === 0) return;
        const values = Array.from({ length: n }, (_, i) => i);
        await expectValues(
          ([x]) => x!.slice(0, start, end, by),
          [{ shape: [n], values }],
          [positions.length],
          positions,
        );
        await check(([x]) => x!.slice(1, start, end, by), [{ shape: [2, n, 3] }], { tolerance: 1e-5 });
      }),
      { numRuns: 60, seed: 37 },
    );
  });
});

/** Positions that Python's x[start:end:step] reads, straight from the language reference ("k items of i + n·k"). */
function pythonSlice(n: number, start: number | undefined, end: number | undefined, step: number): number[] {
  const clamp = (i: number, low: number, high: number): number => Math.min(Math.max(i < 0 ? i + n : i, low), high);
  const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
  const from = start === undefined ? (step > 0 ? low : high) : clamp(start, low, high);
  const to = end === undefined ? (step > 0 ? high : low) : clamp(end, low, high);
  const out: number[] = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step) out.push(i);
  return out;
}

describe('moving axes and sizes', () => {
  test('transpose, reshape and expand on random shapes', async () => {
    const order = shape.chain((dims) =>
      fc.tuple(fc.constant(dims), fc.shuffledSubarray([...dims.keys()], { minLength: dims.length })),
    );
    await fc.assert(
      fc.asyncProperty(order, fc.nat(1000), async ([dims, perm], seed) => {
        await check(
          ([x]) => {
            const t = x!.transpose(perm);
            return [t, t.reshape([-1]), x!.expand([2, ...dims.map((d) => (d === 1 ? 3 : d))])];
          },
          [{ shape: dims }],
          { seed, tolerance: 1e-5 },
        );
      }),
      { numRuns: 12, seed: 41 },
    );
  });

  test('pad with zeros and with a value', async () => {
    await fc.assert(
      fc.asyncProperty(shape, fc.nat(1000), async (dims, seed) => {
        const [before, after] = [dims.map((_, i) => (seed + i) % 3), dims.map((_, i) => (seed + 2 * i) % 2)];
        await check(([x]) => apply('Pad', [x!], { before, after, value: seed % 2 }), [{ shape: dims }], { seed });
      }),
      { numRuns: 8, seed: 43 },
    );
  });

  test.each(['reflect', 'edge', 'wrap'] as const)('pad mode %s: value and gradient', async (mode) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(3, 4, 5), { minLength: 1, maxLength: 3 }),
        fc.nat(1000),
        async (dims, seed) => {
          const widths = dims.map((_, i) => [(seed + i) % 3, (seed + 2 * i + 1) % 3] as const);
          await check(([x]) => pad(x!, widths, { mode }), [{ shape: dims }], { seed, tolerance: 1e-5 });
        },
      ),
      { numRuns: 10, seed: 47 },
    );
  });

  test('what the padding modes copy', async () => {
    const values = [1, 2, 3, 4];
    const row = (mode: 'reflect' | 'edge' | 'wrap', wanted: number[]): Promise<void> =>
      expectValues(([x]) => pad(x!, [[2, 3]], { mode }), [{ shape: [4], values }], [9], wanted);
    await row('reflect', [3, 2, 1, 2, 3, 4, 3, 2, 1]);
    await row('edge', [1, 1, 1, 2, 3, 4, 4, 4, 4]);
    await row('wrap', [3, 4, 1, 2, 3, 4, 1, 2, 3]);
    const x = newTrace().graph.input('x', 'float32', [3]);
    expect(() => pad(x, [[3, 0]], { mode: 'reflect' })).toThrow(/at most 2 by mode "reflect"/);
    expect(() => pad(x, [[0, 4]], { mode: 'wrap' })).toThrow(/at most 3/);
  });

  test('flip, roll and tile', async () => {
    const values = [0, 1, 2, 3, 4, 5];
    const x = [{ shape: [2, 3], values }];
    await expectValues(([x]) => flip(x!, [0, 1]), x, [2, 3], [5, 4, 3, 2, 1, 0]);
    await expectValues(([x]) => roll(x!, 1, 1), x, [2, 3], [2, 0, 1, 5, 3, 4]);
    await expectValues(([x]) => roll(x!, -7, 1), x, [2, 3], [1, 2, 0, 4, 5, 3]);
    await expectValues(([x]) => tile(x!, [1, 2]), x, [2, 6], [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]);
    await check(([x]) => [flip(x!, -1), roll(x!, 2, 0), tile(x!, [2, 3, 1])], [{ shape: [5, 3, 2] }]);
  });

  test('triangles and masks', async () => {
    const x = [{ shape: [2, 3], values: [1, 2, 3, 4, 5, 6] }];
    await expectValues(([x]) => tril(x!), x, [2, 3], [1, 0, 0, 4, 5, 0]);
    await expectValues(([x]) => triu(x!), x, [2, 3], [1, 2, 3, 0, 5, 6]);
    await expectValues(([x]) => triu(x!, -1), x, [2, 3], [1, 2, 3, 4, 5, 6]);
    await expectValues(([x]) => causalMask(x!, 2, 3).to('int32'), x, [2, 3], [1, 1, 0, 1, 1, 1]);
    await expectValues(([x]) => linspace(x!, -1, 2, 4), x, [4], [-1, 0, 1, 2]);
    await check(([x]) => [tril(x!, 1), triu(x!, 1)], [{ shape: [3, 5, 7] }]);
  });

  test('concat, split and stack undo each other', async () => {
    for (const axis of [0, 1, 2]) {
      const dims = (n: number): number[] => [2, 3, 5].map((d, i) => (i === axis ? n : d));
      await check(
        ([a, b]) => {
          const y = concat([a!, b!, a!], axis);
          const [p, q, r] = split(y, [2, 7, 2], axis);
          return [y, p!.sub(a!), q!.mul(2), stack([p!, r!.square()], axis)];
        },
        [{ shape: dims(2) }, { shape: dims(7) }],
        { seed: axis },
      );
    }
  });

  test('squeeze, unsqueeze, at', async () => {
    await check(([x]) => [x!.unsqueeze(-1), x!.unsqueeze(1).squeeze(1), x!.at(1, -2)], [{ shape: [2, 5, 3] }]);
    expect(() => newTrace().graph.input('x', 'float32', [2, 5]).squeeze(1)).toThrow(/has size 5, not 1/);
  });
});

/** Values of a function on small whole numbers 0, 1, 2 …: equality with a formula is checked as a difference of zero. */
async function equals(
  fn: (x: readonly Tensor[]) => Tensor,
  shapes: readonly number[][],
  out: readonly number[],
  formula: (...index: number[]) => number,
): Promise<void> {
  const operands = shapes.map((s) => ({ shape: s, values: Array.from({ length: size(s) }, (_, i) => i) }));
  const wanted = Array.from({ length: size(out) }, (_, flat) => {
    const index: number[] = [];
    let rest = flat;
    for (const d of [...out].reverse()) {
      index.unshift(rest % d);
      rest = Math.floor(rest / d);
    }
    return formula(...index);
  });
  await expectValues(fn, operands, out, wanted);
  await check((x) => fn(x), operands, { tolerance: 1e-5 });
}

const size = (s: readonly number[]): number => s.reduce((a, b) => a * b, 1);

async function expectValues(
  fn: (x: readonly Tensor[]) => Tensor,
  operands: readonly { shape: readonly number[]; values: readonly number[] }[],
  shape: readonly number[],
  wanted: readonly number[],
): Promise<void> {
  const { graph } = newTrace();
  const xs = operands.map((p, i) => graph.input(`x${i}`, 'float64', p.shape));
  const y = fn(xs);
  expect(y.shape).toEqual(shape);
  const feeds = Object.fromEntries(
    operands.map((p, i) => [`x${i}`, { shape: p.shape, data: Float64Array.from(p.values) }]),
  );
  expect([...interpret([y], feeds)[0]!.data]).toEqual(wanted);
}

describe('patterns, against hand-written formulas', () => {
  test('rearrange splits, merges and moves', async () => {
    const x = (b: number, n: number, h: number, k: number): number => ((b * 3 + n) * 5 + h) * 7 + k;
    await equals(
      ([t]) => rearrange(t!, 'b n (h k) -> b h n k', { h: 5 }),
      [[2, 3, 35]],
      [2, 5, 3, 7],
      (b, h, n, k) => x(b, n, h, k),
    );
    await equals(
      ([t]) => rearrange(t!, '... h k -> (... k) h 1'),
      [[2, 3, 5, 7]],
      [42, 5, 1],
      (p, h) => {
        const [b, n, k] = [Math.floor(p / 21), Math.floor(p / 7) % 3, p % 7];
        return x(b, n, h, k);
      },
    );
    await equals(
      ([t]) => rearrange(t!, '... k -> k (...)'),
      [[2, 3, 5]],
      [5, 6],
      (k, p) => p * 5 + k,
    );
  });

  test('repeat adds axes inside and outside of groups', async () => {
    await equals(
      ([t]) => repeat(t!, 'b d -> b n d', { n: 7 }),
      [[2, 3]],
      [2, 7, 3],
      (b, _n, d) => b * 3 + d,
    );
    await equals(
      ([t]) => repeat(t!, 'b d -> (b n) d', { n: 5 }),
      [[2, 3]],
      [10, 3],
      (p, d) => Math.floor(p / 5) * 3 + d,
    );
  });

  test('einsum: products, batches, sums, diagonal order', async () => {
    const sum = (n: number, f: (i: number) => number): number =>
      Array.from({ length: n }, (_, i) => f(i)).reduce((a, b) => a + b, 0);
    const cases: [string, number[][], number[], (...i: number[]) => number][] = [
      [
        'i j, j k -> i k',
        [
          [2, 3],
          [3, 5],
        ],
        [2, 5],
        (i, k) => sum(3, (j) => (i * 3 + j) * (j * 5 + k)),
      ],
      [
        'i j, k j -> k i',
        [
          [2, 3],
          [5, 3],
        ],
        [5, 2],
        (k, i) => sum(3, (j) => (i * 3 + j) * (k * 3 + j)),
      ],
      [
        'b i j, b j k -> b i k',
        [
          [2, 3, 5],
          [2, 5, 1],
        ],
        [2, 3, 1],
        (b, i) => sum(5, (j) => ((b * 3 + i) * 5 + j) * (b * 5 + j)),
      ],
      [
        'b n h k, b m h k -> b h n m',
        [
          [2, 3, 2, 5],
          [2, 7, 2, 5],
        ],
        [2, 2, 3, 7],
        (b, h, n, m) => sum(5, (k) => (((b * 3 + n) * 2 + h) * 5 + k) * (((b * 7 + m) * 2 + h) * 5 + k)),
      ],
      ['i, j -> j i', [[3], [5]], [5, 3], (j, i) => i * j],
      [
        'i j, i j -> ',
        [
          [2, 3],
          [2, 3],
        ],
        [],
        () => sum(6, (i) => i * i),
      ],
      ['i j k -> k i', [[2, 3, 5]], [5, 2], (k, i) => sum(3, (j) => (i * 3 + j) * 5 + k)],
      ['i j, k -> i k', [[2, 3], [5]], [2, 5], (i, k) => sum(3, (j) => i * 3 + j) * k],
      [
        'b i, b i -> b',
        [
          [3, 5],
          [3, 5],
        ],
        [3],
        (b) => sum(5, (i) => (b * 5 + i) ** 2),
      ],
      [
        'b i j, j l i -> l b',
        [
          [2, 3, 5],
          [5, 7, 3],
        ],
        [7, 2],
        (l, b) => sum(3, (i) => sum(5, (j) => ((b * 3 + i) * 5 + j) * ((j * 7 + l) * 3 + i))),
      ],
    ];
    for (const [pattern, shapes, out, formula] of cases)
      await equals((x) => einsum(pattern, ...x), shapes, out, formula);
  });

  test('patterns that do not fit say why', () => {
    const x = newTrace().graph.input('x', 'float32', [2, 15]);
    expect(() => rearrange(x, 'b (h k) -> b h k', { h: 4 })).toThrow(/axis 1 of size 15: is not divisible by 4/);
    expect(() => rearrange(x, 'b (h k) -> b h k')).toThrow(/h and k are both unknown/);
    expect(() => rearrange(x, 'b n -> b')).toThrow(/same names/);
    expect(() => rearrange(x, 'b n c -> b n c')).toThrow(/has 3 axes on the left, the tensor 2/);
    expect(() => repeat(x, 'b n -> b m n', {})).toThrow(/no size is given for "m"/);
    expect(() => einsum('b n, n c -> b c', x, x)).toThrow(/'n' is both 15 and 2/);
    expect(() => einsum('b b -> b', x)).toThrow(/stands twice/);
  });
});
