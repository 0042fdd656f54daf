import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Rng } from '../../base/index.ts';
import { can, type DenseVectors } from '../../capabilities/index.ts';
import { compile, type F, type I, ndarray, Store } from '../../engine/index.ts';
import { openModelFiles } from '../../hub/node/index.ts';
import { clipPreprocessing, fitImage, squareGeometry } from '../../image/index.ts';
import { resizeTable } from '../../nn/index.ts';
import { loadModel, saveModel } from '../node/index.ts';
import { loadSystem } from '../registry.ts';
import { encodeImage, encodeText, variants } from './clip.ts';
import { configFromHuggingFace, configToHuggingFace } from './config-huggingface.ts';
import { configFromOpenClip, configToOpenClip } from './config-open-clip.ts';
import { clipSystem } from './index.ts';
import { openClip } from './open.ts';
import { tinyClip, tinyConfig } from './testing/tiny-clip.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-clip-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const texts = ['a red cube', 'a blue ball', 'red red red red red red red red red red'];
const images = [3, 5, 11].map((k) => ({
  width: 10,
  height: 10,
  data: Uint8Array.from({ length: 300 }, (_, i) => (k * i * i) % 251),
}));

const squares = [2, 7].map((k) => ({
  width: 12,
  height: 12,
  data: Uint8Array.from({ length: 432 }, (_, i) => (k * i * i) % 251),
}));

test('both published layouts give back the same vectors', async () => {
  const model = await tinyClip();
  const original = openClip(model, { threads: 1 });
  const [t, v] = [await original.encodeText(texts), await original.encodeImages(images)];
  expect(Math.hypot(...(t as { data: Float32Array }).data.subarray(0, 7))).toBeCloseTo(1, 5);
  for (const naming of ['huggingface', 'open-clip'] as const) {
    const path = join(folder, naming);
    await saveModel(clipSystem, path, model, { layout: naming });
    const again = openClip(await loadModel(clipSystem, path), { threads: 1 });
    expect((await loadModel(clipSystem, path)).config).toEqual(tinyConfig);
    expect(await again.encodeText(texts)).toEqual(t);
    expect(await again.encodeImages(images)).toEqual(v);
    await again.close();
  }
  const opened = await (await loadSystem('clip')).open(await openModelFiles(join(folder, 'huggingface')));
  expect(can(opened, 'scorePairs', 'encodeImages')).toBe(true);
  const scores = await opened.scorePairs!(texts.map((text, i) => ({ text, image: images[i]! })));
  const cosine = (i: number): number => [0, 1, 2, 3, 4, 5, 6].reduce((s, k) => s + at(t, i, k) * at(v, i, k), 0);
  texts.forEach((_, i) => expect(scores[i]).toBeCloseTo(cosine(i), 5));
  const wide = { width: 13, height: 11, data: Uint8Array.from({ length: 429 }, (_, i) => (7 * i * i) % 251) };
  expect(await opened.encodeImages!([wide])).toEqual(await opened.encodeImages!([fitImage(wide, squareGeometry(10))]));
  await expect(opened.encodeImages!([{ ...wide, width: 9 }])).rejects.toThrow(/9×11/);
  await opened.close();
  await original.close();
});

