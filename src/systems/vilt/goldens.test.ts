import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile, type F, type NdArray, ndarray, type Scope, type Tensor, valueAndGrad } from '../../engine/index.ts';
import { type TensorName, writeTensors } from '../../hub/index.ts';
import { adamW, minimize } from '../../nn/index.ts';
import type { ViltConfig } from './config.ts';
import { configFromHuggingFace } from './config-huggingface.ts';
import { configFromOfficial } from './config-official.ts';
import { answerLogits, matchLogits, pool, rankScore, wordLogits } from './heads.ts';
import { huggingFaceNames, officialNames } from './names.ts';
import { answering, maskedWords, matching, statements, stating } from './objectives.ts';
import { floatsOf, foldersOf, type Golden, named, pixelMask, places, readGolden, relative, storeOf } from './testing/golden.ts'; // biome-ignore format: one line
import { align } from './transport.ts';
import { embedImage, embedText, fuse, vilt } from './vilt.ts';

type Tensors = Record<string, Tensor>;
type Case = {
  config: (json: unknown) => ViltConfig;
  names: (c: ViltConfig) => TensorName[];
  /** The batch that our functions take, from the reference's. */
  batch: (inputs: Record<string, NdArray>) => Record<string, NdArray>;
  loss: (s: Scope, x: Tensors, c: ViltConfig) => F;
  outputs: (s: Scope, x: Tensors, c: ViltConfig) => Tensors;
  /** Outputs of the reference that are the texts' part of a tap. */
  taps?: Readonly<Record<string, string>>;
};
const huggingFace = { config: configFromHuggingFace, names: huggingFaceNames };
/** Inputs as its classes call them. */
const pairInputs = (x: Record<string, NdArray>): Record<string, NdArray> => ({ image: x['pixel_values']!, image_mask: x['pixel_mask']!, tokens: x['input_ids']!, keep: x['attention_mask']! }); // biome-ignore format: one line
const pairBatch = (x: Tensors) => ({ ...imageOf(x, 'image'), ...textOf(x, 'tokens', 'keep') });
const official = { config: configFromOfficial, names: officialNames };
const columnsOf = (image: NdArray): number => image.shape[3]! / 7;

/** An image of the batch with its mask, and with the order in which the reference saw its patches. */
const imageOf = (x: Tensors, name: string) => ({
  image: x[name]!.asFloat(),
  mask: x[`${name}_mask`]!.asInt(),
  patches: x[`${name}_patches`]?.asInt(),
});
const textOf = (x: Tensors, name: string, keep: string) => ({ tokens: x[name]!.asInt(), keep: x[keep]!.asInt() });
const prepared = (name: string, image: NdArray, index: NdArray): Record<string, NdArray> => ({
  [name]: image,
  [`${name}_mask`]: pixelMask(image),
  [`${name}_patches`]: places(index, columnsOf(image)),
});

/** The true image where the label says so, else the false one. */
function chosen(labels: NdArray, own: NdArray, other: NdArray): NdArray {
  const each = own.data.length / own.shape[0]!;
  const data = Float32Array.from(own.data as Float32Array, (x, i) => Number(labels.data[Math.floor(i / each)]) === 1 ? x : (other.data[i] as number)); // biome-ignore format: one line
  return ndarray('float32', own.shape, data);
}

