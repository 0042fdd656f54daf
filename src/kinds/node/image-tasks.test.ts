import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { can } from '../../capabilities/index.ts';
import { tabletopPairs } from '../../data/index.ts';
import { encodePng } from '../../image/index.ts';
import { askable, imageTasks, questionBatches, tabletopTasks } from '../index.ts';
import { loadData } from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-tasks-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const images = join(folder, 'images');
await mkdir(images);
for (let i = 0; i < 12; i++) {
  const data = new Uint8Array(3 * 64).fill(i % 2 === 0 ? 40 : 200);
  await writeFile(join(images, `${i}.png`), encodePng({ width: 8, height: 8, channels: 3, data }));
}
const asked = Array.from({ length: 12 }, (_, i) => ({ question: 'how bright?', answer: i % 2 === 0 ? 'dark' : 'light', image: `${i}.png` })); // biome-ignore format: one line
const file = join(folder, 'questions.jsonl');
await writeFile(file, [...asked, { question: 'lost?', answer: 'yes', image: 'none.png' }].map((r) => JSON.stringify(r)).join('\n')); // biome-ignore format: one line
const data = { source: 'pictures', path: images, validation: 0.3, questions: file };

test('questions go with their images to both sides; those about no image are named', async () => {
  const d = await loadData(imageTasks, data, { size: 8 });
  expect(d.train.questions.length + d.validation!.questions.length).toBe(12);
  expect(d.validation!.questions.length).toBe(d.validation!.count);
  expect([...d.answers].sort()).toEqual(['dark', 'light']);
  expect(d.skipped.map((s) => s.reason)).toEqual(['no image of one side is called "none.png"']);
  for (const q of d.train.questions) {
    const bright = d.train.pixels[3 * 64 * q.images[0]!]!;
    expect(q.answers).toEqual([[bright > 100 ? 'light' : 'dark', 1]]);
  }
  expect(imageTasks.summary(d)).toMatch(/questions, 2 answers/);
});

test('batches hold images, tokens, scores of the answers', async () => {
  const d = await loadData(imageTasks, data, { size: 8 });
  const tokens = (texts: readonly string[]): Int32Array => new Int32Array(4 * texts.length).fill(7);
  const o = { size: 8, context: 4, tokens, normalisation: { mean: [0, 0, 0], std: [1, 1, 1] }, answers: d.answers };
  const source = questionBatches(d.train, o as never);
  const opened = source.open({ seed: 0, position: 0, batchSize: 3, mode: 'evaluate', slots: 2, signal: undefined });
  for await (const { inputs, samples } of opened) {
    const { image, targets, answer } = inputs as unknown as Record<string, { data: Float32Array; shape: number[] }>;
    expect([image!.shape, targets!.shape]).toEqual([
      [samples, 3, 8, 8],
      [samples, 2],
    ]);
    for (let i = 0; i < samples; i++) {
      const light = image!.data[i * 192]! > 0.5;
      expect(d.answers[answer!.data[i]!]).toBe(light ? 'light' : 'dark');
      expect([...targets!.data.subarray(2 * i, 2 * i + 2)]).toEqual(d.answers.map((a) => (a === (light ? 'light' : 'dark') ? 1 : 0))); // biome-ignore format: one line
    }
  }
  expect(askable(d.train.questions, { answers: ['dark'] }).length).toBeLessThan(d.train.questions.length);
  expect(() => questionBatches(d.train, { ...o, answers: ['blue'] } as never)).toThrow(
    /no question about 1 image with an answer/,
  );
  expect(() => questionBatches(d.train, { ...o, images: 2 } as never)).toThrow(/no question about 2 images/);
});

test('a system that knows the answers is measured beside its blind self and the words alone', async () => {
  const d = await loadData(imageTasks, data, { size: 8 });
  const system = {
    id: 'test',
    answer: async (questions: readonly { images: readonly { data: ArrayLike<number> }[] }[]) =>
      questions.map((q) => ({ text: q.images[0]!.data[0]! > 150 ? 'light' : 'dark' })),
    close: async () => {},
  };
  if (!can(system as never, 'answer')) throw new Error('it answers');
  const [first] = imageTasks.benchmarks(d);
  const metrics = (await first!.run(system as never, {}))!;
  expect(metrics['answer_accuracy']).toBe(1);
  expect(metrics['blind_answer_accuracy']).toBeLessThan(1);
  expect(metrics['question_only_accuracy']).toBeLessThan(1);
});

test('other layouts, and what is wrong with a file', async () => {
  const load = (name: string, text: string | Uint8Array, more = {}): Promise<unknown> =>
    writeFile(join(folder, name), text).then(() =>
      loadData(imageTasks, { ...data, questions: join(folder, name), ...more }, { size: 8 }),
    );
  const vqa = { questions: asked.map((q, i) => ({ question_id: i, image_id: i, question: q.question })) };
  const answers = { annotations: asked.map((q, i) => ({ question_id: i, answers: [{ answer: q.answer }] })) };
  await writeFile(join(folder, 'annotations.json'), JSON.stringify(answers));
  const d = (await load('vqa.json', JSON.stringify(vqa), { annotations: join(folder, 'annotations.json') })) as { answers: string[] }; // biome-ignore format: one line
  expect(d.answers.length).toBe(2);
  await load('triples.json', JSON.stringify(asked.map((q, i) => [q.question, q.answer, i])));
  await load('rows.csv', ['question,answer,image', ...asked.map((q) => `${q.question},${q.answer},${q.image}`)].join('\n')); // biome-ignore format: one line
  await load('rows.jsonl.gz', gzipSync(asked.map((q) => JSON.stringify(q)).join('\n')));
  await expect(load('vqa2.json', JSON.stringify(vqa))).rejects.toThrow(/a question without an answer/);
  await expect(load('none.json', '[]')).rejects.toThrow(/no questions/);
  await expect(load('other.jsonl', '{"question":"q","answer":"a","image":"nowhere"}')).rejects.toThrow(/none of the questions is about one of the images/); // biome-ignore format: one line
  await expect(load('broken.jsonl', '{"question":"q"\n{"x":1}')).rejects.toThrow(/broken.jsonl/);
});

test('the tabletop has captions and questions', async () => {
  const train = await tabletopPairs({ count: 24, size: 32 });
  const held = await tabletopPairs({ count: 6, size: 32, split: 'validation', distinct: true });
  const d = tabletopTasks(train, held, { shift: 1, questions: true, mostAnswers: 100 });
  expect(d.train.questions.length).toBeGreaterThan(24);
  expect(d.train.captions.length).toBe(24);
  expect(imageTasks.benchmarks(d).map((b) => b.id)).toEqual(['questions', 'validation', 'rerank', 'match', 'ground']);
  const without = tabletopTasks(train, held, { shift: 1, questions: false, mostAnswers: 100 });
  expect([without.train.questions.length, without.answers.length]).toEqual([0, 0]);
  expect(await imageTasks.fingerprint(d)).not.toBe(await imageTasks.fingerprint(without));
});
