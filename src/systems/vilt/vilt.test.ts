import { expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { compile, type F, type I, type NdArray, ndarray, type Scope, Store, type Tensor } from '../../engine/index.ts';
import { NOT_ASKED } from '../../text/index.ts';
import { type ViltConfig, variants } from './config.ts';
import { matchLogits, pool } from './heads.ts';
import { chosenPatches } from './image-tokens.ts';
import { maskedWords, matching, pretraining, retrieving, stating } from './objectives.ts';
import { relative } from './testing/golden.ts';
import { align } from './transport.ts';
import { embedImage, vilt } from './vilt.ts';

const c: ViltConfig = {
  ...variants.tiny,
  ...{ width: 12, depth: 2, heads: 3, hidden: 20, modalities: 3 },
  image: { size: 12, patch: 4 },
  text: { vocabulary: 17, context: 7, types: 2 },
  tasks: { mlm: 'own', itm: true, statements: true },
};
const normals = (seed: number, ...shape: number[]): NdArray<'float32'> => {
  const rng = new Rng(seed);
  return ndarray(
    'float32',
    shape,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()),
  );
};
const ints = (shape: number[], data: number[]): NdArray<'int32'> => ndarray('int32', shape, Int32Array.from(data));
type Arrays = Record<string, NdArray>;
type Tensors = Record<string, Tensor>;

/** Runs a function once on fresh weights, which are the same for every call. */
async function run(
  fn: (s: Scope, x: Tensors) => Tensors,
  inputs: Arrays,
  o: { training?: boolean; taps?: string[] } = {},
) {
  // biome-ignore format: one line
  const compiled = compile(fn, { store: new Store(3), threads: 1, ...o });
  const found = (await compiled.run(inputs, { rng: new Rng(9) })) as Arrays;
  await compiled.close();
  return Object.fromEntries(Object.entries(found).map(([k, v]) => [k, Array.from(v.data as Float32Array, Number)]));
}

/** Images of 8×12 and 12×4 pixels in one batch of 12×12. */
const image = normals(1, 2, 3, 12, 12);
const sizes = [[8, 12], [12, 4]] as const; // biome-ignore format: one line
const mask = ints([2, 12, 12], sizes.flatMap(([h, w]) => Array.from({ length: 144 }, (_, i) => Number(Math.floor(i / 12) < h && i % 12 < w)))); // biome-ignore format: one line
const tokens = ints([2, 5], [3, 9, 11, 4, 0, 3, 8, 4, 0, 0]);
const textOf = (x: Tensors, c2 = c) => (s: Scope) => vilt(s, { image: x['image']!.asFloat(), tokens: x['tokens']!.asInt(), mask: x['mask']?.asInt() }, c2); // biome-ignore format: one line

test('an image of its own size in a batch is seen as it is alone, with positions of its own grid', async () => {
  const together = await run((s, x) => ({ text: textOf(x)(s).text }), { image, tokens, mask });
  for (const [i, [h, w]] of sizes.entries()) {
    const data = Float32Array.from({ length: 3 * h * w }, (_, at) => image.data[(i * 3 + Math.floor(at / (h * w))) * 144 + Math.floor((at % (h * w)) / w) * 12 + (at % w)]!); // biome-ignore format: one line
    const one = { image: ndarray('float32', [1, 3, h, w], data), tokens: ints([1, 5], [...tokens.data.slice(5 * i, 5 * i + 5)] as number[]) }; // biome-ignore format: one line
    const alone = await run((s, x) => ({ text: textOf(x)(s).text }), one);
    const words = [4, 3][i]!; // what stands at filling of the text is nothing
    expect(relative(together['text']!.slice(60 * i, 60 * i + 12 * words), alone['text']!.slice(0, 12 * words))).toBeLessThan(1e-5); // biome-ignore format: one line
  }
});

test('patches may be seen in any order, and filling changes nothing', async () => {
  const plain = await run((s, x) => ({ text: textOf(x)(s).text }), { image, tokens, mask });
  // The first image has places 0–5, the second 0, 3 and 6; the rest is filling.
  const patches = ints([2, 7], [5, 0, 3, 1, 4, 2, 8, 6, 1, 0, 7, 3, 8, 5]);
  const chosen = await run((s, x) => ({ text: vilt(s, { image: x['image']!.asFloat(), mask: x['mask']!.asInt(), patches: x['patches']!.asInt(), tokens: x['tokens']!.asInt() }, c).text }), { image, tokens, mask, patches }); // biome-ignore format: one line
  const words = [...Array.from({ length: 48 }, (_, i) => i), ...Array.from({ length: 36 }, (_, i) => 60 + i)];
  expect(
    relative(
      words.map((i) => chosen['text']![i]!),
      words.map((i) => plain['text']![i]!),
    ),
  ).toBeLessThan(1e-5);
});

