import { describe, expect, test } from 'vitest';
import { golden, noGoldens, worst } from '../../text/testing/goldens.ts';
import { noiseTable, runReference } from './reference.ts';
import { type SigmoidRule, sigmoidTable, trainTargets } from './rules.ts';
import { huffman, keepProbabilities } from './vocabulary.ts';

type Rows = Record<string, number[]>;
type Update = {
  name: string;
  kind: string;
  inputs: string;
  sigmoid: SigmoidRule;
  alpha: number;
  center: number;
  context: number;
  contexts?: number[];
  negatives: number[];
  code?: number[];
  point?: number[];
  cbowMean?: boolean;
  syn0Row?: Rows;
  syn0Rows?: Rows;
  syn1negRows?: Rows;
  syn1Rows?: Rows;
};

const floats = (base64: string): Float32Array =>
  new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer);

// Guarded by fixtures of our own in word2vec.test.ts; these are the reference programs' own numbers.
describe.skipIf(noGoldens)('word2vec goldens (skipped without ../shared/goldens)', () => {
  test('the sigmoid table', () => {
    const { expTable } = golden<{ expTable: { index: number[]; value: number[] } }>('word2vec-updates');
    const t = sigmoidTable();
    expect(
      worst(
        expTable.index.map((i) => t[i]!),
        expTable.value,
      ),
    ).toBeLessThan(1e-7);
  });

  test('single updates in float64', () => {
    const g = golden<{ inputs: Record<string, Record<string, number[][]>>; updates: Update[] }>('word2vec-updates');
    for (const u of g.updates) {
      if (u.kind === 'sg-ns-window') continue; // the kernel's own test has it
      const [syn0, out] = [u.inputs, u.inputs].map((name, i) =>
        Float64Array.from(g.inputs[name]![i === 0 ? 'syn0' : u.kind.endsWith('hs') ? 'syn1' : 'syn1neg']!.flat()),
      );
      const width = g.inputs[u.inputs]!['syn0']![0]!.length;
      const contexts = u.contexts ?? [u.context];
      const mean = u.kind.startsWith('sg') || u.cbowMean !== false;
      const h = Float64Array.from(
        { length: width },
        (_, k) => contexts.reduce((s, c) => s + syn0![c * width + k]!, 0) / (mean ? contexts.length : 1),
      );
      const targets = u.kind.endsWith('hs')
        ? u.code!.map((bit, i) => ({ row: u.point![i]!, label: 1 - bit }))
        : [{ row: u.center, label: 1 }, ...u.negatives.filter((t) => t !== u.center).map((row) => ({ row, label: 0 }))];
      const e = trainTargets(h, out!, targets, u.alpha, {
        rule: u.sigmoid,
        tree: u.kind.endsWith('hs'),
        table: sigmoidTable(),
        round: (x) => x,
      });
      for (const c of contexts)
        for (let k = 0; k < width; k++) syn0![c * width + k]! += e[k]! / (mean ? 1 : contexts.length);
      for (const [rows, matrix] of [
        [u.syn0Row ?? u.syn0Rows, syn0],
        [u.syn1negRows ?? u.syn1Rows, out],
      ] as const) {
        for (const [row, values] of Object.entries(rows!))
          expect(worst(matrix!.slice(+row * width, (+row + 1) * width), values), u.name).toBeLessThan(1e-7); // the table is float32 here
      }
    }
  });

  test('vocabulary, keep probabilities, noise table, Huffman tree', () => {
    type C = {
      words: string[];
      counts: number[];
      trainWords: number;
      keepProbability: number[];
      tableSize: number;
      firstSlotOfWord: number[];
      codes: string[];
      points: number[][];
    };
    type G = { counts: number[]; retainedWords: number; keepProbability: number[] };
    const { cases } = golden<{ cases: { sample: number; c: C; gensim: G }[] }>('word2vec-vocab');
    for (const { sample, c, gensim } of cases) {
      expect(worst(keepProbabilities(c.counts, sample, c.trainWords), c.keepProbability)).toBeLessThan(1e-12);
      expect(
        worst(keepProbabilities(gensim.counts, sample, gensim.retainedWords), gensim.keepProbability),
      ).toBeLessThan(1e-12);
      const table = noiseTable(c.counts, c.tableSize);
      expect(c.firstSlotOfWord.map((slot) => [table[slot], slot === 0 ? -1 : table[slot - 1]])).toEqual(
        c.words.map((_, i) => [i, i - 1]),
      );
      const tree = huffman(c.counts);
      const of = (a: Uint8Array | Int32Array, w: number) => [...a.slice(tree.starts[w], tree.starts[w + 1])];
      expect(c.words.map((_, w) => of(tree.codes, w).join(''))).toEqual(c.codes);
      expect(c.words.map((_, w) => of(tree.points, w))).toEqual(c.points);
    }
  });

  test('whole runs of word2vec.c, bit for bit', () => {
    type Run = {
      cbow: number;
      hs: number;
      negative: number;
      size: number;
      window: number;
      sample: number;
      iter: number;
      minCount: number;
      alpha: number;
      tableSize: number;
      words: string[];
      vectorsF32LeBase64: string;
    };
    const g = golden<{ corpus: string; repeat: number; runs: Run[] }>('word2vec-c-runs');
    const lines = g.corpus
      .repeat(g.repeat)
      .split('\n')
      .slice(0, -1)
      .map((l) => l.split(' ').filter(Boolean));
    for (const run of g.runs) {
      const got = runReference(lines, { ...run, cbow: run.cbow === 1, hs: run.hs === 1, passes: run.iter });
      expect(got.words).toEqual(run.words);
      expect(got.vectors).toEqual(floats(run.vectorsF32LeBase64));
    }
  }, 120_000);
});
