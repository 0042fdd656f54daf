import { expect, test } from 'vitest';
import type { OpenSystem, RgbImage } from '../capabilities/index.ts';
import { tabletopPairs } from '../data/index.ts';
import { descriptionRetrieval, imageRetrieval } from './image-benchmarks.ts';
import { imagesOf } from './image-test.ts';
import { type Ladder, ladderText, runLadder } from './ladder.ts';
import { reportHtml } from './report.ts';
import { barsHtml } from './report-plots.ts';
import { colourShapeZeroShot, soloImages } from './tabletop.ts';
import { classVectors, nameClasses, zeroShotMetrics } from './zero-shot.ts';

/** Letters counted: encodes texts only. */
const letters: OpenSystem = {
  id: 'letters',
  close: async () => {},
  encodeText: async (texts) => {
    const data = new Float32Array(26 * texts.length);
    texts.forEach((t, i) => {
      for (const c of t.toLowerCase()) {
        const k = c.charCodeAt(0) - 97;
        if (k >= 0 && k < 26) data[26 * i + k]! += 1;
      }
    });
    return { rows: texts.length, width: 26, data };
  },
};

/** Sees nothing: every image and every text is the same. */
const blind: OpenSystem = {
  id: 'blind',
  close: async () => {},
  encodeText: async (texts) => ({ rows: texts.length, width: 2, data: new Float32Array(2 * texts.length).fill(1) }),
  encodeImages: async (p: readonly RgbImage[]) => ({
    rows: p.length,
    width: 2,
    data: new Float32Array(2 * p.length).fill(1),
  }),
};

test('each system is asked for what it can do; what it cannot stays empty', async () => {
  const pairs = await tabletopPairs({ count: 13, size: 16, split: 'validation', distinct: true });
  expect(new Set(pairs.captions.map((c) => c[0])).size).toBe(13);
  const solo = soloImages({ size: 16, limit: 11 });
  expect(soloImages({ size: 16, limit: 11 })).toEqual(solo);
  const benchmarks = [
    descriptionRetrieval('d', 'descriptions', pairs),
    imageRetrieval('p', 'pictures', pairs),
    colourShapeZeroShot('z', 'colour × shape', solo),
  ];
  const seen: string[] = [];
  const contenders = [letters, blind].map((s) => ({ title: s.id, open: async () => s }));
  const ladder = await runLadder(contenders, benchmarks, { onRow: (r) => seen.push(r.system) });
  expect(seen).toEqual(['letters', 'blind']);
  const [first, second] = ladder.rows;
  expect(Object.keys(first!.results)).toEqual(['d']);
  expect(first!.results['d']!['text_to_description_R@1']).toBeGreaterThan(2 / 13);
  expect(second!.results['p']!['text_to_image_R@1']).toBeCloseTo(1 / 13);
  expect(second!.results['z']!['top1']).toBeCloseTo(ladder.benchmarks[2]!.chance);
  const lines = ladderText(ladder).split('\n');
  expect(lines[1]).toMatch(/^letters .* – +–$/);
  expect(lines.at(-1)).toMatch(/^\(chance\)/);
});

test('class vectors are means of unit vectors, of unit length', async () => {
  const table: Record<string, number[]> = { 'a cat': [3, 0], 'one cat': [0, 4], 'a dog': [0, -1], 'one dog': [0, -9] };
  const found = await classVectors(
    {
      encodeText: async (texts) => ({
        rows: texts.length,
        width: 2,
        data: Float32Array.from(texts.flatMap((t) => table[t]!)),
      }),
    },
    ['cat', 'dog'],
    ['a {}', 'one {}'],
  );
  [Math.SQRT1_2, Math.SQRT1_2, 0, -1].forEach((x, i) => expect(found.data[i]).toBeCloseTo(x, 6));
  const s = { rows: 2, columns: 2, data: Float64Array.of(1, 0, 1, 0) };
  expect(zeroShotMetrics(s, (i) => i)).toEqual({ top1: 0.5, top5: 1 });
  await expect(classVectors(letters as never, ['x'], [])).rejects.toThrow(/no template/);
});

