import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BowError, type Metrics } from '../base/index.ts';
import { type F, type Scope, Store, type Tensor } from '../engine/index.ts';
import {
  arraySource,
  type BatchSource,
  type Objective,
  parseRecipe,
  type RecipeInput,
  type Trainable,
  type TrainEvent,
  trainControl,
} from './index.ts';
import {
  listCheckpoints,
  readCheckpoint,
  readJsonl,
  type TrainOptions,
  type TrainResult,
  train,
} from './node/index.ts';
import { bits } from './testing/bits.ts';
import { spirals, spiralsTask } from './testing/spirals.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-train-'));
});
afterEach(() => rm(folder, { recursive: true }));

const quick: RecipeInput = {
  system: 'spirals',
  steps: 60,
  batchSize: 17,
  optimizer: { name: 'adamw', lr: 0.02 },
  schedule: { name: 'cosine', warmup: 5 },
  evaluateEvery: 20,
  checkpointEvery: 25,
  threads: 1,
};

const run = (recipe: RecipeInput, o: TrainOptions = {}, task: Trainable = spiralsTask()): Promise<TrainResult> =>
  train(task, parseRecipe({ ...quick, ...recipe }), o);

/** Aborts when a step has ended. */
function abortAfter(step: number): Required<Pick<TrainOptions, 'signal' | 'onEvent'>> {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onEvent: (e) => {
      if (e.type === 'step-end' && e.step === step) controller.abort();
    },
  };
}

