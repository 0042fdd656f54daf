/** Checkpoints in folders: the released code's keys and settings, and our own config. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import type { DenseVectors } from '../../capabilities/index.ts';
import { trace } from '../../engine/index.ts';
import { encodeSafetensors, type ModelFiles, memoryFiles, readSafetensors } from '../../hub/index.ts';
import { dataInMemory, type ImageTasks, imageTasks } from '../../kinds/index.ts';
import { parseRecipe } from '../../train/index.ts';
import { loadFrom } from '../loading.ts';
import { systemOf } from '../registry.ts';
import { type AlbefConfig, albefConfig, variants } from './config.ts';
import { albefSystem } from './index.ts';
import { openAlbef } from './open.ts';
import type { AlbefModel } from './programs.ts';
import { colours, plainImage, smallConfig, smallModel, smallParts } from './testing/small.ts';

const released = resolve('src/systems/albef/testing/albef-pretrain');
const settings = JSON.parse(readFileSync(join(released, 'config.json'), 'utf8')) as Record<string, object>;
const weights = new Uint8Array(readFileSync(join(released, 'model.safetensors')));
/** [CLS] and [MASK] where the released case has them, and words. */
const vocabulary = ['[PAD]', '[CLS]', '[MASK]', '[SEP]', '[UNK]', 'a', 'red', 'blue', 'cup', '##s'].join('\n');

const folder = (config: object, files: Record<string, string | Uint8Array> = {}): ModelFiles =>
  memoryFiles({
    'config.json': JSON.stringify(config),
    'model.safetensors': weights,
    'vocab.txt': vocabulary,
    ...files,
  });

function made(config: AlbefConfig): AlbefModel {
  const model = smallModel(config, 1);
  const { definition } = albefSystem;
  const traced = trace((s, x) => definition.model.trace(s, x, config), definition.model.inputs(config));
  for (const { spec } of traced.trace.params.values()) model.store.ensure(spec);
  return model;
}

function filesOf(model: AlbefModel): ModelFiles {
  const { files, weights: name, tensors } = albefSystem.content(model);
  return memoryFiles({ ...files, [name]: encodeSafetensors(tensors) });
}

test('a converted archive of the released code opens by its own settings; twins and queues are for training alone', async () => {
  const files = folder(settings);
  expect((await systemOf(files)).id).toBe('albef');
  const model = await albefSystem.load(files);
  expect(model.config.heads).toEqual({ contrast: 15, match: true, words: true });
  expect([...model.store.entries('state')]).toEqual([]);
  const trained = await loadFrom(albefSystem.definition, files, { state: true });
  expect(trained.store.get('teacher/text/blocks/3/cross/k/weight').shape).toEqual([18, 20]);
  expect(trained.store.get('queue/text/rows').shape).toEqual([12, 15]);
  const system = openAlbef(model, { threads: 1 });
  const image = plainImage(1, new Rng(1));
  const vectors = (await system.encodeText!(['a red cup', 'blue cups!'])) as DenseVectors;
  expect([vectors.rows, vectors.width]).toEqual([2, 15]);
  expect((await system.scorePairs!([{ text: 'a red cup', image }]))[0]).toEqual(expect.any(Number));
  await system.close();
});

test('keys that begin with the archive’s name or a wrapper’s are the same model', async () => {
  const file = await readSafetensors(weights);
  const wrapped = new Map(
    await Promise.all(file.names.map(async (n) => [`model.module.${n}`, await file.read(n)] as const)),
  );
  const model = await albefSystem.load(folder(settings, { 'model.safetensors': encodeSafetensors(wrapped) }));
  const plain = await albefSystem.load(folder(settings));
  for (const [path, a] of plain.store.entries()) expect([path, model.store.get(path)]).toEqual([path, a]);
});

type Edit = (s: typeof settings) => object;
const bert = (s: typeof settings, change: object): object => ({
  ...s,
  bert_config: { ...s['bert_config'], ...change },
});
test.each<[string, Edit, RegExp]>([
  ['an unknown key', (s) => ({ ...s, queue_sise: 3 }), /queue_sise.*queue_size/],
  ['an unknown key of BERT', (s) => bert(s, { hidden_sise: 3 }), /bert_config.hidden_sise/],
  ['another activation', (s) => bert(s, { hidden_act: 'relu' }), /hidden_act "relu"/],
  ['a width that the image does not have', (s) => bert(s, { encoder_width: 19 }), /encoder_width 19/],
  ['no fusion layer left', (s) => bert(s, { fusion_layer: 4 }), /text.fusion: no layer of 4/],
  ['more layers than the weights have', (s) => bert(s, { num_hidden_layers: 7 }), /lack/],
])('refused by name: %s', async (_, edit, message) => {
  await expect(albefSystem.load(folder(edit(settings)))).rejects.toMatchObject({
    code: 'checkpoint',
    message: expect.stringMatching(message),
  });
});

