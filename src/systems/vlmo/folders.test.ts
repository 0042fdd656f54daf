import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { can, type DenseVectors } from '../../capabilities/index.ts';
import type { Store } from '../../engine/index.ts';
import { memoryFiles, pathsOf, type TensorData } from '../../hub/index.ts';
import { openSafetensors, writeSafetensors } from '../../hub/node/index.ts';
import { paramsOf } from '../loading.ts';
import { loadModel, saveModel } from '../node/index.ts';
import { type VlmoConfig, variants } from './config.ts';
import { configFromFile, configToFile } from './config-file.ts';
import { vlmoSystem } from './index.ts';
import { vlmoNames } from './names.ts';
import { tinyConfig, tinyVlmo } from './testing/tiny-vlmo.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-vlmo-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const golden = resolve('src/systems/vlmo/testing/vlmo-pretrain');
const vocabulary = ['[PAD]', '[CLS]', '[SEP]', '[MASK]', '[UNK]', ...Array.from({ length: 98 }, (_, i) => `w${i}`)].join('\n'); // biome-ignore format: one line

/** The golden as someone would publish it: state dict, settings, vocabulary. `change` sees the tensors. */
async function published(
  change: (all: Map<string, TensorData>, settings: Record<string, unknown>) => void = () => {},
): Promise<ReturnType<typeof memoryFiles>> {
  await using file = await openSafetensors(join(golden, 'model.safetensors'));
  const all = new Map<string, TensorData>();
  for (const name of file.names) all.set(name, await file.read(name));
  const settings = { model_type: 'vlmo', ...JSON.parse(await readFile(join(golden, 'config.json'), 'utf8')) } as Record<string, unknown>; // biome-ignore format: one line
  change(all, settings);
  const path = join(folder, `weights-${Math.random()}.safetensors`);
  await writeSafetensors(path, all);
  return memoryFiles({
    'config.json': JSON.stringify(settings),
    'vocab.txt': vocabulary,
    'model.safetensors': new Uint8Array(await readFile(path)),
  });
}

const weights = ({ store }: { store: Store }) => new Map([...store.entries()].map(([path, a]) => [path, a.data]));

describe('published state dicts', () => {
  test('open with settings, vocabulary and nothing else; images are squashed, half and half', async () => {
    const model = await vlmoSystem.load(await published());
    expect(model.parts.pixels).toMatchObject({ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], resample: 'bicubic', shape: { kind: 'fixed', width: 28, height: 28, fit: 'stretch' } }); // biome-ignore format: one line
    expect(model.config.text).toEqual({ vocabulary: 103, context: 11, span: 17 });
  });

  test('under a wrapper’s prefix, with index tables of any size, and with positions of longer texts', async () => {
    const plain = weights(await vlmoSystem.load(await published()));
    for (const prefix of ['module.', 'model.', 'state_dict.module.']) {
      const files = await published((all) => {
        for (const [key, t] of [...all]) {
          all.delete(key);
          all.set(prefix + key, t);
        }
      });
      expect(weights(await vlmoSystem.load(files))).toEqual(plain);
    }
    const longer = await published((all) => {
      const key = 'text_embeddings.position_embeddings.weight';
      const table = all.get(key) as TensorData<'float32'>;
      all.set(key, { dtype: 'float32', shape: [17, 24], data: Float32Array.from({ length: 17 * 24 }, (_, i) => table.data[i] ?? 9) }); // biome-ignore format: one line
      all.set('text_relative_position_index', { dtype: 'int64', shape: [2, 2], data: BigInt64Array.from([1n, 2n, 3n, 4n]) }); // biome-ignore format: one line
    });
    expect(weights(await vlmoSystem.load(longer))).toEqual(plain);
  });

  test('of other tasks or sizes than the settings say are refused, with the keys that say it', async () => {
    const other = await published((_, s) => (s['loss_names'] = { itm: 1, itc: 1, mlm: 1, vqa: 1 })); // biome-ignore format: one line
    await expect(vlmoSystem.load(other)).rejects.toMatchObject({ code: 'checkpoint', detail: { missing: expect.arrayContaining(['vqa_classifier.0.weight']) }, hint: expect.stringContaining('loss_names') }); // biome-ignore format: one line
    const shorter = await published((_, s) => (s['max_text_len_of_initckpt'] = 19));
    await expect(vlmoSystem.load(shorter)).rejects.toThrow(/52, 2, 38.*relative_position_bias_table/);
  });
});