test('a bag of words as text tower is saved and comes back bit for bit; order does not matter to it', async () => {
  const { parts, store: whole, config: plain } = await tinyClip();
  const config = { ...plain, text: { ...plain.text, bag: true } } as const;
  const store = new Store(3);
  for (const [path, array, kind] of whole.entries())
    if (!path.startsWith('text/') || /^text\/(tokens|norm)\//.test(path)) store.set(path, array, kind);
  const original = openClip({ config, store, parts }, { threads: 1 });
  const t = (await original.encodeText(['a red ball', 'red ball a', ''])) as DenseVectors;
  const [first, second, none] = [0, 1, 2].map((row) => t.data.subarray(row * t.width, (row + 1) * t.width));
  expect([...second!]).toEqual([...first!].map((x) => expect.closeTo(x, 5)));
  expect([...none!].every(Number.isFinite)).toBe(true);
  const path = join(folder, 'bag');
  await saveModel(clipSystem, path, { config, store, parts });
  const loaded = await loadModel(clipSystem, path);
  expect(loaded.config).toEqual(config);
  const again = openClip(loaded, { threads: 1 });
  expect(await again.encodeText(['a red ball', 'red ball a', ''])).toEqual(t);
  await original.close();
  await again.close();
  expect(JSON.parse(await readFile(join(path, 'config.json'), 'utf8')).architectures).toBeUndefined();
  await expect(
    saveModel(clipSystem, join(folder, 'no-bag'), { config, store, parts }, { layout: 'open-clip' }),
  ).rejects.toThrow(/no bag of words/);
  const file = JSON.parse(await readFile(join(path, 'config.json'), 'utf8'));
  expect(() => configFromHuggingFace({ ...file, text_config: { ...file.text_config, bag: 'yes' } })).toThrow(
    /text_config.bag "yes" cannot be obeyed/,
  );
});

test('a residual tower is saved under its own paths, running statistics included, and comes back bit for bit', async () => {
  const parts = { ...(await tinyClip()).parts, pixels: clipPreprocessing(12) };
  const visual = { ...tinyConfig.visual, size: 12, patch: 3, stages: [5, 7], width: 7, depth: 1, heads: 1, hidden: 7 };
  const config = { ...tinyConfig, visual };
  const store = new Store(3);
  const step = compile((s, x) => ({ y: encodeImage(s, x['image'] as F<'b c y x'>, config) }), {
    store,
    training: true,
  });
  const image = ndarray(
    'float32',
    [3, 3, 12, 12],
    Float32Array.from({ length: 1296 }, (_, i) => Math.sin(i * i)),
  );
  await step.run({ image }, { rng: new Rng(4) }); // moves the running statistics
  await step.close();
  const words = compile((s, x) => ({ y: encodeText(s, x['tokens'] as I<'b n'>, config) }), { store });
  await words.run({ tokens: ndarray('int32', [1, 3], [1, 2, 3]) });
  await words.close();
  store.set('logit_scale', ndarray('float32', [], [1]));
  const original = openClip({ config, store, parts }, { threads: 1 });
  const v = await original.encodeImages(squares);
  const path = join(folder, 'residual');
  await saveModel(clipSystem, path, { config, store, parts });
  const again = openClip(await loadModel(clipSystem, path), { threads: 1 });
  expect((await loadModel(clipSystem, path)).config).toEqual(config);
  expect(await again.encodeImages(squares)).toEqual(v);
  expect([...(await loadModel(clipSystem, path)).store.entries('buffer')].map(([p]) => p)).toContain(
    'visual/patch_norm/running_mean',
  );
  expect(JSON.parse(await readFile(join(path, 'config.json'), 'utf8')).architectures).toBeUndefined();
  await original.close();
  await again.close();
  expect((await loadModel(clipSystem, path, { size: 18 })).config.visual.size).toBe(18); // places need no table: any size that halves
  await expect(loadModel(clipSystem, path, { size: 15 })).rejects.toThrow(
    /patches of 6 pixels do not tile images of 15/,
  );
  await expect(
    saveModel(clipSystem, join(folder, 'no'), { config, store, parts }, { layout: 'open-clip' }),
  ).rejects.toThrow(/no such residual/);
});

function at(x: unknown, i: number, k: number): number {
  return (x as { data: Float32Array }).data[7 * i + k]!;
}

test('for images of another size the positions are interpolated as each library does', async () => {
  const model = await tinyClip();
  const table = model.store.get('visual/positions');
  for (const naming of ['huggingface', 'open-clip'] as const) {
    const path = join(folder, `sizes-${naming}`);
    await saveModel(clipSystem, path, model, { layout: naming });
    for (const [size, side] of [
      [15, 3],
      [5, 1],
    ] as const) {
      const { config, store } = await loadModel(clipSystem, path, { size });
      expect(config.visual.size).toBe(size);
      const antialias = naming === 'open-clip';
      const wanted = resizeTable(table, { from: [2, 2], to: [side, side], keep: 1, antialias });
      expect(store.get('visual/positions')).toEqual(wanted);
      expect(wanted.data.slice(0, 12)).toEqual(table.data.slice(0, 12));
    }
    expect((await loadModel(clipSystem, path, { size: 10 })).store.get('visual/positions')).toEqual(table);
    await expect(loadModel(clipSystem, path, { size: 12 })).rejects.toThrow(
      /patches of 5 pixels do not tile images of 12/,
    );
  }
});

test('batches of any number are the rows of single calls', async () => {
  const system = openClip(await tinyClip(), { threads: 1 });
  const many = Array.from({ length: 11 }, (_, i) => texts[i % 2]!);
  const { data } = (await system.encodeText(many)) as { data: Float32Array };
  for (let i = 2; i < 11; i++)
    for (let k = 0; k < 7; k++) expect(data[7 * i + k]).toBeCloseTo(data[7 * (i % 2) + k]!, 5);
  await system.close();
});

test('initial values have the spread of OpenAI’s code', async () => {
  const { store } = await tinyClip();
  const spread = (path: string): number => {
    const d = store.get(path).data as Float32Array;
    return Math.sqrt(d.reduce((s, x) => s + x * x, 0) / d.length);
  };
  expect(spread('text/tokens/weight')).toBeCloseTo(0.02, 2);
  expect(spread('text/blocks/0/attn/q/weight') / 8 ** -0.5).toBeGreaterThan(0.7);
  expect(spread('text/blocks/0/mlp/fc2/weight') / (8 ** -0.5 * 2 ** -0.5)).toBeLessThan(1.4);
  expect(spread('visual/blocks/1/attn/q/weight')).toBeLessThan(Math.sqrt(6 / 48));
  expect(Math.max(...(store.get('visual/patch/weight').data as Float32Array))).toBeLessThanOrEqual(75 ** -0.5);
  expect(Number(store.get('logit_scale').data[0])).toBeCloseTo(2.6593, 4);
});

test('configs go out and come back; unknown things are refused by name', async () => {
  for (const c of [tinyConfig, ...Object.values(variants)]) {
    expect(configFromHuggingFace(configToHuggingFace(c))).toEqual(c);
    if (!c.visual.stages) expect(configFromOpenClip(configToOpenClip(c))).toEqual(c);
  }
  expect(configFromHuggingFace({ text_config: { eos_token_id: 2 } })).toEqual(variants['ViT-B/32']);
  expect(configFromHuggingFace({}).text.eot).toBe(49407);
  expect(configFromHuggingFace({ text_config: { eos_token_id: 98 } }).text.eot).toBe(98);
  const old = {
    text_config: { hidden_act: 'gelu' },
    text_config_dict: null,
    vision_config_dict: { hidden_act: 'gelu' },
  };
  expect([configFromHuggingFace(old).visual.activation, configFromHuggingFace(old).text.activation]).toEqual([
    'gelu',
    'gelu',
  ]);
  expect(() => configFromHuggingFace({ projection_dim: 'x' })).toThrow('projection_dim "x" cannot be obeyed');
  expect(() => configFromHuggingFace({ text_config: { hidden_act: 'mish' } })).toThrow('text_config.hidden_act "mish"');
  expect(() => configFromOpenClip({ vision_cfg: { layers: [3, 4, 6, 3] } })).toThrow('vision_cfg.layers [3,4,6,3]');
});

test('folders that hold something else are typed errors', async () => {
  const model = await tinyClip();
  const path = join(folder, 'damaged');
  await saveModel(clipSystem, path, model);
  await writeFile(join(path, 'preprocessor_config.json'), '{"image_mean": [1], "image_std": [1]}');
  await expect(loadModel(clipSystem, path)).rejects.toThrow(/three numbers/);
  await rm(join(path, 'preprocessor_config.json'));
  await rm(join(path, 'tokenizer.json'));
  await expect(loadModel(clipSystem, path)).rejects.toThrow(/no tokenizer/);
  await writeFile(join(path, 'config.json'), '{"model_type": "blip"}');
  await expect(loadModel(clipSystem, path)).rejects.toThrow(/"blip" where clip/);
  await expect(loadModel(clipSystem, join(folder, 'nowhere'))).rejects.toThrow(/no such folder/);
});

/** A folder with the tiny model, one JSON file of it edited. */
async function edited(
  name: string,
  file: string,
  edit: (json: never) => unknown,
  naming?: 'open-clip',
): Promise<string> {
  const path = join(folder, name);
  await saveModel(clipSystem, path, await tinyClip(), naming ? { layout: naming } : {});
  const json = JSON.parse(await readFile(join(path, file), 'utf8')) as never;
  edit(json);
  await writeFile(join(path, file), JSON.stringify(json));
  return path;
}

type Sub = Record<'text_config' | 'vision_config', Record<string, unknown>>;

test.each<[string, (j: Sub) => unknown, RegExp]>([
  ['a block fewer', (j) => (j.vision_config['num_hidden_layers'] = 1), /have 16 that are not its/],
  ['a block more', (j) => (j.text_config['num_hidden_layers'] = 2), /lack 16 tensors of the model/],
  [
    'a wider space',
    (j) => (j.text_config['intermediate_size'] = 17),
    /"text\/blocks\/0\/mlp\/fc1\/weight" has another shape/,
  ],
  ['another end', (j) => (j.text_config['eos_token_id'] = 5), /texts end with the id \d+, the config says 5/],
])('weights and config of different models are reported when they are opened: %s', async (name, edit, message) => {
  const path = await edited(name.replaceAll(' ', '-'), 'config.json', edit);
  await expect(loadModel(clipSystem, path)).rejects.toMatchObject({
    code: 'checkpoint',
    message: expect.stringMatching(message),
  });
});

test('a residual tower without a norm is not filled up with random values', async () => {
  const path = await edited('gap', 'config.json', (j: Sub) => {
    Object.assign(j.vision_config, {
      stages: [5, 7],
      image_size: 12,
      patch_size: 3,
      hidden_size: 7,
      num_hidden_layers: 1,
    });
  });
  await expect(loadModel(clipSystem, path)).rejects.toMatchObject({
    code: 'checkpoint',
    detail: { missing: expect.arrayContaining(['visual/patch_norm/weight']), unexpected: expect.anything() },
  });
});

test('channel statistics that cannot be used are refused', async () => {
  const path = await edited('grey', 'preprocessor_config.json', (j: Record<string, unknown>) => {
    j['image_std'] = [0.5, 0, 0.5];
  });
  await expect(loadModel(clipSystem, path)).rejects.toThrow(/the deviations above 0/);
  await writeFile(join(path, 'preprocessor_config.json'), 'null');
  expect((await loadModel(clipSystem, path)).parts.pixels.mean[0]).toBeCloseTo(0.4815, 4);
});

test('what open_clip cannot say, or this model cannot do, is refused', async () => {
  const model = await tinyClip();
  const path = join(folder, 'twice');
  await saveModel(clipSystem, path, model, { layout: 'open-clip' });
  await saveModel(clipSystem, path, model, { layout: 'open-clip' }); // a model there is replaced
  expect((await loadModel(clipSystem, path)).config).toEqual(model.config);
  const fine = { ...model.config, visual: { ...model.config.visual, epsilon: 1e-6 } };
  expect(configFromOpenClip(configToOpenClip(fine))).toEqual(fine);
  type Parts = { model_cfg: Record<'vision_cfg' | 'text_cfg', Record<string, unknown>> };
  const pooled = await edited(
    'pooled',
    'open_clip_config.json',
    ({ model_cfg: m }: Parts) => (m.vision_cfg['pool_type'] = 'avg'),
    'open-clip',
  );
  await expect(loadModel(clipSystem, pooled)).rejects.toThrow('model_cfg.vision_cfg.pool_type "avg" cannot be obeyed');
  const usual = await edited(
    'usual',
    'open_clip_config.json',
    ({ model_cfg: m }: Parts) => (m.vision_cfg['pool_type'] = 'tok'),
    'open-clip',
  );
  expect((await loadModel(clipSystem, usual)).config).toEqual(model.config);
  const hidden = { ...model.config, visual: { ...model.config.visual, width: 352, heads: 11, hidden: 480 } };
  expect(configFromOpenClip(configToOpenClip(hidden)).visual.hidden).toBe(480);
});
