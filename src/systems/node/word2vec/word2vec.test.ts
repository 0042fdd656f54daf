import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Rng } from '../../../base/index.ts';
import { openModelFiles } from '../../../hub/node/index.ts';
import { golden, noGoldens, worst } from '../../../text/testing/goldens.ts';
import { evaluateAnalogies, evaluateWordPairs } from '../../word2vec/evaluation.ts';
import { contextAt, layOut, listsAt, openKernel, padInto, unpadded } from '../../word2vec/memory.ts';
import { sigmoidTable, trainTargets } from '../../word2vec/rules.ts';
import { KeyedVectors, type NeighbourOptions } from '../../word2vec/vectors.ts';
import { aliasTable, huffman, keepProbabilities } from '../../word2vec/vocabulary.ts';
import { loadWord2Vec } from '../../word2vec/word2vec.ts';
import { readVectors } from './read-vectors.ts';
import { saveWord2Vec, trainWord2Vec } from './training.ts';
import { shortest, writeVectors } from './write-vectors.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bow2bot-w2v-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const base = {
  window: 5,
  hs: true,
  cbow: false,
  sharedNegatives: false,
  skipSaturated: false,
  exactSigmoid: false,
  cbowSum: false,
  fullWindow: false,
  workers: 1,
  maxSentence: 100,
  blockIds: 100,
};