describe('a run', () => {
  test('learns', async () => {
    const { metrics, best, reason, step } = await run({ steps: 400, evaluateEvery: 100, batchSize: 64 });
    expect(metrics['eval/accuracy']).toBeGreaterThan(0.95);
    expect(best).toMatchObject({ metric: 'eval/loss' });
    expect([reason, step]).toEqual(['finished', 400]);
  });

  test('says what happens, in order', async () => {
    const events: TrainEvent[] = [];
    const progress: number[] = [];
    await run(
      { steps: 40 },
      { folder, onEvent: (e) => events.push(e), onProgress: (p) => progress.push(p.done / p.total!) },
    );
    const others = events.filter((e) => e.type !== 'step-end').map((e) => `${e.type} ${e.step}`);
    expect(others).toEqual([
      'run-start 0',
      'evaluation-end 20',
      'checkpoint-write 20',
      'checkpoint-write 25',
      'evaluation-end 40',
      'checkpoint-write 40',
      'run-end 40',
    ]);
    expect(events[0]).toMatchObject({ steps: 40, system: 'spirals', parameters: 693, device: 'cpu', threads: 1 });
    expect(events.filter((e) => e.type === 'step-end').map((e) => e.step)).toEqual(progress.map((p) => p * 40));
    expect(progress.at(-1)).toBe(1);
  });

  test('leaves a folder with checkpoints, logs and a model card', async () => {
    await run({ steps: 40, log: { every: 8 } }, { folder });
    expect((await listCheckpoints(folder)).map((c) => [c.step, c.isLast, c.isBest])).toEqual([
      [25, false, false],
      [40, true, true],
    ]);
    await using last = await readCheckpoint(folder);
    expect(last.config).toEqual({ model_type: 'spirals', width: 23 });
    expect(last.model.names.toSorted()).toEqual(
      ['hidden/0', 'hidden/1', 'out'].flatMap((p) => [`${p}/bias`, `${p}/weight`]),
    );
    expect(last.state!.names).toContain('optimizer/v/out/weight');
    expect(last.card).toContain('| tabular-classification |');
    expect(last.card).toContain('samples seen | 680');
    const lines = [];
    for await (const line of readJsonl(join(folder, 'log.jsonl'))) lines.push(line);
    expect(lines.map((l) => l.step)).toEqual([8, 16, 20, 24, 32, 40, 40]);
    expect(Object.keys(lines[0]!).toSorted()).toEqual(
      ['dataloading_s', 'epoch', 'samples_per_s', 'step', 'step_s']
        .concat(['train/accuracy', 'train/grad_norm', 'train/loss', 'train/lr'])
        .toSorted(),
    );
    expect(Object.keys(lines[2]!)).toEqual(['step', 'eval/accuracy', 'eval/loss']);
    const [events] = await readdir(join(folder, 'tensorboard'));
    expect(String(await readFile(join(folder, 'tensorboard', events!)))).toContain('train/grad_norm');
  });

  test('no tensor is allocated in a step: state lives in two sets of buffers that swap', async () => {
    const store = new Store(0);
    const seen = new Map<string, Set<unknown>>();
    const onEvent = (e: TrainEvent): void => {
      if (e.type !== 'step-end') return;
      for (const [path, { data }] of store.entries()) seen.set(path, (seen.get(path) ?? new Set()).add(data));
    };
    await run({ steps: 12, accumulate: 2 }, { store, onEvent });
    expect(seen.size).toBeGreaterThan(20);
    for (const [path, arrays] of seen) expect([path, arrays.size]).toEqual([path, 2]);
  });

  test('the learning rate follows the schedule', async () => {
    const rates: number[] = [];
    const onEvent = (e: TrainEvent): void => {
      if (e.type === 'step-end') rates.push(e.metrics['train/lr']!);
    };
    await run(
      { steps: 7, optimizer: { name: 'sgd', lr: 1 }, schedule: { name: 'linear', warmup: 3, final: 0.5 } },
      { onEvent },
    );
    expect(rates.map((r) => Math.round(r * 1000) / 1000)).toEqual([0.333, 0.667, 1, 1, 0.875, 0.75, 0.625]);
  });

  test('passes over the data are counted, and need data with an end', async () => {
    const events: TrainEvent[] = [];
    const { epochs, ...rest } = { ...quick, epochs: 3 };
    const { steps: _, ...recipe } = rest;
    const task = spiralsTask({ size: 5 * 17 + 3 });
    await train(task, parseRecipe({ ...recipe, epochs }), { onEvent: (e) => events.push(e) });
    const seen = events.flatMap((e) => (e.type === 'step-end' ? [e.epoch] : []));
    expect(seen).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
    const { source, ...other } = task.objectives['arms']!;
    const endless = { ...task, objectives: { arms: { ...other, source: { open: source.open } } } };
    await expect(train(endless, parseRecipe({ ...recipe, epochs }))).rejects.toMatchObject({
      code: 'config',
      place: 'epochs',
    });
  });

  test('stops early when the figure does not improve', async () => {
    let evaluations = 0;
    const task: Trainable = {
      ...spiralsTask(),
      evaluate: async () => ({ score: [1, 3, 2, 3, 2.5, 9][evaluations++]! }),
    };
    const select = { metric: 'eval/score', mode: 'max' as const, patience: 3 };
    const result = await run({ steps: 500, evaluateEvery: 7, select }, { folder }, task);
    expect(result).toMatchObject({ reason: 'early-stop', step: 35, best: { value: 3, step: 14 } });
    expect((await listCheckpoints(folder)).filter((c) => c.isBest).map((c) => c.step)).toEqual([14]);
    const again = await run({ steps: 500, evaluateEvery: 7, select }, { folder, resume: true }, task);
    expect(again).toMatchObject({ reason: 'early-stop', step: 35 });
  });
});

