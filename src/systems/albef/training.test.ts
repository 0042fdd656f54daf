import { expect, test } from 'vitest';
import { isBowError } from '../../base/index.ts';
import { Store } from '../../engine/index.ts';
import {
  memoryStorage,
  parseRecipe,
  type RecipeInput,
  type Trainable,
  type TrainEvent,
  type TrainResult,
  train,
} from '../../train/index.ts';
import { bindTraining } from '../define.ts';
import { albefSystem } from './index.ts';
import { openAlbef } from './open.ts';
import { colours, names, smallConfig, smallParts } from './testing/small.ts';
import { albefTraining } from './training.ts';

const model = { config: smallConfig(), parts: smallParts };
const [pretrain, answers] = albefTraining.stages;
const bound = (stage = pretrain, data = colours()): Promise<Trainable> =>
  bindTraining(albefSystem.definition, albefTraining, model, data, stage);
const recipe = (o: RecipeInput) =>
  parseRecipe({ system: 'albef', batchSize: 8, threads: 1, optimizer: adamW(3e-3), evaluateEvery: 1000, ...o });
const adamW = (lr: number) => ({ name: 'adamw', lr }) as const;
const bits = (store: Store): [string, number[]][] =>
  [...store.entries()]
    .map(([path, a]): [string, number[]] => [path, Array.from(a.data, Number)])
    .sort(([a], [b]) => (a < b ? -1 : 1));

test('learns in seconds which caption belongs to which image, by both ways, and then to answer', async () => {
  const first = await train(
    await bound(),
    recipe({ steps: 250, optimizer: adamW(1e-2), schedule: { name: 'cosine', warmup: 20 } }),
  );
  expect(first.metrics['eval/text_to_image_R@1']).toBeGreaterThan(0.6);
  expect(first.metrics['eval/itm_accuracy']).toBeGreaterThan(0.9);
  expect(first.metrics['eval/rerank_R@1']).toBeGreaterThan(0.8); // 1 in 8 by chance
  expect(first.metrics['eval/mlm']).toBeLessThan(1.5);
  const store = new Store(0);
  for (const [path, a, kind] of first.store.entries('param', 'buffer'))
    if (!path.startsWith('decoder/')) store.set(path, a, kind);
  const second = await train(await bound(answers), recipe({ steps: 120 }), { store });
  expect(second.metrics['eval/answer_accuracy']).toBeGreaterThan(0.8);
  expect(second.metrics['eval/text_to_image_R@1']).toBeGreaterThan(0.6); // captions go on beside the questions
  const system = openAlbef({ ...model, store: second.store }, { threads: 1 });
  expect(system.scale).toBeCloseTo(1 / Number(store.get('temperature').data[0]), 3);
  await system.close();
}, 120_000);

test.each([
  ['pretrain', pretrain],
  ['answers', answers!],
] as const)('%s resumes bit for bit, with momentum twins and queues', async (_, stage) => {
  const whole = await train(await bound(stage), recipe({ steps: 7, checkpointEvery: 3 }));
  const [storage, stop] = [memoryStorage(), new AbortController()];
  const task = await bound(stage);
  const aborted = train(task, recipe({ steps: 7, checkpointEvery: 3 }), {
    storage,
    signal: stop.signal,
    onEvent: (e) => {
      if (e.type === 'step-end' && e.step === 4) stop.abort();
    },
  });
  await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
  const rest: TrainResult = await train(await bound(stage), recipe({ steps: 7, checkpointEvery: 3 }), {
    storage,
    resume: true,
  });
  expect(bits(rest.store)).toEqual(bits(whole.store));
  const paths = [...whole.store.entries('state')].map(([path]) => path);
  expect(paths).toEqual(
    expect.arrayContaining(['teacher/text/blocks/1/cross/k/weight', 'queue/image/rows', 'queue/text/pointer']),
  );
  expect(paths.filter((path) => /^teacher\/(match|temperature)/.test(path))).toEqual([]); // these have no twin
});