const cases: Readonly<Record<string, Case>> = {
  'vilt-pretrain': {
    ...official,
    batch: (x) => ({
      ...prepared('image', x['image']!, x['mlm_patch_index']!),
      ...prepared('shuffled', chosen(x['itm_labels']!, x['image']!, x['false_image']!), x['itm_patch_index']!),
      ...{ tokens: x['text_ids']!, keep: x['text_masks']!, masked: x['text_ids_mlm']! },
      ...{ labels: x['text_labels_mlm']!, matched: x['itm_labels']! },
    }),
    loss: (s, x, c) => {
      const mlm = maskedWords(
        s,
        textOf(x, 'masked', 'keep'),
        embedImage(s, imageOf(x, 'image'), c),
        x['labels']!.asInt(),
        c,
      );
      const shuffled = embedImage(s, imageOf(x, 'shuffled'), c);
      const itm = matching(s, textOf(x, 'tokens', 'keep'), shuffled, x['matched']!.asInt(), c, { alignment: 0.1 });
      return mlm.loss.add(itm.loss).asFloat();
    },
    outputs: (s, x, c) => {
      const mlm = vilt(s, { ...imageOf(x, 'image'), ...textOf(x, 'masked', 'keep') }, c);
      const itm = vilt(s, { ...imageOf(x, 'shuffled'), ...textOf(x, 'tokens', 'keep') }, c);
      const { cost, plan, distance } = align(itm);
      const terms = maskedWords(
        s,
        textOf(x, 'masked', 'keep'),
        embedImage(s, imageOf(x, 'image'), c),
        x['labels']!.asInt(),
        c,
      );
      const match = matching(
        s,
        textOf(x, 'tokens', 'keep'),
        embedImage(s, imageOf(x, 'shuffled'), c),
        x['matched']!.asInt(),
        c,
      );
      const pooled = pool(s, itm.text, c);
      return {
        ...{ mlm_text_feats: mlm.text, mlm_image_feats: mlm.image, mlm_image_masks: mlm.imageKeep },
        ...{ itm_text_feats: itm.text, itm_image_feats: itm.image, itm_image_masks: itm.imageKeep },
        ...{ mlm_logits: wordLogits(s, mlm.text, c), itm_pooled: pooled, itm_logits: matchLogits(s, pooled, c) },
        ...{ wpa_cost: cost, wpa_transport: plan, wpa_distance: distance, loss_mlm: terms.loss, loss_itm: match.loss },
      };
    },
  },
  'vilt-nlvr2': {
    ...official,
    batch: (x) => ({
      ...prepared('first', x['image_0']!, x['patch_index_0']!),
      ...prepared('second', x['image_1']!, x['patch_index_1']!),
      ...{ tokens: x['text_ids']!, keep: x['text_masks']!, truth: x['labels']! },
    }),
    loss: (s, x, c) => stating(s, statement(x), x['truth']!.asInt(), c).loss.asFloat(),
    outputs: (s, x, c) => {
      const text = embedText(s, textOf(x, 'tokens', 'keep'), c);
      const pooled = (name: 'first' | 'second', which?: 'second') =>
        pool(s, fuse(s, text, embedImage(s, imageOf(x, name), c, which), c, 'first'), c);
      const logits = statements(s, statement(x), c);
      return { truth: x['truth']!, logits, pooled_0: pooled('first'), pooled_1: pooled('second', 'second') };
    },
  },
  'vilt-vqa': {
    ...huggingFace,
    batch: (x) => ({ ...pairInputs(x), targets: x['labels']! }),
    loss: (s, x, c) => answering(s, pairBatch(x), x['targets']!.asFloat(), c).loss.asFloat(),
    outputs: (s, x, c) => ({
      targets: x['targets']!,
      logits: answerLogits(s, pool(s, vilt(s, pairBatch(x), c).text, c), c),
    }),
    taps: {
      'text_hidden.0': 'embedded',
      'text_hidden.1': 'blocks/0/output',
      'text_hidden.2': 'blocks/1/output',
      'text_hidden.3': 'blocks/2/output',
    },
  },
  'vilt-statements': {
    ...huggingFace,
    batch: (x) => ({
      ...{
        first: half(x['pixel_values']!, 0),
        first_mask: half(x['pixel_mask']!, 0),
        second: half(x['pixel_values']!, 1),
      },
      ...{
        second_mask: half(x['pixel_mask']!, 1),
        tokens: x['input_ids']!,
        keep: x['attention_mask']!,
        truth: x['labels']!,
      },
    }),
    loss: (s, x, c) => stating(s, statement(x), x['truth']!.asInt(), c).loss.asFloat(),
    outputs: (s, x, c) => ({ truth: x['truth']!, logits: statements(s, statement(x), c) }),
  },
  'vilt-mlm': {
    ...huggingFace,
    batch: (x) => ({ ...pairInputs(x), labels: x['labels']! }),
    loss: (s, x, c) =>
      maskedWords(
        s,
        textOf(x, 'tokens', 'keep'),
        embedImage(s, imageOf(x, 'image'), c),
        x['labels']!.asInt(),
        c,
      ).loss.asFloat(),
    outputs: (s, x, c) => ({ labels: x['labels']!, logits: wordLogits(s, vilt(s, pairBatch(x), c).text, c) }),
  },
  'vilt-rank': {
    ...huggingFace,
    batch: pairInputs,
    loss: (s, x, c) => rankScore(s, pool(s, vilt(s, pairBatch(x), c).text, c), c).sum(), // its class has none
    outputs: (s, x, c) => ({ logits: rankScore(s, pool(s, vilt(s, pairBatch(x), c).text, c), c) }),
  },
};
/** Images [b, 2, …] of a batch: the first or the second. */
function half(a: NdArray, which: 0 | 1): NdArray {
  const [b, , ...rest] = a.shape as number[];
  const each = a.data.length / (2 * b!);
  const data = Float32Array.from({ length: b! * each }, (_, i) => Number(a.data[(2 * Math.floor(i / each) + which) * each + (i % each)])); // biome-ignore format: one line
  return a.dtype === 'float32' ? ndarray('float32', [b!, ...rest], data) : ndarray('int32', [b!, ...rest], Int32Array.from(data)); // biome-ignore format: one line
}