describe('resuming', () => {
  test('equal seeds give equal bits, other seeds do not', async () => {
    const [a, b, c] = [await run({}), await run({}), await run({ seed: 1 })];
    expect(bits(a.store)).toEqual(bits(b.store));
    expect(bits(a.store)).not.toEqual(bits(c.store));
  });

  test.each([
    ['plain', {}, [1, 20, 24, 25, 26, 41, 59]],
    ['with accumulation, an average and passes over the data', { accumulate: 3, ema: { decay: 0.9 } }, [13, 40]],
    ['with momentum', { optimizer: { name: 'sgd', lr: 0.05, momentum: 0.9 } }, [31]],
  ] as const)(
    '%s: stopped anywhere and resumed, the bits are those of a run in one piece',
    async (_, recipe, stops) => {
      const whole = await run(recipe as RecipeInput, { folder: join(folder, 'whole') });
      for (const stop of stops) {
        const where = join(folder, String(stop));
        await expect(run(recipe as RecipeInput, { folder: where, ...abortAfter(stop) })).rejects.toMatchObject({
          code: 'aborted',
        });
        expect((await listCheckpoints(where)).at(-1)).toMatchObject({ step: stop, isLast: true });
        const rest = await run(recipe as RecipeInput, { folder: where, resume: true });
        expect(bits(rest.store)).toEqual(bits(whole.store));
        expect([rest.metrics, rest.best]).toEqual([whole.metrics, whole.best]);
      }
    },
  );

  test('stopped in its last evaluation, it evaluates when resumed and writes down what it found', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const stopping = async (): Promise<Metrics> => {
      controller.abort();
      throw new BowError('aborted', 'stopped');
    };
    const task = spiralsTask();
    await expect(run({}, { folder, signal }, { ...task, evaluate: stopping })).rejects.toMatchObject({
      code: 'aborted',
    });
    const { metrics } = await run({}, { folder, resume: true });
    await using last = await readCheckpoint(folder);
    const { evaluated, step, metrics: written } = JSON.parse(last.state!.metadata['progress']!);
    expect([evaluated, written]).toEqual([step, metrics]);
  });

  test('log lines after the checkpoint are written once', async () => {
    const log = { every: 1 };
    await expect(run({ log }, { folder, ...abortAfter(33) })).rejects.toMatchObject({ code: 'aborted' });
    await run({ log }, { folder, resume: true });
    const steps: number[] = [];
    for await (const l of readJsonl(join(folder, 'log.jsonl'))) if ('train/loss' in l) steps.push(l.step);
    expect(steps).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  });

  test('a folder with a run is not overwritten, another recipe is refused, a longer run is not', async () => {
    await run({ steps: 10 }, { folder });
    await expect(run({ steps: 10 }, { folder })).rejects.toMatchObject({ code: 'usage', place: folder });
    const other = run({ steps: 10, batchSize: 19 }, { folder, resume: true });
    await expect(other).rejects.toMatchObject({ code: 'config', place: 'batchSize' });
    expect(await run({ steps: 15 }, { folder, resume: true })).toMatchObject({ step: 15 });
  });

  test('resuming where nothing is starts a run', async () => {
    expect(await run({ steps: 5 }, { folder, resume: true })).toMatchObject({ step: 5 });
  });

  test('with an average, the model that is saved and judged is the average', async () => {
    const { store } = await run({ ema: { decay: 0.9 } }, { folder });
    await using last = await readCheckpoint(folder);
    const saved = (await last.model.read('out/weight')).data;
    expect(saved).toEqual(store.get('ema/out/weight').data);
    expect(saved).not.toEqual(store.get('out/weight').data);
    expect((await last.state!.read('raw/out/weight')).data).toEqual(store.get('out/weight').data);
  });
});

