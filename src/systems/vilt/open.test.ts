import { expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { can, type RgbImage } from '../../capabilities/index.ts';
import { ndarray } from '../../engine/index.ts';
import { viltSystem } from './index.ts';
import { openVilt } from './open.ts';
import type { ViltModel } from './pairs.ts';
import { withRank } from './rank.ts';
import { published } from './testing/published.ts';

const picture = (seed: number, width: number, height: number): RgbImage => {
  const rng = new Rng(seed);
  return { width, height, data: Uint8Array.from({ length: 3 * width * height }, () => rng.int(256)) };
};
const [wide, tall, square] = [picture(1, 20, 11), picture(2, 9, 14), picture(3, 12, 12)];

/** A head for matching on the fixture for retrieval. */
async function matcher(): Promise<ViltModel> {
  const model = await viltSystem.load(published('rank-huggingface'));
  const rng = new Rng(4);
  const normals = (...shape: number[]) => ndarray('float32', shape, Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal())); // biome-ignore format: one line
  model.store.set('itm/weight', normals(2, model.config.width));
  model.store.set('itm/bias', normals(2));
  return { ...model, config: { ...model.config, tasks: { itm: true } } };
}

test.each(['matching', 'retrieval'] as const)(
  'scores of pairs (%s) are those of each pair alone, in order, whatever the sizes of the images',
  async (head) => {
    const model = head === 'matching' ? await matcher() : await viltSystem.load(published('rank-huggingface'));
    await opened(openVilt(model), async (vilt) => {
      if (!can(vilt, 'scorePairs')) throw new Error('it scores pairs');
      expect(can(vilt, 'answer')).toBe(false);
      const texts = ['a red cube', 'the blue bowl left of a ball', 'green', 'two'];
      const pairs = [wide, tall, wide, square, tall, square, wide].map((image, i) => ({ image, text: texts[i % 4]! }));
      const together = await vilt.scorePairs(pairs);
      for (const [i, pair] of pairs.entries()) expect(together[i]).toBeCloseTo((await vilt.scorePairs([pair]))[0]!, 5);
      expect(new Set(Array.from(together, (x) => x.toFixed(4))).size).toBeGreaterThan(5);
      expect((await vilt.scorePairs([])).length).toBe(0);
      await expect(vilt.scorePairs(pairs, { k: 3 } as never)).rejects.toMatchObject({ code: 'usage', place: 'vilt.scorePairs' }); // biome-ignore format: one line
      const aborted = AbortSignal.abort();
      await expect(vilt.scorePairs(pairs, { signal: aborted })).rejects.toThrow();
    });
  },
);

test('a head for retrieval starts as the true row of the head for matching', async () => {
  const plain = await matcher();
  const model = withRank(plain);
  expect(JSON.parse(viltSystem.content(model).files['config.json']!)).toMatchObject({ architectures: ['ViltForImageAndTextRetrieval'], tasks: ['rank', 'itm'] }); // biome-ignore format: one line
  const pairs = [{ text: 'a red cube', image: wide }];
  let odds = 0;
  await opened(openVilt(plain), async (vilt) => {
    odds = (await vilt.scorePairs!(pairs))[0]!;
  });
  await opened(openVilt(model), async (vilt) => {
    const [score] = await vilt.scorePairs!(pairs);
    // The log-odds are the difference of both rows: turned over, the other row ranks.
    for (const name of ['itm/weight', 'itm/bias']) {
      const a = plain.store.get(name);
      const half = a.data.length / 2;
      plain.store.set(name, ndarray('float32', a.shape, [...a.data.slice(half), ...a.data.slice(0, half)] as number[]));
    }
    await opened(openVilt(withRank(plain)), async (other) => {
      expect(score! - (await other.scorePairs!(pairs))[0]!).toBeCloseTo(odds, 5);
    });
  });
  expect(withRank(model)).toEqual(model);
  const base = await viltSystem.load(published('vqa-huggingface'));
  expect(() => withRank(base)).toThrow('no head for matching');
});

test('answers are the classifier’s; candidates restrict them, n shows the best', async () => {
  await opened(openVilt(await viltSystem.load(published('vqa-huggingface'))), async (vilt) => {
    if (!can(vilt, 'answer')) throw new Error('it answers');
    expect(can(vilt, 'scorePairs')).toBe(false);
    const questions = [wide, tall, square].map((image) => ({ text: 'what colour is the cube', images: [image] }));
    const plain = await vilt.answer(questions);
    const all = await vilt.answer(questions, { n: 3 });
    for (const [i, { text, score, alternatives }] of all.entries()) {
      expect(text).toBe(plain[i]!.text);
      expect(alternatives!.map((a) => a.text).toSorted()).toEqual(['blue', 'red', 'two']);
      expect(alternatives![0]).toEqual({ text, score });
      expect(alternatives!.map((a) => a.score!)).toEqual(alternatives!.map((a) => a.score!).toSorted((a, b) => b - a));
      expect(score!).toBeLessThan(0); // the logarithm of a probability
      const others = ['red', 'blue', 'two'].filter((a) => a !== text);
      const [allowed] = await vilt.answer([questions[i]!], { candidates: others });
      expect(allowed!.alternatives!.map((a) => a.text).toSorted()).toEqual(others.toSorted());
      expect(allowed!.score).toBeCloseTo(alternatives![1]!.score!, 5);
    }
    await expect(vilt.answer(questions, { candidates: ['yellow'] })).rejects.toMatchObject({ code: 'usage', place: 'vilt.answer.candidates' }); // biome-ignore format: one line
    await expect(vilt.answer(questions, { candidates: [] })).rejects.toMatchObject({ code: 'usage' });
    await expect(vilt.answer([{ text: 'both', images: [wide, tall] }])).rejects.toMatchObject({ code: 'usage', hint: 'one image a question' }); // biome-ignore format: one line
    await expect(vilt.answer(questions, { temperature: 1 })).rejects.toMatchObject({ code: 'usage', place: 'vilt.answer' }); // biome-ignore format: one line
    expect(await vilt.answer([])).toEqual([]);
  });
});

test('statements are false or true of two images, in their order', async () => {
  await opened(openVilt(await viltSystem.load(published('statements-huggingface'))), async (vilt) => {
    if (!can(vilt, 'answer')) throw new Error('it answers');
    const text = 'there are two red bowl';
    const [there, back, again] = await vilt.answer([{ text, images: [wide, tall] }, { text, images: [tall, wide] }, { text, images: [wide, tall] }], { n: 2 }); // biome-ignore format: one line
    expect(there!.alternatives!.map((a) => a.text).toSorted()).toEqual(['false', 'true']);
    expect(there!.alternatives!.reduce((sum, a) => sum + Math.exp(a.score!), 0)).toBeCloseTo(1, 5);
    expect(again!.score!).toBeCloseTo(there!.score!, 5);
    expect(Math.abs(back!.score! - there!.score!)).toBeGreaterThan(1e-4);
    await expect(vilt.answer([{ text, images: [wide] }])).rejects.toMatchObject({ hint: 'two images a statement' });
  });
});

/** Closes a system behind its use. */
async function opened<T extends { close(): Promise<void> }>(
  system: T,
  use: (system: T) => Promise<void>,
): Promise<void> {
  try {
    await use(system);
  } finally {
    await system.close();
  }
}
