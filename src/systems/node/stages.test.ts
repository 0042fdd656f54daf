import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { Rng } from '../../base/index.ts';
import { can } from '../../capabilities/index.ts';
import { compile, einsum, type F, type I, l2Normalize, ndarray, type Scope } from '../../engine/index.ts';
import { clipPreprocessing, imageBatch, squareGeometry } from '../../image/index.ts';
import {
  type CaptionedImages,
  captionedImageSources,
  captionedImages,
  dataInMemory,
  type ImageNeeds,
} from '../../kinds/index.ts';
import { crossEntropy, embedding, linear } from '../../nn/index.ts';
import { readCheckpoint } from '../../train/node/index.ts';
import { batched } from '../batched.ts';
import { defineSystem } from '../define.ts';
import { plainLayout } from '../layouts.ts';
import { registerSystem, systemOf } from '../registry.ts';
import { openModel, trainSystem } from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-stages-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const colours = { red: [220, 0, 0], green: [0, 160, 0], blue: [0, 0, 230], white: [250, 250, 250], black: [9, 9, 9] };
const names = Object.keys(colours);
type Config = { readonly size: number; readonly embed: number };
const config: Config = { size: 5, embed: 11 };

const imageRows = (s: Scope, x: F, c: Config): F =>
  l2Normalize(linear(s.at('image'), x.reshape([x.dim(0), 3 * c.size ** 2]), c.embed));
const textRows = (s: Scope, ids: I, c: Config): F =>
  l2Normalize(embedding(s.at('words'), ids, { size: names.length, width: c.embed }).sum(1));
const logits = (s: Scope, batch: { image: F; tokens: I }, c: Config): F =>
  einsum('i e, j e -> i j', imageRows(s, batch.image, c), textRows(s, batch.tokens, c)).mul(10);

const schema = z.strictObject({ size: z.int().max(64), embed: z.int().max(64) });

/** Ids of colour words; every text is one word. */
const idsOf = (texts: readonly string[]): Int32Array => Int32Array.from(texts, (t) => Math.max(0, names.indexOf(t)));

const inputs = (data: CaptionedImages, c: Config) =>
  captionedImageSources(data, { size: c.size, context: 1, tokens: idsOf, normalisation: clipPreprocessing(c.size) });

/** Two stages: contrastive; then, on captions that the first one's model gives, with a teacher, the words frozen. */
const staged = defineSystem<Config, null, CaptionedImages, ImageNeeds>({
  id: 'staged-scorer',
  title: 'Staged scorer',
  paper: 'a test',
  variants: { tiny: config },
  config: schema,
  layouts: [plainLayout('staged-scorer', schema)],
  model: {
    inputs: (c) => ({
      image: { dtype: 'float32', shape: [1, 3, c.size, c.size] },
      tokens: { dtype: 'int32', shape: [1, 1] },
    }),
    trace: (s, x, c) => ({ logits: logits(s, { image: x['image']!.asFloat(), tokens: x['tokens']!.asInt() }, c) }),
  },
  open: ({ config: c, store }) => {
    const preprocessing = clipPreprocessing(c.size);
    const images = compile((s, { x }: { x: F }) => ({ y: imageRows(s, x, c) }), { store, threads: 1 });
    const texts = compile((s, { x }: { x: I }) => ({ y: textRows(s, x, c) }), { store, threads: 1 });
    return {
      id: 'staged-scorer',
      preprocessing,
      encodeImages: (list) =>
        batched(list, c.embed, async (some) => {
          const { shape, data } = imageBatch(some, preprocessing);
          return (await images.run({ x: ndarray('float32', [...shape], data) })).y.data;
        }),
      encodeText: (list) =>
        batched(list, c.embed, async (some) => {
          const x = ndarray('int32', [some.length, 1], idsOf(some));
          return (await texts.run({ x })).y.data;
        }),
      close: async () => {
        await images.close();
        await texts.close();
      },
    };
  },
  training: {
    data: captionedImages,
    presets: { default: { steps: 12, batchSize: 5, optimizer: { name: 'adamw', lr: 0.02 }, threads: 1 } },
    needs: (c) => ({ size: c.size }),
    parts: (c) => ({ config: c, parts: null }),
    stages: [
      {
        id: 'contrast',
        objectives: ({ config: c }, data) => ({
          contrast: {
            trace: (s, { image, tokens }) => {
              const scores = logits(s, { image: image!.asFloat(), tokens: tokens!.asInt() }, c);
              const target = s.constant([...Array(scores.dim(0)).keys()], [scores.dim(0)], 'int32');
              return { loss: crossEntropy(scores, target) };
            },
            ...inputs(data, c),
          },
        }),
      },
      {
        id: 'imitate',
        freeze: ['words/**'],
        recipe: { steps: 8 },
        make: {
          run: async ({ previous, data, folder: to }) => {
            expect(can(previous, 'encodeText', 'encodeImages')).toBe(true);
            const { data: rows } = (await previous.encodeText!(names)) as { data: Float32Array };
            const first = data.train.captions.map(([caption]) => caption);
            await writeFile(join(to, 'made.json'), JSON.stringify({ first, sum: rows.reduce((a, b) => a + b, 0) }));
          },
          load: async (from, data) => {
            const { first } = JSON.parse(await readFile(join(from, 'made.json'), 'utf8')) as { first: string[] };
            return { ...data, train: { ...data.train, captions: first.map((c) => [c]) } };
          },
        },
        teacher: () => ({ decay: 0.9, update: 'after' }),
        objectives: ({ config: c }, data) => ({
          imitate: {
            trace: (s, { image }, t) => {
              const x = image!.asFloat();
              return {
                loss: imageRows(s, x, c)
                  .sub(imageRows(t.teacher, x, c).stopGradient())
                  .square()
                  .sum()
                  .add(imageRows(s, x, c).square().at(1, 0).sum()),
              };
            },
            ...inputs(data, c),
          },
        }),
        benchmarks: () => [],
      },
    ],
    card: {},
  },
});
registerSystem(staged);

