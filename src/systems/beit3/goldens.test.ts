import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  arange,
  compile,
  concat,
  type NdArray,
  ndarray,
  type Scope,
  Store,
  type Tensor,
  valueAndGrad,
} from '../../engine/index.ts';
import { readTensors, writeTensors } from '../../hub/index.ts';
import { openSafetensors } from '../../hub/node/index.ts';
import { adamW, cacheMask, kvCache, minimize } from '../../nn/index.ts';
import type { LossTerms } from '../../train/index.ts';
import type { Beit3Config, Beit3Tasks } from './config.ts';
import { configFromFile } from './config-file.ts';
import { captioner } from './decoding.ts';
import { encode, PAD } from './encoder.ts';
import { answerLogits, captionLogits, classLogits, pairLogits } from './heads.ts';
import { releasedNames } from './names.ts';
import { answers, captioning, captionMask, classes, contrastive, encodePairs, statements } from './objectives.ts';

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

type Tensors = Record<string, Tensor>;
type Case = {
  tasks: (json: Record<string, number>) => Beit3Tasks;
  /** The golden's inputs under the objective's names. */
  inputs: Readonly<Record<string, string>>;
  loss: (s: Scope, x: Tensors, c: Beit3Config) => LossTerms;
  /** Outputs to compare, from the same inputs. */
  outputs: (s: Scope, x: Tensors, c: Beit3Config) => Tensors;
};

const image = (x: Tensors, name = 'image') => x[name]!.asFloat();
const ids = (x: Tensors, name = 'tokens') => x[name]!.asInt();
/** Whatever the inputs: a trace must use all that are given. */
const used = (x: Tensors, out: Tensors): Tensors => ({ ...x, ...out });

const step0 = (s: Scope) => s.constant(0, []).asFloat();

const cases: Readonly<Record<string, Case>> = {
  'beit3-retrieval': {
    tasks: () => ({ retrieval: true }),
    inputs: { image: 'image', tokens: 'text' },
    loss: (s, x, c) => contrastive(s, encodePairs(s, x, c)),
    outputs: (s, x, c) => {
      const { image: image_feat, text: text_feat } = encodePairs(s, x, c);
      return { image_feat, text_feat };
    },
  },
  'beit3-vqa': {
    tasks: (json) => ({ answers: json['num_classes']! }),
    inputs: { image: 'image', tokens: 'question', targets: 'labels' },
    loss: answers,
    outputs: (s, x, c) => {
      const encoded = encode(s, { image: image(x), tokens: ids(x) }, c);
      return used(x, { encoder_out: encoded.x, logits: answerLogits(s, encoded, c.tasks.answers!) });
    },
  },
  'beit3-nlvr2': {
    tasks: () => ({ pairs: 2 }),
    inputs: { image0: 'image_a', image1: 'image_b', tokens: 'text', label: 'labels' },
    loss: statements,
    outputs: (s, x, c) => {
      const pass = (name: string) => encode(s, { image: image(x, name), tokens: ids(x) }, c);
      return used(x, { logits: pairLogits(s, [pass('image0'), pass('image1')], 2) });
    },
  },
  'beit3-classify': {
    tasks: (json) => ({ classes: json['num_classes']! }),
    inputs: { image: 'image', label: 'labels' },
    loss: classes,
    outputs: (s, x, c) => used(x, { logits: classLogits(s, encode(s, { image: image(x) }, c), c.tasks.classes!) }),
  },
  'beit3-captioning': {
    tasks: () => ({ tokens: true }),
    inputs: { image: 'image', masked: 'masked_text', text: 'text', labels: 'labels' },
    loss: (s, { text: _, ...x }, c) => captioning(s, x, c, step0(s), { smoothing: 0.1 }),
    outputs: (s, x, c) => {
      const over = (name: string) => {
        const tokens = ids(x, name);
        const mask = captionMask(s, 1 + (c.size / c.patch) ** 2, tokens.dim(1));
        return captionLogits(s, encode(s, { image: image(x), tokens, mask }, c), c);
      };
      const dropped = captioning(s, x, c, step0(s), { smoothing: 0.1, dropWorst: { ratio: 0.2, after: -1 } });
      return used(x, {
        all_logits: over('masked'),
        unmasked_text_logits: over('text'),
        loss_after_dropping_worst: dropped.loss,
      });
    },
  },
};

