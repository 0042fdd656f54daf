import { beforeAll, expect, describe as suite, test } from 'vitest';
import { BowError } from '../../base/index.ts';
import type { Capabilities, OpenSystem, RgbImage } from '../../capabilities/index.ts';
import {
  type CaptionSample,
  captionSample,
  captionSamples,
  createRenderer,
  createSymbolicSimulator,
  factCounts,
  mentionsOf,
  nextSkill,
  type Split,
  sampleTask,
  skillText,
  type Task,
} from '../../world/index.ts';
import {
  acting,
  answering,
  bleu4,
  capabilityBenchmarks,
  captioning,
  completing,
  foilItems,
  grounding,
  ladderText,
  majorityAccuracy,
  matching,
  nextWords,
  overlap,
  plainAnswer,
  planning,
  questionOnly,
  randomPlanner,
  ranking,
  rougeL,
  runLadder,
} from '../index.ts';

const scenes: CaptionSample[] = [];
beforeAll(async () => {
  for await (const s of captionSamples({
    seed: 'abilities',
    split: 'validation',
    size: 24,
    count: 61,
    quality: 'fast',
  }))
    scenes.push(s);
});

const system = (methods: Partial<Capabilities>): OpenSystem => ({ id: 'x', close: async () => {}, ...methods });
/** What a system that knows the truth sees in an image: the scene it was made of; nothing in a grey one. */
const sceneOf = ({ data }: RgbImage): CaptionSample | undefined => scenes.find((s) => s.image === data);
const perfect = { text: 'nothing' };

