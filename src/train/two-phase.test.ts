import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { arange, einsum, type F, type I, ndarray, type Scope, type Store, type Tensor } from '../engine/index.ts';
import { batchNorm, constant, crossEntropy, dropout, linear } from '../nn/index.ts';
import { arraySource } from './batches.ts';
import { type TrainResult, train } from './node/index.ts';
import { parseRecipe } from './recipe.ts';
import type { RecipeInput } from './recipe-schema.ts';
import type { Objective, Trainable, TwoPhaseLoss } from './trainable.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-chunks-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Two noisy views of points: which belongs to which? A temperature lives in the loss alone, `shared` in both halves. */
function viewsTask(o: { dropout?: number; broken?: number } = {}): Trainable {
  const rng = new Rng(5);
  const n = 48;
  const left = Float32Array.from({ length: 5 * n }, () => rng.normal());
  const right = left.map((x) => x + 0.1 * rng.normal());
  const weight = Float32Array.from({ length: n }, (_, i) => (i === o.broken ? Number.NaN : 1));
  const side = (s: Scope, x: Tensor, name: string): F =>
    linear(
      s.at('shared'),
      dropout(s.at(`${name}/drop`), linear(s.at(name), x.to(s.trace.dtype) as F, 11).tanh(), o.dropout ?? 0),
      7,
    );
  const twoPhase: TwoPhaseLoss = {
    encode: (s, b) => ({ left: side(s, b['left']!, 'left'), right: side(s, b['right']!, 'right') }),
    loss: (s, found, b) => {
      const scale = s.param('scale', [], constant(1));
      const pairs = einsum('i e, j e -> i j', found['left'] as F, linear(s.at('shared/again'), found['right'] as F, 7));
      const logits = pairs.mul(scale).mul(b['weight']!.to(s.trace.dtype).unsqueeze(1)) as F;
      return {
        loss: crossEntropy(logits, arange(logits, logits.dim(0)) as I),
        metrics: { size: logits.square().mean() },
      };
    },
    inputs: ['weight'],
  };
  const source = arraySource({
    left: ndarray('float32', [n, 5], left),
    right: ndarray('float32', [n, 5], right),
    weight: ndarray('float32', [n], weight),
  });
  const trace: Objective['trace'] = (s, b, t) => twoPhase.loss(s, twoPhase.encode(s, b, t), b, t);
  return {
    id: 'views',
    objectives: { match: { trace, twoPhase, source, validation: source } },
    config: { model_type: 'views' },
  };
}

const optimizer = { name: 'adamw', lr: 0.02 } as const;

const run = (recipe: RecipeInput, task: Trainable = viewsTask(), resume?: boolean): Promise<TrainResult> =>
  train(
    task,
    parseRecipe({ system: 'views', steps: 7, batchSize: 12, optimizer, threads: 1, ...recipe }),
    resume === undefined ? {} : { folder, resume },
  );

/** Largest distance of two runs' weights. */
function distance(a: Store, b: Store): number {
  let most = 0;
  for (const [path, { data }] of a.entries('param')) {
    const other = b.get(path).data;
    for (let i = 0; i < data.length; i++) most = Math.max(most, Math.abs(Number(data[i]) - Number(other[i])));
  }
  return most;
}