const roots = [resolve('../shared/goldens'), resolve('src/systems/beit3/testing/goldens')].filter((f) => existsSync(f));
const found = roots.flatMap((root) =>
  readdirSync(root).flatMap((name) => {
    const of = Object.keys(cases).find((c) => name.startsWith(c));
    return of ? [{ name, folder: join(root, name), case: cases[of]!, id: of }] : [];
  }),
);
const own = new Set(['tokens', 'num_classes', 'label_smoothing', 'drop_worst_ratio']); // of the golden’s script, not of the model

async function all(path: string): Promise<Map<string, NdArray<'float32'>>> {
  await using file = await openSafetensors(path);
  const out = new Map<string, NdArray<'float32'>>();
  for (const name of file.names) {
    const { shape, data } = await file.read(name);
    out.set(name, ndarray('float32', shape, Float32Array.from(data as ArrayLike<number | bigint>, Number)));
  }
  return out;
}

const whole = (a: NdArray<'float32'>): NdArray<'int32'> => ndarray('int32', a.shape, Int32Array.from(a.data));

async function load(g: (typeof found)[number]) {
  const json = (name: string): unknown => JSON.parse(readFileSync(join(g.folder, name), 'utf8'));
  const said = json('config.json') as Record<string, number>;
  const settings = Object.fromEntries(Object.entries(said).filter(([key]) => !own.has(key)));
  const config = configFromFile({ ...settings, model_type: 'beit3', tasks: g.case.tasks(said) });
  await using file = await openSafetensors(join(g.folder, 'model.safetensors'));
  const params = (await readTensors(file, releasedNames(config))) as Map<string, NdArray<'float32'>>;
  const store = new Store();
  for (const [path, array] of params) store.set(path, array, 'param');
  const stored = await all(join(g.folder, 'inputs.safetensors'));
  const at = stored.get('language_masked_pos');
  if (at) {
    const labels = stored.get('text')!.data.map((id, i) => (at.data[i] ? id : -100));
    stored.set('labels', ndarray('float32', at.shape, labels));
  }
  const batch = Object.fromEntries(
    Object.entries(g.case.inputs).map(([name, key]) => {
      const a = stored.get(key)!;
      return [name, /image|targets/.test(name) ? a : whole(a)];
    }),
  );
  return { config, store, params, batch, stored, json };
}

test('the recorded cases are here', ({ skip }) => {
  if (roots.length < 2) skip('no ../shared/goldens');
  expect([...new Set(found.map(({ id }) => id))].sort()).toEqual(Object.keys(cases).sort());
});

const trainable = ({ id }: { id: string }, x: Record<string, NdArray>): Record<string, NdArray> => {
  const { text: _, ...rest } = x; // the captioning loss sees the masked text alone
  return id === 'beit3-captioning' ? rest : x;
};

