import { expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import type { DenseVectors } from '../../capabilities/index.ts';
import { ndarray, trace } from '../../engine/index.ts';
import { albefSystem } from './index.ts';
import { openAlbef } from './open.ts';
import { type AlbefModel, albefPrograms, encodedOnce } from './programs.ts';
import { plainImage, smallConfig, smallModel, smallParts } from './testing/small.ts';

/** A model with initial values that are there. */
function made(config = smallConfig()): AlbefModel {
  const model = smallModel(config, 3);
  const { trace: t } = trace(
    (s, x) => albefSystem.definition.model.trace(s, x, config),
    albefSystem.definition.model.inputs(config),
  );
  for (const { spec } of t.params.values()) model.store.ensure(spec);
  return model;
}
const images = [0, 1, 2].map((i) => plainImage(i, new Rng(`open/${i}`)));

test('pairs are scored by the logit of "belong together", whatever else is in the batch', async () => {
  const model = made();
  const system = openAlbef(model, { threads: 1 });
  const texts = ['a red image', 'it is blue', 'a yellow image it is white'];
  const pairs = images.flatMap((image) => texts.map((text) => ({ text, image })));
  const scores = await system.scorePairs!(pairs);
  for (const [i, pair] of pairs.entries()) expect((await system.scorePairs!([pair]))[0]).toBeCloseTo(scores[i]!, 4);
  expect(new Set(Array.from(scores, (x) => x.toFixed(6))).size).toBe(9);
  const vectors = (await system.encodeText!(texts)) as DenseVectors;
  for (let i = 0; i < 3; i++)
    expect(Math.hypot(...vectors.data.subarray(i * vectors.width, (i + 1) * vectors.width))).toBeCloseTo(1, 5);
  expect(await system.scorePairs!([])).toHaveLength(0);
  await system.close();
});

test('every distinct image is encoded once, however its pairs lie', async () => {
  const model = made();
  const programs = albefPrograms(model, { threads: 1 });
  let encoded = 0;
  const counting = {
    states: {
      ...programs.states,
      run: (x: Parameters<typeof programs.states.run>[0]) => {
        encoded += x.image.shape[0]!;
        return programs.states.run(x);
      },
    },
  };
  const items = Array.from({ length: 150 }, (_, i) => [images[(i * 7) % 3]!]);
  const seen: number[] = [];
  const { y } = await programs.states.run({ image: ndarray('float32', [1, 3, 10, 10], new Float32Array(300)) });
  for await (const { members, images: states } of encodedOnce(items, 1, model, counting)) {
    seen.push(...members);
    expect(states[0]!.shape).toEqual([members.length, ...y.shape.slice(1)]);
  }
  expect([encoded, seen.toSorted((a, b) => a - b)]).toEqual([3, items.map((_, i) => i)]);
  await programs.close();
});

test('answers are ranked: all candidates that are given, the best of the model’s own list', async () => {
  const system = openAlbef(made(), { threads: 1 });
  const question = { text: 'what colour is it?', images: [images[0]!] };
  const [own] = await system.answer!([question]);
  expect(smallParts.answers).toContain(own!.text);
  expect(own!.alternatives).toBeUndefined();
  const [given] = await system.answer!([question], { candidates: ['red', 'white', 'red image'] });
  expect(given!.alternatives!.map((a) => a.text).toSorted()).toEqual(['red', 'red image', 'white']);
  const scores = given!.alternatives!.map((a) => a.score!);
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  expect(scores.reduce((sum, x) => sum + Math.exp(x), 0)).toBeCloseTo(1, 6);
  const [three] = await system.answer!([question], { n: 3 });
  expect([three!.text, three!.alternatives!.length]).toEqual([own!.text, 3]);
  await expect(system.answer!([question], { candidates: [] })).rejects.toMatchObject({ code: 'usage' });
  await expect(system.answer!([question], { temperature: 1 })).rejects.toMatchObject({ code: 'usage' });
  await expect(system.answer!([{ ...question, images: [] }])).rejects.toMatchObject({ code: 'usage' });
  await system.close();
});

test('a model of two images answers with a class, and has no other method', async () => {
  const model = { ...made(smallConfig({ classes: 2 }, 2)), parts: { ...smallParts, answers: ['false', 'true'] } };
  const system = openAlbef(model, { threads: 1 });
  expect(Object.keys(system).toSorted()).toEqual(['answer', 'close', 'id', 'preprocessing']);
  const question = { text: 'the left is red', images: [images[0]!, images[1]!] };
  const [found, turned] = await system.answer!([question, { ...question, images: [images[1]!, images[0]!] }], { n: 2 });
  expect(found!.alternatives!.reduce((sum, a) => sum + Math.exp(a.score!), 0)).toBeCloseTo(1, 5);
  expect(found!.score).not.toBe(turned!.score);
  await expect(system.answer!([{ ...question, images: [images[0]!] }])).rejects.toMatchObject({ code: 'usage' });
  await system.close();
  const nameless = openAlbef({ ...model, parts: { ...smallParts, answers: [] } }, { threads: 1 });
  await expect(nameless.answer!([question])).rejects.toThrow(/its classes have no names/);
  await nameless.close();
});