suite('a system that knows the truth scores 1, without eyes as chance has it', () => {
  test('matching', async () => {
    const items = foilItems(scenes);
    expect(new Set(items.map((x) => x.kind))).toEqual(new Set(['colour', 'shape', 'swap', 'relation']));
    expect(items.every((x) => x.right !== x.wrong)).toBe(true);
    const rights = new Set(items.map((x) => `${scenes.findIndex((s) => s.image === x.image.data)} ${x.right}`));
    const truth = system({
      scorePairs: async (pairs) =>
        Float32Array.from(pairs, ({ text, image }) => {
          const index = scenes.findIndex((s) => s.image === image.data);
          return rights.has(`${index} ${text}`) ? 1 : 0;
        }),
    });
    const found = (await matching('match', '', scenes).run(truth, {}))!;
    expect(found).toMatchObject({ match_accuracy: 1, match_swap: 1, match_relation: 1, blind_match_accuracy: 0.5 });
    expect(found['match_accuracy_low']).toBeLessThan(1);
    const words = system({ scorePairs: async (pairs) => Float32Array.from(pairs, (p) => p.text.length) });
    expect((await matching('match', '', scenes).run(words, {}))!['match_accuracy']).toBeLessThan(0.62);
    expect((await matching('match', '', scenes).run(words, {}))!['match_accuracy']).toBeGreaterThan(0.38);
  });

  test('ranking', async () => {
    const truth = system({
      rank: async (query, documents) => {
        const own = scenes.find((s) => (s.captions[1] ?? s.caption) === query)!;
        const score = (d: string): number => (d === own.captions[0] ? 1 : 0);
        return documents.map((d, index) => ({ index, score: score(d) })).sort((a, b) => b.score - a.score);
      },
    });
    const benchmark = ranking('rank', '', scenes);
    expect(await benchmark.run(truth, {})).toMatchObject({ 'rank_R@1': 1, rank_mrr: 1 });
    const same = system({ rank: async (_, documents) => documents.map((_, index) => ({ index, score: 7 })) });
    expect((await benchmark.run(same, {}))!['rank_R@1']).toBeCloseTo(benchmark.chance, 12);
    expect((await benchmark.run(system({ rank: async () => [] }), {}))!['rank_mrr']).toBe(0);
  });

  test('captions', async () => {
    const truth = system({
      caption: async (images) => images.map((i) => ({ text: (sceneOf(i) ?? scenes[0]!).captions[0]! })),
    });
    const benchmark = captioning('caption', '', scenes);
    const found = (await benchmark.run(truth, {}))!;
    expect(found).toMatchObject({ caption_fact_f1: 1, caption_absent: 0, caption_bleu4: 1, caption_rouge_l: 1 });
    expect(found['blind_caption_fact_f1']).toBeLessThanOrEqual(benchmark.chance);
    expect(benchmark.chance).toBeLessThan(0.5);
  });

  test('answers', async () => {
    const truth = system({
      answer: async (questions) =>
        questions.map(({ text, images }) => {
          const found = sceneOf(images[0]!)?.questions.find((q) => q.question === text)?.answer;
          return found ? { text: `The ${found.toUpperCase()}.` } : perfect;
        }),
    });
    const benchmark = answering('answer', '', scenes);
    const found = (await benchmark.run(truth, {}))!;
    expect(found).toMatchObject({ answer_accuracy: 1, answer_macro: 1, answer_colour: 1 });
    expect(found['blind_answer_accuracy']).toBeLessThan(benchmark.chance);
    expect(found['answer_exists_majority']).toBeGreaterThanOrEqual(0.5);
    expect(majorityAccuracy(['a', 'a', 'b'].map((answer) => ({ kind: 'count' as const, answer })))).toBeCloseTo(2 / 3);
  });

  test('grounding', async () => {
    const truth = system({
      ground: async (pairs) =>
        pairs.map(({ text, image }) => {
          const s = sceneOf(image);
          const id = s?.references.find((r) => r.phrase === text)?.objectId;
          const box = s?.boxes.find((b) => b.id === id);
          return [box ? { ...box, score: 1 } : { x: 0, y: 0, width: image.width, height: image.height, score: 0 }];
        }),
    });
    const benchmark = grounding('ground', '', scenes);
    const found = (await benchmark.run(truth, {}))!;
    expect(found).toMatchObject({ ground_accuracy: 1, ground_mean_iou: 1, ground_pointing: 1 });
    expect(found['blind_ground_accuracy']).toBeLessThan(benchmark.chance);
    expect(await benchmark.run(system({ ground: async () => [] }), {})).toMatchObject({ ground_accuracy: 0 });
    const box = { x: 0, y: 0, width: 4, height: 2 };
    expect(overlap(box, { ...box, x: 2 })).toBeCloseTo(1 / 3, 12);
    expect(overlap(box, { ...box, x: 9 })).toBe(0);
  });

  test('completion, with candidates and without', async () => {
    const texts = scenes.map((s) => s.caption);
    const items = nextWords(texts);
    expect(items.length).toBeGreaterThan(50);
    expect(items.every((x) => x.wrong.length === 3 && !x.wrong.includes(x.right))).toBe(true);
    const of = (prompt: unknown): string => items.find((x) => x.prompt === prompt)!.right;
    const choosing = system({
      complete: async ([prompt], o = {}) => [{ text: o.candidates!.find((c) => c === ` ${of(prompt)}`)! }],
    });
    const writing = system({
      complete: async ([prompt], o = {}) => {
        if ('candidates' in o) throw new BowError('usage', 'unknown option', { detail: { option: 'candidates' } });
        return [{ text: `${of(prompt)} and so on` }];
      },
    });
    const first = system({ complete: async (_, o = {}) => [{ text: o.candidates![0]! }] });
    const benchmark = completing('complete', '', scenes);
    expect(await benchmark.run(choosing, {})).toMatchObject({ complete_accuracy: 1 });
    expect(await benchmark.run(writing, {})).toMatchObject({ complete_accuracy: 1 });
    const guess = (await benchmark.run(first, {}))!;
    expect(guess['complete_accuracy_low']).toBeLessThan(0.25);
    expect(guess['complete_accuracy_high']).toBeGreaterThan(0.25);
    const broken = system({ complete: () => Promise.reject(new BowError('backend', 'no')) });
    await expect(benchmark.run(broken, {})).rejects.toMatchObject({ code: 'backend' });
  });

  test('planning', async () => {
    const o = { families: ['T2', 'T6'], episodes: 3 } as const;
    const tasks = o.families.flatMap((f) => [0, 1, 2].map((i) => sampleTask(f, { seed: `0/planning/${i}` })));
    let begun = 0;
    /** Follows the world in a simulator of its own as long as it sees. */
    const truth = system({
      plan: async () => {
        const task: Task = tasks[begun++ % tasks.length]!;
        const mind = createSymbolicSimulator(task.scene);
        return {
          views: [{ camera: 'top' as const, size: 12 }],
          next: async ({ images: [image] }) => {
            const call = nextSkill(task.goal, mind.state());
            if (call.skill === 'done' || image!.data.every((x) => x === 127)) return 'done' as const;
            const skill = skillText(call, mind.state().scene);
            mind.perform(call);
            return { skill };
          },
        };
      },
    });
    const benchmark = planning('plan', '', o);
    expect(await benchmark.run(truth, {})).toMatchObject({
      plan_success: 1,
      plan_T6: 1,
      plan_goal_recall: 1,
      plan_executable: 1,
      blind_plan_success: 0,
    });
    const guess = (await benchmark.run(system(randomPlanner), {}))!;
    expect(guess['plan_success']).toBeLessThan(0.4);
    expect(guess['plan_executable']).toBeLessThan(0.9);
  });

  test('acting', async () => {
    const down = system({
      act: async ({ instruction }) => ({
        views: [{ camera: 'top' as const, size: 16 }],
        act: async ({ boxes }) => ({
          move: [0, 0, boxes[0]!.length > 0 && instruction !== '' ? -0.05 : 0.05],
          turn: [0, 0, 0],
          grip: -1,
          done: false,
        }),
      }),
    });
    const found = (await acting('act', '', { families: ['T1'], episodes: 2 }).run(down, {}))!;
    expect(Object.keys(found).sort()).toEqual(
      [
        'act_T1',
        'act_touched',
        ...['', 'blind_', 'mute_'].flatMap((p) => ['', '_low', '_high'].map((q) => `${p}act_success${q}`)),
      ].sort(),
    );
  });
});

