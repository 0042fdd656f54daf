import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { DenseVectors } from '../../capabilities/index.ts';
import { type ModelFiles, memoryFiles } from '../../hub/index.ts';
import { openModelFiles } from '../../hub/node/index.ts';
import { loadModel, modelFingerprint, modelFolder, saveModel } from '../node/index.ts';
import { configFromOpenClip } from './config-open-clip.ts';
import { clipSystem } from './index.ts';
import { openClip } from './open.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-published-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const testing = resolve('src/systems/clip/testing');
const [huggingface, scaled] = [join(testing, 'settings/model'), join(testing, 'open-clip-scaled')];
const image = { width: 12, height: 12, data: Uint8Array.from({ length: 432 }, (_, i) => (i * i * 7 + 13 * i) % 256) };

/** A folder of files of another, some of them edited. */
async function copied(
  from: string,
  name: string,
  edits: Record<string, (json: never) => unknown> = {},
): Promise<string> {
  const to = join(folder, name);
  await mkdir(to, { recursive: true });
  for (const file of await readdir(from)) {
    const bytes = await readFile(join(from, file));
    const edit = edits[file];
    await writeFile(join(to, file), edit ? JSON.stringify(edit(JSON.parse(bytes.toString()) as never)) : bytes);
  }
  return to;
}

test('open_clip’s LayerScale, epsilons, patches that do not tile and head widths that do not divide: its vectors, in both layouts', async () => {
  const path = await copied(scaled, 'scaled');
  await writeFile(join(path, 'tokenizer.json'), await readFile(join(huggingface, 'tokenizer.json')));
  const wanted = JSON.parse(await readFile(join(scaled, 'outputs.json'), 'utf8')) as Record<
    'image' | 'text',
    number[][]
  > & {
    texts: string[];
  };
  const model = await loadModel(clipSystem, path);
  expect([model.config.visual.heads, model.config.visual.layerScale, model.config.text.epsilon]).toEqual([
    2, 0.1, 1e-3,
  ]);
  await saveModel(clipSystem, join(folder, 'scaled-again'), model, { layout: 'open-clip' });
  await saveModel(clipSystem, join(folder, 'scaled-ours'), model);
  for (const from of [path, join(folder, 'scaled-again'), join(folder, 'scaled-ours')]) {
    const again = await loadModel(clipSystem, from);
    expect(again.config).toEqual(model.config);
    const system = openClip(again, { threads: 1 });
    const t = (await system.encodeText(wanted.texts)) as DenseVectors;
    const v = (await system.encodeImages([image])) as DenseVectors;
    wanted.text.flat().forEach((w, i) => expect(t.data[i]).toBeCloseTo(w, 4));
    wanted.image.flat().forEach((w, i) => expect(v.data[i]).toBeCloseTo(w, 4));
    await system.close();
  }
});

test.each<[string, object, string]>([
  ['a timm tower', { vision_cfg: { timm_model_name: 'vit_base' } }, 'vision_cfg.timm_model_name "vit_base"'],
  ['a text tower of transformers', { text_cfg: { hf_model_name: 'bert' } }, 'text_cfg.hf_model_name "bert"'],
  ['no causal mask', { text_cfg: { no_causal_mask: true } }, 'text_cfg.no_causal_mask true'],
  ['a text tower of its own', { custom_text: true }, 'custom_text true'],
  ['CoCa', { multimodal_cfg: { layers: 12 } }, 'multimodal_cfg {"layers":12}'],
  ['SigLIP', { init_logit_bias: -10 }, 'init_logit_bias -10'],
  [
    'a tokenizer’s options',
    { text_cfg: { tokenizer_kwargs: { clean: 'lower' } } },
    'text_cfg.tokenizer_kwargs {"clean":"lower"}',
  ],
  ['a rectangle', { vision_cfg: { image_size: [224, 336] } }, 'vision_cfg.image_size [224,336]'],
  ['a slip', { vision_cfg: { patchsize: 16 } }, 'unknown setting vision_cfg.patchsize 16 (did you mean "patch_size"?)'],
])('of open_clip refused by name: %s', (_, json, message) => {
  expect(() => configFromOpenClip(json)).toThrow(message);
});

test('a text that is read at a certain id is not written for open_clip, which reads it at the largest', async () => {
  const model = await loadModel(clipSystem, huggingface); // words were added after the end of text
  await expect(saveModel(clipSystem, join(folder, 'largest'), model, { layout: 'open-clip' })).rejects.toMatchObject({
    code: 'config',
    message: expect.stringContaining('open_clip reads a text at its largest id'),
  });
  await saveModel(clipSystem, join(folder, 'same'), model);
  const again = await loadModel(clipSystem, join(folder, 'same'));
  const text = 'a Glimmerfish   <sks-cup> red';
  expect(again.parts.tokenizer.encode(text)).toEqual(model.parts.tokenizer.encode(text));
});

