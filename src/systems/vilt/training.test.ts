import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { can } from '../../capabilities/index.ts';
import { tabletopPairs } from '../../data/index.ts';
import { compile, ndarray, Store } from '../../engine/index.ts';
import { dataInMemory, imageTasks, tabletopTasks } from '../../kinds/index.ts';
import { adamW, minimize } from '../../nn/index.ts';
import { NOT_ASKED } from '../../text/index.ts';
import { openModel, trainSystem } from '../node/index.ts';
import { type ViltConfig, variants } from './config.ts';
import { answering, pretraining } from './objectives.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-vilt-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const [CLS, SEP, MASK, FIRST] = [2, 3, 4, 5];
const b = 16;
const c: ViltConfig = {
  ...variants.tiny,
  ...{ width: 24, depth: 2, heads: 2, hidden: 48 },
  image: { size: 8, patch: 4 },
  text: { vocabulary: 9, context: 4, types: 2 },
  tasks: { mlm: 'own', itm: true, answers: 4 },
};

/** Images of one of four colours with a caption that names it, hidden in every caption. */
function colours(rng: Rng) {
  const which = Array.from({ length: b }, () => rng.int(4));
  const image = Float32Array.from({ length: b * 192 }, (_, i) => {
    const [sample, channel] = [Math.floor(i / 192), Math.floor((i % 192) / 64)];
    const colour = which[sample]!;
    return (colour === 3 || colour === channel ? 1 : -1) + 0.1 * rng.normal();
  });
  const rows = (word: (k: number) => number[]) => ndarray('int32', [b, 3], Int32Array.from(which.flatMap(word)));
  return {
    image: ndarray('float32', [b, 3, 8, 8], image),
    tokens: rows((k) => [CLS, FIRST + k, SEP]),
    masked: rows(() => [CLS, MASK, SEP]),
    labels: rows((k) => [NOT_ASKED, FIRST + k, NOT_ASKED]),
    targets: ndarray(
      'float32',
      [b, 4],
      Float32Array.from(which.flatMap((k) => [0, 1, 2, 3].map((i) => Number(i === k)))),
    ),
  };
}

test('hidden words, matching and answers are learned from what the image shows', async () => {
  const step = compile(
    (s, x) => {
      const batch = { image: x['image']!.asFloat(), tokens: x['tokens']!.asInt() };
      const t = {
        draw: (name: string, make: (at: typeof s) => NonNullable<(typeof x)[string]>) => make(s.at('draw').at(name)),
      };
      const told = pretraining(s, { ...batch, masked: x['masked']!.asInt(), labels: x['labels']!.asInt() }, t, c);
      const asked = answering(s, { ...batch, tokens: x['masked']!.asInt() }, x['targets']!.asFloat(), c);
      const loss = told.loss.add(asked.loss).asFloat();
      const found = {
        words: told.metrics!['mlm_accuracy']!,
        match: told.metrics!['itm_accuracy']!,
        answers: asked.metrics!['accuracy']!,
      };
      return { ...found, ...minimize(s, loss, adamW({ betas: [0.9, 0.98] }), { lr: x['lr']!.asFloat() }) };
    },
    { store: new Store(1), threads: 1, training: true },
  );
  const rng = new Rng(2);
  const found = { words: 0, match: 0, answers: 0 };
  for (let i = 0; i < 120; i++) {
    const metrics = await step.run({ ...colours(rng), lr: ndarray('float32', [], [3e-3]) }, { rng: rng.split(i) });
    for (const key of ['words', 'match', 'answers'] as const)
      if (i >= 100)
        found[key] += Number((metrics as unknown as Record<string, { data: ArrayLike<number> }>)[key]!.data[0]) / 20;
  }
  await step.close();
  expect(found.words).toBeGreaterThan(0.95); // chance 0.25
  expect(found.answers).toBeGreaterThan(0.95); // chance 0.25
  expect(found.match).toBeGreaterThan(0.75); // a quarter of the foils has the same colour; guessing is right half the time
});

test('a training has its stages by what the data holds; its checkpoint answers and scores pairs', async () => {
  const [train, held] = [await tabletopPairs({ count: 16, size: 64 }), await tabletopPairs({ count: 6, size: 64, split: 'validation' })]; // biome-ignore format: one line
  const load = (questions: boolean) => dataInMemory(imageTasks, tabletopTasks(train, held, { shift: 2, questions, mostAnswers: 100 })); // biome-ignore format: one line
  const whole = await trainSystem('vilt', { preset: 'smoke' }, { folder: join(folder, 'whole'), load: load(true) });
  expect(whole.stages.map(({ id }) => id)).toEqual(['pretrain', 'answers']);
  const model = await openModel(join(folder, 'whole'));
  if (!can(model, 'answer', 'scorePairs')) throw new Error('it answers and scores pairs');
  const image = { width: 64, height: 64, data: new Uint8Array(3 * 64 * 64).fill(90) };
  const [answer] = await model.answer([{ text: 'is there a red cube?', images: [image] }], { candidates: ['yes', 'no'] }); // biome-ignore format: one line
  expect(['yes', 'no']).toContain(answer!.text);
  expect(Number.isFinite((await model.scorePairs([{ text: 'a red cube', image }]))[0])).toBe(true);
  await model.close();
  const told = await trainSystem('vilt', { preset: 'smoke' }, { folder: join(folder, 'told'), load: load(false) }); // biome-ignore format: one line
  expect(told.stages.map(({ id }) => id)).toEqual(['pretrain']);
  // A checkpoint whose data has questions goes on with them at once; heads that it lacks are added.
  const asked = await trainSystem('vilt', { preset: 'smoke', from: join(folder, 'told', '1-pretrain', 'last') }, { folder: join(folder, 'asked'), load: load(true) }); // biome-ignore format: one line
  expect(asked.stages.map(({ id }) => id)).toEqual(['answers']);
}, 120_000);