const rng = new Rng(5);
const pixels = Uint8Array.from({ length: 5 * 75 }, (_, i) => {
  const colour = Object.values(colours)[Math.floor(i / 75)]!;
  return Math.min(255, Math.max(0, colour[i % 3]! + 9 * rng.normal()));
});
const side = { count: 5, width: 5, height: 5, pixels, captions: names.map((n) => [n]) };
const data: CaptionedImages = {
  ...{ train: side, validation: side, geometry: squareGeometry(5), shift: 0, captionsFromLabels: false, templates: [] },
  ...{ vocabulary: null, vocabularyLimit: 9, skipped: [] },
};
const load = dataInMemory(captionedImages, data);

const tensors = async (run: string): Promise<Record<string, number[]>> => {
  await using checkpoint = await readCheckpoint(join(folder, run), 'last');
  const all: Record<string, number[]> = {};
  for (const file of [checkpoint.model, checkpoint.state!])
    for (const name of file.names) all[name] = Array.from((await file.read(name)).data as Float32Array);
  return all;
};

test('a system with two stages trains, is stopped and resumed bit for bit, and is opened by its run', async () => {
  const whole = await trainSystem('staged-scorer', {}, { folder: join(folder, 'whole'), load });
  expect(whole.stages.map((s) => [s.id, s.step])).toEqual([
    ['contrast', 12],
    ['imitate', 8],
  ]);
  expect((await readdir(join(folder, 'whole'))).sort()).toEqual(['1-contrast', '2-imitate', 'recipe.json']);
  const [first, second] = [await tensors('whole/1-contrast'), await tensors('whole/2-imitate')];
  expect(second['words/weight']).toEqual(first['words/weight']); // frozen
  expect(second['image/weight']).not.toEqual(first['image/weight']);
  expect(second['teacher/image/weight']).not.toEqual(second['image/weight']);

  const stop = new AbortController();
  const o = { folder: join(folder, 'parts'), load };
  const onEvent = (e: { type: string; step?: number }): void => {
    if (e.type === 'step-end' && e.step === 5) stop.abort();
  };
  await expect(trainSystem('staged-scorer', {}, { ...o, signal: stop.signal, onEvent })).rejects.toMatchObject({
    code: 'aborted',
  });
  const said: string[] = [];
  await trainSystem('staged-scorer', {}, { ...o, resume: true, say: (line) => said.push(line) });
  expect(await tensors('parts/2-imitate')).toEqual(second);
  await trainSystem('staged-scorer', {}, { ...o, resume: true, say: (line) => said.push(line) });
  expect(said.filter((line) => line.startsWith('stage'))).toEqual([
    'stage contrast',
    'stage imitate',
    'stage contrast: finished before',
    'stage imitate: finished before',
  ]);
  const model = await openModel(join(folder, 'whole'));
  expect(model.id).toBe('staged-scorer');
  await model.close();
});

