/** What the official code computes (unilm, `vlmo` and `beit`), down to the index tables, every block, the gradients and a step of AdamW. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile, type NdArray, ndarray, type Scope, Store, type Tensor, valueAndGrad } from '../../engine/index.ts';
import { readTensors, type TensorName, writeTensors } from '../../hub/index.ts';
import { openSafetensors } from '../../hub/node/index.ts';
import { adamW, minimize } from '../../nn/index.ts';
import type { LossTerms } from '../../train/index.ts';
import { maskedImage } from './beit.ts';
import { fusionOf, type VlmoConfig, variants } from './config.ts';
import { configFromFile } from './config-file.ts';
import { answerLogits, wordLogits } from './heads.ts';
import { beitNames, besideWeights, vlmoNames } from './names.ts';
import { answersObjective, contrast, imageObjective, pairsObjective, textObjective } from './objectives.ts';
import { positionIndex } from './positions.ts';
import { embedImage, encodeImage, encodeText, encodeTogether, pooled, readout } from './vlmo.ts';

/** Largest difference over the largest magnitude wanted. */
function relative(found: ArrayLike<number | bigint>, wanted: ArrayLike<number | bigint>): number {
  expect(found.length).toBe(wanted.length);
  let [worst, scale] = [0, 1e-6];
  for (let i = 0; i < wanted.length; i++) {
    const [f, w] = [Number(found[i]), Number(wanted[i])];
    worst = Math.max(worst, Number.isNaN(f) ? Number.POSITIVE_INFINITY : Math.abs(f - w));
    scale = Math.max(scale, Math.abs(w));
  }
  return worst / scale;
}

type Tensors = Record<string, Tensor>;
type Json = Record<string, unknown>;

type Kind = {
  readonly config: (json: Json) => VlmoConfig;
  readonly names: (c: VlmoConfig) => TensorName[];
  /** The golden's inputs under the objective's names. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly loss: (s: Scope, x: Tensors, c: VlmoConfig) => LossTerms;
  /** Outputs to compare by the golden's names. */
  readonly outputs: (s: Scope, x: Tensors, c: VlmoConfig) => Tensors;
  /** Taps to compare, by the golden's names. */
  readonly taps: (c: VlmoConfig) => Record<string, string>;
};

const replayed = (x: Tensors) => ({ draw: (name: string) => x[`recorded/${name}`]! });
const eachBlock = (c: VlmoConfig, name: string, tap: (i: number) => string): Record<string, string> =>
  Object.fromEntries(Array.from({ length: c.depth }, (_, i) => [`${name}.${i}`, tap(i)]));

function pretraining(s: Scope, x: Tensors, c: VlmoConfig): Tensors {
  const [tokens, masked] = [x['tokens']!.asInt(), x['masked']!.asInt()];
  const embedded = embedImage(s, x['image']!.asFloat(), c);
  const [seen, read] = [encodeImage(s, embedded, c, { branch: true }), encodeText(s, tokens, c, { branch: true })];
  const { logits } = contrast(s, seen, read, c);
  const matched = encodeTogether(s, tokens, embedded, c);
  const hidden = encodeTogether(s, masked, embedded, c);
  const { itc, itm, mlm } = pairsObjective(s, x, c, replayed(x)).metrics!;
  return {
    ...{ loss_itc: itc!, loss_itm: itm!, loss_mlm_times_quarter: mlm!.asFloat().mul(0.25) },
    image_states: seen.states,
    text_states: read.states,
    image_feat: readout(s, seen.states, 'image', c),
    text_feat: readout(s, read.states, 'text', c),
    image_feat_vl: readout(s, seen.vl!, 'vl_image', c),
    text_feat_vl: readout(s, read.vl!, 'vl_text', c),
    logits_per_image: logits,
    logits_per_text: logits.mT,
    pooled_positive: pooled(s, matched, c),
    mlm_text_states: hidden.text,
    mlm_image_states: hidden.image,
    mlm_logits: wordLogits(s, hidden.text, c),
  };
}

