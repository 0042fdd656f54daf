import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { staleKernels } from '../../scripts/build-kernels.mjs';
import { toolFolder } from '../base/testing/node/tools.ts';
import { analyzerOf } from './analysis.ts';
import { numpyArgsort } from './argsort.ts';
import { Bm25Transformer } from './bm25.ts';
import { CountVectorizer } from './count-vectorizer.ts';
import { concat, dot, fromDense, nnz, slice, toDense, transpose } from './csr.ts';
import { HashingVectorizer } from './hashing-vectorizer.ts';
import { TermCounter, wordClasses } from './term-counter.ts';
import { TfidfTransformer, TfidfVectorizer } from './tf-idf.ts';
import { compareCodePoints } from './unicode.ts';

const docs = ['The cat sat on the mat', 'the dog, the DOG and the cat', '', 'café naïve Σίσυφος ΟΔΟΣ İstanbul 𝒜𝒜'];

test.skipIf(!toolFolder('assemblyscript'))(
  'the embedded kernels are what their sources compile to (skipped where tools/ is not installed)',
  async () => {
    expect(await staleKernels()).toEqual([]);
  },
  60_000,
);

describe('count vectorizer', () => {
  test('counts, columns in code-point order', () => {
    const v = new CountVectorizer();
    const x = v.fitTransform(docs.slice(0, 3));
    expect(v.terms).toEqual(['and', 'cat', 'dog', 'mat', 'on', 'sat', 'the']);
    expect([...toDense(x)]).toEqual([0, 1, 0, 1, 1, 1, 2, 1, 1, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
    expect(v.statistics).toMatchObject({ documents: 3, df: Int32Array.of(1, 2, 1, 1, 1, 1, 2) });
    expect(v.indexOf('dog')).toBe(2);
    expect(v.indexOf('do')).toBe(-1);
  });

  test('stop words leave before n-grams, and n-grams bridge the gap', () => {
    const v = new CountVectorizer({ ngramRange: [2, 2], stopWords: ['of', 'the'] }).fit(['king of the hill wins']);
    expect(v.terms).toEqual(['hill wins', 'king hill']);
  });

  test('bounds, the most frequent, binary', () => {
    const d = ['aa bb bb bb', 'aa cc', 'aa cc dd'];
    expect(new CountVectorizer({ maxDf: { fraction: 0.7 } }).fit(d).terms).toEqual(['bb', 'cc', 'dd']);
    expect(new CountVectorizer({ minDf: 2 }).fit(d).terms).toEqual(['aa', 'cc']);
    expect(new CountVectorizer({ maxFeatures: 1 }).fit(['bb bb bb aa', 'aa']).terms).toEqual(['bb']);
    expect(new CountVectorizer({ maxFeatures: 1, binary: true }).fit(['bb bb bb aa', 'aa']).terms).toEqual(['aa']);
    expect(new CountVectorizer({ minDf: 2 }).fit(d).removedTerms).toEqual(['bb', 'dd']);
  });

  test('the byte path equals the string path on any text, also as bytes and in n-grams', () => {
    const words = fc.constantFrom(
      'Σ',
      'ΟΔΟΣ',
      'İ',
      'ﬁn',
      'a',
      'ab',
      '_',
      '９',
      '𝒜𝒜',
      '\u0301',
      'K',
      'Ⱥ',
      '\ud800',
      "don't",
      'ǅ',
      '你好',
      '\u0085',
      ' ',
      '\0',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.array(words, { maxLength: 12 }).map((w) => w.join('')),
    );
    const property = fc.property(
      fc.array(text, { maxLength: 7 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 3 }),
      (d, lowercase, n) => {
        const o = { lowercase, ngramRange: [1, n] as [number, number], stopWords: ['ab'] };
        const slow = new CountVectorizer({ ...o, tokenPattern: '(?u)\\b\\w\\w+\\b' });
        const fast = new CountVectorizer(o);
        const all = [...d, 'some words'];
        const x = fast.fitTransform(all);
        expect(slow.fitTransform(all)).toEqual(x);
        expect(fast.terms).toEqual(slow.terms);
        const bytes = all.map((t) => new TextEncoder().encode(t));
        expect(fast.transform(bytes)).toEqual(x);
      },
    );
    fc.assert(property, { numRuns: 150 });
  });

  test('transform of parts below one another is transform of the whole; order of documents changes no column', () => {
    const many = Array.from({ length: 101 }, (_, i) => `w${i % 7} x${i % 11} ${'y '.repeat(i % 3)}zz${i}`);
    const v = new CountVectorizer();
    const x = v.fitTransform(many);
    expect(concat([v.transform(many.slice(0, 37)), v.transform(many.slice(37))])).toEqual(x);
    expect(new CountVectorizer().fit([...many].reverse()).terms).toEqual(v.terms);
    expect(transpose(transpose(x))).toEqual(x);
    expect(slice(x, 5, 9)).toEqual(v.transform(many.slice(5, 9)));
  });

  test('a vocabulary larger than all first guesses, and long documents', () => {
    const big = Array.from({ length: 30_011 }, (_, i) => `t${(i * 7919) % 30_011}`).join(' ');
    const v = new CountVectorizer();
    const x = v.fitTransform([big, 'short t5', `${'x'.repeat(700_001)} t5`]);
    expect(v.terms.length).toBe(30_013);
    expect(v.terms).toEqual([...v.terms].sort(compareCodePoints));
    expect([x.indptr[1], nnz(x)]).toEqual([30_011, 30_015]);
  });

  test('bad input is a typed error', () => {
    const bytes = Uint8Array.of(0x61, 0x62, 0xc3, 0x28, 0x63, 0x64);
    const code = (f: () => unknown): string => {
      try {
        f();
      } catch (e) {
        return (e as { code: string }).code;
      }
      return 'none';
    };
    expect(code(() => new CountVectorizer().fit([bytes]))).toBe('data');
    expect(new CountVectorizer({ decodeError: 'ignore' }).fit([bytes]).terms).toEqual(['ab', 'cd']);
    expect(new CountVectorizer({ decodeError: 'replace' }).fit([bytes]).terms).toEqual(['ab', 'cd']);
    expect(() => new CountVectorizer().fit(['fine', bytes])).toThrow(/not UTF-8 \(at document 2\)/);
    expect(code(() => new CountVectorizer({ encoding: 'ascii' }).fit([new TextEncoder().encode('né')]))).toBe('data');
    expect(code(() => new CountVectorizer().fit([]))).toBe('data');
    expect(code(() => new CountVectorizer().fit('one text'))).toBe('data');
    expect(code(() => new CountVectorizer().transform(['x']))).toBe('usage');
    expect(code(() => new CountVectorizer({ vocabulary: ['a', 'a'] }).fit(['x']))).toBe('config');
    expect(code(() => new CountVectorizer({ vocabulary: { a: 0, b: 2 } }).fit(['x']))).toBe('config');
    expect(code(() => new CountVectorizer({ tokenPattern: '(a)(b)' }))).toBe('config');
    expect(code(() => new CountVectorizer({ tokenPattern: '(?P<x>a' }))).toBe('config');
    expect(code(() => new CountVectorizer({ minDf: 3 }).fit(['aa', 'bb']))).toBe('data');
    expect(code(() => new HashingVectorizer({ nFeatures: 0 }))).toBe('config');
    expect(() => new CountVectorizer({ ngram_range: [1, 2] } as object)).toThrow(/did you mean "ngramRange"/);
  });

  test('text without spaces', () => {
    const v = new CountVectorizer({ segment: 'intl', locale: 'zh' });
    expect(v.analyze('機器人把紅色積木放進抽屜')).toContain('紅色');
  });
});

describe('hashing', () => {
  test('columns and signs of MurmurHash3, sums, stored zeros', () => {
    // 'cat' has the signed hash −1523303810 (MurmurHash3_x86_32, seed 0): column |h| mod 1000, sign minus
    const x = new HashingVectorizer({ nFeatures: 1000, norm: null }).transform(['cat cat']);
    const y = new HashingVectorizer({ nFeatures: 1000, norm: null, alternateSign: false }).transform(['cat cat']);
    expect(x.indices).toEqual(y.indices);
    expect(Math.abs(x.data[0]!)).toBe(2);
    expect(y.data[0]).toBe(2);
    const one = new HashingVectorizer({ nFeatures: 1, norm: null }).transform(['the cat sat on the mat']);
    expect(nnz(one)).toBe(1); // everything in one bucket, signs cancel
    expect(new HashingVectorizer({ nFeatures: 1, binary: true, norm: null }).transform(['the cat'])['data'][0]).toBe(1);
  });

  test('without collisions it is counting under other names', () => {
    const counts = new CountVectorizer().fitTransform(docs);
    const hashed = new HashingVectorizer({ nFeatures: 2 ** 31 - 1, norm: null, alternateSign: false }).transform(docs);
    for (let r = 0; r < docs.length; r++) {
      const sorted = (x: typeof counts | typeof hashed) => [...x.data.slice(x.indptr[r], x.indptr[r + 1])].sort();
      expect(sorted(hashed)).toEqual(sorted(counts));
    }
    expect(dot(hashed, 0, hashed, 1)).toBe(dot(counts, 0, counts, 1));
  });
});

test('what is no document is named by its number, and leaves no trace', () => {
  const wrong: unknown[] = [null, undefined, Number.NaN, 7, {}, ['a text'], true];
  const fitted = new CountVectorizer().fit(['red cube']);
  for (const w of wrong) {
    const documents = ['red cube', w] as string[];
    for (const call of [
      () => new CountVectorizer().fit(documents),
      () => new CountVectorizer().fitTransform(documents),
      () => new TfidfVectorizer().fitTransform(documents),
      () => fitted.transform(documents),
      () => new HashingVectorizer().transform(documents),
    ])
      expect(call).toThrow(expect.objectContaining({ code: 'data', place: 'document 2' }));
    expect(() => fitted.analyze(w as string)).toThrow(expect.objectContaining({ code: 'data' }));
    if (!Array.isArray(w)) expect(() => new CountVectorizer().fit(w as string[])).toThrow(/documents expected/);
    expect([...fitted.transform(['cube', 'red red']).data]).toEqual([1, 2]);
  }
  expect(() => new CountVectorizer({ tieBreak: 'numpy' as 'numpy-1.24' })).toThrow(/unknown tieBreak/);
});

describe('tf-idf and BM25', () => {
  test('the formula on 3 × 3 counts by hand', () => {
    const counts = fromDense([
      [1, 1, 1],
      [1, 1, 0],
      [1, 0, 0],
    ]);
    const t = new TfidfTransformer({ norm: null }).fit(counts);
    expect([...t.idf]).toEqual([1, Math.log(4 / 3) + 1, Math.log(2) + 1]);
    const plain = new TfidfTransformer({ norm: null, smoothIdf: false }).fit(counts);
    expect([...plain.idf]).toEqual([1, Math.log(1.5) + 1, Math.log(3) + 1]);
    const sub = new TfidfTransformer({ norm: null, useIdf: false, sublinearTf: true });
    expect([...sub.fit(fromDense([[3, 300]])).transform(fromDense([[3, 300]])).data]).toEqual([
      1 + Math.log(3),
      1 + Math.log(300),
    ]);
  });

  test('rows have length 1 or 0; keywords; setting idf; infinite idf', () => {
    const v = new TfidfVectorizer();
    const x = v.fitTransform(docs);
    for (let r = 0; r < x.rows; r++) expect(dot(x, r, x, r)).toBeCloseTo(r === 2 ? 0 : 1, 12);
    expect(v.keywords('the the dog', 1)).toEqual([{ term: 'the', weight: expect.any(Number) }]);
    const again = new TfidfVectorizer({ vocabulary: v.terms });
    again.idf = v.idf;
    expect(again.transform(docs)).toEqual(x);
    expect(() =>
      new TfidfVectorizer({ vocabulary: ['zebra', 'cat'], smoothIdf: false }).fit(['cat']).transform(['zebra']),
    ).toThrow(/infinite/);
  });

  test('every BM25 method against the formula in ten lines', () => {
    const counts = fromDense([
      [2, 1, 0],
      [0, 1, 3],
      [0, 1, 0],
    ]);
    const [k1, b, n] = [1.5, 0.6, 3];
    const query = fromDense([[1, 2, 1]]);
    for (const method of ['lucene', 'atire', 'bm25l', 'bm25+', 'robertson-floor-0'] as const) {
      const model = new Bm25Transformer({ method, k1, b }).fit(counts);
      const got = model.scores(model.transform(counts), query);
      const dense = toDense(counts);
      for (let d = 0; d < 3; d++) {
        let want = 0;
        for (let t = 0; t < 3; t++) {
          const df = [1, 3, 1][t]!;
          const tf = dense[d * 3 + t]!;
          const l = 1 - b + (b * [3, 4, 1][d]!) / (8 / 3);
          const parts = {
            lucene: [Math.log(1 + (n - df + 0.5) / (df + 0.5)), tf / (tf + k1 * l)],
            atire: [Math.log(n / df), ((k1 + 1) * tf) / (tf + k1 * l)],
            bm25l: [Math.log((n + 1) / (df + 0.5)), ((k1 + 1) * (tf / l + 0.5)) / (k1 + tf / l + 0.5)],
            'bm25+': [Math.log((n + 1) / df), ((k1 + 1) * tf) / (tf + k1 * l) + 1],
            'robertson-floor-0': [Math.max(0, Math.log((n - df + 0.5) / (df + 0.5))), tf / (tf + k1 * l)],
          }[method];
          want += [1, 2, 1][t]! * parts[0]! * parts[1]!;
        }
        expect(got[d]).toBeCloseTo(want, 12);
      }
    }
  });
});

test('numpy’s order of ties: stable up to 16, its own choice above', () => {
  expect([...numpyArgsort(new Array(16).fill(1))]).toEqual(Array.from({ length: 16 }, (_, i) => i));
  const order = numpyArgsort(new Array(30).fill(-1));
  expect([...order.slice(0, 10)].sort((a, b) => a - b)).toEqual([0, 19, 20, 21, 22, 23, 24, 25, 26, 27]);
  const v = Array.from({ length: 997 }, (_, i) => (i * 7919) % 101);
  const sorted = [...numpyArgsort(v)].map((i) => v[i]!);
  expect(sorted).toEqual([...v].sort((a, b) => a - b));
});

test('a counter can give the ids in order', () => {
  const rows: number[][] = [];
  const counter = new TermCounter({
    mode: 'sequence',
    classes: wordClasses(true),
    analyze: analyzerOf({}),
    onRows: ({ ends, columns }) => {
      let from = 0;
      for (const end of ends) {
        rows.push([...columns.slice(from, end)]);
        from = end;
      }
    },
  });
  for (const d of ['to be or not to be', '', 'be']) counter.push(d);
  counter.flush();
  expect(rows).toEqual([[0, 1, 2, 3, 0, 1], [], [1]]);
});