test('one stage alone, other steps for a stage, and what is refused', async () => {
  const o = { folder: join(folder, 'alone'), load };
  await expect(trainSystem('staged-scorer', { stage: 'imitate' }, o)).rejects.toThrow(
    /"contrast", which is not finished/,
  );
  const recipe = { stage: 'contrast', stages: { contrast: { steps: 3 } } };
  const { stages } = await trainSystem('staged-scorer', recipe, o);
  expect(stages.map((s) => [s.id, s.step])).toEqual([['contrast', 3]]);
  await expect(trainSystem('staged-scorer', { stage: 'imitat' }, o)).rejects.toThrow(/did you mean "imitate"/);
  await expect(trainSystem('staged-scorer', {}, { load })).rejects.toThrow(/needs a folder/);
  await expect(
    systemOf({ ...(await import('../../hub/index.ts')).memoryFiles({ 'config.json': '{}' }) }),
  ).rejects.toThrow(/names no model_type/);
});

test('parts of a model that its stage does not touch are kept, saved, and may be frozen by name', async () => {
  const { definition } = staged;
  const { training } = definition;
  const part = defineSystem({
    ...definition,
    id: 'part-scorer',
    training: {
      ...training!,
      stages: [
        {
          id: 'images',
          freeze: ['words/**'],
          objectives: ({ config: c }, d) => ({
            spread: {
              trace: (s, { image }) => ({ loss: imageRows(s, image!.asFloat(), c).sum(0).square().sum() }),
              ...inputs(d, c),
            },
          }),
          benchmarks: () => [],
        },
      ],
    },
  });
  await trainSystem(part, { steps: 4 }, { folder: join(folder, 'part'), load });
  await trainSystem(part, { steps: 6 }, { folder: join(folder, 'part'), load, resume: true });
  expect((await tensors('part'))['words/weight']).toHaveLength(names.length * config.embed);
  const model = await openModel(join(folder, 'part'));
  await model.close();
  const misspelt = { steps: 4, freeze: ['wrods/**'] };
  await expect(trainSystem(part, misspelt, { load })).rejects.toThrow(/"wrods\/\*\*" matches nothing/);
});

test('a refused command leaves the run and its recipe as they were, and a folder holds runs of one kind', async () => {
  const run = join(folder, 'kept');
  const o = { folder: run, load };
  const short = { steps: 2, stages: { imitate: { steps: 2 } } };
  await trainSystem('staged-scorer', short, o);
  const kept = await readFile(join(run, 'recipe.json'), 'utf8');
  await expect(trainSystem('staged-scorer', { ...short, steps: 3 }, o)).rejects.toMatchObject({ code: 'usage' });
  const changed = { ...short, optimizer: { name: 'adamw', lr: 1 } } as const;
  await expect(trainSystem('staged-scorer', changed, { ...o, resume: true })).rejects.toMatchObject({ code: 'config' });
  await expect(trainSystem({ ...staged, id: 'other' }, {}, { ...o, resume: true })).rejects.toMatchObject({
    code: 'config',
  });
  const single = defineSystem({
    ...staged.definition,
    id: 'single-scorer',
    training: { ...staged.definition.training!, stages: [staged.definition.training!.stages[0]] },
  });
  await expect(trainSystem(single, { steps: 2 }, o)).rejects.toThrow(/a run in stages is stored here/);
  expect(await readFile(join(run, 'recipe.json'), 'utf8')).toBe(kept);
  const unstaged = { folder: join(folder, 'unstaged'), load };
  await trainSystem(single, { steps: 2 }, unstaged);
  await expect(trainSystem('staged-scorer', short, unstaged)).rejects.toThrow(/a run without stages is stored here/);
});

test('damaged files of a run in stages are errors with their place', async () => {
  const run = join(folder, 'damaged');
  await mkdir(run);
  for (const text of ['{', 'null', '[]', '{}', 'my cake']) {
    await writeFile(join(run, 'recipe.json'), text);
    const trained = trainSystem('staged-scorer', {}, { folder: run, load, resume: true });
    await expect(trained).rejects.toMatchObject({ code: 'checkpoint', place: join(run, 'recipe.json') });
    expect(await readFile(join(run, 'recipe.json'), 'utf8')).toBe(text);
  }
  await rm(join(run, 'recipe.json'));
  await trainSystem('staged-scorer', { steps: 2, stage: 'contrast' }, { folder: run, load });
  const place = join(run, '1-contrast', 'finished.json');
  for (const text of ['{', 'null', '[]', '{"recipe":null}']) {
    await writeFile(place, text);
    const trained = trainSystem('staged-scorer', { steps: 2 }, { folder: run, load, resume: true });
    await expect(trained).rejects.toMatchObject({ code: 'checkpoint', place });
  }
});