test('training with a bound draws patches of the image first, each once; evaluations see all', async () => {
  const keep = ndarray('float32', [2, 9], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0]);
  const drawn = await run((s, x) => ({ order: chosenPatches(s, x['keep'] as F, 4) }), { keep });
  const [first, second] = [drawn['order']!.slice(0, 4), drawn['order']!.slice(4)];
  expect(new Set(first).size).toBe(4);
  expect(first.every((i) => keep.data[i] === 1)).toBe(true);
  expect(second.slice(0, 2).sort()).toEqual([0, 3]);
  expect(new Set(second).size).toBe(4);
  const bounded = { ...c, image: { ...c.image, most: 4 } };
  const count = async (training: boolean): Promise<number> => {
    const { keep: found } = await run((s, x) => ({ keep: embedImage(s, { image: x['image']!.asFloat() }, bounded).keep }), { image }, { training }); // biome-ignore format: one line
    return found!.length / 2;
  };
  expect([await count(true), await count(false)]).toEqual([5, 10]);
});

const pretrain = {
  ...{
    image: normals(5, 4, 3, 12, 12),
    tokens: ints([4, 5], [3, 9, 11, 4, 0, 3, 8, 4, 0, 0, 3, 7, 7, 12, 4, 3, 5, 4, 0, 0]),
  },
  masked: ints([4, 5], [3, 2, 11, 4, 0, 3, 2, 4, 0, 0, 3, 7, 7, 2, 4, 3, 5, 4, 0, 0]),
  labels: ints(
    [4, 5],
    Array.from({ length: 20 }, (_, i) => ({ 1: 9, 6: 8, 13: 12 })[i] ?? NOT_ASKED),
  ),
};
const drawer = (x: Tensors, s: Scope) => ({ draw: (name: string, make: (at: Scope) => Tensor) => x[`recorded/${name}`] ?? make(s.at('draw').at(name)) }); // biome-ignore format: one line
const batchOf = (x: Tensors) => ({ image: x['image']!.asFloat(), tokens: x['tokens']!.asInt(), masked: x['masked']!.asInt(), labels: x['labels']!.asInt() }); // biome-ignore format: one line

test('pre-training is masked words with the own image plus matching with the recorded one', async () => {
  const recorded = { 'recorded/matched': ints([4], [0, 1, 0, 1]), 'recorded/image': ints([4], [2, 0, 3, 0]) };
  const whole = await run((s, x) => ({ loss: pretraining(s, batchOf(x), drawer(x, s), c).loss }), { ...pretrain, ...recorded }); // biome-ignore format: one line
  const each = 3 * 144;
  const seen = [2, 1, 3, 3].flatMap((i) => [...pretrain.image.data.slice(i * each, (i + 1) * each)]);
  const parts = await run((s, x) => {
    const mlm = maskedWords(s, { tokens: x['masked']!.asInt(), keep: x['keep']!.asInt() }, embedImage(s, { image: x['image']!.asFloat() }, c), x['labels']!.asInt(), c);
    const itm = matching(s, { tokens: x['tokens']!.asInt() }, embedImage(s, { image: x['seen']!.asFloat() }, c), x['matched']!.asInt(), c);
    return { loss: mlm.loss.add(itm.loss) };
  }, { ...pretrain, seen: ndarray('float32', [4, 3, 12, 12], seen), matched: ints([4], [0, 1, 0, 1]), keep: ints([4, 5], Array.from(pretrain.tokens.data, (id) => Number(id !== 0))) }); // biome-ignore format: one line
  expect(whole['loss']![0]! / parts['loss']![0]!).toBeCloseTo(1, 5);
});

test('a stem makes as many tokens as patches would be', async () => {
  const stemmed: ViltConfig = { ...c, image: { size: 12, patch: 4, stem: { patch: 2, stages: [5, 6], depth: 1 } } };
  const found = await run((s, x) => ({ image: vilt(s, { image: x['image']!.asFloat(), tokens: x['tokens']!.asInt() }, stemmed).image }), { image, tokens }); // biome-ignore format: one line
  expect(found['image']!.length).toBe(2 * (1 + 9) * 12);
  const masked = run((s, x) => ({ image: vilt(s, { image: x['image']!.asFloat(), mask: x['mask']!.asInt(), tokens: x['tokens']!.asInt() }, stemmed).image }), { image, tokens, mask }); // biome-ignore format: one line
  await expect(masked).rejects.toMatchObject({ code: 'usage', hint: 'images of one size in a batch' });
});

test('half of a batch is matched, and nobody else gets the own image', async () => {
  const found = await run((s, x) => {
    const drawn: Tensors = {};
    const t = { draw: (name: string, make: (at: Scope) => Tensor) => (drawn[name] = make(s.at(name))) };
    pretraining(s, batchOf(x), t, c);
    return drawn;
  }, pretrain);
  expect(found['matched']!.toSorted()).toEqual([0, 0, 1, 1]);
  expect(found['image']!.every((other, i) => other !== i && other >= 0 && other < 4)).toBe(true);
});