test('classes are named by the softmax of scaled cosines', () => {
  const images = { rows: 1, width: 2, data: Float32Array.of(3, 4) };
  const classes = { rows: 2, width: 2, data: Float32Array.of(1, 0, 0, 1) };
  const [named] = nameClasses(images, classes, ['x', 'y'], 10);
  expect(named!.map((n) => n.label)).toEqual(['y', 'x']);
  expect(named![0]!.similarity).toBeCloseTo(0.8, 6);
  expect(named![0]!.probability).toBeCloseTo(1 / (1 + Math.exp(-2)), 6);
  expect(nameClasses(images, classes, ['x', 'y'])[0]![0]).not.toHaveProperty('probability');
});

test('a report is one safe file with its images inside', async () => {
  const pairs = await tabletopPairs({ count: 2, size: 16 });
  const ladder: Ladder = {
    benchmarks: [{ id: 'p', title: 'pictures', headline: 'R', chance: 0.5 }],
    rows: [
      { system: 's', title: '<script>', results: { p: { R: 0.25 } } },
      { system: 't', title: 'nothing it can do', results: {} },
    ],
  };
  const html = reportHtml({
    title: 'a & b',
    lead: ['x < y'],
    ladder,
    curves: [
      {
        title: 'loss',
        label: 'loss of training',
        points: [
          [1, 3],
          [2, 1],
          [3, Number.NaN],
        ],
      },
    ],
    made: [['command', 'bow2bot start -o "x"']],
    findings: [
      {
        heading: 'found',
        rows: [{ title: 'q', images: imagesOf(pairs).map((image, i) => ({ image, note: 'n"', right: i === 0 })) }],
      },
    ],
  });
  expect(html).toContain('<title>a &amp; b</title>');
  expect(html).toContain('&lt;script&gt;');
  expect(html).not.toContain('<script');
  expect(html.match(/data:image\/png;base64,/g)).toHaveLength(2);
  expect(html.match(/class="right"/g)).toHaveLength(1);
  expect(html).not.toMatch(/NaN|src="http|href=/);
  expect(html.match(/<details>/g)).toHaveLength(1); // a fold without metrics is none
  expect(html).toContain('A green frame');
  expect(html).toContain('<dt>command</dt><dd>bow2bot start -o &quot;x&quot;</dd>');
  expect(html.indexOf('<img')).toBeLessThan(html.indexOf('<table')); // images come first
  expect(html).toMatch(/loss of training<.*training step</); // both axes are named
  expect(html).toContain('Without the capabilities for any of these: nothing it can do.');
  expect(html).not.toContain('class="plots"'); // a single bar compares nothing
});

test('bars stand where they compare: systems on a column, or the columns of one system', () => {
  const column = (id: string) => ({ id, title: `column ${id}`, headline: 'R@1', chance: 0.1 });
  const html = barsHtml({
    benchmarks: ['a', 'b', 'c', 'd'].map(column),
    rows: [
      { system: 's', title: 'first', results: { a: { 'R@1': 0.25, 'R@10': 0.5 }, b: { 'R@1': 0.5 } } },
      { system: 't', title: 'second', results: { a: { 'R@1': 0.5 }, c: { 'R@1': 0.5 }, d: { 'R@1': 0.75 } } },
    ],
  });
  expect([...html.matchAll(/<h4>(.*?)<\/h4>/g)].map((m) => m[1])).toEqual(['column a', 'second']);
  expect([...html.matchAll(/<span>(.*?)<\/span>/g)].map((m) => m[1])).toEqual([
    'first',
    'second',
    'column c',
    'column d',
  ]);
  expect(html).toContain('<i style="width:50.0%"></i><i style="width:25.0%"></i><u style="left:10.0%"></u>');
});