describe.each(found)('$name', (g) => {
  test('outputs', async () => {
    const { config, store, batch } = await load(g);
    const compiled = compile((s: Scope, x: Tensors) => g.case.outputs(s, x, config), { store, threads: 1 });
    const got = await compiled.run(batch);
    const wanted = await all(join(g.folder, 'outputs.safetensors'));
    const names = Object.keys(got).filter((name) => !(name in batch));
    expect(names.length).toBeGreaterThan(0);
    for (const name of names)
      expect([name, relative(got[name]!.data as Float32Array, wanted.get(name)!.data) < 1e-4]).toEqual([name, true]);
    await compiled.close();
  });

  test('loss and gradients', async () => {
    const { config, store, batch, json } = await load(g);
    const compiled = compile(
      valueAndGrad((s, x) => g.case.loss(s, x, config).loss.asFloat()),
      { store, threads: 1 },
    );
    const got = await compiled.run(trainable(g, batch));
    const info = json('info.json') as { loss: number; zero_gradient: string[] };
    const loss = Object.entries(got).find(([name]) => !name.startsWith('gradient/'))![1]!;
    expect(Math.abs((loss.data[0] as number) - info.loss) / info.loss).toBeLessThan(1e-5);
    const ours = new Map(
      Object.entries(got).flatMap(([k, v]) =>
        k.startsWith('gradient/') ? [[k.slice('gradient/'.length), v as NdArray<'float32'>] as const] : [],
      ),
    );
    const names = releasedNames(config).filter((n) =>
      'path' in n ? ours.has(n.path) : ours.has((n as [string, string])[0]),
    );
    const named = writeTensors(ours, names) as Map<string, NdArray<'float32'>>;
    const wanted = await all(join(g.folder, 'gradients.safetensors'));
    expect([...named.keys()].sort()).toEqual([...wanted.keys()].sort());
    const largest = Math.max(...[...wanted.values()].map((w) => Math.max(...w.data.map(Math.abs))));
    const bad = [...wanted].flatMap(([key, w]) => {
      const zero = Math.max(...w.data.map(Math.abs)) < 1e-5 * largest; // zero but for rounding: key biases
      const data = named.get(key)!.data;
      const wrong = zero ? Math.max(...data.map(Math.abs)) > 1e-5 * largest : !(relative(data, w.data) < 1e-3);
      return wrong ? [`${key} ${relative(data, w.data)}`] : [];
    });
    expect(bad).toEqual([]);
    await compiled.close();
  });

  test('parameters after one AdamW step', async () => {
    const { config, store, batch, json } = await load(g);
    const step = json('after_adamw_step.json') as {
      lr: number;
      betas: [number, number];
      eps: number;
      weight_decay: number;
      parameters: Record<string, [number, number, number]>;
    };
    const optimizer = adamW({ betas: step.betas, eps: step.eps, weightDecay: step.weight_decay, decay: 1 });
    const compiled = compile(
      (s, { lr, ...x }) => ({ ...minimize(s, g.case.loss(s, x, config).loss.asFloat(), optimizer, { lr: lr! }) }),
      { store, threads: 1, training: true },
    );
    await compiled.run({ ...trainable(g, batch), lr: ndarray('float32', [], [step.lr]) });
    const ours = new Map([...store.entries('param')].map(([p, a]) => [p, a as NdArray<'float32'>]));
    const named = writeTensors(ours, releasedNames(config)) as Map<string, NdArray<'float32'>>;
    const bad = Object.entries(step.parameters).flatMap(([key, [mean, std, first]]) => {
      const { data } = named.get(key)!;
      const m = data.reduce((a, b) => a + b, 0) / data.length;
      const d = Math.sqrt(data.reduce((a, b) => a + (b - m) ** 2, 0) / data.length);
      if (/k_proj\.[AB]\.bias/.test(key)) return []; // where the gradient is rounding alone, the sign of the step is chance
      const close = (a: number, b: number): boolean => Math.abs(a - b) < 1e-3 * Math.max(0.05, Math.abs(b));
      return close(m, mean) && close(d, std) && close(data[0]!, first) ? [] : [`${key}: ${m} ${d} ${data[0]}`];
    });
    expect(bad).toEqual([]);
    await compiled.close();
  });

  test('names go out as they came in', async () => {
    const { config, params } = await load(g);
    const original = await all(join(g.folder, 'model.safetensors'));
    const back = writeTensors(params, releasedNames(config)) as Map<string, NdArray<'float32'>>;
    expect([...back.keys()].sort()).toEqual([...original.keys()].sort());
    for (const [key, a] of original) expect(back.get(key)).toEqual(a);
  });
});

describe.each(found.filter(({ id }) => id === 'beit3-retrieval'))('states of $name', (g) => {
  test('padding is the id that the texts are padded with', async () => {
    const { stored } = await load(g);
    const padding = stored.get('padding_mask')!.data;
    expect([...stored.get('text')!.data].map((id) => Number(id === PAD))).toEqual([...padding]);
  });

  test.each([
    ['vision', 'image', undefined, undefined],
    ['language', undefined, 'text', undefined],
    ['joint', 'image', 'text', undefined],
    ['vision_masked', 'image', undefined, 'masked_patches'],
    ['joint_masked', 'image', 'masked_text', 'masked_patches'],
  ] as const)('%s: every layer', async (name, pixels, text, masked) => {
    const { config, store, stored } = await load(g);
    const batch = {
      ...(pixels ? { image: stored.get(pixels)! } : {}),
      ...(text ? { tokens: whole(stored.get(text)!) } : {}),
      ...(masked ? { masked: whole(stored.get(masked)!) } : {}),
    };
    const compiled = compile(
      (s: Scope, x: Tensors) => {
        const input = {
          ...(x['image'] ? { image: x['image'].asFloat() } : {}),
          ...(x['tokens'] ? { tokens: x['tokens'].asInt() } : {}),
          ...(x['masked'] ? { masked: x['masked'].asInt() } : {}),
        };
        return { y: encode(s, input, config).normed() };
      },
      { store, threads: 1, taps: ['encoder/blocks/*/output'] },
    );
    const got = await compiled.run(batch);
    const wanted = await all(join(g.folder, 'outputs.safetensors'));
    expect(relative(got.y!.data as Float32Array, wanted.get(`${name}.encoder_out`)!.data)).toBeLessThan(1e-4);
    for (let i = 0; i < config.depth; i++) {
      const layer = got[`encoder/blocks/${i}/output`]!.data as Float32Array;
      expect(relative(layer, wanted.get(`${name}.layers.${i}`)!.data)).toBeLessThan(1e-4);
    }
    await compiled.close();
  });
});

