/** The released code's numbers (salesforce/ALBEF @b9727e4): values, gradients, one AdamW step, momentum twins, queues. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile, type NdArray, ndarray, type Scope, type Store, valueAndGrad } from '../../engine/index.ts';
import { writeTensors } from '../../hub/index.ts';
import {
  type BatchSource,
  type Inputs,
  parseRecipe,
  type QueueSpec,
  type StepContext,
  train,
} from '../../train/index.ts';
import { rankRows } from './answer.ts';
import type { AlbefConfig } from './config.ts';
import { albefNames, twinNames } from './names.ts';
import { albefPrograms } from './programs.ts';
import { featureQueues, momentumTeacher } from './state.ts';
import { type Arrays, cases } from './testing/cases.ts';
import {
  allTensors,
  foldersOf,
  type Golden,
  moveTwins,
  openGolden,
  recordedContext,
  relative,
} from './testing/goldens.ts';

const queuesOf = (c: AlbefConfig): Record<string, QueueSpec> => (c.heads.contrast ? featureQueues(c) : {});

/** The case's model after the twins have moved, as its forward pass sees it. */
async function movedStore(g: Golden): Promise<Store> {
  const store = await g.store();
  moveTwins(store, g.config.distillation.momentum);
  return store;
}

const numbers = (a: NdArray): number[] => Array.from(a.data, Number);

/** Names of what differs by more than the tolerance. */
function differing(found: Arrays, wanted: Arrays, tolerance: number): string[] {
  return Object.keys(found)
    .filter((name) => name in wanted)
    .flatMap((name) => {
      const gap = relative(numbers(found[name]!), numbers(wanted[name]!));
      return gap < tolerance ? [] : [`${name} ${gap}`];
    });
}

/** The same batch at every step. */
const repeating = (inputs: Arrays): BatchSource => ({
  open: async function* () {
    for (;;) yield { inputs, samples: 1 };
  },
});

type Stepped = { lr: number; betas: [number, number]; eps: number; weight_decay: number } & Statistics;
type Statistics = { parameters: Record<string, [mean: number, std: number, first: number]> };

/** Parameters whose mean, deviation or first value is another than stated. */
function unlike(named: Map<string, NdArray>, { parameters }: Statistics, tolerance: (key: string) => number): string[] {
  return Object.entries(parameters).flatMap(([key, wanted]) => {
    const data = numbers(named.get(key)!);
    const mean = data.reduce((a, b) => a + b, 0) / data.length;
    const std = Math.sqrt(data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length);
    const close = [mean, std, data[0]!].every((x, i) => Math.abs(x - wanted[i]!) < tolerance(key));
    return close ? [] : [`${key}: ${[mean, std, data[0]].join(' ')} for ${wanted.join(' ')}`];
  });
}

