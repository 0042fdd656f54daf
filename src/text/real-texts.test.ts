import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { CountVectorizer } from './count-vectorizer.ts';
import type { Csr } from './csr.ts';
import { nnz } from './csr.ts';
import { HashingVectorizer } from './hashing-vectorizer.ts';
import { camelOptions, worst } from './testing/goldens.ts';
import { TfidfVectorizer } from './tf-idf.ts';

type Digest = {
  shape: [number, number];
  entries: number;
  indptr: string;
  indices: string;
  data: string | number[];
  terms?: string;
  idf?: number[];
};
type Case = Digest & { file: string; kind: 'count' | 'tfidf' | 'hashing'; options: Record<string, unknown> };

const { cases } = JSON.parse(readFileSync(new URL('testing/real-texts.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};
const folder = resolve(process.cwd(), '../shared/data/text');

function hasXz(): boolean {
  try {
    return execFileSync('xz', ['--version']).length > 0;
  } catch {
    return false;
  }
}

const sha = (x: Uint8Array): string => createHash('sha256').update(x).digest('hex');
const bytes = (x: ArrayBufferView): Uint8Array => new Uint8Array(x.buffer, x.byteOffset, x.byteLength);
const ints = (x: ArrayLike<number>): string => sha(bytes(Int32Array.from(x)));

/** Weighted sums of 61 stretches, as real-texts.py makes them; compensated (Neumaier), so that the sum itself adds no error. */
function floats(x: ArrayLike<number>): number[] {
  const weights = [1, -1, 2, -2, 4, -4];
  return Array.from({ length: 61 }, (_, b) => {
    let [sum, lost] = [0, 0];
    for (let i = Math.floor((x.length * b) / 61); i < Math.floor((x.length * (b + 1)) / 61); i++) {
      const v = x[i]! * weights[i % 6]!;
      const next = sum + v;
      lost += Math.abs(sum) >= Math.abs(v) ? sum - next + v : v - next + sum;
      sum = next;
    }
    return sum + lost;
  });
}

function digest(x: Csr, integers: boolean): Digest {
  const [indices, data] = [x.indices.subarray(0, nnz(x)), x.data.subarray(0, nnz(x))];
  return {
    shape: [x.rows, x.cols],
    entries: nnz(x),
    indptr: ints(x.indptr),
    indices: ints(indices),
    data: integers ? ints(data) : floats(data),
  };
}
const joined = (terms: readonly string[]): string => sha(new TextEncoder().encode(terms.join('\0')));

function ours(c: Pick<Case, 'kind' | 'options'>, docs: string[]): Digest {
  if (c.kind === 'hashing') return digest(new HashingVectorizer(camelOptions(c.options)).transform(docs), false);
  const o = { ...camelOptions(c.options), tieBreak: 'numpy-1.24' as const };
  if (c.kind === 'count') {
    const v = new CountVectorizer(o);
    return { ...digest(v.fitTransform(docs), true), terms: joined(v.terms) };
  }
  const v = new TfidfVectorizer(o);
  return { ...digest(v.fitTransform(docs), false), terms: joined(v.terms), idf: floats(v.idf) };
}

/** Integers are equal; floats within 1e-12, relative where they exceed 1. */
function same(found: Digest, c: Digest): void {
  for (const key of ['shape', 'entries', 'indptr', 'indices', 'terms'] as const)
    expect(found[key], key).toEqual(c[key]);
  if (typeof c.data === 'string') expect(found.data).toBe(c.data);
  else expect(worst(found.data as number[], c.data)).toBeLessThanOrEqual(1e-12);
  if (c.idf) expect(worst(found.idf!, c.idf)).toBeLessThanOrEqual(1e-12);
}

const texts = new Map<string, string[]>();
function read(file: string): string[] {
  const path = resolve(folder, file);
  const raw = file.endsWith('.xz')
    ? execFileSync('xz', ['-dc', path], { maxBuffer: 2 ** 28 })
    : gunzipSync(readFileSync(path));
  const lines = raw.toString('utf8').trim().split('\n');
  return lines.map((l) => (JSON.parse(l) as { text: string }).text);
}
function documents(file: string): string[] {
  const known = texts.get(file) ?? read(file);
  texts.set(file, known);
  return known;
}

describe('real texts equal scikit-learn (skipped without ../shared/data/text; the reviews also without xz)', () => {
  for (const c of cases) {
    const missing = !existsSync(resolve(folder, c.file)) || (c.file.endsWith('.xz') && !hasXz());
    test.skipIf(missing)(`${c.file} ${c.kind} ${JSON.stringify(c.options)}`, { timeout: 120_000 }, () => {
      same(ours(c, documents(c.file)), c);
    });
  }

  test.skipIf(!existsSync(resolve(folder, 'bbc-news.jsonl.gz')))('one word more is noticed', () => {
    const [first, ...rest] = documents('bbc-news.jsonl.gz');
    const c = cases.find((c) => c.kind === 'tfidf' && Object.keys(c.options).length === 0)!;
    const changed = ours(c, [`${first} profits`, ...rest]); // known already: only weights of the first text change
    expect(changed.indices).toBe(c.indices);
    expect(() => same(changed, c)).toThrow();
  });
});
