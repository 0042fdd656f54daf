import { expect, test } from 'vitest';
import { can } from '../../capabilities/index.ts';
import { Store } from '../../engine/index.ts';
import { memoryStorage, parseRecipe, type TrainEvent, train } from '../../train/index.ts';
import { bindTraining } from '../define.ts';
import { variants } from './config.ts';
import { beit3System } from './index.ts';
import { openBeit3 } from './open.ts';
import { names, plainTasks, tinyConfig } from './testing/tiny-beit3.ts';
import { beit3Training } from './training.ts';

const data = plainTasks(10);
const [masked, tasks] = beit3Training.stages;
const recipe = (steps: number) =>
  parseRecipe({ system: 'beit3', steps, batchSize: 7, optimizer: { lr: 3e-3 }, schedule: { name: 'constant' }, threads: 1 }); // biome-ignore format: one line

test('from nothing it learns its tokens, visual ones too, and has heads for what the data asks', () => {
  const { config, parts } = beit3Training.parts(tinyConfig, undefined, data);
  expect(config.tasks).toEqual({ retrieval: true, tokens: true, codes: 7, answers: names.length });
  expect(config.vocabulary).toBe(parts.tokenizer.vocabulary);
  expect(parts.codes?.shape).toEqual([7, 75]);
  const { pixels } = beit3Training.parts(variants.base, parts, { ...data, geometry: data.geometry }).parts;
  expect(pixels.mean).toEqual([0.5, 0.5, 0.5]);
});

test('what is hidden in one modality is read from the other; the tasks follow; stopped anywhere, both resume bit for bit', async () => {
  const model = beit3Training.parts({ ...tinyConfig, sharedAttention: true, dropPath: 0.1 }, undefined, data);
  const bind = (stage: typeof masked) => bindTraining(beit3System.definition, beit3Training, model, data, stage);
  const first = await bind(masked);
  const whole = await train(first, recipe(90));
  expect(whole.metrics['eval/pairs/code_accuracy']).toBeGreaterThan(0.8);
  expect(whole.metrics['eval/pairs/token_accuracy']).toBeGreaterThan(0.6);
  const [storage, stop] = [memoryStorage(), new AbortController()];
  const onEvent = (e: TrainEvent): void => {
    if (e.type === 'step-end' && e.step === 37) stop.abort();
  };
  await expect(train(first, recipe(90), { storage, signal: stop.signal, onEvent })).rejects.toMatchObject({
    code: 'aborted',
  });
  const rest = await train(first, recipe(90), { storage, resume: true });
  expect(rest.metrics).toEqual(whole.metrics);
  for (const [path, array] of whole.store.entries('param', 'buffer'))
    expect(rest.store.get(path).data, path).toEqual(array.data);

  const second = await bind(tasks!);
  const before = new Map([...rest.store.entries('param', 'buffer')].map(([path, a, kind]) => [path, { a: { ...a, data: a.data.slice() }, kind }])); // biome-ignore format: one line
  const again = (): Store => {
    const store = new Store(0);
    for (const [path, { a, kind }] of before) store.set(path, { ...a, data: a.data.slice() }, kind);
    return store;
  };
  const unbroken = await train(second, recipe(9), { store: again() });
  const [kept, halt] = [memoryStorage(), new AbortController()];
  const onStep = (e: TrainEvent): void => {
    if (e.type === 'step-end' && e.step === 4) halt.abort();
  };
  const broken = train(second, recipe(9), { store: again(), storage: kept, signal: halt.signal, onEvent: onStep });
  await expect(broken).rejects.toMatchObject({ code: 'aborted' });
  const mended = await train(second, recipe(9), { storage: kept, resume: true });
  expect(mended.metrics).toEqual(unbroken.metrics);
  for (const [path, array] of unbroken.store.entries('param', 'buffer'))
    expect(mended.store.get(path).data, path).toEqual(array.data);

  const { metrics, store } = await train(second, recipe(160), { store: rest.store });
  expect(metrics['eval/answer_accuracy']).toBe(1);
  expect(metrics['eval/text_to_image_R@1']).toBe(1);
  const system = openBeit3({ ...model, store }, { threads: 1 });
  if (!can(system, 'caption', 'answer', 'scorePairs')) throw new Error('it has heads for these');
  const image = { width: 10, height: 10, data: data.validation!.pixels.subarray(300, 600) }; // red
  expect((await system.caption([image, image], { beams: 2 })).map(({ text }) => text)).toEqual(['a red image', 'a red image']); // biome-ignore format: one line
  expect((await system.caption([image], { beams: 1, maxTokens: 1 }))[0]!.text.split(' ')).toHaveLength(1);
  expect(await Promise.all([system.caption([]), system.caption([image], { beams: 3 }), system.caption([image, image])])).toHaveLength(3); // biome-ignore format: one line
  for (const wrong of [{ beams: 0 }, { maxTokens: 0.5 }, { lengthPenalty: Number.NaN }, { temperature: 1 }])
    await expect(system.caption([image], wrong)).rejects.toMatchObject({ code: 'usage' });
  const question = { text: 'which colour is it?', images: [image] };
  const [answer] = await system.answer([question], { candidates: ['blue', 'red'] });
  expect([answer!.text, answer!.alternatives?.map(({ text }) => text)]).toEqual(['red', ['red', 'blue']]);
  await expect(system.answer([question], { candidates: ['mauve'] })).rejects.toThrow('unknown answer "mauve"');
  await expect(system.answer([{ ...question, images: [image, image] }])).rejects.toThrow('questions about 2 images');
  const [right, wrong] = await system.scorePairs([{ text: 'a red image', image }, { text: 'a blue image', image }]); // biome-ignore format: one line
  expect(right!).toBeGreaterThan(wrong!);
  await system.close();
});

