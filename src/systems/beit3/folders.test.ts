import { expect, test } from 'vitest';
import type { DenseVectors } from '../../capabilities/index.ts';
import { encodeSafetensors, memoryFiles } from '../../hub/index.ts';
import { writeSentencePiece } from '../../text/testing/write-sentencepiece.ts';
import { variants } from './config.ts';
import { configFromFile, configFromName, configToFile } from './config-file.ts';
import { beit3System } from './index.ts';
import { beit3Preprocessing } from './layouts.ts';
import { type Beit3Model, openBeit3 } from './open.ts';
import { names, tinyBeit3, tinyConfig } from './testing/tiny-beit3.ts';

type Contents = Record<string, string | Uint8Array>;

/** A model's folder in memory. `key`: what becomes of the tensors' keys. */
function folder(model: Beit3Model, key: (name: string) => string = (name) => name): Contents {
  const { files, tensors } = beit3System.content(model);
  const renamed = new Map([...tensors].map(([name, t]) => [key(name), t]));
  return { ...files, 'model.safetensors': encodeSafetensors(renamed) };
}

const image = { width: 12, height: 9, data: Uint8Array.from({ length: 324 }, (_, i) => (i * i * 7 + 13 * i) % 256) };

async function vectors(model: Beit3Model): Promise<number[]> {
  const system = openBeit3(model, { threads: 1 });
  const found = [await system.encodeText!(['a red image']), await system.encodeImages!([image])] as DenseVectors[];
  await system.close();
  return found.flatMap(({ data }) => [...data]);
}

const stem = { patch: 5, stages: [24], depth: 1 };

test.each([
  ['as it is', tinyConfig, (k: string) => k],
  ['behind a wrapper', tinyConfig, (k: string) => `module.${k}`],
  ['behind two', tinyConfig, (k: string) => `model.module.${k}`],
  ['the paper’s design', { ...tinyConfig, sharedAttention: true, fusionLayers: 1 } as const, (k: string) => k],
  ['a stem', { ...tinyConfig, stem }, (k: string) => k],
])('a folder that is written is read again: %s', async (_, config, key) => {
  const model = tinyBeit3(config);
  const again = await beit3System.load(memoryFiles(folder(model, key)));
  expect(again.config).toEqual(config);
  expect(again.parts.answers).toEqual(names);
  expect(await vectors(again)).toEqual(await vectors(model));
});

test('for other sizes the images’ positions are interpolated, their first three rows kept', async () => {
  const model = tinyBeit3({ ...tinyConfig, size: 15 });
  const { store } = await beit3System.load(memoryFiles(folder(model)), { size: 30 });
  const [before, after] = [model.store.get('encoder/positions/A'), store.get('encoder/positions/A')];
  expect([before.shape, after.shape]).toEqual([[12, 24], [39, 24]]); // biome-ignore format: one line
  expect(after.data.slice(0, 72)).toEqual(before.data.slice(0, 72));
  const middle = (a: typeof before, side: number): number => {
    const rows = Array.from({ length: side * side }, (_, i) => Number(a.data[72 + 24 * i]));
    return rows.reduce((x, y) => x + y, 0) / rows.length;
  };
  expect(middle(after, 6)).toBeCloseTo(middle(before, 3), 2); // interpolation keeps the mean, but for the edges
  await expect(beit3System.load(memoryFiles(folder(model)), { size: 16 })).rejects.toMatchObject({ code: 'config' });
});

test('released checkpoints: the name says the model, beit3.spm the tokens, answer2label.txt the answers', async () => {
  const spm = writeSentencePiece([['▁a', -1], ['▁red', -2], ['▁image', -3]]); // biome-ignore format: one line
  const base = tinyBeit3();
  const { 'tokenizer.json': _, 'tokenizer_config.json': __, 'preprocessor_config.json': ___, ...rest } = folder(base);
  const json = JSON.parse(rest['config.json'] as string) as Record<string, unknown>;
  const { id2label: ____, ...settings } = json;
  const lines = names.map((answer, label) => JSON.stringify({ answer, label })).join('\n');
  const files = { ...rest, 'config.json': JSON.stringify(settings), 'beit3.spm': spm, 'answer2label.txt': lines };
  const { parts } = await beit3System.load(memoryFiles(files));
  expect([parts.tokenizer.encode('a red image'), parts.answers]).toEqual([[4, 5, 6], names]);
  expect(parts.pixels).toEqual(beit3Preprocessing(tinyConfig));
  await expect(beit3System.load(memoryFiles({ ...files, 'answer2label.txt': `${lines}\n{"answer": "x"}` }))).rejects.toThrow('labels'); // biome-ignore format: one line
  await expect(beit3System.load(memoryFiles({ ...files, 'answer2label.txt': 'yes' }))).rejects.toThrow('no answer with its label'); // biome-ignore format: one line
  const { 'beit3.spm': _____, ...untold } = files;
  await expect(beit3System.load(memoryFiles(untold))).rejects.toMatchObject({ code: 'data' });
});

