import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile, type F, type I, type NdArray, ndarray, Store, valueAndGrad } from '../../engine/index.ts';
import { readTensors, type TensorName, writeTensors } from '../../hub/index.ts';
import { openSafetensors } from '../../hub/node/index.ts';
import { adamW, minimize } from '../../nn/index.ts';
import { type ClipConfig, clip, clipLogits, clipLoss, traceClip } from './clip.ts';
import { configFromHuggingFace } from './config-huggingface.ts';
import { configFromOpenClip } from './config-open-clip.ts';
import { besideWeights, huggingFaceNames, openClipNames } from './names.ts';

/** Largest difference over the largest magnitude wanted. */
function relative(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  expect(found.length).toBe(wanted.length);
  let [worst, scale] = [0, 1e-6];
  for (let i = 0; i < wanted.length; i++) {
    worst = Math.max(worst, Number.isNaN(found[i]!) ? Number.POSITIVE_INFINITY : Math.abs(found[i]! - wanted[i]!));
    scale = Math.max(scale, Math.abs(wanted[i]!));
  }
  return worst / scale;
}

type Case = {
  folder: string;
  names: (config: ClipConfig) => readonly TensorName[];
  config: (json: unknown) => ClipConfig;
  image: string;
  tokens: string;
  imageOut: string;
  textOut: string;
};

const hf = {
  names: huggingFaceNames,
  config: configFromHuggingFace,
  image: 'pixel_values',
  tokens: 'input_ids',
  imageOut: 'image_embeds',
  textOut: 'text_embeds',
} as const;
const openClip = {
  names: openClipNames,
  config: configFromOpenClip,
  image: 'image',
  tokens: 'text',
  imageOut: 'image_features',
  textOut: 'text_features',
} as const;
const own = resolve('src/systems/clip/testing/clip');
const shared = resolve('../shared/goldens');
const cases: Case[] = [
  { folder: join(shared, 'clip-quick-gelu'), ...hf },
  { folder: join(shared, 'clip-gelu'), ...hf },
  { folder: join(shared, 'open-clip'), ...openClip },
  { folder: join(own, 'huggingface'), ...hf },
  { folder: join(own, 'open-clip'), ...openClip },
];

async function all(path: string): Promise<Map<string, NdArray<'float32'>>> {
  await using file = await openSafetensors(path);
  const out = new Map<string, NdArray<'float32'>>();
  for (const name of file.names) {
    const { shape, data } = await file.readFloat32(name);
    out.set(name, ndarray('float32', shape, data));
  }
  return out;
}

async function load(c: Case) {
  const json = (name: string): unknown => JSON.parse(readFileSync(join(c.folder, name), 'utf8'));
  const config = c.config(json('config.json'));
  await using file = await openSafetensors(join(c.folder, 'model.safetensors'));
  const params = (await readTensors(file, c.names(config), { ignore: besideWeights })) as Map<
    string,
    NdArray<'float32'>
  >;
  await using inputs = await openSafetensors(join(c.folder, 'inputs.safetensors'));
  const tokens = (await inputs.read(c.tokens)) as NdArray<'int64'>;
  const pixels = await inputs.readFloat32(c.image);
  const batch = {
    image: ndarray('float32', pixels.shape, pixels.data),
    tokens: ndarray('int64', tokens.shape, tokens.data),
  };
  const store = new Store(0);
  for (const [path, a] of params) store.set(path, ndarray('float32', a.shape, a.data.slice()));
  return { config, params, batch, store, json };
}