for (const { id, batch: batchOf, trace, values } of cases) {
  const folders = foldersOf(id);
  if (folders.length === 0) test.skip(`${id}: no such golden here`, () => {});
  describe.each(folders.map((folder) => [basename(folder), folder] as const))('%s', (_, folder) => {
    test('values are the released code’s to 1e-4', async () => {
      const g = await openGolden(folder);
      const batch = batchOf(g);
      const compiled = compile(
        (s, x) => {
          const t = recordedContext(s, x, queuesOf(g.config));
          return { ...values(s, x, t, g.config), loss: trace(s, x, t, g.config).loss };
        },
        { store: await movedStore(g), threads: 1 },
      );
      const found = await compiled.run(batch);
      const { loss } = g.json<{ loss: number }>('info.json');
      expect(differing(found, { ...g.outputs, loss: ndarray('float32', [], [loss]) }, 1e-4)).toEqual([]);
      expect(Object.keys(found).filter((name) => name in g.outputs).length).toBeGreaterThan(3);
      await compiled.close();
    });

    test.skipIf(!existsSync(join(folder, 'gradients.safetensors')))(
      'every gradient is the released code’s to 1e-3',
      async () => {
        const g = await openGolden(folder);
        const compiled = compile(
          valueAndGrad((s, x) => trace(s, x, recordedContext(s, x, queuesOf(g.config)), g.config).loss.asFloat()),
          { store: await movedStore(g), threads: 1 },
        );
        const found = await compiled.run(batchOf(g));
        const ours = new Map(
          Object.entries(found).flatMap(([k, v]) => (k.startsWith('gradient/') ? [[k.slice(9), v as NdArray]] : [])),
        );
        const named = writeTensors(ours as never, albefNames(g.config)) as Map<string, NdArray>;
        const wanted = await allTensors(join(folder, 'gradients.safetensors'));
        expect([...named.keys()].sort()).toEqual(Object.keys(wanted).sort());
        const largest = Math.max(...Object.values(wanted).flatMap((w) => numbers(w).map(Math.abs)));
        const bad = Object.entries(wanted).filter(([key, w]) => {
          const [a, b] = [numbers(named.get(key)!), numbers(w)];
          // A key's bias moves all scores of a query alike: its gradient is 0 but for rounding.
          const isZero = Math.max(...b.map(Math.abs)) < 1e-5 * largest;
          return isZero ? Math.max(...a.map(Math.abs)) > 1e-5 * largest : !(relative(a, b) < 1e-3);
        });
        expect(bad.map(([key, w]) => `${key} ${relative(numbers(named.get(key)!), numbers(w))}`)).toEqual([]);
        await compiled.close();
      },
    );

    test('a step of the trainer leaves its parameters, twins and queues', async () => {
      const g = await openGolden(folder);
      const { lr, betas, eps, weight_decay: weightDecay, parameters } = g.json<Stepped>('after_adamw_step.json');
      const store = await g.store();
      const queues = queuesOf(g.config);
      const recipe = parseRecipe({
        ...{ system: id, steps: 1, batchSize: 1, threads: 1, schedule: { name: 'constant' } },
        optimizer: { name: 'adamw', lr, betas, eps, weightDecay, decay: { '**': 1 }, clipNorm: null },
      });
      const objective = {
        trace: (s: Scope, x: Inputs, t: StepContext) => trace(s, x, t, g.config),
        source: repeating(batchOf(g)),
      };
      await train({ id, objectives: { objective }, teacher: momentumTeacher(g.config), queues, config: {} }, recipe, {
        store,
      });
      const params = new Map([...store.entries('param')].map(([path, a]) => [path, a]));
      const named = writeTensors(params as never, albefNames(g.config)) as Map<string, NdArray>;
      // Adam's first step is lr · sign(g): where the gradient is rounding alone, the sign is chance.
      const noise = /(self\.key|attn\.qkv)\.bias$/;
      expect(unlike(named, { parameters }, (key) => (noise.test(key) ? 2.5 * lr : 1e-4))).toEqual([]);
      const states = new Map([...store.entries('state')].map(([path, a]) => [path, a]));
      const twins = writeTensors(states as never, twinNames(g.config)) as Map<string, NdArray>;
      if (existsSync(join(folder, 'after_momentum_update.json')))
        expect(unlike(twins, g.json<Statistics>('after_momentum_update.json'), () => 1e-5)).toEqual([]);
      for (const [name, key] of [
        ['image', 'image_queue'],
        ['text', 'text_queue'],
        ['ids', 'idx_queue'],
      ] as const) {
        const wanted = g.outputs[`${key}_after`];
        if (!wanted) continue;
        const [e, n] = wanted.shape as [number, number];
        const rows = numbers(store.get(`queue/${name}/rows`));
        expect(
          relative(
            Array.from({ length: e * n }, (_, i) => rows[(i % n) * e + Math.floor(i / n)]!),
            numbers(wanted),
          ),
        ).toBeLessThan(1e-4);
        expect(Number(store.get(`queue/${name}/pointer`).data[0])).toBe(Number(g.outputs['queue_ptr_after']!.data[0]));
      }
    });

    test('tensors go out as they came in', async () => {
      const g = await openGolden(folder);
      const store = await g.store();
      const original = await allTensors(join(folder, 'model.safetensors'));
      const back = {
        ...Object.fromEntries(
          writeTensors(new Map([...store.entries('param')].map(([p, a]) => [p, a])) as never, albefNames(g.config)),
        ),
        ...Object.fromEntries(
          writeTensors(new Map([...store.entries('state')].map(([p, a]) => [p, a])) as never, twinNames(g.config)),
        ),
      } as Record<string, NdArray>;
      for (const [key, a] of Object.entries(back)) expect([key, a]).toEqual([key, original[key]]);
      const left = Object.keys(original).filter((key) => !(key in back));
      expect(left.filter((key) => !/position_ids$|_queue$|queue_ptr|decoder\.(weight|bias)$/.test(key))).toEqual([]);
    });
  });
}

describe.each(foldersOf('albef-vqa').map((folder) => [basename(folder), folder] as const))('%s', (_, folder) => {
  test('answers are ranked as the released code ranks them', async () => {
    const g = await openGolden(folder);
    const x = g.inputs;
    const programs = albefPrograms(
      { config: g.config, store: await g.store(), parts: undefined as never },
      { threads: 1 },
    );
    const { y } = await programs.states.run({ image: x['image'] as NdArray<'float32'> });
    const [count, length] = x['candidate_ids']!.shape as [number, number];
    const candidates = { ids: Int32Array.from(numbers(x['candidate_ids']!)), length };
    const tokens = ndarray('int32', x['question_ids']!.shape, numbers(x['question_ids']!));
    const cls = Number(x['candidate_ids']!.data[0]);
    const rank = (most: number): ReturnType<typeof rankRows> =>
      rankRows(programs, { image: y as NdArray<'float32'>, tokens }, candidates, { most, cls });
    for (const most of [4, 9]) {
      const [ids, probabilities] = [g.outputs[`rank${most}.ids`]!, g.outputs[`rank${most}.probs`]!];
      const found = await rank(most);
      found.forEach((list, question) => {
        const own = (a: NdArray): number[] => numbers(a).slice(question * most, (question + 1) * most);
        const order = list.map(({ index }) => index);
        const firstTokens = (chosen: readonly number[]): number[] =>
          chosen.map((i) => candidates.ids[i * length + 1]!).sort();
        expect(firstTokens(order)).toEqual(firstTokens(own(ids)));
        // Of two candidates with the same first token at the end of the list, PyTorch takes either.
        if (order.some((i) => !own(ids).includes(i))) return;
        expect(order).toEqual(own(ids));
        const found = list.map(({ score }) => Math.exp(score));
        expect(relative(found, own(probabilities))).toBeLessThan(1e-4);
      });
    }
    expect(count).toBeGreaterThanOrEqual(9);
    await programs.close();
  });
});
