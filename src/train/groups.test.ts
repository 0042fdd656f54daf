/** Parameter groups: optimisers, rates and schedules of their own in one step. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isBowError } from '../base/index.ts';
import { type F, ndarray, type Scope, Store } from '../engine/index.ts';
import {
  arraySource,
  type Objective,
  parseRecipe,
  type RecipeInput,
  type Trainable,
  type TrainEvent,
} from './index.ts';
import { type TrainOptions, type TrainResult, train } from './node/index.ts';
import { bits } from './testing/bits.ts';
import { twins } from './testing/twins.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-groups-'));
});
afterEach(() => rm(folder, { recursive: true }));

const run = (recipe: RecipeInput, o: TrainOptions = {}, trainable: Trainable = planes()): Promise<TrainResult> =>
  train(
    trainable,
    parseRecipe({
      ...{ system: trainable.id, steps: 4, batchSize: 2, threads: 1, schedule: { name: 'constant' } },
      ...{ optimizer: { name: 'sgd', lr: 0.1 }, ...recipe },
    }),
    o,
  );
const value = (store: Store, path: string): number => Number(store.get(path).data[0]);

/** Three parameters with gradients 1, 2 and 2 at every step. */
function planes(): Trainable {
  const trace: Objective['trace'] = (s: Scope, { x }: { x: F<'b c'> }) => {
    const p = (name: string): F => s.param(name, [1], (out) => void out.fill(1));
    return { loss: x.mul(p('body/w').add(p('body/b').mul(2)).add(p('head/w').mul(2))).mean() };
  };
  const source = arraySource({ x: ndarray('float32', [4, 1], [1, 1, 1, 1]) });
  return { id: 'planes', objectives: { fall: { trace, source } }, config: {} };
}

const group = (params: string[], lr: number, more: object = {}): object => ({
  params,
  optimizer: { name: 'sgd', lr },
  ...more,
});
const groups = (...list: object[]): RecipeInput => ({ groups: list as never });

test('by hand: each group at its own rate, the first that matches counts, the rest as the recipe says', async () => {
  const { store } = await run({ steps: 1, ...groups(group(['body/w'], 0.5), group(['body/*'], 0.25)) });
  expect([value(store, 'body/w'), value(store, 'body/b'), value(store, 'head/w')]).toEqual([
    expect.closeTo(1 - 0.5, 6),
    expect.closeTo(1 - 0.25 * 2, 6),
    expect.closeTo(1 - 0.1 * 2, 6),
  ]);
});

test('two optimisers in one step: each has its own memory, and only its own', async () => {
  const adam = { params: ['head/*'], optimizer: { name: 'adamw', lr: 0.01, weightDecay: 0 } };
  const { store } = await run({ ...groups(adam), optimizer: { name: 'sgd', lr: 0.1, momentum: 0.9 }, steps: 2 });
  expect([...store.entries('state')].map(([path]) => path).toSorted()).toEqual([
    'optimizer/m/head/w',
    'optimizer/momentum/body/b',
    'optimizer/momentum/body/w',
    'optimizer/step',
    'optimizer/v/head/w',
  ]);
  expect(value(store, 'head/w')).toBeCloseTo(1 - 2 * 0.01, 5); // Adam moves by its rate whatever the gradient's size
  expect(value(store, 'body/w')).toBeCloseTo(1 - 0.1 * (1 + 1.9), 5);
});

test('one norm of all gradients clips them all', async () => {
  const norms: number[] = [];
  const onEvent = (e: TrainEvent): void => {
    if (e.type === 'step-end') norms.push(e.metrics['train/grad_norm']!);
  };
  const optimizer = { name: 'sgd', lr: 0.1, clipNorm: 1.5 } as const;
  const { store } = await run({ ...groups(group(['head/*'], 1)), optimizer, steps: 1 }, { onEvent });
  expect(norms[0]).toBeCloseTo(3, 5); // √(1 + 4 + 4)
  expect(value(store, 'head/w')).toBeCloseTo(1 - 0.5 * 2, 5);
  expect(value(store, 'body/b')).toBeCloseTo(1 - 0.1 * 0.5 * 2, 5);
});

