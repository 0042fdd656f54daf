import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isBowError, Rng } from '../base/index.ts';
import { compile, type F, ndarray, type Scope, type Store } from '../engine/index.ts';
import { linear } from '../nn/index.ts';
import {
  arraySource,
  type BatchSource,
  type Objective,
  parseRecipe,
  type RecipeInput,
  type Trainable,
  traceObjective,
} from './index.ts';
import { type TrainOptions, type TrainResult, train } from './node/index.ts';
import { bits } from './testing/bits.ts';
import { twins } from './testing/twins.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-objectives-'));
});
afterEach(() => rm(folder, { recursive: true }));

const run = (trainable: Trainable, recipe: RecipeInput = {}, o: TrainOptions = {}): Promise<TrainResult> =>
  train(
    trainable,
    parseRecipe({
      ...{ system: trainable.id, steps: 6, batchSize: 4, threads: 1, optimizer: { name: 'adamw', lr: 0.02 } },
      ...recipe,
    }),
    o,
  );

type Step = Readonly<Record<string, number>>;

/** Metrics of every step. */
async function steps(trainable: Trainable, recipe: RecipeInput = {}, o: TrainOptions = {}): Promise<Step[]> {
  const seen: Step[] = [];
  await run(trainable, recipe, {
    ...o,
    onEvent: (e) => {
      if (e.type === 'step-end') seen.push(e.metrics);
    },
  });
  return seen;
}

const refusal = async (what: Promise<unknown>): Promise<string> => {
  const e = await what.then(
    () => undefined,
    (error: unknown) => error,
  );
  return isBowError(e) ? `${e.code}: ${e.message}` : `not refused: ${String(e)}`;
};

/** Squared distance of a learned point from the batch. */
const toward =
  (name: string, metrics: boolean = false): Objective['trace'] =>
  (s, { x }: { x: F<'b c'> }) => {
    const p = s.param(name, [2], (out) => void out.fill(0));
    return {
      loss: x.sub(p).square().sum(-1).mean(),
      ...(metrics ? { metrics: { x: x.mean(), [name]: p.mean() } } : {}),
    };
  };
const points = (...rows: readonly (readonly number[])[]): BatchSource =>
  arraySource({ x: ndarray('float32', [rows.length, 2], rows.flat()) });
const still = { name: 'constant' } as const;
const sgd: RecipeInput = { optimizer: { name: 'sgd', lr: 0.1 }, schedule: still, batchSize: 1 };
const value = (store: Store, path: string): number[] => Array.from(store.get(path).data, Number);