test('columns appear where a system has the method, and only there', async () => {
  const able = system({ rank: async () => [], caption: async (images) => images.map(() => perfect) });
  const benchmarks = capabilityBenchmarks(scenes).map((b) => ({ ...b, group: 'abilities' }));
  const ladder = await runLadder(
    [
      { title: 'able', open: async () => able },
      { title: 'unable', open: async () => system({}) },
    ],
    benchmarks,
  );
  expect(ladder.benchmarks.map((b) => b.id)).toEqual(['rank', 'caption']);
  expect(ladderText(ladder)).toMatch(/^unable +– +–$/m);
  const none = await runLadder([{ title: 'unable', open: async () => system({}) }], benchmarks);
  expect([none.benchmarks, ladderText(none)]).toEqual([[], '']);
});

test('what a text mentions, held against a scene', () => {
  expect(
    mentionsOf('A photo of two small red striped cubes to the left of an L-shaped block, there is a mug.'),
  ).toEqual([
    { kind: 'cube', colour: 'red', pattern: 'striped', size: 'small' },
    { kind: 'cube', colour: 'red', pattern: 'striped', size: 'small' },
    { kind: 'l-block' },
    { kind: 'cup' },
  ]);
  const scene = { objects: scenes.find((s) => s.scene.objects.length === 1)!.scene.objects };
  const { kind, colour } = scene.objects[0]!;
  const right = factCounts(`a ${colour} ${kind} and a nail`, scene);
  expect(right).toMatchObject({ stated: 3, right: 2, absent: 1, mentions: 2 });
  expect(factCounts('nothing at all', scene)).toMatchObject({ stated: 0, right: 0, mentions: 0 });
});

test('texts near and far: BLEU-4 and ROUGE-L by hand, answers without case and articles', () => {
  // 4-grams: 1 of 2, trigrams 2 of 3, bigrams 3 of 4, words 4 of 5; as long as the reference
  const expected = ((4 / 5) * (3 / 4) * (2 / 3) * (1 / 2)) ** 0.25;
  expect(bleu4(['a red cube on grey'], [['a red cube on top']])).toBeCloseTo(expected, 12);
  expect(bleu4(['a red cube on'], [['a red cube on top of it']])).toBeCloseTo(Math.exp(1 - 7 / 4), 12);
  expect(bleu4(['cube'], [['a red cube']])).toBe(0);
  // common: red, on, top: precision 3/4, recall 3/5, β = 1.2
  const [p, r, b] = [3 / 4, 3 / 5, 1.44];
  expect(rougeL('red thing on top', ['a red cube on top'])).toBeCloseTo(((1 + b) * p * r) / (r + b * p), 12);
  expect(rougeL('', ['a'])).toBe(0);
  expect(plainAnswer(' The L-block! ')).toBe('l-block');
});

test('questions give little away: a bag of words that sees nothing answers near chance in every kind', async () => {
  const renderer = createRenderer();
  const asked = (split: Split, count: number) =>
    Array.from({ length: count }, (_, i) => captionSample(i, { split, size: 24, quality: 'fast' }, renderer)).flatMap(
      (s) => s.questions,
    );
  const train = asked('train', 900);
  for (const split of ['validation', 'held-out'] as const) {
    const test = asked(split, 450);
    const found = await questionOnly(train, test);
    for (const kind of new Set(test.map((q) => q.kind))) {
      const n = test.filter((q) => q.kind === kind).length;
      const [of, chance] = [found[`question_only_${kind}`]!, found[`chance_${kind}`]!];
      expect(of, `${kind} of ${split}, ${n} questions`).toBeLessThan(
        chance + 0.1 + 2 * Math.sqrt((chance * (1 - chance)) / n),
      );
    }
  }
  const leaky = train.map((q) => ({ ...q, question: `${q.question} ${q.answer}` })); // it can find what is there to find
  const found = await questionOnly(leaky.slice(0, -500), leaky.slice(-500));
  expect(found['question_only_accuracy']).toBeGreaterThan(0.6);
  expect(found['question_only_exists']).toBeGreaterThan(0.95);
}, 60_000);
