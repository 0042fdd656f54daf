/** Odd texts under odd settings: what scikit-learn gives, or its refusal. `testing/odd-texts.py` makes the values; nothing here needs Python. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isBowError } from '../base/index.ts';
import { CountVectorizer } from './count-vectorizer.ts';
import { goodUtf8, validUtf8 } from './encodings.ts';
import { HashingVectorizer } from './hashing-vectorizer.ts';
import { camelOptions, type GoldenMatrix, plain, unmark, worst } from './testing/goldens.ts';
import { TfidfVectorizer } from './tf-idf.ts';

type Case = {
  readonly kind: 'count' | 'tfidf' | 'hashing';
  readonly options: Record<string, unknown>;
  readonly fit: readonly unknown[];
  readonly docs: readonly unknown[];
  readonly fitMatrix: GoldenMatrix;
  readonly matrix: GoldenMatrix;
  readonly terms?: readonly string[];
  readonly error?: string;
};

const { cases } = JSON.parse(readFileSync(new URL('testing/odd-texts.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};
const kinds = { count: CountVectorizer, tfidf: TfidfVectorizer, hashing: HashingVectorizer };

test.each(cases.map((c, i) => [i, c.kind, JSON.stringify(c.options), c] as const))('%i: %s %s', (_, kind, __, c) => {
  const [fit, docs] = [c.fit.map(unmark), c.docs.map(unmark)] as [string[], string[]];
  const run = (): void => {
    const v = new kinds[kind](camelOptions(c.options));
    const tolerance = c.options['dtype'] === 'float32' ? 2e-6 : 1e-12;
    for (const [x, g] of [
      [v.fitTransform(fit), c.fitMatrix],
      [v.transform(docs), c.matrix],
    ] as const) {
      if (c.error !== undefined) continue;
      expect(plain(x)).toEqual({ shape: g.shape, indptr: g.indptr, indices: g.indices });
      expect(worst(x.data, g.data)).toBeLessThanOrEqual(tolerance);
    }
    if (c.terms && !(v instanceof HashingVectorizer)) expect(v.terms).toEqual(c.terms);
  };
  if (c.error === undefined) return run();
  let refusal: unknown;
  try {
    run();
  } catch (e) {
    refusal = e;
  }
  expect(isBowError(refusal), `${c.error}, here ${refusal}`).toBe(true);
});

test('bytes that are not UTF-8 are left out, U+FFFD that the bytes spell stays', () => {
  const bytes = (...parts: readonly (string | number)[]): Uint8Array =>
    Uint8Array.from(parts.flatMap((p) => (typeof p === 'string' ? [...new TextEncoder().encode(p)] : [p])));
  expect(goodUtf8(bytes('\ufeffa\ufffd', 0xc3, '\ufffdb', 0xef, 0xbf, 'c', 0xe2, 0x82))).toBe('\ufeffa\ufffd\ufffdbc');
  expect(validUtf8(bytes('é\ufffd€', 0xff, 'a'))).toBe(8);
  expect(validUtf8(bytes('a', 0xef, 0xbf))).toBe(1);
  expect(validUtf8(bytes('aé'))).toBe(3);
});

test('an encoding that is not decoded here is refused by name', () => {
  for (const encoding of ['latin-1', 'utf-16'] as unknown as 'ascii'[])
    expect(() => new CountVectorizer({ encoding })).toThrow(`encoding "${encoding}": only 'utf-8' and 'ascii'`);
});
