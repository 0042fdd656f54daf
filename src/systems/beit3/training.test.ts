import { expect, test } from 'vitest';
import { can } from '../../capabilities/index.ts';
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
  const { metrics, store } = await train(second, recipe(160), { store: rest.store });
  expect(metrics['eval/answer_accuracy']).toBe(1);
  expect(metrics['eval/text_to_image_R@1']).toBe(1);
  const system = openBeit3({ ...model, store }, { threads: 1 });
  if (!can(system, 'caption', 'answer', 'scorePairs')) throw new Error('it has heads for these');
  const image = { width: 10, height: 10, data: data.validation!.pixels.subarray(300, 600) }; // red
  expect((await system.caption([image, image], { beams: 2 })).map(({ text }) => text)).toEqual(['a red image', 'a red image']); // biome-ignore format: one line
  const question = { text: 'which colour is it?', images: [image] };
  const [answer] = await system.answer([question], { candidates: ['blue', 'red'] });
  expect([answer!.text, answer!.alternatives?.map(({ text }) => text)]).toEqual(['red', ['red', 'blue']]);
  await expect(system.answer([question], { candidates: ['mauve'] })).rejects.toThrow('unknown answer "mauve"');
  await expect(system.answer([{ ...question, images: [image, image] }])).rejects.toThrow('questions about 2 images');
  const [right, wrong] = await system.scorePairs([{ text: 'a red image', image }, { text: 'a blue image', image }]); // biome-ignore format: one line
  expect(right!).toBeGreaterThan(wrong!);
  await system.close();
});