type Generation = {
  max_len: number;
  runs: { eos_bias_added: number; beams: number; length_penalty: number; ids: number[][] }[];
};

describe.each(found.filter(({ id }) => id === 'beit3-captioning'))('captions of $name', (g) => {
  const special = (json: (name: string) => unknown) => {
    const { tokens } = json('config.json') as { tokens: Record<'bos_cls' | 'eos_sep' | 'mask', number> };
    return { start: tokens.bos_cls, end: tokens.eos_sep, mask: tokens.mask };
  };

  test('greedy and beam search find the recorded ids, whatever was generated before', async () => {
    const { config, store, stored, json } = await load(g);
    const { max_len: longest, runs } = json('generation.json') as Generation;
    expect(runs.length).toBeGreaterThan(0);
    const bias = store.get('mlm_head/bias').data as Float32Array;
    const [ids, before] = [special(json), bias.slice()];
    const captions = captioner({ config, store }, ids, { threads: 1 });
    for (const run of runs) {
      bias.set(before);
      bias[ids.end]! += run.eos_bias_added;
      const found = await captions.generate(stored.get('image')!, {
        ...{ beams: run.beams, lengthPenalty: run.length_penalty, longest },
      });
      const wanted = run.ids.map((row) => row.slice(0, row.indexOf(ids.end) + 1));
      expect([run.eos_bias_added, run.beams, found]).toEqual([run.eos_bias_added, run.beams, wanted]);
    }
    await captions.close();
  });

  test('logits of each step, the mask of the step before forgotten', async () => {
    const { config, store, stored, json } = await load(g);
    const { runs } = json('generation.json') as Generation;
    const { start, mask } = special(json);
    const [split, length] = [1 + (config.size / config.patch) ** 2, 64];
    const wanted = await all(join(g.folder, 'outputs.safetensors'));
    const steps = compile((s: Scope, x: Tensors) => {
      const position = x['position']!.asInt();
      const [tokens, cache] = [ids(x), { length, position }];
      const input = x['image'] ? { image: image(x) } : {};
      const places = arange(position, 2, position.dtype).add(position).sub(split - 2);
      const past = cacheMask(2, cache);
      const memory = kvCache(cache);
      const first = concat([s.constant(Array(length * (split + 2)).fill(0), [split + 2, length], 'bool'), captionMask(s, split, 2).asBool()], 1); // biome-ignore format: one line
      const at = x['image'] ? { mask: first } : { mask: past, places };
      const y = captionLogits(s, encode(s, { ...input, tokens, memory, ...at }, config), config);
      return x['image'] ? { y, unused: position } : { y };
    }, { store, threads: 1 }); // biome-ignore format: one line
    const rows = runs[0]!.ids;
    for (let t = 0; wanted.has(`incremental_logits.${t}`); t++) {
      const tokens = ndarray(
        'int32',
        [rows.length, 2],
        rows.flatMap((row) => [t === 0 ? start : row[t]!, mask]),
      );
      const position = ndarray('int64', [], [t === 0 ? 0 : split + t]);
      const got = await steps.run({ tokens, position, ...(t === 0 ? { image: stored.get('image')! } : {}) });
      const of = wanted.get(`incremental_logits.${t}`)!;
      expect([t, relative(got.y!.data as Float32Array, of.data) < 1e-4]).toEqual([t, true]);
    }
    await steps.close();
  });
});
