import { describe, expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import {
  compile,
  findNotFinite,
  grad,
  type Init,
  type ModelFunction,
  ndarray,
  type Scope,
  Store,
  softmax,
  type Tensor,
  where,
} from './index.ts';

const fill =
  (value: number): Init =>
  (out) => {
    out.fill(value);
  };

type X = Tensor<'float32'>;
const x = ndarray('float32', [3, 5], [1, 2, -3, 4, 5, 6, 7, -8, 9, 1, 2, 3, 4, 5, 6]);

/** Runs the function once, so that the store is filled, and asks for the first tensor that is not finite. */
async function look(fn: ModelFunction, prepare: (store: Store) => void = () => {}): ReturnType<typeof findNotFinite> {
  const store = new Store(1);
  const step = compile(fn, { store, threads: 1 });
  await step.run({ x }, { rng: new Rng(2) });
  await step.close();
  prepare(store);
  const before = [...store.entries()].map(([path, a]) => [path, [...(a.data as Float32Array)]]);
  const found = await findNotFinite(fn, { x }, { store, threads: 1, rng: new Rng(2) });
  expect([...store.entries()].map(([path, a]) => [path, [...(a.data as Float32Array)]])).toEqual(before);
  return found;
}

const weighted = (s: Scope, x: X): X => x.mul(s.param('weight', [5], fill(1)));

describe('the first tensor that is not finite', () => {
  test('a logarithm of negative numbers, named by its scope, not by what follows', async () => {
    const found = await look((s, { x }) => {
      const h = weighted(s.at('first'), x as X);
      s.at('blocks/3/log');
      const l = h.log();
      s.at('head');
      return { loss: weighted(s.at('head'), l).mean() };
    });
    expect(found).toMatchObject({ place: 'blocks/3/log', op: 'Log', shape: [3, 5], nan: 2, infinite: 0 });
  });

  test('an overflow that only later becomes NaN', async () => {
    const found = await look((s, { x }) => {
      s.at('hot');
      const e = (x as X).mul(100).exp();
      s.at('cold');
      return { loss: e.div(e.sum([-1], { keep: true })).mean() };
    });
    expect(found).toMatchObject({ place: 'hot', op: 'Exp', nan: 0 });
  });

  test('a gradient that is infinite where the value is not', async () => {
    const found = await look((s, { x }) => {
      const w = s.at('norm').param('weight', [5], fill(0));
      const loss = (x as X).mul(w).square().sum().sqrt();
      return { loss, gradient: grad(loss, [w])[0]! };
    });
    expect(found).toMatchObject({ place: 'norm' });
  });

  test('a parameter that is broken already', async () => {
    const found = await look(
      (s, { x }) => ({ loss: weighted(s.at('first'), x as X).mean() }),
      (store) => {
        (store.get('first/weight').data as Float32Array)[3] = Number.NaN;
      },
    );
    expect(found).toEqual({ place: 'first/weight', op: undefined, shape: [5], nan: 1, infinite: 0 });
  });

  test('an infinite mask is deliberate; a row that is masked altogether is not', async () => {
    const masked =
      (limit: number): ModelFunction =>
      (s, { x }) => {
        s.at('mask');
        const scores = where((x as X).less(limit), x as X, Number.NEGATIVE_INFINITY);
        s.at('attention');
        return { loss: softmax(scores).square().mean() };
      };
    expect(await look(masked(6))).toBeUndefined();
    expect(await look(masked(-4))).toMatchObject({ place: 'attention', op: 'Softmax', nan: 10 });
  });

  test('what is chosen away does not matter', async () => {
    const found = await look((_, { x }) => ({ loss: where((x as X).greater(0), (x as X).log(), 0).mean() }));
    expect(found).toBeUndefined();
  });
});

test('a run can be taken back, once', async () => {
  const store = new Store(1);
  const step = compile(
    (s, { x }) => {
      const w = s.param('weight', [5], fill(1));
      s.update('weight', w.add((x as X).mean([0])));
      return { sum: w.sum() };
    },
    { store, threads: 1 },
  );
  const program = await step.program({ x });
  expect(() => program.revert()).toThrow('no run');
  const sums: number[] = [];
  const run = async (): Promise<void> => {
    sums.push((await program.run({ x })).sum!.data[0] as number);
  };
  await run();
  await run();
  program.revert();
  expect(() => program.revert()).toThrow('no run');
  await run();
  expect(sums[2]).toBe(sums[1]);
  expect(sums[1]).not.toBe(sums[0]);
  await step.close();
});