describe('config.json', () => {
  test('every variant is read as it is written', () => {
    for (const c of Object.values(variants)) expect(configFromFile(configToFile(c))).toEqual(c);
    const text: VlmoConfig = { ...variants.base, textOnly: true, tasks: { mlm: true } };
    expect(configFromFile(configToFile(text))).toEqual(text);
    expect(configToFile(text)).toMatchObject({ loss_names: { mlm: 0, textmlm: 1 } });
    const answers: VlmoConfig = { ...variants.base_plus, tasks: { mim: { predicts: 'tokens', vocabulary: 8192 }, itc: 'unimodal', vqa: 3129, nlvr2: true } }; // biome-ignore format: one line
    expect(configFromFile(configToFile(answers))).toEqual(answers);
  });

  test('the name of an architecture stands for its sizes, and the code’s defaults for what is left out', () => {
    const { tasks: _, ...base } = variants.base;
    expect(configFromFile({ model_type: 'vlmo' })).toEqual({ ...base, tasks: { mlm: true, itc: 'both', itm: true } });
    expect(configFromFile({ model_arch: 'vlmo_large_patch16', image_size: 480, loss_names: { vqa: 1 } })).toMatchObject({ depth: 24, fusion: 21, size: 480, tasks: { vqa: 3129 } }); // biome-ignore format: one line
    expect(configFromFile({ model_arch: 'vlmo_base_plus_patch16', loss_names: { textmlm: 1 } })).toMatchObject({ positions: 'absolute', fusion: 21, textOnly: true, tasks: { mlm: true } }); // biome-ignore format: one line
  });

  test.each([
    [{ model_arch: 'vit_large_patch16_224' }, /model_arch/],
    [{ loss_names: { itmm: 1 } }, /loss_names\.itmm.*itm/],
    [{ loss_names: { itm: 2 } }, /loss_names\.itm/],
    [{ image_size: 230 }, /image_size/],
    [{ max_text_len: 200 }, /max_text_len_of_initckpt/],
    [{ val_transform_keys: ['pixelbert'] }, /val_transform_keys/],
    [{ drop_path_rate: 1 }, /drop_path_rate/],
    [{ imagesize: 224 }, /image_size/],
    [{ transformer: { embed_dim: 770 } }, /num_heads/],
    [{ transformer: { use_abs_pos_emb: true } }, /use_abs_pos_emb/],
    [{ transformer: { qkv_bias: false } }, /qkv_bias/],
    [{ transformer: { img_size: 384 } }, /img_size/],
    [{ transformer: { vlffn_start_layer_index: 13 } }, /vlffn_start_layer_index/],
    [{ transformer: { layer_scale_init_values: -1 } }, /layer_scale_init_values/],
    [{ transformer: { stem: { patch: 4, stages: [8, 8] } } }, /transformer\.stem/],
    [{ transformer: { stem: { patch: 4, stages: [] } } }, /transformer\.stem\.stages/],
  ])('%j is refused by name', (settings, message) => {
    expect(() => configFromFile(settings)).toThrow(message);
  });
});

test.each([
  ['base', 175],
  ['large', 562],
  ['base_plus', 167],
] as const)('%s has the %d million parameters that the authors count, and a name for each of all', (name, millions) => {
  const c = variants[name];
  const specs = paramsOf(vlmoSystem.definition, c);
  const network = [...specs].filter(([path]) => /^(blocks|visual|norm|text|modality|relative_bias)/.test(path));
  const count = network.reduce((sum, [, { shape }]) => sum + shape.reduce((a, b) => a * b, 1), 0);
  expect(Math.round(count / 1e6)).toBe(millions);
  expect(vlmoNames(c).flatMap(pathsOf).sort()).toEqual([...specs.keys()].sort());
});