describe('the kernel', () => {
  test.each([5, 7, 100])(
    'a fused update equals the rule, width %i, any number of targets, repeats and saturation',
    (width) => {
      const words = 23;
      const rng = new Rng(width);
      for (const cbow of [false, true]) {
        for (let n = 1; n <= 17; n++) {
          const twice = n % 4 === 0;
          const { memory, layout } = layOut({ ...base, words, width, negative: 20, cbow }, 0);
          const kernel = openKernel(memory);
          const random = (scale: number) =>
            Float32Array.from({ length: words * width }, () => scale * rng.uniform(-1, 1));
          const scale = n % 5 === 0 ? 3 : 0.3; // some predictions saturate
          const [syn0, out] = [random(scale), random(scale)];
          padInto(memory, layout.syn0, syn0, width);
          padInto(memory, layout.syn1neg, out, width);
          contextAt(memory, layout.contexts[0]!).alpha = 0.05;
          const order = rng.shuffle(Array.from({ length: words }, (_, i) => i));
          const targets = Array.from({ length: n }, (_, i) => ({
            row: order[twice && i === n - 1 ? 0 : i]!,
            label: i === 0 ? 1 : 0,
          }));
          const contexts = cbow ? [3, 5, 3] : [4];
          const lists = listsAt(memory, layout.contexts[0]!);
          targets.forEach((t, i) => {
            lists.targets[i] = layout.syn1neg + t.row * layout.stride;
            lists.labels[i] = t.label;
          });
          contexts.forEach((c, i) => {
            lists.contexts[i] = layout.syn0 + c * layout.stride;
          });
          kernel.update(
            layout.contexts[0]!,
            cbow ? 1 : 0,
            layout.syn0 + 4 * layout.stride,
            contexts.length,
            n,
            0,
            twice ? 1 : 0,
          );
          const [want0, wantOut] = [Float64Array.from(syn0), Float64Array.from(out)];
          const h = Float64Array.from(
            { length: width },
            (_, k) => contexts.reduce((s, c) => s + syn0[c * width + k]!, 0) / contexts.length,
          );
          const e = trainTargets(h, wantOut, targets, Math.fround(0.05), {
            rule: 'word2vec.c',
            tree: false,
            table: sigmoidTable(),
            round: (x) => x,
          });
          for (const c of contexts) for (let k = 0; k < width; k++) want0[c * width + k]! += e[k]!;
          // a score within a rounding error of a table border may take the next entry; its step differs by at most 0.003 · α
          expect(worst(unpadded(memory, layout.syn0, words, width), want0)).toBeLessThan(scale > 1 ? 2e-3 : 3e-5);
          expect(worst(unpadded(memory, layout.syn1neg, words, width), wantOut)).toBeLessThan(scale > 1 ? 2e-3 : 3e-5);
        }
      }
    },
  );

  test('with the exact sigmoid, to 1e-6', () => {
    const [words, width] = [11, 13];
    const rng = new Rng(3);
    const { memory, layout } = layOut({ ...base, words, width, negative: 5, exactSigmoid: true }, 0);
    const [syn0, out] = [0, 1].map(() => Float32Array.from({ length: words * width }, () => rng.uniform(-1, 1)));
    padInto(memory, layout.syn0, syn0!, width);
    padInto(memory, layout.syn1neg, out!, width);
    contextAt(memory, layout.contexts[0]!).alpha = 0.05;
    const lists = listsAt(memory, layout.contexts[0]!);
    const targets = [7, 1, 4, 6, 2, 9].map((row, i) => ({ row, label: i === 0 ? 1 : 0 }));
    targets.forEach((t, i) => {
      lists.targets[i] = layout.syn1neg + t.row * layout.stride;
      lists.labels[i] = t.label;
    });
    openKernel(memory).update(layout.contexts[0]!, 0, layout.syn0 + 3 * layout.stride, 1, 6, 0, 0);
    const want = Float64Array.from(out!);
    const e = trainTargets(syn0!.slice(3 * width, 4 * width), want, targets, Math.fround(0.05), {
      rule: 'exact',
      tree: false,
      table: sigmoidTable(),
      round: (x) => x,
    });
    expect(worst(unpadded(memory, layout.syn1neg, words, width), want)).toBeLessThan(1e-6);
    expect(
      worst(
        unpadded(memory, layout.syn0, words, width).slice(3 * width, 4 * width),
        e.map((x, k) => x + syn0![3 * width + k]!),
      ),
    ).toBeLessThan(1e-6);
  });

  test('noise follows count^0.75, subsampling its probabilities', () => {
    const counts = [1000, 300, 100, 50, 7, 3, 1];
    const table = aliasTable(counts, 0.75);
    const p = new Float64Array(7);
    for (let i = 0; i < 7; i++) {
      p[i]! += table[2 * i]! / 2 ** 24 / 7;
      p[table[2 * i + 1]!]! += (1 - table[2 * i]! / 2 ** 24) / 7;
    }
    const sum = counts.reduce((s, c) => s + c ** 0.75, 0);
    expect(
      worst(
        p,
        counts.map((c) => c ** 0.75 / sum),
      ),
    ).toBeLessThan(1e-6);
    expect(keepProbabilities([10], 0, 10)).toEqual(Float64Array.of(1));
    expect(keepProbabilities([400, 100], 0.01, 500)[0]).toBeCloseTo((Math.sqrt(400 / 5) + 1) * (5 / 400), 12);
  });

  test('the Huffman tree is prefix-free and as short as any', () => {
    const rng = new Rng(9);
    const counts = Array.from({ length: 101 }, () => 1 + rng.int(1000)).sort((a, b) => b - a);
    const t = huffman(counts);
    const codes = counts.map((_, w) => t.codes.slice(t.starts[w], t.starts[w + 1]).join(''));
    for (const a of codes) expect(codes.filter((b) => b.startsWith(a)).length).toBe(1);
    const heap = [...counts];
    let best = 0;
    while (heap.length > 1) {
      heap.sort((a, b) => b - a);
      const s = heap.pop()! + heap.pop()!;
      best += s;
      heap.push(s);
    }
    expect(codes.reduce((s, c, i) => s + c.length * counts[i]!, 0)).toBe(best);
    expect(huffman([5]).codes.length).toBe(0);
  });
});

/** Sentences about one of several topics: words of a topic should end up near one another. */
function planted(seed: number, sentences: number, shuffled = false): string[] {
  const rng = new Rng(seed);
  const words = Array.from({ length: sentences }, () => {
    const topic = rng.int(10);
    return Array.from({ length: 12 }, () => (rng.float() < 0.4 ? `t${topic}_${rng.int(9)}` : `c${rng.int(60)}`));
  });
  if (!shuffled) return words.map((w) => w.join(' '));
  const all = rng.shuffle(words.flat());
  return words.map((_, i) => all.slice(12 * i, 12 * i + 12).join(' '));
}

/** Share of the 5 nearest topic words that are of the same topic. Chance: 8/89. */
function purity(wv: KeyedVectors): number {
  const topical = wv.words.filter((w) => w.startsWith('t'));
  let hits = 0;
  for (const w of topical) {
    const near = wv.mostSimilar(w, { topn: wv.words.length }).filter((n) => n.word.startsWith('t'));
    hits += near.slice(0, 5).filter((n) => n.word.split('_')[0] === w.split('_')[0]).length;
  }
  return hits / (5 * topical.length);
}