const statement = (x: Tensors) => ({ first: imageOf(x, 'first'), second: imageOf(x, 'second'), ...textOf(x, 'tokens', 'keep') }); // biome-ignore format: one line

/** Largest of the magnitudes. */
const most = (a: ArrayLike<number>): number => Math.max(...Array.from(a, Math.abs));

/** The first rows of every sample: [b n+m d] → [b n d]. */
function firstRows(a: NdArray, n: number): Float32Array {
  const [b, all, d] = a.shape as [number, number, number];
  const data = a.data as Float32Array;
  return Float32Array.from({ length: b * n * d }, (_, i) => data[Math.floor(i / (n * d)) * all * d + (i % (n * d))]!);
}

async function checkOutputs(c: Case, g: Golden): Promise<void> {
  const compiled = compile((s, x) => c.outputs(s, x, g.config), { store: storeOf(g), threads: 1, taps: Object.entries(c.taps ?? {}).flatMap(([name, tap]) => (g.outputs.has(name) ? [tap] : [])) }); // biome-ignore format: one line
  const batch = c.batch(g.inputs);
  const found = (await compiled.run(batch)) as Record<string, NdArray>;
  await compiled.close();
  const off: string[] = [];
  for (const [name, wanted] of g.outputs) {
    const tap = c.taps?.[name];
    const ours = tap === undefined ? found[name]?.data : firstRows(found[tap]!, batch['tokens']!.shape[1]!);
    if (ours === undefined) continue;
    const worst = relative(ours as Float32Array, wanted.data);
    if (!(worst < 1e-4)) off.push(`${name} ${worst}`);
  }
  expect(off).toEqual([]);
  const skipped = [...g.outputs.keys()].filter((name) => !(name in found) && !c.taps?.[name]);
  expect(skipped.filter((name) => !['loss', 'loss_wpa_times_tenth'].includes(name))).toEqual([]);
}