describe('stopping and pausing', () => {
  test('a stop during data that never comes', async () => {
    const controller = new AbortController();
    const { arms } = spiralsTask().objectives;
    const source: BatchSource = {
      open: async function* (o) {
        const good = arms!.source.open(o)[Symbol.asyncIterator]();
        for (let i = 0; i < 3; i++) yield (await good.next()).value;
        controller.abort();
        await new Promise(() => {});
      },
    };
    const stuck: Trainable = { ...spiralsTask(), objectives: { arms: { ...arms!, source } } };
    await expect(run({}, { folder, signal: controller.signal }, stuck)).rejects.toMatchObject({ code: 'aborted' });
    expect((await listCheckpoints(folder)).length).toBe(1);
  });

  test('a stop in an evaluation: the evaluation is made up for', async () => {
    const controller = new AbortController();
    let calls = 0;
    const task: Trainable = {
      ...spiralsTask(),
      evaluate: async ({ step }) => {
        if (calls++ === 1) controller.abort();
        return { step };
      },
    };
    const slow: Trainable = {
      ...task,
      evaluate: async (c) => {
        const out = await task.evaluate!(c);
        if (c.signal?.aborted) throw c.signal.reason;
        return out;
      },
    };
    await expect(run({}, { folder, signal: controller.signal }, slow)).rejects.toMatchObject({ code: 'aborted' });
    const events: TrainEvent[] = [];
    await run({}, { folder, resume: true, onEvent: (e) => events.push(e) }, slow);
    expect(events.slice(0, 3).map((e) => [e.type, e.step])).toEqual([
      ['run-start', 40],
      ['evaluation-end', 40],
      ['checkpoint-write', 40],
    ]);
  });

  test('pause holds the run between two steps, resume goes on, a stop ends a paused run', async () => {
    const control = trainControl();
    const controller = new AbortController();
    const seen: string[] = [];
    const onEvent = (e: TrainEvent): void => {
      if (e.type === 'step-end' && (e.step === 3 || e.step === 5)) control.pause();
      if (e.type === 'run-pause') {
        seen.push(`pause ${e.step}`);
        setTimeout(e.step === 3 ? control.resume : () => controller.abort(), 20);
      }
      if (e.type === 'run-resume') seen.push(`resume ${e.step}`);
    };
    await expect(run({}, { control, onEvent, signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' });
    expect(seen).toEqual(['pause 3', 'resume 3', 'pause 5', 'resume 5']);
  });
});

describe('what is not finite', () => {
  /** The logarithm leaves its domain when the weight, which falls by a constant, has become negative. */
  const doomed: Trainable = {
    id: 'doomed',
    objectives: {
      fall: {
        trace: (s: Scope, { x }: { x: F }) => {
          const w = s.at('deep/inside').param('weight', [], (out) => {
            out.fill(1);
          });
          s.at('deep/inside/log');
          const l = w.sub(0.25).log();
          s.at('head');
          return { loss: l.mul(0).add(w.mul(x).mean()) };
        },
        source: arraySource({ x: { dtype: 'float32', shape: [3], data: Float32Array.of(1, 1, 1) } }),
      },
    },
    config: {},
  };
  const recipe: RecipeInput = {
    system: 'doomed',
    optimizer: { name: 'sgd', lr: 0.1 },
    schedule: { name: 'constant' },
    checkpointEvery: 3,
    batchSize: 3,
  };

  test.each([1, 2])('stops with step, path and the last good checkpoint (accumulate %i)', async (accumulate) => {
    const store = new Store();
    const stopped = run({ ...recipe, accumulate }, { folder, store }, doomed);
    await expect(stopped).rejects.toMatchObject({
      code: 'not-finite',
      place: 'deep/inside/log',
      detail: { step: 9, loss: 'NaN', first: 'Log', NaN: 1 },
    });
    expect((await listCheckpoints(folder)).map((c) => c.step)).toEqual([3, 6]);
    expect(store.get('deep/inside/weight').data[0]).toBeCloseTo(0.2, 5);
  });

  test('an infinite gradient of a finite loss', async () => {
    const trace: Objective['trace'] = (s, { x }) => {
      const w = s.at('root').param('weight', [3], (out) => {
        out.fill(0);
      });
      return {
        loss: w
          .mul(x as Tensor<'float32'>)
          .square()
          .sum()
          .sqrt(),
      };
    };
    const task: Trainable = { ...doomed, objectives: { fall: { ...doomed.objectives['fall']!, trace } } };
    await expect(run(recipe, {}, task)).rejects.toMatchObject({
      code: 'not-finite',
      place: 'root',
      detail: { step: 1 },
    });
  });
});

describe('accumulation', () => {
  test('k micro-batches are one batch k times as large', async () => {
    const task = spiralsTask({ dropout: 0 });
    const { validation: _, ...arms } = task.objectives['arms']!;
    const common: RecipeInput = {
      precision: 'float64',
      steps: 11,
      optimizer: { name: 'adamw', lr: 0.02, clipNorm: 0.5 },
    };
    const losses: number[][] = [[], []];
    const watch = (i: number) => (e: TrainEvent) => {
      if (e.type === 'step-end') losses[i]!.push(e.metrics['train/loss']!, e.metrics['train/grad_norm']!);
    };
    const data = spirals(6 * 4 * 5, 3);
    const float64 = {
      point: { dtype: 'float64' as const, shape: data.point.shape, data: Float64Array.from(data.point.data) },
      arm: data.arm,
    };
    const own: Trainable = { ...task, objectives: { arms: { ...arms, source: arraySource(float64) } } };
    const a = await run({ ...common, batchSize: 24 }, { onEvent: watch(0) }, own);
    const b = await run({ ...common, batchSize: 6, accumulate: 4 }, { onEvent: watch(1) }, own);
    for (const [i, x] of losses[0]!.entries()) expect(losses[1]![i]).toBeCloseTo(x, 9);
    for (const [path, { data }] of a.store.entries('param')) {
      const other = b.store.get(path).data as Float64Array;
      for (const [i, x] of (data as Float64Array).entries()) expect(Math.abs(other[i]! - x)).toBeLessThan(1e-6);
    }
  });
});

describe('recipes that do not fit', () => {
  test.each([
    ['another system', { system: 'clip' }, 'system'],
    ['a frozen path that is not there', { freeze: ['hiden/**'] }, undefined],
    ['a metric that is not evaluated', { select: { metric: 'eval/los', mode: 'min' } }, 'select.metric'],
    ['a metric wanted nobody knows how', { select: { metric: 'eval/accuracy' } }, 'select.mode'],
    ['a batch larger than the data', { batchSize: 7000 }, 'batchSize'],
  ] as const)('%s', async (_, recipe, place) => {
    await expect(run(recipe as RecipeInput)).rejects.toMatchObject({ code: 'config', ...(place ? { place } : {}) });
  });

  test('frozen parameters stay as they are and are saved', async () => {
    const { store } = await run({ freeze: ['hidden/0/**'] }, { folder });
    const { store: early } = await run({ freeze: ['hidden/0/**'], steps: 1 });
    expect(store.get('hidden/0/weight').data).toEqual(early.get('hidden/0/weight').data);
    expect(store.get('hidden/1/weight').data).not.toEqual(early.get('hidden/1/weight').data);
    expect(store.has('optimizer/m/hidden/0/weight')).toBe(false);
    await using last = await readCheckpoint(folder);
    expect(last.model.has('hidden/0/weight')).toBe(true);
  });

  test('a LoRA adapter is trained on weights that stay, judged with the model and resumed', async () => {
    const base = await run({});
    const start = (): Store => {
      const store = new Store(0);
      for (const [path, array] of base.store.entries('param')) store.set(path, { ...array, data: array.data.slice() });
      return store;
    };
    const other = spiralsTask({ seed: 77, dropout: 0 });
    const recipe: RecipeInput = { lora: { layers: ['hidden/1'], rank: 3, train: ['out/**'] } };
    const whole = await run(recipe, { store: start() }, other);
    expect(whole.store.get('hidden/1/weight').data).toEqual(base.store.get('hidden/1/weight').data);
    expect(whole.store.get('out/weight').data).not.toEqual(base.store.get('out/weight').data);
    expect(whole.store.get('hidden/1/lora_B/weight').data.some((x) => x !== 0)).toBe(true);
    const half = run(recipe, { folder, store: start(), ...abortAfter(30) }, other);
    await expect(half).rejects.toMatchObject({ code: 'aborted' });
    const rest = await run(recipe, { folder, resume: true }, other);
    expect(bits(rest.store)).toEqual(bits(whole.store));
    expect(rest.metrics).toEqual(whole.metrics);
    await expect(run({ lora: { layers: ['hidden/7'] } })).rejects.toMatchObject({ code: 'config' });
  });
});