describe('several objectives', () => {
  test('are reported apart, the sum of their weighted losses is what is minimised', async () => {
    const seen = await steps(twins(), { steps: 3 });
    expect(Object.keys(seen[0]!).toSorted()).toEqual([
      'train/align/gap',
      'train/align/loss',
      'train/align/seen',
      'train/align/trunk/weight',
      'train/grad_norm',
      'train/loss',
      'train/lr',
      'train/recover/kept',
      'train/recover/loss',
    ]);
    for (const m of seen)
      expect(m['train/loss']).toBeCloseTo(m['train/align/loss']! + 0.5 * m['train/recover/loss']!, 5);
    const { metrics } = await run(twins(), { steps: 3 });
    expect(metrics['eval/loss']).toBeCloseTo(metrics['eval/align/loss']! + 0.5 * metrics['eval/recover/loss']!, 6);
    expect(metrics).toMatchObject({ 'eval/recover/kept': expect.any(Number), 'eval/align/gap': expect.any(Number) });
  });

  test('by hand: each point goes its own way at its own weight', async () => {
    const objectives = {
      near: { trace: toward('p'), source: points([1, 2]) },
      far: { trace: toward('q'), source: points([-10, 0]), weight: 3 },
    };
    const { store } = await run({ id: 'points', objectives, config: {} }, { ...sgd, steps: 1 });
    expect(value(store, 'p').map((x) => x.toFixed(5))).toEqual(['0.20000', '0.40000']); // 2·lr·x
    expect(value(store, 'q').map((x) => x.toFixed(5))).toEqual(['-6.00000', '0.00000']);
  });

  test('with one source object they see the same batch, and a batch is made once', async () => {
    let opened = 0;
    const { open, size } = points([1, 1], [2, 2], [3, 3]);
    const source: BatchSource = {
      ...(size ? { size } : {}),
      open: (o) => {
        opened++;
        return open(o);
      },
    };
    const objectives = {
      a: { trace: toward('p', true), source },
      b: { trace: toward('q', true), source },
      c: { trace: toward('r', true), source: points([1, 1], [2, 2], [3, 3]) },
    };
    const seen = await steps({ id: 'points', objectives, config: {} }, { ...sgd, steps: 9 });
    expect(opened).toBe(1);
    expect(seen.every((m) => m['train/a/x'] === m['train/b/x'])).toBe(true);
    expect(seen.some((m) => m['train/a/x'] !== m['train/c/x'])).toBe(true); // shuffled apart
  });

  test('take turns, are drawn in proportion, or take part every n-th step', async () => {
    const objectives = {
      a: { trace: toward('p'), source: points([1, 1]) },
      b: { trace: toward('q'), source: points([1, 1]), weight: 4 },
    };
    const who = async (combine: NonNullable<Trainable['combine']>, n: number): Promise<string> => {
      const seen = await steps({ id: 'points', objectives, combine, config: {} }, { ...sgd, steps: n });
      return seen.map((m) => ['a', 'b'].filter((name) => `train/${name}/loss` in m).join('')).join(' ');
    };
    expect(await who('alternate', 5)).toBe('a b a b a');
    const drawn = (await who('sample', 200)).split(' ');
    expect(drawn.every((name) => name === 'a' || name === 'b')).toBe(true);
    expect(drawn.filter((name) => name === 'a').length).toBeGreaterThan(20);
    expect(drawn.filter((name) => name === 'a').length).toBeLessThan(60);
    objectives.b = { ...objectives.b, every: 3 } as never;
    expect(await who('sum', 7)).toBe('ab a a ab a a ab');
  });

  test('in turns or drawn, the weight scales the loss or the odds; what takes no part stays', async () => {
    const objectives = {
      a: { trace: toward('p'), source: points([1, 1]) },
      b: { trace: toward('q'), source: points([1, 1]), weight: 2 },
    };
    const turns = await run({ id: 'points', objectives, combine: 'alternate', config: {} }, { ...sgd, steps: 2 });
    expect([value(turns.store, 'p')[0], value(turns.store, 'q')[0]]).toEqual([
      expect.closeTo(0.2, 5),
      expect.closeTo(0.4, 5),
    ]);
    const drawn = await run({ id: 'points', objectives, combine: 'sample', config: {} }, { ...sgd, steps: 1 });
    expect([0, 0.2].map((x) => x.toFixed(3))).toContain(value(drawn.store, 'p')[0]!.toFixed(3));
    expect(value(drawn.store, 'p')[0]! + value(drawn.store, 'q')[0]!).toBeCloseTo(0.2, 5);
  });

  test.each(['sum', 'alternate', 'sample'] as const)(
    '%s: stopped and resumed, the bits are those of one run',
    async (combine) => {
      const recipe: RecipeInput = { steps: 9, accumulate: 2, evaluateEvery: 4, checkpointEvery: 5 };
      const trainable = twins({ combine });
      const whole = await run(trainable, recipe);
      for (const stop of [1, 4, 5, 8]) {
        const controller = new AbortController();
        const where = { folder: join(folder, `${combine}-${stop}`) };
        const half = run(trainable, recipe, {
          ...where,
          signal: controller.signal,
          onEvent: (e) => {
            if (e.type === 'step-end' && e.step === stop) controller.abort();
          },
        });
        expect(await refusal(half)).toMatch(/^aborted/);
        const rest = await run(trainable, recipe, { ...where, resume: true });
        expect(bits(rest.store)).toEqual(bits(whole.store));
        expect(rest.metrics).toEqual(whole.metrics);
      }
    },
  );

  test('rules by pattern are checked against the whole model, whatever a step uses of it', async () => {
    const trainable = twins({ combine: 'alternate' });
    const recipe: RecipeInput = { freeze: ['decoder/**'], optimizer: { name: 'adamw', lrScale: { 'head/**': 0.5 } } };
    expect((await run(trainable, recipe)).step).toBe(6);
    expect(await refusal(run(trainable, { freeze: ['decode/**'] }))).toMatch(
      /^config: .*"decode\/\*\*" matches nothing/,
    );
    const misspelt = { optimizer: { name: 'adamw', lrScale: { 'haed/**': 0.5 } } } as const;
    expect(await refusal(run(trainable, misspelt))).toMatch(/^config: .*"haed\/\*\*" matches nothing/);
  });

  test('passes over the data are those over the first objective’s', async () => {
    const objectives = {
      a: { trace: toward('p'), source: points([1, 1], [2, 2], [3, 3]) },
      b: { trace: toward('q'), source: points([1, 1]) },
    };
    const { steps: _, ...recipe } = { ...sgd, steps: 0, epochs: 2, system: 'points' };
    const length = async (combine: NonNullable<Trainable['combine']>): Promise<number> =>
      (await train({ id: 'points', objectives, combine, config: {} }, parseRecipe(recipe))).step;
    expect([await length('sum'), await length('alternate')]).toEqual([6, 12]);
  });
});