test('questions without captions, statements about two images, a checkpoint without an answer head', async () => {
  const silent = { ...data.train, captions: names.map(() => []) };
  const two = { images: [0, 1], text: 'they are red', answers: [['true', 1]], given: ['true'] } as const;
  const asked = { ...data, train: { ...silent, questions: [...silent.questions, two, { ...two, answers: [['false', 1]] as const }] }, validation: undefined }; // biome-ignore format: one line
  const model = beit3Training.parts(tinyConfig, undefined, { ...asked, answers: [...names, 'true', 'false'] });
  expect(model.config.tasks).toMatchObject({ answers: names.length, pairs: 2 });
  const of = (stage: typeof masked) => Object.keys(stage.objectives(model, { ...asked, answers: [...names] }));
  expect([of(masked), of(tasks!)]).toEqual([['images', 'texts', 'pairs'], ['answers', 'statements']]); // biome-ignore format: one line
  const { metrics } = await train(await bindTraining(beit3System.definition, beit3Training, model, { ...asked, answers: [...names] }, masked), recipe(2)); // biome-ignore format: one line
  expect(metrics).toEqual({});
  const statements = { ...tasks!, objectives: (m: typeof model, d: typeof data) => ({ statements: tasks!.objectives(m, d)['statements']! }) }; // biome-ignore format: one line
  const task = await bindTraining(beit3System.definition, beit3Training, model, { ...asked, answers: [...names] }, statements); // biome-ignore format: one line
  const twice = parseRecipe({ system: 'beit3', steps: 2, batchSize: 2, threads: 1 });
  expect(Object.keys((await train(task, twice)).metrics)).toEqual([]);

  const { answers: _, ...heads } = tinyConfig.tasks;
  const retrieval = beit3Training.parts({ ...tinyConfig, tasks: heads }, undefined, { ...data, answers: [], train: { ...data.train, questions: [] } }); // biome-ignore format: one line
  expect(retrieval.parts.answers).toBeUndefined();
  const again = beit3Training.parts(retrieval.config, retrieval.parts, data);
  expect([again.config.tasks.answers, again.parts.answers]).toEqual([names.length, [...names]]);
  expect(() => beit3Training.parts({ ...tinyConfig }, retrieval.parts, data)).toThrow('classes have no names');
});
