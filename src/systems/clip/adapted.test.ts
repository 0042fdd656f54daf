import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { DenseVectors } from '../../capabilities/index.ts';
import type { ImageTextPairs } from '../../data/index.ts';
import { ancestors } from '../../engine/graph.ts';
import { grad, type ModelFunction, type NdArray, Store, trace } from '../../engine/index.ts';
import { openSafetensors } from '../../hub/node/index.ts';
import { squareGeometry } from '../../image/index.ts';
import type { CaptionedImages } from '../../kinds/index.ts';
import { mergeLora } from '../../nn/index.ts';
import { adapted } from '../../train/adapt.ts';
import { readCheckpoint, type TrainResult, train } from '../../train/node/index.ts';
import { traceObjective } from '../../train/objectives.ts';
import { parseRecipe } from '../../train/recipe.ts';
import type { RecipeInput } from '../../train/recipe-schema.ts';
import { bindTraining } from '../define.ts';
import { loadModel } from '../node/index.ts';
import { clipSystem } from './index.ts';
import { openClip } from './open.ts';
import { tinyClip, tinyConfig } from './testing/tiny-clip.ts';
import { clipTraining } from './training.ts';

const folder = await mkdtemp(join(tmpdir(), 'bow2bot-adapted-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const { store: weights, ...model } = await tinyClip();
const each = 3 * tinyConfig.visual.size ** 2;
const pairs: ImageTextPairs = {
  count: 7,
  width: tinyConfig.visual.size,
  height: tinyConfig.visual.size,
  pixels: Uint8Array.from({ length: 7 * each }, (_, i) => (Math.floor(i / each) * 37 + (i % 3) * (i % 11)) % 256),
  captions: ['red', 'blue', 'a', 'cube', 'ball', 'a red', 'a ball'].map((c) => [c]),
};
const data: CaptionedImages = {
  ...{ train: pairs, validation: pairs, geometry: squareGeometry(tinyConfig.visual.size), shift: 0 },
  ...{ captionsFromLabels: true, templates: [], vocabulary: null, vocabularyLimit: 530, skipped: [] },
};
const task = await bindTraining(clipSystem.definition, clipTraining, model, data);

const copy = (): Store => {
  const store = new Store(1);
  for (const [path, a] of weights.entries()) store.set(path, { ...a, data: a.data.slice() } as NdArray);
  return store;
};
const trained = (recipe: RecipeInput, run: string, resume = false): Promise<TrainResult> =>
  train(task, parseRecipe({ system: 'clip', steps: 6, batchSize: 7, threads: 1, checkpointEvery: 3, ...recipe }), {
    folder: join(folder, run),
    store: copy(),
    resume,
  });

const values = (store: Store): Record<string, unknown> =>
  Object.fromEntries([...store.entries()].map(([path, { data }]) => [path, Array.from(data as Float32Array)]));

describe('LoRA adapters', () => {
  const lora = { layers: ['**/attn/q', '**/mlp/fc1'], rank: 2, alpha: 6, train: ['logit_scale'] };
  const constant = { name: 'constant' } as const;

  test.each([null, { decay: 0.5 }])(
    'the terms alone, as PEFT reads them: with the base they are the model (ema %j)',
    async (ema) => {
      const run = `adapter-${ema?.decay}`;
      const alone = { layers: lora.layers, rank: 2, alpha: 6 };
      await trained({ lora: alone, ema, from: 'some/base' }, run);
      const last = join(folder, run, 'last');
      const config = JSON.parse(await readFile(join(last, 'adapter', 'adapter_config.json'), 'utf8'));
      const [q, fc1] = ['self_attn.q_proj', 'mlp.fc1'].map((layer) => `text_model.encoder.layers.0.${layer}`);
      expect(config).toMatchObject({ peft_type: 'LORA', r: 2, lora_alpha: 6, base_model_name_or_path: 'some/base' });
      expect(config.target_modules).toEqual(expect.arrayContaining([q, fc1]));
      expect(config.target_modules).toHaveLength(6); // two layers of three blocks
      await using file = await openSafetensors(join(last, 'adapter', 'adapter_model.safetensors'));
      expect(file.names).toHaveLength(12);
      const [a, b] = [
        await file.readFloat32(`base_model.model.${q}.lora_A.weight`),
        await file.readFloat32(`base_model.model.${q}.lora_B.weight`),
      ];
      const saved = (await loadModel(clipSystem, last)).store.get('text/blocks/0/attn/q/weight').data;
      const base = weights.get('text/blocks/0/attn/q/weight').data as Float32Array;
      const width = tinyConfig.text.width;
      const sum = base.map(
        (w, at) =>
          w +
          3 *
            [0, 1].reduce((x, r) => x + b.data[Math.floor(at / width) * 2 + r]! * a.data[r * width + (at % width)]!, 0),
      );
      expect(saved).not.toEqual(base);
      for (const [i, x] of sum.entries()) expect(Number(saved[i])).toBeCloseTo(x, 6);
      await trained({ lora, steps: 3 }, `${run}-more`); // trains logit_scale besides: no adapter is all of that
      expect(existsSync(join(folder, `${run}-more`, 'last', 'adapter'))).toBe(false);
    },
  );

  test.each([null, { decay: 0.5 }])('a checkpoint is an ordinary model with them merged (ema %j)', async (ema) => {
    const run = `merged-${ema?.decay}`;
    const { store } = await trained({ lora, ema }, run);
    const saved = await loadModel(clipSystem, join(folder, run, 'last'));
    const shown = new Store();
    for (const [path, a, kind] of store.entries('param', 'buffer'))
      shown.set(path, store.has(`ema/${path}`) ? store.get(`ema/${path}`) : a, kind);
    const wanted = mergeLora(shown, { alpha: 6 });
    expect([...wanted.keys()].toSorted()).toEqual([...saved.store.entries()].map(([path]) => path).toSorted());
    for (const [path, { data }] of wanted) expect(saved.store.get(path).data).toEqual(data);
    expect(saved.store.get('text/blocks/0/attn/q/weight').data).not.toEqual(
      weights.get('text/blocks/0/attn/q/weight').data,
    );
    expect(saved.store.get('text/blocks/0/attn/v/weight').data).toEqual(
      weights.get('text/blocks/0/attn/v/weight').data,
    );
    await using checkpoint = await readCheckpoint(join(folder, run));
    expect(checkpoint.model.names).toContain('text_model.encoder.layers.0.self_attn.q_proj.weight');
    expect(checkpoint.state!.names).toContain('raw/text/blocks/0/attn/q/lora_A/weight');
    expect(checkpoint.state!.names).not.toContain('raw/text/blocks/0/attn/v/weight');
  });

  test.each([null, { decay: 0.5 }])('a stopped run resumes bit for bit (ema %j)', async (ema) => {
    const recipe: RecipeInput = { lora, ema, schedule: constant };
    const whole = await trained(recipe, `whole-${ema?.decay}`);
    await trained({ ...recipe, steps: 4 }, `cut-${ema?.decay}`);
    const rest = await trained(recipe, `cut-${ema?.decay}`, true);
    expect(values(rest.store)).toEqual(values(whole.store));
    expect(rest.metrics).toEqual(whole.metrics);
  });

  test('learn what belongs together while the weights below stay', async () => {
    const pace = {
      optimizer: { name: 'adamw', lr: 0.03 },
      schedule: constant,
      evaluateEvery: 100,
      checkpointEvery: 100,
    } as const;
    const everywhere = { ...lora, layers: ['**/attn/*', '**/mlp/*', '*_projection'], rank: 3, alpha: 3 };
    const { metrics, store } = await trained({ lora: everywhere, steps: 100, ...pace }, 'learns');
    expect(metrics['eval/accuracy']).toBeGreaterThan(0.8);
    expect(metrics['eval/loss']).toBeLessThan(0.5 * Math.log(7));
    expect(store.get('visual/blocks/0/mlp/fc1/weight').data).toEqual(
      weights.get('visual/blocks/0/mlp/fc1/weight').data,
    );
  });

  test('a run is evaluated with the adapter', async () => {
    const evaluated: number[][] = [];
    const watching = {
      ...task,
      evaluate: async ({ store }: { store: Store }) => {
        const system = openClip({ ...model, store }, { threads: 1 });
        evaluated.push([...((await system.encodeText(['a red'])) as DenseVectors).data]);
        await system.close();
        return {};
      },
    };
    const recipe = parseRecipe({ system: 'clip', steps: 4, batchSize: 7, threads: 1, lora, evaluateEvery: 2 });
    await train(watching, recipe, { store: copy(), folder: join(folder, 'evaluated') });
    const system = openClip(await loadModel(clipSystem, join(folder, 'evaluated', 'last')), { threads: 1 });
    expect([...((await system.encodeText(['a red'])) as DenseVectors).data]).toEqual(evaluated.at(-1));
    expect(evaluated[0]).not.toEqual(evaluated[1]);
    await system.close();
  });
});

describe('frozen parts', () => {
  /** Operators of a step below a scope. */
  function operators(freeze: readonly string[], scope: string): number {
    const recipe = { freeze: [...freeze], lora: null };
    const fn: ModelFunction = (s, x) => {
      const { loss } = traceObjective(task, 'contrastive', adapted(s, recipe), x);
      const gradients = grad(loss, [...s.trainable().values()]);
      return Object.fromEntries([loss, ...gradients].map((t, i) => [`y${i}`, t]));
    };
    const { size } = tinyConfig.visual;
    const { outputs } = trace(fn, {
      image: { dtype: 'float32', shape: [3, 3, size, size] },
      tokens: { dtype: 'int32', shape: [3, tinyConfig.text.context] },
    });
    return ancestors([...outputs.values()]).filter((n) => n.place.startsWith(scope)).length;
  }

  test('a tower that stays is not differentiated', () => {
    const forward = operators(['**'], 'visual/');
    expect(operators(['visual/**', 'visual_projection/*'], 'visual/')).toBe(forward);
    expect(operators([], 'visual/')).toBeGreaterThan(2 * forward);
    const first = operators(
      ['visual/patch/*', 'visual/class_token', 'visual/positions', 'visual/norm_pre/*', 'visual/blocks/0/**'],
      'visual/blocks/0',
    );
    expect(first).toBe(operators(['**'], 'visual/blocks/0')); // gradients end where the first trained block begins
  });

  test('and it keeps its weights, while rules by path reach the others', async () => {
    const rules = { 'text/blocks/**': 0, '**': 1 };
    const { store } = await trained(
      { freeze: ['visual/**'], optimizer: { name: 'adamw', lrScale: rules, weightDecay: 0.3 } },
      'frozen',
    );
    for (const [path, { data }] of weights.entries()) {
      const same = path.startsWith('visual/') || path.startsWith('text/blocks/');
      const now = store.get(path).data;
      expect([path, now.every((x, i) => x === data[i])]).toEqual([path, same]);
    }
    const decayed = await trained({ optimizer: { name: 'adamw', layerDecay: 0 } }, 'decayed'); // only what is zero layers below the head
    const changed = [...weights.entries()].filter(
      ([p, a]) => !Buffer.from(a.data.buffer).equals(Buffer.from(decayed.store.get(p).data.buffer)),
    );
    expect(changed.map(([p]) => p).toSorted()).toEqual(
      ['logit_scale', 'text/norm/bias', 'text/norm/weight', 'text_projection/weight'].concat([
        'visual/norm/bias',
        'visual/norm/weight',
        'visual_projection/weight',
      ]),
    );
    expect([...store.entries('state')].some(([path]) => path.includes('visual/'))).toBe(false);
  });
});