test('names of released checkpoints', () => {
  const said = (name: string) => {
    const c = configFromName(name);
    return c && [c.depth, c.size, c.finalNorm, c.tasks];
  };
  expect(said('beit3_base_patch16_224')).toEqual([12, 224, true, { tokens: true }]);
  expect(said('beit3_large_indomain_patch16_768_vgqaaug_vqa')).toEqual([24, 768, false, { answers: 3129 }]);
  expect(said('beit3_base_patch16_224_in1k')).toEqual([12, 224, false, { classes: 1000 }]);
  expect(said('beit3_base_patch16_384_f30k_retrieval')).toEqual([12, 384, true, { retrieval: true }]);
  expect(said('beit3_huge_patch16_224')).toBeUndefined();
  expect(said('beit3_base_patch16_224_dancing')).toBeUndefined();
  expect(configFromFile({ model_name: 'beit3_base_itc_patch16_224' }).tasks).toEqual({ retrieval: true });
});

test('every variant comes back from its config.json', () => {
  for (const [name, c] of Object.entries({ ...variants, drop: { ...tinyConfig, dropPath: 0.1 } }))
    expect([name, configFromFile(configToFile(c))]).toEqual([name, c]);
});

test.each<[string, object, string]>([
  ['an unknown key', { encoder_layer: 3 }, 'unknown setting encoder_layer 3 (did you mean "encoder_layers"?)'],
  ['another activation', { activation_fn: 'relu' }, 'activation_fn "relu"'],
  ['no sub-LN', { subln: false }, 'subln false'],
  ['no Multiway', { multiway: false }, 'multiway false'],
  ['relative positions', { rel_pos_buckets: 32 }, 'rel_pos_buckets 32'],
  ['heads that do not divide', { encoder_attention_heads: 7 }, 'encoder_attention_heads 7'],
  ['a task', { tasks: { detection: true } }, 'tasks.detection'],
  ['a task’s size', { tasks: { answers: true } }, 'tasks.answers true'],
  ['a name', { model_name: 'beit3_giant' }, 'model_name "beit3_giant"'],
  ['a name and more', { model_name: 'beit3_base_patch16_224', img_size: 480 }, 'img_size 480'],
  ['vast layers', { encoder_layers: 1e9 }, 'encoder_layers 1000000000'],
  ['a rate', { drop_path_rate: 1 }, 'drop_path_rate 1'],
  ['stages', { stem: { stages: [] } }, 'stem.stages []'],
])('refused by name: %s', (_, json, message) => {
  expect(() => configFromFile(json)).toThrow(message);
});

test('a stem that does not fit is refused before any work', async () => {
  const model = tinyBeit3({ ...tinyConfig, stem });
  const files = folder(model);
  const json = JSON.parse(files['config.json'] as string) as object;
  const wrong = { ...files, 'config.json': JSON.stringify({ ...json, stem: { ...stem, stages: [12] } }) };
  await expect(beit3System.load(memoryFiles(wrong))).rejects.toThrow('as wide as the model');
});

test('a classifier sees the middle square in ImageNet’s scale, everything else a squashed one from −1 to 1', () => {
  expect(beit3Preprocessing({ size: 20, tasks: { classes: 3 } })).toMatchObject({ shape: { fit: 'crop' }, mean: [0.485, 0.456, 0.406] }); // biome-ignore format: one line
  expect(beit3Preprocessing({ size: 20, tasks: { answers: 3 } })).toMatchObject({ shape: { fit: 'stretch' }, std: [0.5, 0.5, 0.5] }); // biome-ignore format: one line
});