test('schedules are their own, and all rates are reported', async () => {
  const rates: (readonly number[])[] = [];
  const onEvent = (e: TrainEvent): void => {
    if (e.type === 'step-end')
      rates.push(['train/lr', 'train/lr/0', 'train/lr/1'].map((name) => Number(e.metrics[name]!.toFixed(4))));
  };
  const linear = { schedule: { name: 'linear', warmup: 0, final: 0 } };
  await run(groups(group(['body/w'], 1, linear), group(['body/b'], 2)), { onEvent });
  expect(rates).toEqual([
    [0.1, 1, 2],
    [0.1, 0.75, 2],
    [0.1, 0.5, 2],
    [0.1, 0.25, 2],
  ]);
});

test('frozen at first: parameters, moments and the norm know nothing of the group, then it starts afresh', async () => {
  const norms: number[] = [];
  const heads: number[] = [];
  const adam = { name: 'adamw', lr: 0.01, weightDecay: 0.5 } as const;
  const late = { params: ['head/*'], optimizer: { ...adam, decay: { '**': 1 } }, freezeSteps: 2 };
  const weights = new Store(0);
  await run(
    { ...groups(late), optimizer: { name: 'sgd', lr: 0.1, clipNorm: null } },
    {
      store: weights,
      onEvent: (e) => {
        if (e.type !== 'step-end') return;
        norms.push(e.metrics['train/grad_norm']!);
        heads.push(value(weights, 'head/w'));
        if (e.step === 2)
          expect([value(weights, 'optimizer/m/head/w'), value(weights, 'optimizer/v/head/w')]).toEqual([0, 0]);
      },
    },
  );
  expect(norms.map((x) => Number(x.toFixed(4)))).toEqual([2.2361, 2.2361, 3, 3]);
  expect(heads.slice(0, 2)).toEqual([1, 1]);
  expect(heads[2]).toBeCloseTo(1 * (1 - 0.01 * 0.5) - 0.01, 5); // Adam's first step, bias corrections and all
});

test('a pattern that matches nothing is named, and so are keys that a group does not have', async () => {
  const said = async (recipe: () => Promise<unknown>): Promise<string> => {
    try {
      await recipe();
    } catch (e) {
      if (isBowError(e)) return `${e.code}: ${e.message}`;
    }
    return 'not refused';
  };
  expect(await said(() => run(groups(group(['haed/*'], 1))))).toMatch(
    /^config: parameter group "haed\/\*" matches nothing/,
  );
  const clipped = { params: ['head/*'], optimizer: { name: 'sgd', clipNorm: 1 } };
  expect(await said(async () => run(groups(clipped)))).toMatch(/^config: unknown key "clipNorm"/);
});

test('stopped and resumed, the bits are those of one run; older recipes without groups go on', async () => {
  const recipe: RecipeInput = {
    ...groups(
      { params: ['head/**'], optimizer: { name: 'adam', lr: 0.02 }, freezeSteps: 3 },
      group(['decoder/**'], 0.1, { schedule: { name: 'linear', warmup: 2 } }),
    ),
    optimizer: { name: 'adamw', lr: 0.01, layerDecay: 0.9 },
    steps: 7,
    ema: { decay: 0.9 },
  };
  const trainable = twins({ combine: 'alternate' });
  const whole = await run(recipe, {}, trainable);
  for (const stop of [1, 3, 5]) {
    const where = { folder: join(folder, String(stop)) };
    const controller = new AbortController();
    const onEvent = (e: TrainEvent): void => {
      if (e.type === 'step-end' && e.step === stop) controller.abort();
    };
    await run(recipe, { ...where, signal: controller.signal, onEvent }, trainable).catch(() => {});
    const rest = await run(recipe, { ...where, resume: true }, trainable);
    expect(bits(rest.store)).toEqual(bits(whole.store));
  }
});