describe('training', () => {
  const small = { vectorSize: 20, minCount: 2, epochs: 4, sample: 0.003, seed: 3 };

  test.each([
    ['skip-gram', { sg: 1 as const }],
    ['CBOW', { sg: 0 as const, alpha: 0.05, epochs: 10 }],
    ['hierarchical softmax', { sg: 1 as const, hs: 1 as const, negative: 0 }],
    ['both losses, CBOW', { sg: 0 as const, hs: 1 as const, alpha: 0.05 }],
    ['shared negatives', { sg: 1 as const, sharedNegatives: true }],
    [
      'gensim’s saturation, exact sigmoid, 8 negatives',
      { sg: 1 as const, saturation: 'skip' as const, sigmoid: 'exact' as const, negative: 8 },
    ],
  ])('%s: words of a topic come near one another, in shuffled text they do not', async (_, o) => {
    const learned = await trainWord2Vec(planted(1, 4001), { ...small, ...o });
    expect(purity(learned.wv)).toBeGreaterThan(0.8);
    const control = await trainWord2Vec(planted(1, 4001, true), { ...small, ...o });
    expect(purity(control.wv)).toBeLessThan(0.25);
  });

  test('same seed, same bits; a stopped run resumes bit for bit', async () => {
    const corpus = planted(2, 6007);
    const o = { ...small, sg: 1 as const, epochs: 6 };
    const whole = await trainWord2Vec(corpus, o);
    expect((await trainWord2Vec(corpus, o)).wv.vectors).toEqual(whole.wv.vectors);
    const work = join(folder, 'work');
    const stop = new AbortController();
    let rounds = 0;
    const first = trainWord2Vec(corpus, o, {
      work,
      signal: stop.signal,
      onProgress: (p) => p.task === 'train' && ++rounds === 2 && stop.abort(),
    });
    await expect(first).rejects.toMatchObject({ code: 'aborted' });
    const resumed = await trainWord2Vec(corpus, o, { work });
    expect(resumed.wv.vectors).toEqual(whole.wv.vectors);
  });

  test('a checkpoint folder keeps everything; training continues with new words', async () => {
    const model = await trainWord2Vec(planted(3, 1009), { ...small, sg: 1 });
    await saveWord2Vec(join(folder, 'model'), model);
    const loaded = await loadWord2Vec(await openModelFiles(join(folder, 'model')));
    expect(loaded).toEqual(model);
    const more = await trainWord2Vec(
      [...planted(4, 211), ...Array(7).fill('brand new words')],
      { ...small, sg: 1, epochs: 1, alpha: 1e-9, minAlpha: 0 },
      { from: loaded },
    );
    expect(more.wv.words.slice(0, model.wv.words.length)).toEqual(model.wv.words);
    expect(more.wv.words).toContain('brand');
    expect(worst(more.wv.get('c1'), model.wv.get('c1'))).toBeLessThan(1e-5); // old rows stay where they were
    expect(more.counts[0]).toBeGreaterThan(model.counts[0]!);
  });

  test('words with blanks, one word, empty and hopeless corpora, wrong options', async () => {
    const lists = await trainWord2Vec(Array(9).fill(['red block', 'blue bowl']), { minCount: 1, vectorSize: 3 });
    expect([...lists.wv.words].sort()).toEqual(['blue bowl', 'red block']);
    expect((await trainWord2Vec(Array(9).fill('alone'), { minCount: 1, vectorSize: 3 })).wv.words).toEqual(['alone']);
    await expect(trainWord2Vec([], {})).rejects.toMatchObject({ code: 'data' });
    await expect(trainWord2Vec(['too rare'], {})).rejects.toMatchObject({ code: 'data' });
    await expect(trainWord2Vec(['x'], { negative: 0 })).rejects.toMatchObject({ code: 'config' });
    await expect(trainWord2Vec(['x'], { vector_size: 3 } as object)).rejects.toThrow(/did you mean "vectorSize"/);
    const long = await trainWord2Vec([Array.from({ length: 25_013 }, (_, i) => `w${i % 17}`).join(' ')], {
      minCount: 1,
      vectorSize: 3,
      epochs: 1,
    });
    expect(long.counts.reduce((s, c) => s + c, 0)).toBe(25_013);
  });

  test('threads, from the compiled code', () => {
    const script = `
      import { trainWord2Vec } from '${process.cwd()}/dist/systems/node/index.js';
      const s = Array.from({ length: 5003 }, (_, i) => Array.from({ length: 12 }, (_, k) => 't' + (i % 7) + '_' + ((i * 31 + k * 17) % 11)).join(' '));
      const m = await trainWord2Vec(s, { workers: 2, sg: 1, vectorSize: 16, minCount: 1, sample: 0 });
      console.log(m.wv.mostSimilar('t3_1', { topn: 5 }).filter((n) => n.word.startsWith('t3_')).length);`;
    const file = join(folder, 'threads.mjs');
    writeFileSync(file, script);
    const out = execFileSync(process.execPath, [file], { encoding: 'utf8' });
    expect(Number(out)).toBeGreaterThanOrEqual(4);
  });
});