test('weights of something else, and a tokenizer that does not fit, are named', async () => {
  const file = await readSafetensors(weights);
  const all = new Map(await Promise.all(file.names.map(async (n) => [n, await file.read(n)] as const)));
  all.set('pooler.weight', all.get('itm_head.weight')!);
  await expect(
    albefSystem.load(folder(settings, { 'model.safetensors': encodeSafetensors(all) })),
  ).rejects.toMatchObject({ code: 'checkpoint', detail: { unexpected: ['pooler.weight'] } });
  const pads = vocabulary.split('\n').reverse().join('\n');
  await expect(albefSystem.load(folder(settings, { 'vocab.txt': pads }))).rejects.toThrow(/\[PAD\] has the id/);
});

test.each<[string, AlbefConfig]>([
  ['all heads of one image', smallConfig()],
  ['retrieval', smallConfig({ contrast: 11, match: true })],
  ['NLVR²', smallConfig({ classes: 2 }, 2)],
  ['text assignment', smallConfig({ contrast: 11, assignment: true }, 2)],
  ['a stem', { ...smallConfig(), visual: { ...smallConfig().visual, stem: { patch: 5, stages: [7], depth: 1 } } }],
])('written and read back: %s', async (_, config) => {
  const answers = config.heads.classes ? ['false', 'true'] : ['red', 'blue'];
  const model = { ...made(config), parts: { ...smallParts, answers } };
  const again = await albefSystem.load(filesOf(model));
  expect(again.config).toEqual(config);
  expect([...again.store.entries()].map(([path]) => path).sort()).toEqual(
    [...model.store.entries()].map(([path]) => path).sort(),
  );
  for (const [path, { data }] of again.store.entries())
    expect([path, data]).toEqual([path, model.store.get(path).data]);
  expect(again.parts.answers).toEqual(answers);
  expect(again.parts.pixels).toEqual(model.parts.pixels);
  expect(again.parts.tokenizer.encode('a red image')).toEqual(model.parts.tokenizer.encode('a red image'));
});

test('images of another size: positions are resized, those of the twin with them', async () => {
  const larger = await loadFrom(albefSystem.definition, folder(settings), { size: 42, state: true });
  expect(larger.store.get('visual/positions').shape).toEqual([1 + 36, 20]);
  expect(larger.store.get('teacher/visual/positions').shape).toEqual([1 + 36, 20]);
  await expect(albefSystem.load(folder(settings), { size: 30 })).rejects.toMatchObject({ code: 'config' });
});

test('all variants are sound; unsound configs are refused', () => {
  for (const config of Object.values(variants)) expect(albefConfig.parse(config)).toEqual(config);
  const { tiny } = variants;
  for (const [what, bad] of [
    ['heads', { ...tiny, text: { ...tiny.text, heads: 5 } }],
    ['stem', { ...tiny, visual: { ...tiny.visual, patch: 16 } }],
    ['images', { ...tiny, images: 2 }],
    ['decoder', { ...tiny, heads: { ...tiny.heads, decoder: 3 } }],
    ['pad', { ...tiny, text: { ...tiny.text, pad: 5000 } }],
  ] as const)
    expect([what, albefConfig.safeParse(bad).success]).toEqual([what, false]);
});

test('a training that starts from the archive: the decoder, or the pairs of layers, are copies; twins go on, what is not the model’s is gone', async () => {
  const start = async (data: ImageTasks) => {
    const recipe = parseRecipe({ system: 'albef', steps: 1, from: 'archive' });
    const files = async (): Promise<ModelFiles> => folder(settings);
    const load = dataInMemory(imageTasks, data);
    const { store, stages } = await albefSystem.training!.prepare(recipe, { files, load });
    return { store: store!, stages: stages.map(({ id }) => id) };
  };
  const asked = await start(colours());
  expect(asked.stages).toEqual(['answers']);
  const values = (path: string, { store } = asked): unknown => store.get(path).data;
  expect(values('decoder/blocks/1/cross/q/weight')).toEqual(values('text/blocks/3/cross/q/weight'));
  expect(values('decoder/head/dense/weight')).toEqual(values('text/head/dense/weight'));
  expect(values('teacher/visual/norm/bias')).not.toEqual(values('visual/norm/bias'));
  const two = await start(
    colours((s) => ({ ...s, questions: s.questions.map((q) => ({ ...q, images: [0, 1], answers: [['true', 1]] })) })),
  );
  expect(two.stages).toEqual(['pretrain', 'answers']);
  for (const place of [0, 1])
    expect(values(`text/pairs/2/${place}/mlp/fc1/weight`, two)).toEqual(values('text/blocks/2/mlp/fc1/weight'));
  const kept = [...two.store.entries('param')].map(([path]) => path);
  expect(kept.filter((path) => /^text\/blocks\/[23]|^match|^text\/head/.test(path))).toEqual([]);
  expect((await start(colours((s) => ({ ...s, questions: [] })))).stages).toEqual(['pretrain']);
});
