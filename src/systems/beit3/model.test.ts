import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { compile, type NdArray, ndarray, type Scope, Store, type Tensor } from '../../engine/index.ts';
import { paramsOf } from '../loading.ts';
import { BeamSearch } from './beam-search.ts';
import { type Beit3Config, variants } from './config.ts';
import { configFromName } from './config-file.ts';
import { encode } from './encoder.ts';
import { beit3System } from './index.ts';
import { hiddenPatches, hideCaption, hideShare } from './masked-batches.ts';
import { tinyBeit3, tinyConfig } from './testing/tiny-beit3.ts';
import { learnCodes, patchesOf, visualTokens } from './visual-tokens.ts';

/** Numbers in the parameters of a model, in millions. */
function millions(c: Beit3Config, of: (path: string) => boolean = () => true): number {
  const specs = [...paramsOf(beit3System.definition, c)].filter(([path, { kind }]) => kind === 'param' && of(path));
  return specs.reduce((sum, [, { shape }]) => sum + shape.reduce((a, b) => a * b, 1), 0) / 1e6;
}

test.each([
  ['beit3_base_itc_patch16_224', 222], // README of the released code
  ['beit3_large_itc_patch16_224', 674],
  ['beit3_base_patch16_480_coco_captioning', 271],
  ['beit3_large_patch16_480_coco_captioning', 739],
  ['beit3_base_patch16_224_nlvr2', 226],
  ['beit3_base_patch16_480_vqa', 228],
  ['beit3_large_patch16_768_vqa', 683],
])('%s has %i million parameters', (name, wanted) => {
  expect(Math.abs(millions(configFromName(name)!) - wanted)).toBeLessThan(wanted * 0.01);
});

test('the giant has the paper’s parameters (§2.3): 692 million in each expert, 52 for pairs, 317 of attention', () => {
  const experts = (way: string) => millions(variants.giant, (path) => path.includes(`/mlp/${way}/`));
  const wanted = { A: 692, B: 692, VL: 52 }; // without the norm between, which the paper may not count
  for (const [way, count] of Object.entries(wanted)) expect(Math.abs(experts(way) - count)).toBeLessThan(1);
  expect(Math.round(millions(variants.giant, (path) => path.includes('/attn/') && !path.includes('norm')))).toBe(317);
});

/** What an encoder gives for inputs, [b n d]. */
async function encoded(c: Beit3Config, store: Store, inputs: Record<string, NdArray>): Promise<Float32Array> {
  const compiled = compile(
    (s: Scope, x: Record<string, Tensor>) => {
      const input = {
        ...(x['image'] ? { image: x['image'].asFloat() } : {}),
        ...(x['tokens'] ? { tokens: x['tokens'].asInt() } : {}),
        ...(x['masked'] ? { masked: x['masked'].asInt() } : {}),
      };
      return { y: encode(s, input, c).normed() };
    },
    { store, threads: 1 },
  );
  const { y } = await compiled.run(inputs);
  await compiled.close();
  return y!.data as Float32Array;
}

const rng = new Rng(5);
const pixels = (size: number) => ndarray('float32', [1, 3, size, size], Array.from({ length: 3 * size * size }, () => rng.normal())); // biome-ignore format: one line
const tokens = ndarray('int32', [1, 5], [0, 7, 5, 2, 1]);

describe('experts', () => {
  const c: Beit3Config = { ...tinyConfig, sharedAttention: true, fusionLayers: 1 };
  const image = pixels(10);
  const changed = async (way: string, inputs: Record<string, NdArray>): Promise<boolean> => {
    const { store } = tinyBeit3(c);
    const before = await encoded(c, store, inputs);
    for (const [path, { data }] of store.entries('param'))
      if (path.startsWith(`encoder/blocks/1/mlp/${way}/`)) (data as Float32Array).fill(0.1);
    return (await encoded(c, store, inputs)).some((x, i) => x !== before[i]);
  };

  test('images, texts and pairs go through their own in the top layer', async () => {
    const found = await Promise.all(
      ['A', 'B', 'VL'].map(async (way) => [
        await changed(way, { image }),
        await changed(way, { tokens }),
        await changed(way, { image, tokens }),
      ]),
    );
    expect(found).toEqual([
      [true, false, false],
      [false, true, false],
      [false, false, true],
    ]);
  });
});

test('pixels of hidden patches are not seen, through a stem neither', async () => {
  const stem = { patch: 5, stages: [24], depth: 1 };
  for (const c of [tinyConfig, { ...tinyConfig, stem }]) {
    const { store } = tinyBeit3(c);
    const [image, masked] = [pixels(10), ndarray('int32', [1, 4], [0, 1, 0, 0])];
    const before = await encoded(c, store, { image, masked });
    const other = { ...image, data: image.data.map((x, i) => (i % 10 >= 5 && Math.floor(i / 10) % 10 < 5 ? 9 : x)) };
    expect(await encoded(c, store, { image: other, masked })).toEqual(before);
    const all = ndarray('int32', [1, 4], [0, 0, 0, 0]);
    expect(await encoded(c, store, { image: other, masked: all })).not.toEqual(await encoded(c, store, { image, masked: all })); // biome-ignore format: one line
  }
});