test('the decoder starts as the multimodal layers are after pre-training', async () => {
  const first = await train(await bound(), recipe({ steps: 3 }));
  const store = new Store(0);
  for (const [path, a, kind] of first.store.entries('param', 'buffer'))
    if (!path.startsWith('decoder/')) store.set(path, a, kind);
  const before = Array.from(store.get('text/blocks/1/cross/q/weight').data, Number);
  const second = await train(await bound(answers), recipe({ steps: 1, optimizer: adamW(0) }), { store });
  expect(Array.from(second.store.get('decoder/blocks/0/cross/q/weight').data, Number)).toEqual(before);
  expect(Array.from(second.store.get('decoder/head/bias').data, Number)).toEqual(
    Array.from(store.get('text/head/bias').data, Number),
  );
});

test('images without captions, and models without heads, are refused with a way out', async () => {
  const silent = colours((side) => ({ ...side, captions: names.map(() => []) }));
  const refused = await bound(pretrain, silent).catch((e: unknown) => e);
  expect(isBowError(refused) && [refused.code, refused.message]).toEqual([
    'data',
    expect.stringContaining('not every image has a caption'),
  ]);
  await expect(
    bindTraining(
      albefSystem.definition,
      albefTraining,
      { ...model, config: smallConfig({ decoder: 1 }) },
      colours(),
      pretrain,
    ),
  ).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('no heads that learn from captions') });
  const only = await bound(answers, silent);
  expect(Object.keys(only.objectives)).toEqual(['answers']);
});

test('a checkpoint becomes what its questions need', () => {
  const captioned = smallConfig({ contrast: 11, match: true, words: true });
  const heads = (change: Parameters<typeof colours>[0], config = captioned) =>
    albefTraining.parts(config, smallParts, colours(change)).config;
  expect(heads((s) => s).heads).toEqual({ contrast: 11, match: true, words: true, decoder: 1 });
  const pairs = heads((s) => ({ ...s, questions: [{ ...s.questions[0]!, images: [0, 1], answers: [['true', 1]] }] }));
  expect([pairs.images, pairs.heads]).toEqual([2, { contrast: 11, assignment: true, classes: 2 }]);
  expect(heads((s) => ({ ...s, questions: [] })).heads).toEqual(captioned.heads);
  expect(heads((s) => s, smallConfig({ classes: 3 })).heads).toEqual({ classes: 3 });
});

/** Statements about two images each, and questions whose answers are classes. */
const onTwo = colours((side) => ({
  ...side,
  questions: side.questions.map((q, i) => ({
    ...q,
    images: [i, (i + 1) % names.length],
    text: `the left is ${names[i]}`,
    answers: [[i % 2 === 0 ? 'true' : 'false', 1]],
  })),
}));
const classed = colours((side) => ({
  ...side,
  questions: side.questions.map((q, i) => ({
    ...q,
    answers: [[['neutral', 'entailment', 'contradiction'][i % 3]!, 1]],
  })),
}));

test.each([
  ['retrieval', smallConfig({ contrast: 11, match: true }), colours(), pretrain, names],
  [
    'text assignment',
    smallConfig({ contrast: 11, assignment: true, classes: 2 }, 2),
    onTwo,
    pretrain,
    ['false', 'true'],
  ],
  ['NLVR²', smallConfig({ contrast: 11, assignment: true, classes: 2 }, 2), onTwo, answers!, ['false', 'true']],
  ['SNLI-VE', smallConfig({ classes: 3 }), classed, answers!, ['contradiction', 'neutral', 'entailment']],
  ['questions alone', smallConfig({ decoder: 1 }), colours(), answers!, names],
] as const)('the form for %s learns from its data', async (_, config, data, stage, list) => {
  const form = { config, parts: { ...smallParts, answers: list } };
  const task = await bindTraining(albefSystem.definition, albefTraining, form, data, stage);
  const seen: number[] = [];
  const onEvent = (e: TrainEvent): void => {
    if (e.type === 'step-end') seen.push(e.metrics['train/loss']!);
  };
  const still = { name: 'constant' } as const;
  await train(task, recipe({ steps: 12, optimizer: adamW(3e-3), schedule: still }), { onEvent });
  expect(seen.every(Number.isFinite)).toBe(true);
  expect(seen.slice(-4).reduce((a, b) => a + b)).toBeLessThan(seen.slice(0, 4).reduce((a, b) => a + b));
});