describe('files', () => {
  const kv = new KeyedVectors(
    ['naïve', '你好', 'red'],
    Float32Array.of(1e-7, 123456.79, -0, 1 / 3, 2 / 3, -1, 0.1, -0.25, 3.5),
    3,
  );

  test('text and binary, in both programs’ habits, read back', async () => {
    for (const binary of [true, false]) {
      for (const style of ['gensim', 'word2vec.c'] as const) {
        const path = join(folder, `v-${binary}-${style}`);
        await writeVectors(path, kv, { binary, style });
        const back = await readVectors(path, { binary });
        expect((await readVectors(path)).vectors).toEqual(back.vectors);
        expect(back.words).toEqual(kv.words);
        expect(worst(back.vectors, kv.vectors)).toBeLessThan(binary || style === 'gensim' ? 1e-30 : 1e-6);
      }
    }
    expect([1e-7, 123456.79, -0, 1 / 3, 3.5, 1e16, 100, 0.001].map((x) => shortest(Math.fround(x)))).toEqual([
      '1e-07',
      '123456.79',
      '-0.0',
      '0.33333334',
      '3.5',
      '1e+16',
      '100.0',
      '0.001',
    ]);
  });

  test('cut short at every byte, or hostile: a typed error', async () => {
    const path = join(folder, 'whole.bin');
    await writeVectors(path, kv);
    const bytes = readFileSync(path);
    for (let n = 0; n < bytes.length - 1; n++) {
      writeFileSync(join(folder, 'cut.bin'), bytes.subarray(0, n));
      await expect(readVectors(join(folder, 'cut.bin')), `${n} bytes`).rejects.toMatchObject({ code: 'checkpoint' });
    }
    for (const head of ['999999999 300\nx ', '-1 5\n', 'king and queen\n', '3 0\n', '']) {
      writeFileSync(join(folder, 'bad.bin'), head);
      await expect(readVectors(join(folder, 'bad.bin'))).rejects.toMatchObject({ code: 'checkpoint' });
    }
    writeFileSync(join(folder, 'odd.txt'), '3 2\na 1 nan\na 1 1\nred block 1 2\n');
    const warnings: string[] = [];
    const odd = await readVectors(join(folder, 'odd.txt'), { onWarning: (w) => warnings.push(w) });
    expect([odd.words, warnings.length]).toEqual([['a', 'red block'], 2]);
    await expect(readVectors(join(folder, 'none.bin'))).rejects.toMatchObject({ code: 'data' });
  });
});