const kinds: Readonly<Record<string, Kind>> = {
  'vlmo-pretrain': {
    config: configFromFile,
    names: vlmoNames,
    inputs: {
      ...{ image: 'image', tokens: 'text_ids', masked: 'text_ids_mlm', labels: 'text_labels_mlm' },
      ...{ 'recorded/negative_image': 'negative_image_index', 'recorded/negative_text': 'negative_text_index' },
    },
    loss: (s, x, c) => pairsObjective(s, x, c, replayed(x)),
    outputs: pretraining,
    taps: (c) => ({
      itm_logits: 'itm_logits',
      ...eachBlock(c, 'blocks_image', (i) => `blocks/${i}/image`),
      ...eachBlock(c, 'blocks_text', (i) => `blocks/${i}/text`),
      ...eachBlock(c, 'blocks_joint', (i) => `blocks/${i}/vl${i < fusionOf(c) ? '' : '#3'}`), // after the branches of image and text
      ...Object.fromEntries(Array.from({ length: c.depth - c.fusion }, (_, i) => [`blocks_image_vl_branch.${i}`, `blocks/${c.fusion + i}/vl`])), // biome-ignore format: one line
      ...Object.fromEntries(Array.from({ length: c.depth - c.fusion }, (_, i) => [`blocks_text_vl_branch.${i}`, `blocks/${c.fusion + i}/vl#2`])), // biome-ignore format: one line
    }),
  },
  'vlmo-text': {
    config: configFromFile,
    names: vlmoNames,
    inputs: { masked: 'text_ids_mlm', labels: 'text_labels_mlm' },
    loss: textObjective,
    outputs: (s, x, c) => {
      const text_states = encodeText(s, x['masked']!.asInt(), c).states;
      return { text_states, mlm_logits: wordLogits(s, text_states, c), loss_mlm: textObjective(s, x, c).loss };
    },
    taps: (c) => eachBlock(c, 'blocks_text', (i) => `blocks/${i}/text`),
  },
  'vlmo-plus-vqa': {
    config: configFromFile,
    names: vlmoNames,
    inputs: { image: 'image', tokens: 'text_ids', targets: 'vqa_targets' },
    loss: answersObjective,
    outputs: (s, x, c) => {
      const fused = encodeTogether(s, x['tokens']!.asInt(), embedImage(s, x['image']!.asFloat(), c), c);
      const states = pooled(s, fused, c);
      const { loss } = answersObjective(s, x, c);
      return { image_states: fused.image, text_states: fused.text, pooled: states, logits: answerLogits(s, states, c), loss }; // biome-ignore format: one line
    },
    taps: () => ({}),
  },
  'beit-mim': {
    config: (json) => {
      const n = (key: string): number => Number(json[key]);
      return {
        ...variants.base,
        ...{ size: n('img_size'), patch: n('patch_size'), width: n('embed_dim'), depth: n('depth') },
        ...{ heads: n('num_heads'), hidden: n('embed_dim') * n('mlp_ratio'), fusion: n('depth') },
        tasks: { mim: { predicts: 'tokens', vocabulary: n('vocab_size') } },
        dropPath: 0,
      };
    },
    names: (c) => beitNames(c, 'pre-trained'),
    inputs: { image: 'image', hidden: 'masked_patches', visual: 'visual_tokens' },
    loss: imageObjective,
    outputs: (s, x, c) => ({
      all_logits: maskedImage(s, x['image']!.asFloat(), x['hidden']!.asInt(), c),
      loss: imageObjective(s, x, c).loss,
    }),
    taps: (c) => eachBlock(c, 'blocks', (i) => `blocks/${i}/image`),
  },
};

async function all(path: string): Promise<Map<string, NdArray<'float32'>>> {
  await using file = await openSafetensors(path);
  const out = new Map<string, NdArray<'float32'>>();
  for (const name of file.names) {
    if (file.info(name).dtype === 'int64') continue;
    const { shape, data } = await file.readFloat32(name);
    out.set(name, ndarray('float32', shape, data));
  }
  return out;
}

async function load(folder: string, kind: Kind) {
  const json = (name: string): Json => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Json;
  const config = kind.config(json('config.json'));
  await using file = await openSafetensors(join(folder, 'model.safetensors'));
  const params = (await readTensors(file, kind.names(config), { ignore: besideWeights })) as Map<
    string,
    NdArray<'float32'>
  >;
  await using inputs = await openSafetensors(join(folder, 'inputs.safetensors'));
  const batch: Record<string, NdArray> = {};
  for (const [name, key] of Object.entries(kind.inputs)) {
    const { dtype, shape, data } = await inputs.read(key);
    batch[name] = ndarray(dtype as 'float32', shape, data as Float32Array);
  }
  const store = new Store(0);
  for (const [path, a] of params) store.set(path, ndarray('float32', a.shape, a.data.slice()));
  return { config, params, batch, store, json };
}

const shared = resolve('../shared/goldens');
const own = resolve('src/systems/vlmo/testing');
const foldersOf = (root: string, kind: string): string[] =>
  (existsSync(root) ? readdirSync(root) : []).filter((name) => name.startsWith(kind)).map((name) => join(root, name));

