import { describe, expect, test } from 'vitest';
import { isBowError } from '../../base/index.ts';
import type { NdArray, Store } from '../../engine/index.ts';
import { encodeSafetensors, memoryFiles, type TensorData } from '../../hub/index.ts';
import { type ViltConfig, variants } from './config.ts';
import { configFromHuggingFace, configToHuggingFace } from './config-huggingface.ts';
import { configFromOfficial, configToOfficial } from './config-official.ts';
import { viltSystem } from './index.ts';
import { viltPreprocessing } from './layouts.ts';
import type { ViltModel } from './pairs.ts';
import { published, vocabulary } from './testing/published.ts';

const weights = ({ store }: { store: Store }) => new Map([...store.entries()].map(([path, a]) => [path, a.data]));

/** A model as files in a layout. */
function written(model: ViltModel, layout: string) {
  const { files, tensors } = viltSystem.content(model, layout);
  return memoryFiles({ ...files, 'model.safetensors': encodeSafetensors(tensors) });
}

const names = ['vqa-huggingface', 'statements-huggingface', 'rank-huggingface', 'mlm-huggingface', 'mlm-huggingface-5'];

describe('folders that transformers wrote', () => {
  test.each(names)('%s opens, and comes back from both layouts as it was', async (name) => {
    const model = await viltSystem.load(published(name));
    for (const layout of name.endsWith('-5') ? ['huggingface'] : ['huggingface', 'official']) {
      const back = await viltSystem.load(written(model, layout));
      expect(back.config).toEqual(model.config);
      expect(back.parts.answers).toEqual(model.parts.answers);
      expect(back.parts.pixels).toEqual(model.parts.pixels);
      expect(weights(back)).toEqual(weights(model));
    }
  });

  test('each has the head of its class', async () => {
    const tasks = async (name: string) => (await viltSystem.load(published(name))).config.tasks;
    expect(await Promise.all(names.map(tasks))).toEqual([{ answers: 3 }, { statements: true }, { rank: true }, { mlm: 'own' }, { mlm: 'tied' }]); // biome-ignore format: one line
    const { parts, config } = await viltSystem.load(published('vqa-huggingface'));
    expect(parts.answers).toEqual(['red', 'blue', 'two']);
    expect(config).toMatchObject({ epsilon: 1e-12, textEpsilon: 1e-12, dropout: 0, modalities: 2 });
    expect(parts.pixels.shape).toEqual({ kind: 'shorter', shorter: 6, longest: 9, multiple: 2 });
  });

  test('the bias of masked words is written under the names of both versions, and read under either', async () => {
    const model = await viltSystem.load(published('mlm-huggingface'));
    const { tensors } = viltSystem.content(model);
    expect(tensors.get('mlm_score.bias')).toEqual(tensors.get('mlm_score.decoder.bias'));
    const other = new Map([...tensors].filter(([key]) => key !== 'mlm_score.bias'));
    const back = await viltSystem.load(published('mlm-huggingface', { files: { 'model.safetensors': encodeSafetensors(other) } })); // biome-ignore format: one line
    expect(weights(back)).toEqual(weights(model));
  });

  test('a table of words that should be tied and is not, is another model', async () => {
    const model = await viltSystem.load(published('mlm-huggingface'));
    const files = { 'model.safetensors': encodeSafetensors(viltSystem.content(model).tensors) };
    const tied = published('mlm-huggingface', { config: { tie_word_embeddings: true }, files });
    await expect(viltSystem.load(tied)).rejects.toMatchObject({ code: 'checkpoint', message: expect.stringContaining('are different') }); // biome-ignore format: one line
  });
});