type Towers = Record<'text_config' | 'vision_config', Record<string, unknown>>;

test.each<[string, keyof Towers, string, number]>([
  ['layers', 'vision_config', 'num_hidden_layers', 1e9],
  ['layers within bounds', 'text_config', 'num_hidden_layers', 256],
  ['positions', 'text_config', 'max_position_embeddings', 2 ** 32],
  ['positions within bounds', 'text_config', 'max_position_embeddings', 4096],
  ['ids', 'text_config', 'vocab_size', 2 ** 24],
  ['hidden values', 'vision_config', 'intermediate_size', 2 ** 53],
  ['pixels', 'vision_config', 'image_size', 1e308],
])('counts that the weights do not have cost nothing: %s', async (_, tower, key, value) => {
  const path = await copied(huggingface, 'counts', {
    'config.json': (j: Towers) => ({ ...j, [tower]: { ...j[tower], [key]: value } }),
  });
  const started = performance.now();
  await expect(loadModel(clipSystem, path)).rejects.toMatchObject({ code: 'checkpoint' });
  expect(performance.now() - started).toBeLessThan(5000); // far less; but tests share a machine
});

test('every file that is read is one of the layout’s settings, which are fetched; a change of any changes the fingerprint', async () => {
  const read = new Set<string>();
  const files = await openModelFiles(huggingface);
  const names = new Set(files.names);
  names.has = (name) => {
    read.add(name);
    return files.names.has(name);
  };
  const watched: ModelFiles = { ...files, names };
  await clipSystem.load(watched);
  const settings = clipSystem.layouts[0]!.settings;
  expect([...read].filter((name) => !settings.includes(name) && !/safetensors|^open_clip_config/.test(name))).toEqual(
    [],
  );
  const path = await copied(huggingface, 'fingerprint');
  const seen = new Set([await modelFingerprint(path), await modelFingerprint(huggingface)]);
  expect(seen.size).toBe(1);
  for (const name of settings) {
    await writeFile(join(path, name), name === 'config.json' ? '{"model_type": "clip"}' : '{}');
    seen.add(await modelFingerprint(path));
  }
  expect(seen.size).toBe(settings.length + 1);
});

test('folders of sentence-transformers: the CLIP that modules.json names', async () => {
  const path = join(folder, 'modules');
  await copied(huggingface, 'modules/0_CLIPModel');
  const write = (modules: unknown): Promise<void> => writeFile(join(path, 'modules.json'), JSON.stringify(modules));
  const first = { idx: 0, name: '0', path: '0_CLIPModel', type: 'sentence_transformers.models.CLIPModel' };
  const normal = { idx: 1, name: '1', path: '1_Normalize', type: 'sentence_transformers.models.Normalize' };
  await write([first, normal]);
  expect(await modelFolder(path)).toBe(join(path, '0_CLIPModel'));
  expect((await loadModel(clipSystem, path)).config.embed).toBe(6);
  await write([first, { ...normal, type: 'sentence_transformers.models.Dense' }]);
  await expect(modelFolder(path)).rejects.toThrow('type "Dense" cannot be obeyed');
  await write([{ ...first, path: '../..' }]);
  await expect(modelFolder(path)).rejects.toThrow('[0].path "../.." cannot be obeyed');
  await write([first]);
  await writeFile(join(path, 'config_sentence_transformers.json'), '{"default_prompt_name": "query"}');
  await expect(modelFolder(path)).rejects.toThrow(/default_prompt_name "query"/);
});

test('vocab.json decides the ids; without merges it is no tokenizer', async () => {
  const { model } = JSON.parse(await readFile(join(huggingface, 'tokenizer.json'), 'utf8')) as {
    model: { vocab: Record<string, number>; merges: [string, string][] };
  };
  const all: Record<string, string | Uint8Array> = {};
  for (const name of ['config.json', 'preprocessor_config.json', 'model.safetensors'])
    all[name] = new Uint8Array(await readFile(join(huggingface, name)));
  const [red, ball] = [model.vocab['red</w>']!, model.vocab['ball</w>']!];
  all['vocab.json'] = JSON.stringify({ ...model.vocab, 'red</w>': ball, 'ball</w>': red });
  await expect(clipSystem.load(memoryFiles(all))).rejects.toThrow(/no merges.txt/);
  all['merges.txt'] = `#version: 0.2\n${model.merges.map((m) => m.join(' ')).join('\n')}\n`;
  expect((await clipSystem.load(memoryFiles(all))).parts.tokenizer.encode('red ball')).toEqual([ball, red]);
  all['added_tokens.json'] = JSON.stringify({ glimmer: 529 });
  expect((await clipSystem.load(memoryFiles(all))).parts.tokenizer.encode('a glimmer')).toHaveLength(2);
});