describe('an open model', () => {
  test('written, read and opened from a folder it gives the same vectors, scores and answers', async () => {
    const model = await tinyVlmo();
    await saveModel(vlmoSystem, join(folder, 'tiny'), model);
    const back = await loadModel(vlmoSystem, join(folder, 'tiny'));
    expect(back.config).toEqual(model.config);
    expect(back.parts.answers).toEqual(['yes', 'no', 'red']);
    expect(weights(back)).toEqual(weights(model));
  });

  test('has the methods of its heads, and refuses what they cannot take', async () => {
    const model = await tinyVlmo();
    await saveModel(vlmoSystem, join(folder, 'open'), model);
    const system = vlmoSystem.definition.open(model, { threads: 1 });
    expect(can(system, 'encodeText', 'encodeImages', 'scorePairs', 'answer')).toBe(true);
    if (!can(system, 'encodeText', 'encodeImages', 'scorePairs', 'answer')) return;
    const image = { width: 9, height: 5, data: Uint8Array.from({ length: 135 }, (_, i) => (i * 37) % 256) };
    const other = { ...image, data: image.data.map((x) => 255 - x) };
    const texts = (await system.encodeText(['a red cube', 'a ball'])) as DenseVectors;
    expect(texts.width).toBe(model.config.width);
    expect(Math.hypot(...texts.data.subarray(0, texts.width))).toBeCloseTo(1, 5);
    const scores = await system.scorePairs([{ text: 'a red cube', image }, { text: 'a ball', image }, { text: 'a red cube', image: other }]); // biome-ignore format: one line
    expect(new Set(scores).size).toBe(3);
    const [free, chosen, judged] = await system
      .answer([{ text: 'a red cube', images: [image] }], { n: 2 })
      .then(async (a) => [
        // biome-ignore format: one line
        a[0]!,
        (await system.answer([{ text: 'a red cube', images: [image] }], { candidates: ['no', 'red'] }))[0]!,
        (await system.answer([{ text: 'a ball', images: [image, other] }]))[0]!,
      ]);
    expect(free!.alternatives).toHaveLength(2);
    expect(['no', 'red']).toContain(chosen!.text);
    expect(chosen!.alternatives).toHaveLength(2);
    expect(['true', 'false']).toContain(judged!.text);
    await expect(system.answer([{ text: 'x', images: [] }])).rejects.toMatchObject({ code: 'usage' });
    await expect(system.answer([{ text: 'x', images: [image] }], { candidates: ['rad'] })).rejects.toThrow(/red/);
    await expect(system.answer([{ text: 'x', images: [image] }], { beams: 3 } as object)).rejects.toThrow(/beams/);
    expect(await system.answer([])).toEqual([]);
    await system.close();
    const opened = vlmoSystem.definition.open(await loadModel(vlmoSystem, join(folder, 'open')), { threads: 1 });
    expect(((await opened.encodeText!(['a red cube', 'a ball'])) as DenseVectors).data).toEqual(texts.data);
    await opened.close();
  });

  test('with a stem is written and read with its running statistics', async () => {
    const model = await tinyVlmo(3, { ...tinyConfig, stem: { patch: 2, stages: [5, 7], depth: 1 } });
    await saveModel(vlmoSystem, join(folder, 'stem'), model);
    const back = await loadModel(vlmoSystem, join(folder, 'stem'));
    expect(back.config).toEqual(model.config);
    expect(weights(back)).toEqual(weights(model));
    expect(back.store.has('visual/stem/stages/1/blocks/0/norm2/running_var')).toBe(true);
  });

  test('for images of another size it has positions of that size', async () => {
    const model = await tinyVlmo();
    await saveModel(vlmoSystem, join(folder, 'larger'), model);
    const larger = await loadModel(vlmoSystem, join(folder, 'larger'), { size: 20 });
    expect(larger.config.size).toBe(20);
    expect(larger.store.get('relative_bias/image').shape[0]).toBe(9 * 9 + 3);
    await expect(loadModel(vlmoSystem, join(folder, 'larger'), { size: 18 })).rejects.toThrow(/do not tile/);
  });
});