describe('folders of the paper’s code', () => {
  test('the bare model has no prefix, several heads have names of their own', async () => {
    const base = await viltSystem.load(published('rank-huggingface'));
    const bare = { ...base, config: { ...base.config, tasks: {} } };
    expect([...viltSystem.content(bare).tensors.keys()].every((key) => !key.startsWith('vilt.'))).toBe(true);
    expect(weights(await viltSystem.load(written(bare, 'huggingface'))).get('norm/weight')).toEqual(base.store.get('norm/weight').data); // biome-ignore format: one line
    const store = base.store;
    const [d, n] = [base.config.width, vocabulary.length];
    const config: ViltConfig = { ...base.config, modalities: 3, tasks: { mlm: 'own', itm: true, answers: 2, statements: true } }; // biome-ignore format: one line
    const add = (path: string, ...shape: number[]): void => store.set(path, { dtype: 'float32', shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 7) } as NdArray<'float32'>); // biome-ignore format: one line
    for (const head of ['answers', 'statements']) {
      add(`${head}/fc1/weight`, 2 * d, head === 'answers' ? d : 2 * d);
      for (const path of ['fc1/bias', 'norm/weight', 'norm/bias']) add(`${head}/${path}`, 2 * d);
      add(`${head}/fc2/weight`, 2, 2 * d);
      add(`${head}/fc2/bias`, 2);
    }
    for (const path of ['dense/bias', 'norm/weight', 'norm/bias']) add(`mlm/${path}`, d);
    add('mlm/dense/weight', d, d);
    add('mlm/decoder/weight', n, d);
    add('mlm/bias', n);
    add('itm/weight', 2, d);
    add('itm/bias', 2);
    add('modality/second', 1, d);
    const model: ViltModel = { config, store, parts: { ...base.parts, answers: ['yes', 'no'] } };
    for (const layout of ['huggingface', 'official']) {
      const back = await viltSystem.load(written(model, layout));
      expect(back.config).toEqual(config);
      expect(back.parts.answers).toEqual(['yes', 'no']);
      expect([...weights(back).keys()].every((path) => store.get(path).data.join() === back.store.get(path).data.join())).toBe(true); // biome-ignore format: one line
    }
    expect(JSON.parse(viltSystem.content(model).files['config.json']!)).toMatchObject({ architectures: ['ViltForQuestionAnswering'], tasks: ['answers', 'statements', 'mlm', 'itm'], id2label: { 0: 'yes', 1: 'no' } }); // biome-ignore format: one line
    const { files } = viltSystem.content(model, 'official');
    expect(JSON.parse(files['vqa_dict.json']!)).toEqual({ 0: 'yes', 1: 'no' });
    const { 'vqa_dict.json': _, ...without } = files;
    const silent = memoryFiles({ ...without, 'model.safetensors': encodeSafetensors(viltSystem.content(model, 'official').tensors) }); // biome-ignore format: one line
    await expect(viltSystem.load(silent)).rejects.toMatchObject({ code: 'data', message: expect.stringContaining('vqa_dict.json') }); // biome-ignore format: one line
  });

  test('tensors may begin with what a conversion left there; images are prepared as in the paper where nothing says otherwise', async () => {
    const model = await viltSystem.load(published('rank-huggingface'));
    const { files, tensors } = viltSystem.content(model, 'official');
    const { 'preprocessor_config.json': _, ...rest } = files;
    const prefixed = new Map([...tensors].map(([key, t]): [string, TensorData] => [`state_dict.${key}`, t]));
    const back = await viltSystem.load(memoryFiles({ ...rest, 'model.safetensors': encodeSafetensors(prefixed) }));
    expect(weights(back)).toEqual(weights(model));
    expect(back.parts.pixels).toEqual(viltPreprocessing(6));
    expect(viltPreprocessing(384).shape).toEqual({ kind: 'shorter', shorter: 384, longest: 639, multiple: 32 }); // 1333/800 of 384
  });

  test('the paper’s model has the name of its vision transformer, others say their sizes', () => {
    const paper = variants['ViLT-B/32'];
    expect(configToOfficial(paper)).toMatchObject({ vit: 'vit_base_patch32_384', max_image_len: 200, mlp_ratio: 4 });
    expect('vision' in configToOfficial(paper)).toBe(false);
    expect(configFromOfficial(configToOfficial(paper))).toEqual(paper);
    const odd: ViltConfig = { ...paper, width: 96, hidden: 230, heads: 3, image: { size: 48, patch: 16 } };
    expect(configFromOfficial(configToOfficial(odd))).toEqual(odd);
    expect(configFromHuggingFace(configToHuggingFace(odd, []))).toEqual(odd);
    for (const c of Object.values(variants)) expect(configFromHuggingFace(configToHuggingFace(c, []))).toEqual(c);
    const tied = { ...paper, tasks: { mlm: 'tied' } } as const;
    expect(() => viltSystem.definition.layouts[1]!.write({ config: tied, parts: {} as never })).toThrow(/no head for masked words that is tied/); // biome-ignore format: one line
  });
});

