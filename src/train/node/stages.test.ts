import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isBowError } from '../../base/index.ts';
import { type F, ndarray, type Scope } from '../../engine/index.ts';
import { linear } from '../../nn/index.ts';
import { arraySource, type Objective, type RecipeInput, type Trainable, type TrainEvent } from '../index.ts';
import { bits } from '../testing/bits.ts';
import { readCheckpoint, type Stage, type StageResult, type StagesOptions, stageRecipe, trainStages } from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bow2bot-stages-'));
});
afterEach(() => rm(folder, { recursive: true }));

const trace: Objective['trace'] = (s: Scope, { x }: { x: F<'b c'> }) => {
  const h = linear(s.at('body'), x, 3).add(s.noise('jitter', [3]).mul(0.1));
  return { loss: linear(s.at('head'), h.tanh(), 1).square().sub(1).square().mean() };
};

/** A model on a row of numbers. */
function model(numbers: readonly number[]): Trainable {
  const source = arraySource({ x: ndarray('float32', [numbers.length, 1], numbers) });
  return {
    id: 'staged',
    objectives: { fit: { trace, source } },
    config: { model_type: 'staged' },
    tensors: [{ path: 'body/weight', key: 'body.weight', transpose: true }],
  };
}

let made = 0;
type Numbers = readonly number[];
const stages: readonly Stage<Numbers>[] = [
  { id: 'first', trainable: model },
  {
    id: 'made',
    freeze: ['body/**'],
    recipe: { steps: 4, optimizer: { name: 'sgd', lr: 0.1 } },
    make: {
      run: async ({ previous, data, folder: to }) => {
        made++;
        await using c = await readCheckpoint(previous.checkpoint);
        const [scale] = (await c.model.readFloat32('head/weight')).data;
        await writeFile(join(to, 'numbers.json'), JSON.stringify(data.map((x) => x * Math.sign(scale!) + 1)));
      },
      load: async (at) => JSON.parse(await readFile(join(at, 'numbers.json'), 'utf8')) as number[],
    },
    trainable: model,
  },
  { id: 'again', from: 'first', reset: ['head/**'], trainable: model },
];
const recipe: RecipeInput = { system: 'staged', steps: 5, batchSize: 2, threads: 1, checkpointEvery: 2 };
const run = (
  name: string,
  change: RecipeInput = {},
  o: Partial<StagesOptions<Numbers>> = {},
  list: readonly Stage<Numbers>[] = stages,
): Promise<StageResult[]> =>
  trainStages(list, { ...recipe, ...change }, { folder: join(folder, name), data: [1, 2, 3, -1], ...o });

const refusal = async (what: Promise<unknown>): Promise<string> => {
  const e = await what.then(
    () => undefined,
    (error: unknown) => error,
  );
  return isBowError(e) ? `${e.code}: ${e.message}` : `not refused: ${String(e)}`;
};

test('stages run in order, each from the weights of another, on data that was made, with what it freezes', async () => {
  const { steps: _, ...open } = recipe;
  const results = await trainStages(
    stages,
    { ...open, stages: { again: { steps: 2 }, first: { steps: 3 } } },
    {
      folder,
      data: [1, 2, 3, -1],
    },
  );
  expect(results.map((r) => [r.id, r.step])).toEqual([
    ['first', 3],
    ['made', 4],
    ['again', 2],
  ]);
  expect((await readdir(folder)).toSorted()).toEqual(['1-first', '2-made', '3-again']);
  const [first, second, third] = results.map((r) => r.result!.store);
  expect(second!.get('body/weight')).toEqual(first!.get('body/weight')); // frozen, and transposed on the way
  expect(second!.get('head/weight')).not.toEqual(first!.get('head/weight'));
  expect(second!.has('optimizer/m/head/weight')).toBe(false); // its own optimiser
  expect(third!.get('body/weight')).not.toEqual(first!.get('body/weight'));
});

