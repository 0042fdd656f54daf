/** Teachers, queues and other state: how they move, and that evaluations see them and leave them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isBowError } from '../base/index.ts';
import { type F, ndarray, type Scope, Store } from '../engine/index.ts';
import { batchNorm, linear, zeros } from '../nn/index.ts';
import {
  arraySource,
  type BatchSource,
  type Objective,
  parseRecipe,
  type RecipeInput,
  type Teacher,
  type Trainable,
} from './index.ts';
import { readCheckpoint, type TrainOptions, type TrainResult, train } from './node/index.ts';
import { bits } from './testing/bits.ts';
import { queueSize, twins } from './testing/twins.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-teacher-'));
});
afterEach(() => rm(folder, { recursive: true }));

const run = (trainable: Trainable, recipe: RecipeInput = {}, o: TrainOptions = {}): Promise<TrainResult> =>
  train(
    trainable,
    parseRecipe({
      ...{ system: trainable.id, steps: 6, batchSize: 2, threads: 1, schedule: { name: 'constant' } },
      ...{ optimizer: { name: 'sgd', lr: 0.25 }, ...recipe },
    }),
    o,
  );
const refusal = async (what: Promise<unknown>): Promise<string> => {
  const e = await what.then(
    () => undefined,
    (error: unknown) => error,
  );
  return isBowError(e) ? `${e.code}: ${e.message}` : `not refused: ${String(e)}`;
};
const value = (store: Store, path: string): number[] => Array.from(store.get(path).data, Number);
const ones = arraySource({ x: ndarray('float32', [4, 1], [1, 1, 1, 1]) });

/** A student w that moves by hand: the loss is w · mean(x), so that SGD takes 0.25 from w at every step. */
function falling(teacher: Teacher, source: BatchSource = ones): Trainable {
  const trace: Objective['trace'] = (s: Scope, { x }: { x: F<'b c'> }, t) => {
    const weight = (at: Scope): F => at.at('model').param('w', [1], (out) => void out.fill(1));
    const loss = x.mul(weight(s)).mean();
    return { loss, metrics: { student: weight(s).sum(), teacher: weight(t.teacher).sum() } };
  };
  return { id: 'falling', objectives: { fall: { trace, source, validation: ones } }, teacher, config: {} };
}

