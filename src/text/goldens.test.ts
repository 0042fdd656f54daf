import { describe, expect, test } from 'vitest';
import { isBowError } from '../base/index.ts';
import { analyzerOf, decoderOf, preprocessorOf } from './analysis.ts';
import { Bm25Transformer } from './bm25.ts';
import { CountVectorizer } from './count-vectorizer.ts';
import type { Csr } from './csr.ts';
import { fromDense, toDense } from './csr.ts';
import { HashingVectorizer } from './hashing-vectorizer.ts';
import { camelOptions, type GoldenMatrix, golden, noGoldens, plain, unmark, worst } from './testing/goldens.ts';
import { TfidfTransformer, TfidfVectorizer } from './tf-idf.ts';
import { stripAccentsAscii, stripAccentsUnicode } from './unicode.ts';

type Case = {
  name: string;
  options: Record<string, unknown>;
  fit: string[];
  docs: string[];
  transform: string[];
  terms: string[];
  idf: number[] | null;
  matrix: GoldenMatrix;
  fitMatrix: GoldenMatrix;
  transformMatrix: GoldenMatrix;
  removedTerms?: string[];
  error?: string;
};

function same(x: Csr, g: GoldenMatrix, tolerance = 1e-12): void {
  expect(plain(x)).toEqual({ shape: g.shape, indptr: g.indptr, indices: g.indices });
  expect(worst(x.data, g.data)).toBeLessThanOrEqual(tolerance);
}