describe('what is not understood is refused by name', () => {
  test.each([
    [{ layer_norm_epsilon: 1e-6 }, 'layer_norm_epsilon'],
    [{ architectures: ['ViltForTokenClassification'] }, 'architectures'],
    [{ num_channels: 1 }, 'num_channels'],
    [{ num_attention_heads: 3 }, 'num_attention_heads'],
    [{ image_size: [6, 8] }, 'image_size'],
    [{ modality_type_vocab_size: 4 }, 'modality_type_vocab_size'],
    [{ tasks: ['captions'] }, 'tasks'],
    [{ id2label: { 0: 'a', 2: 'b' } }, 'id2label'],
    [{ num_labels: 7 }, 'num_labels'],
    [{ position_embedding_type: 'relative_key' }, 'position_embedding_type'],
    [{ hidden_act: 'swiglu' }, 'hidden_act'],
    [{ stem: { stages: 3 } }, 'stem'],
    [{ stem: { patch: 2, stages: [4, 4], depth: 1 } }, 'stem'],
  ])('config.json with %o', async (config, key) => {
    await expect(viltSystem.load(published('vqa-huggingface', { config }))).rejects.toMatchObject({ code: 'checkpoint', message: expect.stringContaining(key) }); // biome-ignore format: one line
  });

  test.each([
    [{ loss_names: { mpp: 1 } }, 'loss_names.mpp'],
    [{ vit: 'vit_deit_base_patch16_384' }, 'vit'],
    [{ num_layers: 11 }, 'vit'],
    [{ hidden_sise: 768 }, 'hidden_sise'],
    [{ vision: { img_size: 28, stem: 1 } }, 'vision.stem'],
    [{ drop_rate: 2 }, 'drop_rate'],
  ])('the paper’s config with %o', (more, key) => {
    expect(() => configFromOfficial({ loss_names: { mpp: 0, mlm: 1 }, ...more })).toThrow(key);
  });

  test('odd values of every key are typed errors, or harmless', () => {
    const odd = [null, 0, -1, 1.5, Number.NaN, '', 'x', true, [], [1], [null], {}, { 0: 1 }, { length: 3 }];
    const whole: ViltConfig = { ...variants.tiny, modalities: 3, tasks: { mlm: 'own', itm: true, answers: 2, statements: true } }; // biome-ignore format: one line
    const files = [
      [
        configFromHuggingFace,
        { ...configToHuggingFace(whole, ['a', 'b']), num_labels: 2, text_layer_norm_eps: 1e-6, pruned_heads: {} },
      ],
      [
        configFromOfficial,
        { ...configToOfficial({ ...whole, image: { size: 64, patch: 8 } }), text_layer_norm_eps: 1e-6 },
      ],
    ] as const;
    const raw: string[] = [];
    const tried = (read: (json: unknown) => ViltConfig, json: unknown, what: string): void => {
      try {
        viltSystem.definition.config.safeParse(read(json));
      } catch (e) {
        if (!isBowError(e)) raw.push(`${what}: ${e}`);
      }
    };
    for (const [read, json] of files)
      for (const value of odd) {
        tried(read, value, 'the whole file');
        for (const [key, own] of Object.entries(json)) {
          tried(read, { ...json, [key]: value }, `${key} ${JSON.stringify(value)}`);
          if (typeof own === 'object' && own !== null)
            for (const inner of Object.keys(own))
              tried(read, { ...json, [key]: { ...own, [inner]: value } }, `${key}.${inner}`);
        }
      }
    expect(raw).toEqual([]);
  });

  test('a tokenizer of another model, images that patches do not tile', async () => {
    const load = (files: Record<string, string | undefined>) =>
      viltSystem.load(published('vqa-huggingface', { files }));
    await expect(load({ 'vocab.txt': [...vocabulary, 'more'].join('\n') })).rejects.toMatchObject({ code: 'checkpoint', message: expect.stringContaining('24 ids') }); // biome-ignore format: one line
    const moved = ['[UNK]', '[PAD]', ...vocabulary.slice(2)].join('\n');
    await expect(load({ 'vocab.txt': moved })).rejects.toMatchObject({ code: 'checkpoint', message: expect.stringContaining('[PAD]') }); // biome-ignore format: one line
    await expect(load({ 'vocab.txt': undefined })).rejects.toMatchObject({ code: 'data' });
    const odd = JSON.stringify({
      image_processor_type: 'ViltImageProcessor',
      size: { shortest_edge: 6 },
      size_divisor: 3,
    });
    await expect(load({ 'preprocessor_config.json': odd })).rejects.toMatchObject({ code: 'checkpoint', message: expect.stringContaining('do not tile') }); // biome-ignore format: one line
  });
});