describe('a teacher', () => {
  test.each([
    ['before', 1, [1, 1, 0.75, 0.5]], // what the passes of the steps see: the teacher is the student of the step before
    ['after', 1, [1, 0.75, 0.5, 0.25]],
    ['before', 3, [1, 1, 0.75, 0.5]],
    ['after', 3, [1, 0.75, 0.5, 0.25]],
  ] as const)(
    'with decay 0 moves %s the step, once however many batches are accumulated (%i)',
    async (update, accumulate, wanted) => {
      const seen: number[] = [];
      const { store } = await run(
        falling({ decay: 0, update }),
        { steps: 4, accumulate },
        {
          onEvent: (e) => {
            if (e.type === 'step-end') seen.push(e.metrics['train/teacher']!);
          },
        },
      );
      const students = [1, 0.75, 0.5, 0.25];
      expect(seen.map((x) => Number(x.toFixed(5)))).toEqual(update === 'before' ? students : wanted);
      expect(value(store, 'teacher/model/w')).toEqual([update === 'before' ? 0.25 : 0]);
      expect(value(store, 'model/w')).toEqual([0]);
    },
  );

  test('follows by its decay, which may depend on the step', async () => {
    const { store } = await run(falling({ decay: 0.5, update: 'after' }), { steps: 2 });
    expect(value(store, 'teacher/model/w')[0]).toBeCloseTo(0.5 * (0.5 * 1 + 0.5 * 0.75) + 0.5 * 0.5, 6);
    const at: [number, number][] = [];
    const decay: Teacher['decay'] = ({ step, progress }) => {
      at.push([step, progress]);
      return step === 0 ? 0 : 1;
    };
    const late = await run(falling({ decay, update: 'after' }), { steps: 4 });
    expect(at).toEqual([0, 1, 2, 3].map((step) => [step, step / 4]));
    expect(value(late.store, 'teacher/model/w')).toEqual([0.75]);
    expect(await refusal(run(falling({ decay: 1.5, update: 'after' })))).toMatch(/^config: a decay is between 0 and 1/);
  });

  test('starts as a copy of the weights that the run starts from, and is no part of the model that is saved', async () => {
    const store = new Store();
    store.set('model/w', ndarray('float32', [1], [7]));
    await run(falling({ decay: 1, update: 'before' }), { steps: 1 }, { store, folder });
    expect(value(store, 'teacher/model/w')).toEqual([7]);
    await using last = await readCheckpoint(folder);
    expect([last.model.names, last.state!.has('teacher/model/w')]).toEqual([['model/w'], true]);
  });

  test('is saved with the model where its tensors are named, and read back from there', async () => {
    const teacher: Teacher = { decay: 0.5, update: 'before' };
    const named: Trainable = {
      ...falling(teacher),
      tensors: [['model/w', 'weight'], { path: 'teacher/model/w', key: 'weight_m', reshape: [[1], [1, 1]] }],
    };
    const whole = await run(named, { steps: 4 });
    await run(named, { steps: 2 }, { folder });
    await using last = await readCheckpoint(folder);
    expect(last.model.names.toSorted()).toEqual(['weight', 'weight_m']);
    expect([last.model.info('weight_m').shape, last.state!.has('teacher/model/w')]).toEqual([[1, 1], false]);
    const rest = await run(named, { steps: 4 }, { folder, resume: true });
    expect(bits(rest.store)).toEqual(bits(whole.store));
  });

  test('its running statistics are copies, what the student keeps frozen stays, what `rename` leaves is shared', async () => {
    const trace: Objective['trace'] = (s: Scope, { x }: { x: F<'b c'> }, t) => {
      const model = (at: Scope): F => {
        const y = batchNorm(at.at('norm'), linear(at.at('fixed'), x, 3));
        return y.mul(at.param('scale', [], (out) => void out.fill(2)));
      };
      return { loss: model(s).square().mean(), metrics: { t: model(t.teacher).stopGradient().mean() } };
    };
    const rename = (path: string): string => (path === 'scale' ? path : `twin/${path}`);
    const source = arraySource({ x: ndarray('float32', [4, 1], [1, 2, 3, 5]) });
    const { store } = await run(
      { id: 'm', objectives: { a: { trace, source } }, teacher: { rename, decay: 0.5, update: 'after' }, config: {} },
      { steps: 3, batchSize: 4, freeze: ['fixed/**'] },
    );
    expect(value(store, 'twin/norm/running_mean')).toEqual(value(store, 'norm/running_mean'));
    expect(value(store, 'norm/running_mean').every((v) => v !== 0)).toBe(true);
    expect(value(store, 'twin/fixed/weight')).toEqual(value(store, 'fixed/weight'));
    expect(store.has('twin/scale')).toBe(false);
    expect(value(store, 'twin/norm/weight')).not.toEqual(value(store, 'norm/weight'));
  });

  test('that is not declared, or has parts the student lacks, is refused', async () => {
    const { teacher: _, ...without } = falling({ decay: 0, update: 'after' });
    expect(await refusal(run(without))).toMatch(/^config: .*declares no teacher/);
    const trace: Objective['trace'] = (s: Scope, { x }: { x: F<'b c'> }, t) => {
      linear(t.teacher.at('extra'), x, 2);
      return { loss: linear(s.at('own'), x, 2).mean() };
    };
    const odd: Trainable = { ...falling({ decay: 0, update: 'after' }), objectives: { a: { trace, source: ones } } };
    expect(await refusal(run(odd))).toMatch(/^config: the teacher has "teacher\/extra\/weight", but no objective/);
  });
});

describe('a queue', () => {
  const source: BatchSource = {
    open: async function* ({ position }) {
      for (let at = position; ; at++) {
        const x = [0, 1, 2].map((i) => ((3 * at + i) % 7) + 1);
        yield { inputs: { x: ndarray('float32', [3, 1], x) }, samples: 3 };
      }
    },
  };
  const remembering = (size: number): Trainable => {
    const trace: Objective['trace'] = (s: Scope, { x }: { x: F<'b c'> }, t) => {
      const queue = t.queue('memory');
      queue.enqueue(x);
      return { loss: linear(s, x, 1).square().mean(), metrics: { before: queue.rows.sum() } };
    };
    const queues = { memory: { size, width: 1, init: zeros } };
    return { id: 'queue', objectives: { a: { trace, source, validation: ones } }, queues, config: {} };
  };

  test('takes the newest rows in the place of the oldest, around its end; a step sees it as it was', async () => {
    const before: number[] = [];
    const contents: number[][] = [];
    const store = new Store();
    await run(
      remembering(5),
      { steps: 4, batchSize: 3, evaluateEvery: 1 },
      {
        store,
        onEvent: (e) => {
          if (e.type !== 'step-end') return;
          before.push(e.metrics['train/before']!);
          contents.push(value(store, 'queue/memory/rows'));
        },
      },
    );
    expect(contents).toEqual([
      [1, 2, 3, 0, 0],
      [6, 2, 3, 4, 5],
      [6, 7, 1, 2, 5],
      [4, 5, 1, 2, 3],
    ]);
    expect(before).toEqual([0, 6, 20, 21]);
    expect(value(store, 'queue/memory/pointer')).toEqual([2]);
  });

  test('with accumulation takes the rows of every batch', async () => {
    const { store } = await run(remembering(9), { steps: 1, batchSize: 3, accumulate: 2 });
    expect(value(store, 'queue/memory/rows')).toEqual([1, 2, 3, 4, 5, 6, 0, 0, 0]);
  });

  test('that is not declared, or too small for a batch, is refused', async () => {
    expect(await refusal(run(remembering(2), { batchSize: 3 }))).toMatch(/^shape: a queue of 2 rows of 1/);
    const other = { ...remembering(4), queues: { memoir: { size: 4, width: 1 } } };
    expect(await refusal(run(other, { batchSize: 3 }))).toMatch(/^config: .*did you mean "memoir"/);
  });

  test('starts as random rows of length 1', async () => {
    const { store } = await run(twins({ combine: 'alternate' }), { steps: 1 });
    const all = value(store, 'queue/keys/rows');
    expect(all.length).toBe(5 * queueSize);
    for (let i = 0; i < queueSize; i++) expect(Math.hypot(...all.slice(5 * i, 5 * i + 5))).toBeCloseTo(1, 5);
  });
});