describe('questions', () => {
  const v = (x: number, y: number): number[] => [x, y, 0.1];
  const kv = new KeyedVectors(
    ['man', 'king', 'woman', 'queen', 'apple'],
    Float32Array.from([v(1, 0), v(1, 1), v(-1, 0), v(-1, 1), v(0, -1)].flat()),
    3,
  );

  test('neighbours, analogies, the odd one, unknown words', () => {
    expect(kv.analogy('man', 'king', 'woman')[0]!.word).toBe('queen');
    expect(kv.mostSimilarCosmul({ positive: ['king', 'woman'], negative: ['man'], topn: 1 })[0]!.word).toBe('queen');
    expect(kv.doesntMatch(['king', 'queen', 'apple'])).toBe('apple');
    expect(kv.similarity('man', 'man')).toBeCloseTo(1, 6);
    expect(() => kv.get('Queen')).toThrow(/did you mean "queen"/);
    const r = evaluateAnalogies(kv, ': family\nman king woman queen\nman woman king queen\nman king nobody queen\n');
    expect(r).toMatchObject({ accuracy: 1, asked: 2, skipped: 1 });
    expect(evaluateWordPairs(kv, '# words\nman\tking\t9\nman\twoman\t1\nking\tapple\t2\n').spearman).toBeCloseTo(1, 6);
    expect(() => evaluateWordPairs(kv, 'nothing here')).toThrow(expect.objectContaining({ code: 'data' }));
  });

  test.skipIf(noGoldens)('gensim’s answers (skipped without ../shared/goldens)', () => {
    type Q = { method: string; args: never[]; options: Record<string, never>; result: never };
    const g = golden<{
      words: string[];
      vectors: number[][];
      queries: Q[];
      pairsFile: string;
      analogiesFile: string;
      evaluations: {
        method: string;
        options: Record<string, never>;
        spearman: number;
        pearson: number;
        oovPercent: number;
        score: number;
      }[];
    }>('keyed-vectors');
    const wv = new KeyedVectors(g.words, Float32Array.from(g.vectors.flat()), 6);
    const camel = (o: object) =>
      Object.fromEntries(
        Object.entries(o).map(([k, x]) => [
          k.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase()).replace('caseInsensitive', 'caseInsensitive'),
          x,
        ]),
      );
    const list = (x: unknown): string[] => (typeof x === 'string' ? [x] : ((x ?? []) as string[]));
    const neighbours = (found: readonly { word: string; score: number }[], want: [string, number][]) => {
      expect(found.map((n) => n.word)).toEqual(want.map(([w]) => w));
      expect(
        worst(
          found.map((n) => n.score),
          want.map(([, s]) => s),
        ),
      ).toBeLessThan(2e-6);
    };
    for (const q of g.queries) {
      const o = camel(q.options) as NeighbourOptions;
      const [a, b] = q.args as unknown as [never, never];
      if (q.method === 'most_similar')
        neighbours(wv.mostSimilar({ positive: list(a), ...o, negative: list(b) }), q.result);
      if (q.method === 'most_similar_cosmul')
        neighbours(wv.mostSimilarCosmul({ positive: list(a), negative: list(b), ...o }), q.result);
      if (q.method === 'doesnt_match') expect(wv.doesntMatch(a)).toBe(q.result);
      if (q.method === 'rank_by_centrality')
        neighbours(
          wv.rankByCentrality(a),
          (q.result as [number, string][]).map(([s, w]) => [w, s]),
        );
      if (q.method === 'similarity') expect(wv.similarity(a, b)).toBeCloseTo(q.result, 6);
      if (q.method === 'distances') expect(worst(wv.distances(a, b), q.result)).toBeLessThan(2e-6);
      if (q.method === 'n_similarity') expect(wv.nSimilarity(a, b)).toBeCloseTo(q.result, 6);
      if (q.method === 'rank') expect(wv.rank(a, b)).toBe(q.result);
      if (q.method === 'closer_than') expect(wv.closerThan(a, b)).toEqual(q.result);
    }
    for (const e of g.evaluations) {
      const o = camel(e.options);
      if (e.method === 'evaluate_word_analogies')
        expect(evaluateAnalogies(wv, g.analogiesFile, o).accuracy).toBeCloseTo(e.score, 10);
      else {
        const r = evaluateWordPairs(wv, g.pairsFile, o);
        expect(worst([r.spearman, r.pearson, r.unknownPercent], [e.spearman, e.pearson, e.oovPercent])).toBeLessThan(
          1e-6,
        );
      }
    }
  });

  test.skipIf(noGoldens)('files of both programs (skipped without ../shared/goldens)', async () => {
    type F = { name: string; binary: boolean; bytesBase64: string; words: string[]; vectorsF32LeBase64: string };
    for (const f of golden<{ files: F[] }>('word2vec-formats').files) {
      const path = join(folder, 'golden');
      writeFileSync(path, Buffer.from(f.bytesBase64, 'base64'));
      const glove = f.name.startsWith('GloVe');
      const kv = await readVectors(path);
      expect(kv.words).toEqual(f.words);
      expect(Buffer.from(kv.vectors.buffer).toString('base64')).toBe(f.vectorsF32LeBase64);
      if (glove) continue;
      await writeVectors(path, kv, { binary: f.binary, style: f.name.startsWith('gensim') ? 'gensim' : 'word2vec.c' });
      expect(readFileSync(path).toString('base64'), f.name).toBe(f.bytesBase64);
    }
  });
});