test('a batch without a masked word has no loss for them, instead of NaN', async () => {
  const labels = ints([4, 5], new Array<number>(20).fill(NOT_ASKED));
  const recorded = { 'recorded/matched': ints([4], [0, 1, 0, 1]), 'recorded/image': ints([4], [2, 0, 3, 0]) };
  const found = await run(
    (s, x) => {
      const { loss, metrics } = pretraining(s, batchOf(x), drawer(x, s), c);
      return { loss, itm: metrics!['itm_loss']!, words: metrics!['mlm_accuracy']! };
    },
    { ...pretrain, labels, ...recorded },
  );
  expect(found['loss']).toEqual(found['itm']);
  expect(found['words']).toEqual([0]);
});

test('the plan carries equal shares of words to equal shares of patches; a text without words has distance 0', async () => {
  const x = { text: normals(7, 2, 5, 6), image: normals(8, 2, 4, 6), textKeep: ndarray('float32', [2, 5], [1, 1, 1, 1, 0, 1, 1, 0, 0, 0]), imageKeep: ndarray('float32', [2, 4], [1, 1, 1, 1, 1, 1, 1, 0]) }; // biome-ignore format: one line
  const found = await run((_s, t) => align({ text: t['text'] as F, image: t['image'] as F, textKeep: t['textKeep'] as F, imageKeep: t['imageKeep'] as F }), x); // biome-ignore format: one line
  const plan = found['plan']!.slice(0, 20); // [patch, word]; words 1 and 2, patches 1 to 3
  const sum = (places: number[]): number => places.reduce((a, i) => a + plan[i]!, 0);
  for (const word of [1, 2]) expect(sum([0, 1, 2, 3].map((p) => 5 * p + word))).toBeCloseTo(1 / 2, 3);
  for (const patch of [1, 2, 3]) expect(sum([0, 1, 2, 3, 4].map((w) => 5 * patch + w))).toBeCloseTo(1 / 3, 3);
  expect(sum([0, 5, 10, 15, 3, 8, 4, 1])).toBeCloseTo(0, 6); // [CLS], [SEP], filling, the image's class token
  expect(found['distance']![0]).toBeGreaterThan(0);
  expect(found['distance']![1]).toBe(0);
});

test('retrieval ranks the own text among others of the batch by the true row of the head for matching', async () => {
  const recorded = { 'recorded/texts': ints([4, 3], [1, 2, 3, 0, 2, 3, 3, 0, 1, 2, 1, 0]) };
  const batch = { image: pretrain.image, tokens: pretrain.tokens };
  const found = await run(
    (s, x) => {
      const { loss } = retrieving(s, { image: x['image']!.asFloat(), tokens: x['tokens']!.asInt() }, drawer(x, s), c);
      return { loss };
    },
    { ...batch, ...recorded },
  );
  const scores: number[][] = [];
  for (let i = 0; i < 4; i++) {
    const one = ndarray('float32', [4, 3, 12, 12], [0, 1, 2, 3].flatMap(() => [...pretrain.image.data.slice(432 * i, 432 * (i + 1))])); // biome-ignore format: one line
    const { score } = await run((s, x) => ({ score: matchLogits(s, pool(s, vilt(s, { image: x['image']!.asFloat(), tokens: x['tokens']!.asInt() }, c).text, c), c).at(1, 1) }), { ...batch, image: one }); // biome-ignore format: one line
    scores.push(score!);
  }
  const nll = scores.map((row, i) => Math.log(row.reduce((a, x) => a + Math.exp(x), 0)) - row[i]!);
  expect(found['loss']![0]).toBeCloseTo(nll.reduce((a, b) => a + b, 0) / 4, 4);
  const lone = { image: normals(1, 1, 3, 12, 12), tokens: ints([1, 3], [3, 5, 4]) };
  await expect(run((s, x) => ({ loss: retrieving(s, { image: x['image']!.asFloat(), tokens: x['tokens']!.asInt() }, drawer(x, s), c).loss }), lone)).rejects.toThrow('at least two pairs'); // biome-ignore format: one line
});

test('the vector of second images starts as that of images; a model without it says so', async () => {
  const store = new Store(3);
  const state = (s: Scope, x: Tensors, config: ViltConfig) => ({ loss: stating(s, { tokens: x['tokens'] as I, first: { image: x['image'] as F }, second: { image: x['image'] as F } }, x['truth'] as I, config).loss }); // biome-ignore format: one line
  const inputs = { image, tokens, truth: ints([2], [0, 1]) };
  const compiled = compile((s, x) => state(s, x, c), { store, threads: 1 });
  await compiled.run(inputs);
  await compiled.close();
  expect(store.get('modality/second').data).toEqual(store.get('modality/image').data);
  await expect(run((s, x) => state(s, x, { ...c, modalities: 2 }), inputs)).rejects.toThrow('no vector for second images'); // biome-ignore format: one line
});