describe('evaluations', () => {
  test('see the live teacher, queue and counters', async () => {
    const seen: Record<string, number>[] = [];
    await run(
      falling({ decay: 0.5, update: 'after' }),
      { steps: 3, evaluateEvery: 1 },
      {
        onEvent: (e) => {
          if (e.type === 'evaluation-end') seen.push({ ...e.metrics });
        },
      },
    );
    expect(seen.map((m) => [m['eval/student'], m['eval/teacher']])).toEqual([
      [0.75, 0.875],
      [0.5, 0.6875],
      [0.25, 0.46875],
    ]);
    const { metrics } = await run(twins(), { steps: 5 });
    expect(metrics['eval/align/seen']).toBe(5);
    expect(metrics['eval/align/gap']).toBeGreaterThan(0);
  });

  test('change nothing: the bits are those of a run that is never evaluated', async () => {
    const often = await run(twins(), { steps: 5, evaluateEvery: 1, accumulate: 2 });
    const never = await run(twins(), { steps: 5, evaluateEvery: 5, accumulate: 2 });
    expect(bits(often.store)).toEqual(bits(never.store));
    expect(often.metrics).toEqual(never.metrics); // draws and noise of evaluations are the same at every step
  });

  test('a function of the trainable’s own sees them too, and may keep state of its own', async () => {
    const found: number[][] = [];
    const counting = (s: Scope): Record<string, F> => {
      const [seen, calls] = [s.state('seen', [], zeros), s.state('calls', [], zeros)];
      s.update(seen, (now) => now.add(100));
      s.update(calls, (now) => now.add(1));
      return { seen: seen.mul(1), calls: s.current(calls).mul(1) };
    };
    const evaluate: NonNullable<Trainable['evaluate']> = async ({ compile }) => {
      for (let i = 0; i < 2; i++) {
        const { seen, calls } = await compile(counting).run({});
        found.push([Number(seen!.data[0]), Number(calls!.data[0])]);
      }
      return {};
    };
    const { store } = await run({ ...twins(), evaluate }, { steps: 4, evaluateEvery: 2 });
    expect(found).toEqual([
      [2, 1],
      [2, 2],
      [4, 3],
      [4, 4],
    ]);
    expect([value(store, 'seen'), store.has('calls')]).toEqual([[4], false]);
  });
});

test('a stop between the batches of a step puts teacher, queue and counters back: resumed, the bits are those of one run', async () => {
  const controller = new AbortController();
  const trainable = twins({ combine: 'sum' });
  const recipe: RecipeInput = { steps: 5, accumulate: 3, batchSize: 4 };
  const whole = await run(trainable, recipe);
  const { align, recover } = trainable.objectives;
  let taken = 0;
  const stopping: BatchSource = {
    size: align!.source.size!,
    open: async function* (o) {
      for await (const batch of align!.source.open(o)) {
        if (o.mode === 'train' && ++taken === 8) controller.abort(); // the second batch of the third step
        yield batch;
      }
    },
  };
  const broken: Trainable = { ...trainable, objectives: { align: { ...align!, source: stopping }, recover: recover! } };
  const half = run(broken, { ...recipe, prefetch: 1 }, { folder, signal: controller.signal });
  expect(await refusal(half)).toMatch(/^aborted: stopped on request after step 2/);
  const rest = await run(trainable, { ...recipe, prefetch: 1 }, { folder, resume: true });
  expect(bits(rest.store)).toEqual(bits(whole.store));
});