test('padded tokens change nothing', async () => {
  const { store } = tinyBeit3();
  const image = pixels(10);
  const long = await encoded(tinyConfig, store, { image, tokens });
  const short = await encoded(tinyConfig, store, { image, tokens: ndarray('int32', [1, 4], tokens.data.subarray(0, 4)) }); // biome-ignore format: one line
  short.forEach((x, i) => {
    expect(x).toBeCloseTo(long[i]!, 5);
  });
});

test('a text longer than the table, and neither image nor text, are typed errors', async () => {
  const { store } = tinyBeit3();
  const long = ndarray('int32', [1, 12], new Int32Array(12).fill(4));
  await expect(encoded(tinyConfig, store, { tokens: long })).rejects.toMatchObject({ code: 'shape' });
  await expect(encoded(tinyConfig, store, {})).rejects.toMatchObject({ code: 'usage' });
});

test('visual tokens are the nearest codes; k-means finds the centres', async () => {
  const c = { ...tinyConfig, tasks: { codes: 3 } };
  const colours = [-1, 0, 1];
  const data = new Float32Array(4 * 300);
  for (let n = 0; n < 4; n++)
    for (let i = 0; i < 300; i++) {
      const [y, x] = [Math.floor(i / 10) % 10, i % 10];
      const patch = 2 * Math.floor(y / 5) + Math.floor(x / 5);
      data[n * 300 + i] = colours[(patch + n) % 3]! + 0.1 * rng.normal();
    }
  const codes = learnCodes(patchesOf(data, c), 75, 3, new Rng(1));
  const order = [0, 1, 2].map((j) => codes[75 * j]! + codes[75 * j + 1]!).map((sum) => Math.round(sum / 2) + 0);
  expect([...order].sort((a, b) => a - b)).toEqual(colours);
  const store = new Store();
  store.set('visual_tokens/codes', ndarray('float32', [3, 75], codes), 'buffer');
  const compiled = compile((s: Scope, x: Record<string, Tensor>) => ({ y: visualTokens(s, x['image']!.asFloat(), c) }), { store, threads: 1 }); // biome-ignore format: one line
  const { y } = await compiled.run({ image: ndarray('float32', [4, 3, 10, 10], data) });
  const wanted = [0, 1, 2, 3].flatMap((n) => [0, 1, 2, 3].map((patch) => colours[(patch + n) % 3]));
  expect([...(y!.data as BigInt64Array)].map((code) => order[Number(code)])).toEqual(wanted);
  await compiled.close();
  expect(() => learnCodes(new Float32Array(75), 75, 3, new Rng(1))).toThrow('too few for 3 visual tokens');
});

test('40 % of the patches are hidden, exactly, in blocks', () => {
  const { data } = hiddenPatches(8, 50, new Rng(2));
  const rows = Array.from({ length: 50 }, (_, i) => data.subarray(64 * i, 64 * (i + 1)));
  for (const row of rows) expect(row.reduce((a, b) => a + b, 0)).toBe(26);
  const beside = rows.flatMap((row) => [...row].flatMap((x, i) => (x === 1 && i % 8 < 7 ? [row[i + 1]!] : [])));
  expect(beside.reduce((a, b) => a + b, 0) / beside.length).toBeGreaterThan(0.6); // single ones: 0.4
});

test('captions: 70 % of the tokens are hidden, the end among them, the start never; texts: specials never', () => {
  const t = tinyBeit3().parts.tokenizer;
  const row = t.rows(['which colour is it?'], 12);
  const n = row.indexOf(2) + 1;
  let [ends, masks] = [0, 0];
  for (let seed = 0; seed < 200; seed++) {
    const [ids, labels] = [row.slice(), new Int32Array(12)];
    hideCaption(t)(ids, labels, new Rng(seed));
    const places = [...labels.keys()].filter((i) => labels[i] !== -100);
    expect(places).toHaveLength(Math.floor(0.7 * n + 0.5));
    expect(places.every((i) => i > 0 && i < n && labels[i] === row[i])).toBe(true);
    ends += Number(places.includes(n - 1));
    masks += places.filter((i) => ids[i] === t.ids.mask).length / places.length / 200;
    const [alone, hidden] = [row.slice(), new Int32Array(12)];
    hideShare(t, 0.5)(alone, hidden, new Rng(seed));
    expect([alone[0], alone[n - 1], hidden[0], hidden[n - 1], hidden[n]]).toEqual([0, 2, -100, -100, -100]);
  }
  expect(ends / 200).toBeGreaterThan(0.55);
  expect(Math.abs(masks - 0.8)).toBeLessThan(0.05);
});

test('beam search finds the likelier text behind the less likely beginning', () => {
  const o = { beams: 2, lengthPenalty: 0, longest: 6, start: 0, end: 1, mask: 4 };
  const logs = (...p: number[]): number[] => p.map(Math.log);
  const next = new Map([
    ['0', logs(0.01, 0.01, 0.5, 0.48)],
    ['02', logs(0.25, 0.25, 0.25, 0.25)],
    ['03', logs(0.01, 0.97, 0.01, 0.01)],
  ]);
  const search = new BeamSearch(1, o);
  let rows = ['0', '0'];
  for (;;) {
    const logp = Float32Array.from(rows.flatMap((text) => next.get(text) ?? logs(0.25, 0.25, 0.25, 0.25)));
    const chosen = search.step(logp, 4);
    if (!chosen) break;
    rows = chosen.from.map((from, i) => rows[from]! + chosen.token[i]!);
  }
  expect(search.texts()).toEqual([[0, 3, 4, 1]]);
});