async function checkGradients(c: Case, g: Golden, folder: string): Promise<void> {
  const compiled = compile(
    valueAndGrad((s, x) => c.loss(s, x, g.config)),
    { store: storeOf(g), threads: 1 },
  );
  const found = await compiled.run(c.batch(g.inputs));
  await compiled.close();
  const { loss } = g.json('info.json') as { loss: number };
  expect(Math.abs(Number(found.loss.data[0]) / loss - 1)).toBeLessThan(1e-4);
  const prefix = 'gradient/';
  const ours = new Map(Object.entries(found).filter(([k]) => k.startsWith(prefix)).map(([k, v]) => [k.slice(prefix.length), v as NdArray<'float32'>])); // biome-ignore format: one line
  const mine = writeTensors(ours, g.names, { partial: true }) as Map<string, NdArray<'float32'>>;
  const wanted = await floatsOf(join(folder, 'gradients.safetensors'));
  const alias = /^mlm_score\.(decoder\.)?bias$/; // one tensor, which each version of transformers calls by another name
  expect([...mine.keys()].filter((key) => !wanted.has(key) && !alias.test(key))).toEqual([]);
  expect([...wanted.keys()].filter((key) => !mine.has(key))).toEqual([]);
  // A key's bias moves all scores of a query alike: its gradient is 0 but for rounding, and is compared with the largest of all.
  const largest = Math.max(...[...wanted.values()].map((a) => most(a.data)));
  const off = [...wanted].flatMap(([key, a]) => {
    const worst = relative(mine.get(key)!.data, a.data);
    const isZero = most(a.data) < 1e-5 * largest;
    return isZero ? (most(mine.get(key)!.data) < 1e-5 * largest ? [] : [key]) : worst < 1e-3 ? [] : [`${key} ${worst}`];
  });
  expect(off).toEqual([]);
}

type Step = { lr: number; betas: [number, number]; eps: number; weight_decay: number; parameters: Record<string, [number, number, number]> }; // biome-ignore format: one line

async function checkStep(c: Case, g: Golden): Promise<void> {
  const { lr, betas, eps, weight_decay: weightDecay, parameters } = g.json('after_adamw_step.json') as Step;
  const store = storeOf(g);
  const optimizer = adamW({ betas, eps, weightDecay, decay: 1 });
  const step = compile((s, { lr: rate, ...x }) => minimize(s, c.loss(s, x, g.config), optimizer, { lr: rate! }), { store, threads: 1, training: true }); // biome-ignore format: one line
  await step.run({ ...c.batch(g.inputs), lr: ndarray('float32', [], [lr]) });
  await step.close();
  const ours = named(new Map([...store.entries('param')].map(([p, a]) => [p, a as NdArray<'float32'>])), g.names);
  const off = Object.entries(parameters).flatMap(([key, [mean, std, first]]) => {
    const { data } = ours.get(key)!;
    const m = data.reduce((a, b) => a + b, 0) / data.length;
    const deviation = Math.sqrt(data.reduce((a, b) => a + (b - m) ** 2, 0) / data.length);
    // Adam's first step is lr·sign(g): where the gradient is rounding alone (biases of keys), the sign is chance.
    const tolerance = /(key|qkv)\.bias$/.test(key) ? 2e-3 : 1e-3;
    const close = (a: number, b: number): boolean => Math.abs(a - b) < tolerance * Math.max(0.05, Math.abs(b)) + (tolerance > 1e-3 ? 2 * lr : 0); // biome-ignore format: one line
    return close(m, mean) && close(deviation, std) && close(data[0]!, first) ? [] : [`${key}: ${m} ${deviation} ${data[0]} for ${mean} ${std} ${first}`]; // biome-ignore format: one line
  });
  expect(off).toEqual([]);
}

describe.each(Object.keys(cases))('%s', (name) => {
  const folders = foldersOf(name);
  const c = cases[name]!;
  test.skipIf(folders.length === 0)(folders.length === 0 ? 'skipped: no such folder' : 'is found', () => {});
  describe.each(folders)('%s', (folder) => {
    const read = (): Promise<Golden> => readGolden(folder, c.config, c.names);
    test('outputs are the reference’s to 1e-4', async () => checkOutputs(c, await read()));
    const hasGradients = existsSync(join(folder, 'gradients.safetensors')); // the copy here is without, for its size
    test.skipIf(!hasGradients)('loss to 1e-4 and every gradient to 1e-3', async () =>
      checkGradients(c, await read(), folder),
    );
    const hasStep = existsSync(join(folder, 'after_adamw_step.json'));
    test.skipIf(!hasStep)('parameters after one AdamW step', async () => checkStep(c, await read()));
    test('names go out as they came in', async () => {
      const g = await read();
      const back = named(g.params, g.names);
      const original = await floatsOf(join(folder, 'model.safetensors'));
      for (const [key, a] of original) if (!key.endsWith('position_ids')) expect(back.get(key), key).toEqual(a);
    });
  });
});