test('a model for images of another size fits its positions corner on corner', async () => {
  const model = await viltSystem.load(published('vqa-huggingface'), { size: 10 });
  const { data } = (await viltSystem.load(published('vqa-huggingface'))).store.get('image/positions');
  const fitted = model.store.get('image/positions');
  const d = model.config.width;
  expect(fitted.shape).toEqual([1 + 25, d]);
  const row = (a: typeof data, i: number): number[] => Array.from(a.slice(i * d, (i + 1) * d) as Float32Array);
  expect(row(fitted.data, 0)).toEqual(row(data, 0));
  for (const [to, from] of [[1, 1], [5, 3], [21, 7], [25, 9], [13, 5]] as const) expect(row(fitted.data, to)).toEqual(row(data, from)); // biome-ignore format: one line
  const between = row(data, 1).map((x, k) => (x + row(data, 2)[k]!) / 2);
  row(fitted.data, 2).forEach((x, k) => expect(x).toBeCloseTo(between[k]!, 6));
  expect(model.parts.pixels.shape).toEqual({ kind: 'shorter', shorter: 10, longest: 16, multiple: 2 });
  await expect(viltSystem.load(published('vqa-huggingface'), { size: 7 })).rejects.toMatchObject({ code: 'config', place: 'size' }); // biome-ignore format: one line
});

test('weights of other sizes than the config say which keys decide them', async () => {
  const large = published('vqa-huggingface', { config: { image_size: 8 } });
  await expect(viltSystem.load(large)).rejects.toMatchObject({ code: 'checkpoint', hint: expect.stringContaining('image_size') }); // biome-ignore format: one line
  const headless = published('vqa-huggingface', { config: { tasks: ['itm'] } });
  await expect(viltSystem.load(headless)).rejects.toMatchObject({ code: 'checkpoint', hint: expect.stringContaining('tasks') }); // biome-ignore format: one line
  const wide = published('vqa-huggingface', { config: { max_position_embeddings: 11 } });
  await expect(viltSystem.load(wide)).rejects.toMatchObject({ code: 'checkpoint', hint: expect.stringContaining('max_position_embeddings') }); // biome-ignore format: one line
});