test('what is reset starts anew, the rest goes on', async () => {
  const still: RecipeInput = { optimizer: { name: 'sgd', lr: 0 }, steps: 1 };
  const [first, , third] = await run('a', { stages: { again: still as never } });
  const fresh = await run('b', { ...still, stage: 'first' });
  expect(third!.result!.store.get('body/weight')).toEqual(first!.result!.store.get('body/weight'));
  expect(third!.result!.store.get('head/weight')).toEqual(fresh[0]!.result!.store.get('head/weight'));
});

test('stopped in any stage and resumed: finished ones are skipped, data is made once, the bits are those of one run', async () => {
  const whole = await run('whole');
  for (const [stage, step] of [
    ['first', 2],
    ['made', 3],
    ['again', 4],
  ] as const) {
    made = 0;
    const controller = new AbortController();
    const name = `stop-${stage}`;
    let at = '';
    const skipped: string[] = [];
    const half = run(
      name,
      {},
      {
        signal: controller.signal,
        onStage: ({ id }) => {
          at = id;
        },
        onEvent: (e: TrainEvent) => {
          if (e.type === 'step-end' && at === stage && e.step === step) controller.abort();
        },
      },
    );
    expect(await refusal(half)).toMatch(/^aborted/);
    const rest = await run(
      name,
      {},
      {
        resume: true,
        onStage: (s) => {
          if (s.skipped) skipped.push(s.id);
        },
      },
    );
    expect(skipped).toEqual(
      stages
        .slice(
          0,
          stages.findIndex((s) => s.id === stage),
        )
        .map((s) => s.id),
    );
    expect(made).toBe(1);
    expect(bits(rest[2]!.result!.store)).toEqual(bits(whole[2]!.result!.store));
    expect(rest.map(({ id, step: n, reason }) => [id, n, reason])).toEqual(
      whole.map(({ id, step: n, reason }) => [id, n, reason]),
    );
  }
});

test('a make that fails half-way leaves nothing that counts', async () => {
  let tries = 0;
  const flaky: Stage<Numbers> = {
    ...stages[1]!,
    make: {
      ...stages[1]!.make!,
      run: async (m) => {
        await stages[1]!.make!.run(m);
        if (++tries === 1) throw new Error('half-way');
      },
    },
  };
  const list = [stages[0]!, flaky];
  await expect(run('flaky', {}, {}, list)).rejects.toThrow('half-way');
  expect(await readdir(join(folder, 'flaky', '2-made'))).toEqual(['made.tmp']);
  expect((await run('flaky', {}, { resume: true }, list)).map((r) => r.id)).toEqual(['first', 'made']);
  expect(tries).toBe(2);
});

test('one stage alone, after the one it starts from', async () => {
  expect(await refusal(run('one', { stage: 'made' }))).toMatch(
    /^config: stage "made" starts from "first", which is not/,
  );
  await run('one', { stage: 'first' });
  const results = await run('one', { stage: 'again' });
  expect(results.map((r) => r.id)).toEqual(['first', 'again']);
});

test('what is said of one stage counts more than what is said of all, however it is said', () => {
  const set = ['steps=3', 'stages.b.steps=8', 'seed=5'];
  const recipe = { system: 's', stages: { b: { steps: 8 } } };
  const steps = (id: string): unknown => stageRecipe({ id }, recipe, { set }).steps;
  expect([steps('a'), steps('b')]).toEqual([3, 8]);
  expect(stageRecipe({ id: 'b' }, recipe, { set }).seed).toBe(5);
});

test('what does not fit is refused', async () => {
  expect(await refusal(run('x', { stage: 'frist' }))).toMatch(/^config: .*did you mean "first"/);
  expect(await refusal(run('x', { stages: { mad: {} } }))).toMatch(/^config: .*did you mean "made"/);
  const cycle = [{ ...stages[0]!, from: 'again' }, stages[2]!];
  expect(await refusal(run('x', {}, {}, cycle))).toMatch(/^config: unknown earlier stage "again"/);
  await run('done', { stage: 'first' });
  expect(await refusal(run('done', { stage: 'first' }))).toMatch(/^usage: a run is stored here already/);
  const longer = run('done', { stage: 'first', steps: 9 }, { resume: true });
  expect(await refusal(longer)).toMatch(/^config: stage "first" is finished, with another recipe/);
});
