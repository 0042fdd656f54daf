import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  argmax,
  argmin,
  compile,
  type F,
  gather,
  gatherElements,
  gatherNd,
  grad,
  type I,
  ndarray,
  newTrace,
  oneHot,
  Store,
  scatterElements,
  scatterNd,
  sort,
  take,
  topK,
} from '../index.ts';
import { interpret } from '../interpret.ts';
import { check, type Operand, relativeError } from '../testing/check.ts';

const shape = fc.array(fc.constantFrom(2, 3, 5), { minLength: 1, maxLength: 3 });
const withAxis = shape.chain((dims) => fc.tuple(fc.constant(dims), fc.nat(dims.length - 1), fc.nat(1000)));

/** Indices into an axis of n, negative ones too. */
const indices = (shape: readonly number[], n: number, dtype: 'int32' | 'int64' = 'int64'): Operand => ({
  shape,
  dtype,
  low: -n,
  high: n,
});

describe('gather', () => {
  test('rows of a table; the gradient adds up at repeated rows', async () => {
    for (const dtype of ['int32', 'int64'] as const) {
      const operands = [{ shape: [5, 3] }, indices([2, 7], 5, dtype)];
      await check(([table, i]) => gather(table!, i as I), operands, { seed: dtype, tolerance: 1e-5 });
    }
    await check(([table, i]) => gather(table!, i as I), [{ shape: [5, 2, 3] }, indices([], 5)]);
  });

  test('along any axis', async () => {
    await fc.assert(
      fc.asyncProperty(withAxis, fc.constantFrom([], [2], [3, 2]), async ([dims, axis, seed], at) => {
        const operands = [{ shape: dims }, indices(at, dims[axis]!)];
        await check(([x, i]) => take(x!, i as I, axis), operands, { seed, tolerance: 1e-5 });
      }),
      { numRuns: 20, seed: 53 },
    );
  });

  test('element by element, and its opposite that adds', async () => {
    await fc.assert(
      fc.asyncProperty(withAxis, fc.integer({ min: 1, max: 7 }), async ([dims, axis, seed], n) => {
        const at = dims.map((d, i) => (i === axis ? n : d));
        const operands = [{ shape: dims }, indices(at, dims[axis]!), { shape: at }];
        await check(
          ([x, i, u]) => [
            gatherElements(x!, i as I, axis),
            scatterElements(x!, i as I, u!, axis, { reduction: 'add' }),
          ],
          operands,
          { seed, tolerance: 1e-4 },
        );
      }),
      { numRuns: 20, seed: 59 },
    );
  });

  test('blocks by index tuples, read and added to', async () => {
    const tuples = { shape: [4, 2], dtype: 'int64', values: [0, 1, 2, 0, 0, 1, -1, -3] } as const;
    await check(
      ([x, i, u]) => [gatherNd(x!, i as I), scatterNd(x!, i as I, u!, { reduction: 'add' })],
      [{ shape: [3, 5, 2] }, tuples, { shape: [4, 2] }],
      { tolerance: 1e-4 },
    );
  });
});

describe('scatter that replaces', () => {
  test('distinct positions: value and both gradients', async () => {
    const positions = { shape: [2, 3], dtype: 'int64', values: [3, 0, 1, 4, 2, -5] } as const;
    await check(([x, i, u]) => scatterElements(x!, i as I, u!, 1), [{ shape: [2, 5] }, positions, { shape: [2, 3] }]);
    const tuples = { shape: [3, 1], dtype: 'int64', values: [4, 0, 2] } as const;
    await check(([x, i, u]) => scatterNd(x!, i as I, u!), [{ shape: [5, 3] }, tuples, { shape: [3, 3] }]);
  });

  test('shapes that do not fit are refused', () => {
    const { graph } = newTrace();
    const x = graph.input('x', 'float32', [2, 5]);
    const at = graph.input('i', 'int64', [3, 2]) as I;
    expect(() => scatterElements(x, at, graph.input('u', 'float32', [3, 2]), 1)).toThrow(/do not fit \[2, 5\]/);
    expect(() => gatherElements(x, graph.input('f', 'float32', [2, 5]) as never, 1)).toThrow(/int32 or int64/);
    expect(() => scatterNd(x, at, graph.input('w', 'float32', [2]))).toThrow(/updates must be \[3\]/);
  });
});

test('one-hot rows', async () => {
  const at = { shape: [2, 3], dtype: 'int32', values: [0, 4, 2, -1, 5, 1] } as const;
  await check(([i]) => oneHot(i as I, 5, 'float32'), [at], { gradient: false, tolerance: 0 });
  const i = newTrace().graph.input('i', 'int64', [3]) as I;
  const [y] = interpret([oneHot(i, 4, 'float32')], { i: { shape: [3], data: Float64Array.of(2, 0, 9) } });
  expect([...y!.data]).toEqual([0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
});

describe('order', () => {
  test('top-k and sort: the gradient goes to the chosen positions', async () => {
    await fc.assert(
      fc.asyncProperty(withAxis, fc.boolean(), async ([dims, axis, seed], flag) => {
        await check(
          ([x]) => {
            const some = topK(x!, Math.max(1, dims[axis]! - 1), { axis, largest: flag });
            const all = sort(x!, { axis, descending: flag });
            return [some.values, some.indices, all.values, all.indices];
          },
          [{ shape: dims }],
          { seed, tolerance: 1e-5 },
        );
      }),
      { numRuns: 12, seed: 61 },
    );
  });

  test('argmax and argmin, the first of equals', async () => {
    await fc.assert(
      fc.asyncProperty(withAxis, fc.boolean(), async ([dims, axis, seed], keep) => {
        const whole = { shape: dims, dtype: 'int32', low: -2, high: 2 } as const;
        await check(([x]) => [argmax(x!, axis, { keep }), argmin(x!, axis, { keep })], [whole], {
          seed,
          gradient: false,
        });
      }),
      { numRuns: 12, seed: 67 },
    );
  });

  test('more than there is cannot be chosen', () => {
    const x = newTrace().graph.input('x', 'float32', [2, 5]) as F;
    expect(() => topK(x, 7)).toThrow(/7 of 5 cannot be chosen/);
  });
});

test('additions at repeated positions are all there on several threads', async () => {
  const [n, v, d] = [20011, 53, 67];
  const positions = Int32Array.from({ length: n }, (_, i) => (i * 7919) % v);
  const g = Float32Array.from({ length: n * d }, (_, i) => Math.sin(i));
  const wanted = new Float64Array(v * d);
  g.forEach((u, i) => {
    wanted[positions[Math.floor(i / d)]! * d + (i % d)]! += u;
  });
  const program = compile(
    (_s, { table, i, g }) => ({
      y: grad(
        gather(table!, i as I)
          .mul(g!)
          .sum(),
        [table!],
      )[0]!,
    }),
    { store: new Store(), threads: 2 },
  );
  const inputs = {
    table: ndarray('float32', [v, d], new Float32Array(v * d)),
    i: ndarray('int32', [n], positions),
    g: ndarray('float32', [n, d], g),
  };
  for (let run = 0; run < 10; run++) {
    const { y } = await program.run(inputs);
    expect(relativeError(y!, { shape: [v, d], data: wanted })).toBeLessThan(1e-5);
  }
  await program.close();
});
