/** The fine-tuned forms without numbers of the released code to compare with: NLVR² and text assignment, by hand. */
import { expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { compile, type F, gather, type I, type NdArray, ndarray, type Scope, Store } from '../../engine/index.ts';
import { encodeSafetensors, readSafetensors, readTensors, writeTensors } from '../../hub/index.ts';
import { crossEntropy } from '../../nn/index.ts';
import { assignmentLogits, encodeImage, encodePair, encodeTokens, fuse, keptTokens } from './albef.ts';
import type { AlbefConfig } from './config.ts';
import { albefNames } from './names.ts';
import { assigning } from './objectives.ts';
import { recordedContext } from './testing/goldens.ts';
import { SIZE, smallConfig, tokenizer } from './testing/small.ts';

const rng = new Rng(5);
const normal = (...shape: number[]): NdArray<'float32'> =>
  ndarray(
    'float32',
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()),
  );
const tokens = ndarray('int32', [2, 5], tokenizer.rows(['a red image', 'it is blue'], 5, { sep: false }));
const [left, right] = [normal(2, 5, 24), normal(2, 5, 24)];

const paired = smallConfig({ classes: 2 }, 2);
/** As many single layers as the pairs have. */
const stacked: AlbefConfig = { ...smallConfig({ classes: 2 }), text: { ...smallConfig().text, depth: 3 } };

async function states(c: AlbefConfig, store: Store, a: NdArray<'float32'>, b: NdArray<'float32'>): Promise<number[]> {
  type Given = { a: F; b: F; words: I };
  const trace = (s: Scope, x: Given) => ({
    y: encodePair(s, x.words, [x.a, c.images === 2 ? x.b : undefined], c).add(x.b.mul(0).sum()),
  });
  const program = compile(trace, { store, threads: 1 });
  const { y } = await program.run({ a, b, words: tokens });
  await program.close();
  return Array.from(y.data, Number);
}

test('two images: layers in turns, keys and values shared, both copies of the single layer', async () => {
  const single = new Store(3);
  await states(smallConfig({ classes: 2 }), single, left, right);
  const store = new Store(4);
  for (const [path, a] of single.entries('param')) store.set(path, a);
  const found = await states(paired, store, left, left);
  expect(store.has('text/pairs/1/1/cross/k/weight')).toBe(false);
  for (const place of [0, 1])
    expect(store.get(`text/pairs/1/${place}/mlp/fc1/weight`).data).toEqual(
      single.get('text/blocks/1/mlp/fc1/weight').data,
    );
  const twice = new Store(5);
  for (const [path, a] of single.entries('param')) {
    twice.set(path, a);
    if (path.startsWith('text/blocks/1/')) twice.set(path.replace('blocks/1/', 'blocks/2/'), a);
  }
  const wanted = await states(stacked, twice, left, left);
  found.forEach((x, i) => expect(x).toBeCloseTo(wanted[i]!, 5));
  expect(await states(paired, store, left, right)).not.toEqual(found);
  // Without the second layer's attention to the image only the first image counts.
  for (const leaf of ['weight', 'bias']) store.get(`text/pairs/1/1/cross/out/${leaf}`).data.fill(0 as never);
  expect(await states(paired, store, left, right)).toEqual(await states(paired, store, left, left));
  expect(await states(paired, store, right, left)).not.toEqual(await states(paired, store, left, left));
});

test('shared keys and values are written once and read from files that have them twice', async () => {
  const store = new Store(6);
  await states(paired, store, left, right);
  const names = albefNames({ ...paired, heads: {} });
  const text = names.filter((n) => !JSON.stringify(n).includes('visual'));
  const written = writeTensors(new Map([...store.entries()].map(([p, a]) => [p, a])) as never, text);
  const key = (layer: number): string => `text_encoder.encoder.layer.${layer}.crossattention.self.key.weight`;
  expect([written.has(key(1)), written.has(key(2))]).toEqual([true, false]);
  const twice = new Map([
    ...written,
    ...['key.weight', 'key.bias', 'value.weight', 'value.bias'].map((leaf) => {
      const at = (i: number): string => `text_encoder.encoder.layer.${i}.crossattention.self.${leaf}`;
      return [at(2), written.get(at(1))!] as const;
    }),
  ]);
  const read = await readTensors(await readSafetensors(encodeSafetensors(twice)), text);
  for (const [path, a] of read) expect([path, a.data]).toEqual([path, store.get(path).data]);
  twice.set(key(2), normal(24, 24) as never);
  await expect(readTensors(await readSafetensors(encodeSafetensors(twice)), text)).rejects.toMatchObject({
    code: 'checkpoint',
  });
});

test('text assignment: which images a text sees follows from the draws', async () => {
  const c = smallConfig({ contrast: 11, assignment: true }, 2);
  const store = new Store(7);
  const rows = tokenizer.rows(['a red image', 'it is blue', 'a pink image'], 5, { sep: false });
  const batch = {
    image: normal(3, 3, SIZE, SIZE),
    tokens: ndarray('int32', [3, 5], rows),
    'recorded/assignment': ndarray('int64', [3], [0, 1, 2]),
    'recorded/distractors': ndarray('int64', [3, 2], [1, 2, 2, 0, 0, 1]),
  };
  const drawn = compile((s, x) => ({ loss: assigning(s, x, recordedContext(s, x), c).loss }), { store, threads: 1 });
  // Text 0 sees images 0 and 1, text 1 images 2 and 1, text 2 images 0 and 1.
  const byHand = compile(
    (s, x: { image: F; words: I }) => {
      const image = encodeImage(s, x.image, c);
      const seen = (...list: number[]): F => gather(image, s.constant(list, [3], 'int64'));
      const given = { text: encodeTokens(s, x.words, c), keep: keptTokens(x.words, c), first: true };
      const fused = fuse(s, { ...given, images: [seen(0, 2, 0), seen(1, 1, 1)] }, c);
      return { loss: crossEntropy(assignmentLogits(s, fused), s.constant([0, 1, 2], [3], 'int64')) };
    },
    { store, threads: 1 },
  );
  const found = await drawn.run(batch);
  const wanted = await byHand.run({ image: batch.image, words: batch.tokens });
  expect(Number(found['loss']!.data[0])).toBeCloseTo(Number(wanted.loss.data[0]), 5);
  await Promise.all([drawn.close(), byHand.close()]);
});