describe('one objective', () => {
  test('is reported without its name; a metric may be called like an input or a parameter', async () => {
    const objectives = { only: { trace: toward('p', true), source: points([1, 3]), validation: points([1, 3]) } };
    const seen = await steps({ id: 'points', objectives, config: {} }, { ...sgd, steps: 1 });
    expect(Object.keys(seen[0]!).toSorted()).toEqual(
      ['train/grad_norm', 'train/loss', 'train/lr', 'train/p', 'train/x'].toSorted(),
    );
    const { metrics } = await run({ id: 'points', objectives, config: {} }, { ...sgd, steps: 1 });
    expect(metrics).toMatchObject({ 'eval/x': 2, 'eval/p': expect.closeTo(0.4, 5), 'eval/loss': expect.any(Number) });
  });

  test.each(['loss', 'grad_norm', 'lr'])('a metric cannot be called %s', async (name) => {
    const trace: Objective['trace'] = (s: Scope, { x }: { x: F<'b c'> }) => {
      const loss = linear(s, x, 1).square().mean();
      return { loss, metrics: { [name]: loss } };
    };
    const said = refusal(
      run({ id: 'points', objectives: { only: { trace, source: points([1, 1]) } }, config: {} }, sgd),
    );
    expect(await said).toMatch(new RegExp(`^config: a metric cannot be called "${name}"`));
  });
});

describe('objectives that do not fit together', () => {
  const a: Objective = { trace: toward('p'), source: points([1, 1]) };
  test.each<[string, Partial<Trainable>, RecipeInput, RegExp]>([
    ['none', { objectives: {} }, {}, /nothing to train/],
    ['an unknown way', { combine: 'summ' as never }, {}, /"summ".*did you mean "sum"/],
    ['a weight of nothing', { objectives: { a: { ...a, weight: 0 } } }, {}, /positive number, not 0/],
    ['half a period', { objectives: { a, b: { ...a, every: 1.5 } } }, {}, /1, 2, 3, …, not 1.5/],
    ['periods in turns', { objectives: { a, b: { ...a, every: 2 } }, combine: 'alternate' }, {}, /every is for sums/],
    ['steps without any', { objectives: { a: { ...a, every: 2 }, b: { ...a, every: 3 } } }, {}, /no objective/],
    ['a name with a slash', { objectives: { 'a/b': a } }, {}, /"a\/b" is not a name/],
    ['chunks of several', { objectives: { a, b: a } }, { chunk: 1 }, /chunks are for one objective.*a, b/],
  ])('%s', async (_, change, recipe, message) => {
    const trainable: Trainable = { id: 'points', objectives: { a }, config: {}, ...change };
    expect(await refusal(run(trainable, { ...sgd, ...recipe }))).toMatch(new RegExp(`^config: .*${message.source}`));
  });
});

describe('draws', () => {
  const numbers = ndarray('float32', [2, 2], [1, 2, 3, 4]);
  const trainable = twins();

  test('can be tapped, and recorded ones take their place', async () => {
    const fn = (s: Scope, batch: Record<string, F>) => ({
      loss: traceObjective(trainable, 'recover', s, { ...batch }).loss,
    });
    const free = compile(fn, { taps: ['draw/mask'], threads: 1 });
    const drawn = await free.run({ numbers }, { rng: new Rng(5) });
    const mask = drawn['draw/mask']!;
    const again = await free.run({ numbers, 'recorded/mask': mask } as never, {});
    expect(again['draw/mask']!.data).toEqual(mask.data);
    expect(again.loss.data).toEqual(drawn.loss.data);
    const all = { ...mask, data: Uint8Array.of(1, 1, 1, 1) };
    expect((await free.run({ numbers, 'recorded/mask': all } as never, {})).loss.data).not.toEqual(drawn.loss.data);
  });
});