// These need ../shared/goldens/words; vectorizers.test.ts guards the same rules with cases of our own.
describe.skipIf(noGoldens)('scikit-learn goldens (skipped without ../shared/goldens)', () => {
  test('analysis', () => {
    const g = golden<{
      tokens: { options: Record<string, unknown>; text: string; tokens: string[] }[];
      stripAccents: { text: string; unicode: string; ascii: string }[];
      lower: [string, string][];
    }>('analysis');
    for (const c of g.tokens) {
      const o = camelOptions(c.options);
      expect(analyzerOf(o)(c.text)).toEqual(c.tokens);
      const counter = new CountVectorizer(o);
      if (c.tokens.length === 0) continue;
      counter.fit([c.text]); // the byte path knows the same terms
      expect(new Set(counter.terms)).toEqual(new Set(c.tokens));
    }
    for (const c of g.stripAccents) {
      expect([stripAccentsUnicode(c.text), stripAccentsAscii(c.text)]).toEqual([c.unicode, c.ascii]);
    }
    for (const [text, low] of g.lower) expect(preprocessorOf({})(text)).toBe(low);
  });

  test('bag of words', () => {
    for (const c of golden<{ cases: Case[] }>('bag-of-words').cases) {
      const o = { ...camelOptions(c.options), tieBreak: 'numpy-1.24' as const };
      if (c.error) {
        expect(() => new CountVectorizer(o).fit(c.fit), c.name).toThrow(
          /empty vocabulary|no terms remain|fewer documents|ngramRange/,
        );
        continue;
      }
      const v = new CountVectorizer(o);
      same(v.fitTransform(c.fit), c.fitMatrix);
      expect(v.terms, c.name).toEqual(c.terms);
      same(v.transform(c.transform), c.transformMatrix);
      if (c.removedTerms) expect(v.removedTerms).toEqual(c.removedTerms);
    }
    const { inverse } = golden<{ inverse: { fit: string[]; transform: string[]; termsPerRow: string[][] } }>(
      'bag-of-words',
    );
    const v = new CountVectorizer().fit(inverse.fit);
    expect(v.inverseTransform(v.transform(inverse.transform))).toEqual(inverse.termsPerRow);
  });

  test('hashing', () => {
    const g = golden<{ cases: Case[]; tokens: { token: string; sign: number; index: Record<string, number> }[] }>(
      'hashing',
    );
    for (const c of g.tokens) {
      for (const [n, column] of Object.entries(c.index)) {
        const x = new HashingVectorizer({ nFeatures: Number(n), norm: null, analyzer: (t) => [t] }).transform([
          c.token,
        ]);
        expect([x.indices[0], x.data[0]]).toEqual([column, c.sign]);
      }
    }
    for (const c of g.cases) same(new HashingVectorizer(camelOptions(c.options)).transform(c.docs), c.matrix);
  });

  test('tf-idf', () => {
    type Dense = { options: Record<string, unknown>; counts: number[][]; idf: number[] | null; dense: number[][] };
    const g = golden<{ cases: Case[]; transformer: Dense[]; float32: Case; hashedThenTfidf: Case }>('tf-idf');
    for (const c of g.cases) {
      const v = new TfidfVectorizer(camelOptions(c.options));
      same(v.fitTransform(c.fit), c.fitMatrix);
      expect(v.terms, c.name).toEqual(c.terms);
      if (c.idf) expect(worst(v.idf, c.idf.map(unmark) as number[])).toBeLessThanOrEqual(1e-12);
      same(v.transform(c.transform), c.transformMatrix);
    }
    for (const c of g.transformer) {
      const x = new TfidfTransformer(camelOptions(c.options)).fitTransform(fromDense(c.counts));
      expect(worst(toDense(x), c.dense.flat())).toBeLessThanOrEqual(1e-12);
    }
    const f = new TfidfVectorizer({ dtype: 'float32' }).fit(g.float32.fit);
    same(f.transform(g.float32.transform), g.float32.matrix, 1e-6);
    const h = new HashingVectorizer(camelOptions(g.hashedThenTfidf.options)).transform(g.hashedThenTfidf.docs);
    same(new TfidfTransformer().fitTransform(h), g.hashedThenTfidf.matrix);
  });

  test('BM25', () => {
    type B = { method: 'lucene'; k1: number; b: number; delta: number; scores: number[][] };
    const g = golden<{ docs: string[]; queries: string[]; cases: B[] }>('bm25');
    const counter = new CountVectorizer({ tokenizer: (t) => t.split(' ') });
    const counts = counter.fitTransform(g.docs);
    for (const c of g.cases) {
      const bm25 = new Bm25Transformer({ method: c.method, k1: c.k1, b: c.b, delta: c.delta }).fit(counts);
      const weights = bm25.transform(counts);
      g.queries.forEach((q, i) => {
        expect(worst(bm25.scores(weights, counter.transform([q])), c.scores[i]!), c.method).toBeLessThanOrEqual(1e-12);
      });
    }
  });

  type Recorded = {
    test: string;
    function?: string;
    estimator?: string;
    options: Record<string, unknown>;
    method: string;
    input: unknown;
    before?: { terms?: string[]; idf?: unknown[] };
    output?: unknown;
    error?: string;
    after?: { terms?: string[]; removedTerms?: string[]; idf?: unknown[] };
  };
  const recorded = noGoldens ? [] : golden<{ cases: Recorded[] }>('sklearn-test-cases').cases;

  test.each(recorded.map((c, i) => [`${i} ${c.test} ${c.estimator ?? c.function} ${c.method ?? ''}`, c] as const))(
    '%s',
    (_, c) => {
      if (c.function) {
        const f = c.function === 'strip_accents_unicode' ? stripAccentsUnicode : stripAccentsAscii;
        expect(f(c.input as string)).toBe(c.output);
        return;
      }
      if (c.error) {
        let caught: unknown;
        try {
          replay(c);
        } catch (e) {
          caught = e;
        }
        expect(isBowError(caught), c.error).toBe(true);
        return;
      }
      const { result, estimator } = replay(c);
      if (c.output !== '$self') {
        if (typeof c.output === 'object' && c.output !== null && 'indptr' in c.output)
          same(result as Csr, c.output as GoldenMatrix);
        else if (c.method === 'inverse_transform')
          expect((result as string[][]).map((r) => [...r].sort())).toEqual(
            (c.output as string[][]).map((r) => [...r].sort()),
          );
        else expect(result).toEqual(c.output);
      }
      if (estimator instanceof HashingVectorizer || c.method === 'analyze') return;
      if (c.after?.idf && !(estimator instanceof CountVectorizer)) {
        expect(worst(estimator.idf, c.after.idf.map(unmark) as number[])).toBeLessThanOrEqual(1e-12);
      }
      if (estimator instanceof TfidfTransformer) return;
      if (c.after?.terms) expect(estimator.getFeatureNamesOut()).toEqual(c.after.terms);
    },
  );

  /** Sets an estimator up as it was before the recorded call and makes the call. */
  function replay(c: Recorded) {
    const o = camelOptions(c.options);
    const input = inputOf(c.input);
    const before = c.before?.terms ?? (c.method === 'inverse_transform' ? c.after?.terms : undefined);
    if (c.estimator === 'TfidfTransformer') {
      const t = new TfidfTransformer(o);
      if (c.before?.idf) t.idf = c.before.idf.map(unmark) as number[];
      const x = input as Csr;
      return {
        estimator: t,
        result: c.method === 'fit' ? t.fit(x) : c.method === 'transform' ? t.transform(x) : t.fitTransform(x),
      };
    }
    if (c.estimator === 'HashingVectorizer') {
      const h = new HashingVectorizer(o);
      if (c.method === 'analyze')
        return {
          estimator: h,
          result: analyzerOf(o)(typeof input === 'string' ? input : decoderOf(o)(input as Uint8Array)),
        };
      return { estimator: h, result: c.method === 'fit' ? h.fit(input as string[]) : h.transform(input as string[]) };
    }
    const withTerms = before ? { ...o, vocabulary: before } : o;
    const v =
      c.estimator === 'CountVectorizer'
        ? new CountVectorizer(c.method === 'fit' || c.method === 'fit_transform' ? o : withTerms)
        : new TfidfVectorizer(c.method === 'fit' || c.method === 'fit_transform' ? o : withTerms);
    if (v instanceof TfidfVectorizer && c.before?.idf && c.method === 'transform')
      v.idf = c.before.idf.map(unmark) as number[];
    const docs = input as string[];
    if (c.method === 'analyze')
      return { estimator: v, result: (v instanceof TfidfVectorizer ? v.counter : v).analyze(input as string) };
    if (c.method === 'fit') return { estimator: v, result: v.fit(docs) };
    if (c.method === 'fit_transform') return { estimator: v, result: v.fitTransform(docs) };
    if (c.method === 'inverse_transform') return { estimator: v, result: v.inverseTransform(input as Csr) };
    return { estimator: v, result: v.transform(docs) };
  }

  function inputOf(v: unknown): unknown {
    if (typeof v !== 'object' || v === null) return v;
    if ('$dense' in v) return fromDense(v.$dense as number[][]);
    if ('$csr' in v) {
      const g = v.$csr as GoldenMatrix;
      return {
        rows: g.shape[0],
        cols: g.shape[1],
        indptr: Int32Array.from(g.indptr),
        indices: Int32Array.from(g.indices),
        data: Float64Array.from(g.data),
      };
    }
    return unmark(v);
  }
});