describe('chunks of a batch', () => {
  test.each([1, 3, 4, 12])('of %i: the steps of the whole batch', async (chunk) => {
    const precision = 'float64';
    const [whole, cut] = [await run({ precision }), await run({ precision, chunk })];
    expect(distance(whole.store, cut.store)).toBeLessThan(1e-9);
    for (const [name, x] of Object.entries(whole.metrics)) expect(cut.metrics[name]).toBeCloseTo(x, 9);
    const other = await run({ precision, batchSize: chunk, accumulate: 12 / chunk });
    if (chunk < 12) expect(distance(whole.store, other.store)).toBeGreaterThan(1e-3); // averaging gradients is another loss
  });

  test('in float32 too, with clipping, decay, an average and frozen parts', async () => {
    const recipe: RecipeInput = {
      optimizer: { ...optimizer, clipNorm: 0.1, weightDecay: 0.1, lrScale: { scale: 0.5 } },
      ema: { decay: 0.9 },
      freeze: ['left/bias', 'shared/again/*'],
    };
    const [whole, cut] = [await run(recipe), await run({ ...recipe, chunk: 3 })];
    expect(distance(whole.store, cut.store)).toBeLessThan(1e-5);
    expect(cut.store.get('shared/again/weight')).toEqual(whole.store.get('shared/again/weight'));
    expect(cut.metrics['eval/loss']).toBeCloseTo(whole.metrics['eval/loss']!, 5);
  });

  test('a chunk sees the same noise both times', async () => {
    const recipe: RecipeInput = { precision: 'float64' };
    const [whole, cut] = [
      await run(recipe, viewsTask({ dropout: 0.5 })),
      await run({ ...recipe, chunk: 12 }, viewsTask({ dropout: 0.5 })),
    ];
    expect(distance(whole.store, cut.store)).toBeLessThan(1e-9);
  });

  test('a run that was stopped goes on with the same bits', async () => {
    const chunked: RecipeInput = { chunk: 4, checkpointEvery: 3 };
    const whole = await run(chunked, viewsTask({ dropout: 0.2 }));
    await run({ ...chunked, steps: 3, schedule: { name: 'constant' } }, viewsTask({ dropout: 0.2 }), false);
    const rest = await run({ ...chunked, schedule: { name: 'constant' } }, viewsTask({ dropout: 0.2 }), true);
    const straight = await run({ ...chunked, schedule: { name: 'constant' } }, viewsTask({ dropout: 0.2 }));
    expect(distance(straight.store, rest.store)).toBe(0);
    expect(distance(straight.store, whole.store)).toBeGreaterThan(0);
  });

  test('teacher and queue move as with the whole batch: once a step, by all its rows', async () => {
    const plain = viewsTask();
    const { encode, ...rest } = plain.objectives['match']!.twoPhase!;
    const halves: TwoPhaseLoss = {
      ...rest,
      encode: (s, b, t) => ({ ...encode(s, b, t), keys: encode(t.teacher, b, t)['right']!.stopGradient() }),
      loss: (s, found, b, t) => {
        const queue = t.queue('keys');
        const [left, keys] = [found['left'] as F, found['keys'] as F];
        queue.enqueue(keys);
        const { loss } = rest.loss(s, { left, right: found['right']! }, b, t);
        const far = einsum('i e, j e -> i j', left, queue.rows.to(left.dtype) as F)
          .square()
          .mean();
        return { loss: loss.add(far).add(left.sub(keys).square().mean()), metrics: { far } };
      },
    };
    const match: Objective = {
      ...plain.objectives['match']!,
      twoPhase: halves,
      trace: (s, b, t) => halves.loss(s, halves.encode(s, b, t), b, t),
    };
    const task: Trainable = {
      ...plain,
      objectives: { match },
      teacher: { decay: 0.7, update: 'before' },
      queues: { keys: { size: 24, width: 7 } },
    };
    const recipe: RecipeInput = { precision: 'float64' };
    const [whole, cut] = [await run(recipe, task), await run({ ...recipe, chunk: 4 }, task)];
    expect(distance(whole.store, cut.store)).toBeLessThan(1e-9);
    for (const path of ['teacher/right/weight', 'queue/keys/rows', 'queue/keys/pointer']) {
      const [a, b] = [whole.store, cut.store].map((store) => store.get(path).data as Float64Array);
      for (const [i, x] of a!.entries()) expect(b![i]).toBeCloseTo(x, 9);
    }
    expect(whole.store.get('teacher/right/weight').data).not.toEqual(whole.store.get('right/weight').data);
    for (const [name, x] of Object.entries(whole.metrics)) expect(cut.metrics[name]).toBeCloseTo(x, 9);
  });

  test('what is not finite is found in its phase', async () => {
    const task = viewsTask({ broken: 17 });
    await expect(run({ chunk: 4 }, task)).rejects.toMatchObject({
      code: 'not-finite',
      message: expect.stringContaining('the loss is not finite'),
      place: 'weight',
      detail: expect.not.objectContaining({ 'gradient norm': expect.anything() }), // none was computed
    });
  });

  test('a model with batch norm is refused before the first step: its chunks would be other batches', async () => {
    const plain = viewsTask();
    const { encode, ...rest } = plain.objectives['match']!.twoPhase!;
    const normed: TwoPhaseLoss['encode'] = (s, b, t) =>
      encode(s, { ...b, left: batchNorm(s.at('norm'), b['left']!.to(s.trace.dtype) as F<'b c ...'>) }, t);
    const match: Objective = {
      ...plain.objectives['match']!,
      twoPhase: { encode: normed, ...rest },
      trace: (s, b, t) => rest.loss(s, normed(s, b, t), b, t),
    };
    const task: Trainable = { ...plain, objectives: { match } };
    expect((await run({}, task)).step).toBe(7);
    await expect(run({ chunk: 4 }, task)).rejects.toMatchObject({
      code: 'config',
      place: 'chunk',
      message: expect.stringContaining('"norm/running_mean" is taken from the whole batch'),
    });
    const fixed: RecipeInput = { freeze: ['norm/**'], precision: 'float64' }; // statistics that stay are no matter of the batch
    const [whole, cut] = [await run(fixed, task), await run({ ...fixed, chunk: 4 }, task)];
    expect(distance(whole.store, cut.store)).toBeLessThan(1e-9);
    expect(Array.from(whole.store.get('norm/running_mean').data as Float64Array)).toEqual([0, 0, 0, 0, 0]);
    const moved = (await run({}, task)).store.get('norm/running_mean').data as Float32Array;
    expect(moved.every((x) => x !== 0)).toBe(true);
    const terms = { layers: ['shared'], rank: 2 };
    const adapted = (await run({ lora: terms }, task)).store.get('norm/running_mean').data as Float32Array;
    expect(Array.from(adapted)).toEqual([0, 0, 0, 0, 0]);
  });

  test.each([
    [{ chunk: 5 }, {}, /chunks of 5 do not fill a batch of 12/],
    [{ chunk: 4, accumulate: 2 }, {}, /exclude each other/],
    [{ chunk: 4 }, { twoPhase: undefined }, /mean over samples/],
    [{ chunk: 4, freeze: ['lefft/*'] }, {}, /matches nothing/],
  ])('%j is refused', async (recipe, without, message) => {
    const plain = viewsTask();
    const task = { ...plain, objectives: { match: { ...plain.objectives['match'], ...without } } } as Trainable;
    await expect(run(recipe, task)).rejects.toMatchObject({ code: 'config', message: expect.stringMatching(message) });
  });
});