for (const c of cases) {
  const here = existsSync(c.folder);
  const label = c.folder.split('/').slice(-2).join('/');
  describe.skipIf(!here)(`${label}${here ? '' : ' (skipped: the folder is not there)'}`, () => {
    test('features, logits and loss are the reference’s to 1e-4', async () => {
      const { config, batch, store, json } = await load(c);
      const compiled = compile(
        (s, x) => {
          const found = clip(s, { image: x['image'] as F<'b c y x'>, tokens: x['tokens'] as I<'b n'> }, config);
          const logits = clipLogits(found);
          return { imageOut: found.image, textOut: found.text, logits, loss: clipLoss(logits) };
        },
        { store, threads: 1 },
      );
      const found = await compiled.run(batch);
      await using wanted = await openSafetensors(join(c.folder, 'outputs.safetensors'));
      const numbers = (name: keyof typeof found): Float32Array => found[name].data as Float32Array;
      expect(relative(numbers('imageOut'), (await wanted.readFloat32(c.imageOut)).data)).toBeLessThan(1e-4);
      expect(relative(numbers('textOut'), (await wanted.readFloat32(c.textOut)).data)).toBeLessThan(1e-4);
      if (wanted.has('logits_per_image'))
        expect(relative(numbers('logits'), (await wanted.readFloat32('logits_per_image')).data)).toBeLessThan(1e-4);
      const { loss } = json('info.json') as { loss: number };
      expect(Math.abs(numbers('loss')[0]! / loss - 1)).toBeLessThan(1e-4);
      await compiled.close();
    });

    test('every gradient is the reference’s to 1e-3', async () => {
      const { config, batch, store } = await load(c);
      const compiled = compile(
        valueAndGrad((s, x) => traceClip(s, x, config).loss),
        { store, threads: 1 },
      );
      const found = await compiled.run(batch);
      const ours = new Map(
        Object.entries(found)
          .filter(([k]) => k.startsWith('gradient/'))
          .map(([k, v]) => [k.slice('gradient/'.length), v as NdArray<'float32'>]),
      );
      const named = writeTensors(ours, c.names(config)) as Map<string, NdArray<'float32'>>;
      const wanted = await all(join(c.folder, 'gradients.safetensors'));
      expect([...named.keys()].sort()).toEqual([...wanted.keys()].sort());
      // A key's bias moves all scores of a query alike: its gradient is 0 but for rounding, and is compared with the largest of all.
      const largest = Math.max(...[...wanted.values()].map((g) => Math.max(...g.data.map(Math.abs))));
      const bad = [...wanted].filter(([key, g]) => {
        const zero = Math.max(...g.data.map(Math.abs)) < 1e-5 * largest;
        const worst = relative(named.get(key)!.data, g.data);
        return zero ? Math.max(...named.get(key)!.data.map(Math.abs)) > 1e-5 * largest : !(worst < 1e-3);
      });
      expect(bad.map(([key, g]) => `${key} ${relative(named.get(key)!.data, g.data)}`)).toEqual([]);
      await compiled.close();
    });

    test('parameters after one AdamW step are the reference’s', async () => {
      const { config, batch, store, json } = await load(c);
      const step = json('after_adamw_step.json') as {
        lr: number;
        betas: [number, number];
        eps: number;
        weight_decay: number;
        parameters: Record<string, [number, number, number]>;
      };
      const { lr, betas, eps, weight_decay: weightDecay } = step;
      const optimizer = adamW({ betas, eps, weightDecay, decay: 1 });
      const compiled = compile(
        (s, { lr: rate, ...x }) => ({ ...minimize(s, traceClip(s, x, config).loss, optimizer, { lr: rate! }) }),
        { store, threads: 1, training: true },
      );
      await compiled.run({ ...batch, lr: ndarray('float32', [], [lr]) });
      const ours = new Map([...store.entries('param')].map(([p, a]) => [p, a as NdArray<'float32'>]));
      const named = writeTensors(ours, c.names(config)) as Map<string, NdArray<'float32'>>;
      const bad = Object.entries(step.parameters).flatMap(([key, [mean, std, first]]) => {
        const { data } = named.get(key)!;
        const m = data.reduce((a, b) => a + b, 0) / data.length;
        const s = Math.sqrt(data.reduce((a, b) => a + (b - m) ** 2, 0) / data.length);
        // Adam's first step is lr·sign(g): where the gradient is rounding alone, the sign is chance.
        const noise = /k_proj\.bias|in_proj_bias/.test(key);
        const close = (a: number, b: number): boolean => Math.abs(a - b) < 1e-3 * Math.max(0.05, Math.abs(b));
        return noise || (close(m, mean) && close(s, std) && close(data[0]!, first))
          ? []
          : [`${key}: ${m} ${s} ${data[0]} for ${mean} ${std} ${first}`];
      });
      expect(bad).toEqual([]);
      await compiled.close();
    });

    test('names and layouts go out as they came in, under both namings', async () => {
      const { config, params } = await load(c);
      const original = await all(join(c.folder, 'model.safetensors'));
      const back = writeTensors(params, c.names(config)) as Map<string, NdArray<'float32'>>;
      expect([...back.keys()].sort()).toEqual([...original.keys()].sort());
      for (const [key, a] of original) expect(back.get(key)).toEqual(a);
    });
  });
}