for (const [name, kind] of Object.entries(kinds)) {
  const found = [...foldersOf(own, name), ...foldersOf(shared, name)];
  if (found.length === 0) test.skip(`${name} (skipped: there is no such folder)`, () => {});
  for (const folder of found)
    describe(`${basename(folder)} ${folder.startsWith(own) ? '(kept here)' : ''}`, () => {
      test('outputs and every block are the reference’s to 1e-4', async () => {
        const { config, batch, store } = await load(folder, kind);
        const taps = kind.taps(config);
        const compiled = compile((s, x) => kind.outputs(s, x, config), {
          store,
          threads: 1,
          taps: Object.values(taps),
        });
        const outputs = await compiled.run(batch);
        const wanted = await all(join(folder, 'outputs.safetensors'));
        const places = { ...Object.fromEntries(Object.keys(outputs).map((key) => [key, key])), ...taps };
        const compared = Object.entries(places).filter(([key]) => wanted.has(key));
        expect(compared.length).toBeGreaterThan(2);
        const bad = compared.filter(([key, at]) => !(relative(outputs[at]!.data, wanted.get(key)!.data) < 1e-4));
        expect(bad.map(([key, at]) => `${key} ${relative(outputs[at]!.data, wanted.get(key)!.data)}`)).toEqual([]);
        await compiled.close();
      });

      test('loss and every gradient are the reference’s', async () => {
        const { config, batch, store, json } = await load(folder, kind);
        const compiled = compile(
          valueAndGrad((s, x) => kind.loss(s, x, config).loss.asFloat()),
          { store, threads: 1 },
        );
        const result = await compiled.run(batch);
        expect(relative(result['loss']!.data, [json('info.json')['loss'] as number])).toBeLessThan(1e-4);
        const ours = new Map(Object.entries(result).flatMap(([k, v]) => (k.startsWith('gradient/') ? [[k.slice(9), v as NdArray<'float32'>] as const] : []))); // biome-ignore format: one line
        const named = writeTensors(ours, kind.names(config), { partial: true }) as Map<string, NdArray<'float32'>>;
        const wanted = await all(join(folder, 'gradients.safetensors'));
        const zero = (key: string): boolean => named.get(key)!.data.every((g) => g === 0);
        expect([...named.keys()].filter((key) => !wanted.has(key) && !zero(key))).toEqual([]);
        const bad = [...wanted].flatMap(([key, g]) => {
          const worst = named.has(key) ? relative(named.get(key)!.data, g.data) : Number.POSITIVE_INFINITY;
          return worst < 1e-3 ? [] : [`${key} ${worst}`];
        });
        expect(bad).toEqual([]);
        await compiled.close();
      });

      test('parameters after one AdamW step are the reference’s', async () => {
        const { config, batch, store, json } = await load(folder, kind);
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
          (s, { lr: rate, ...x }) => ({
            ...minimize(s, kind.loss(s, x, config).loss.asFloat(), optimizer, { lr: rate!.asFloat() }),
          }),
          { store, threads: 1, training: true },
        );
        await compiled.run({ ...batch, lr: ndarray('float32', [], [lr]) });
        const ours = new Map([...store.entries('param')].map(([p, a]) => [p, a as NdArray<'float32'>]));
        const named = writeTensors(ours, kind.names(config)) as Map<string, NdArray<'float32'>>;
        const close = (a: number, b: number): boolean => Math.abs(a - b) < 1e-3 * Math.max(0.05, Math.abs(b));
        const bad = Object.entries(step.parameters).flatMap(([key, [mean, std, first]]) => {
          const { data } = named.get(key)!;
          const m = data.reduce((a, b) => a + b, 0) / data.length;
          const s = Math.sqrt(data.reduce((a, b) => a + (b - m) ** 2, 0) / data.length);
          return close(m, mean) && close(s, std) && close(data[0]!, first)
            ? []
            : [`${key}: ${m} ${s} ${data[0]} for ${mean} ${std} ${first}`];
        });
        expect(bad).toEqual([]);
        await compiled.close();
      });

      test('names go out as they came in, and index tables are those of the file', async () => {
        const { config, params } = await load(folder, kind);
        const original = await all(join(folder, 'model.safetensors'));
        const back = writeTensors(params, kind.names(config)) as Map<string, NdArray<'float32'>>;
        expect([...back.keys()].sort()).toEqual([...original.keys()].sort());
        for (const [key, a] of original) expect(back.get(key)).toEqual(a);
        await using model = await openSafetensors(join(folder, 'model.safetensors'));
        await using outputs = await openSafetensors(join(folder, 'outputs.safetensors'));
        const tables = [
          ['relative_position_index', 'image'],
          ['rel_pos_bias.relative_position_index', 'image'],
          ['text_relative_position_index', 'text'],
          ['text_imag_relative_position_index', 'vl'],
        ] as const;
        for (const [key, mode] of tables)
          for (const file of [model, outputs])
            if (file.has(key))
              expect(positionIndex(config, mode, config.text.context), key).toEqual(
                Array.from((await file.read(key)).data, Number),
              );
      });
    });
}
