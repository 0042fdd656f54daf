import { describe, expect, test } from 'vitest';
import {
  arange,
  type Compiled,
  causalMask,
  compile,
  type F,
  type I,
  type ModelFunction,
  ndarray,
  Store,
} from '../engine/index.ts';
import { cacheMask, embedding, kvCache, linear, normal, type TransformerOptions, transformer } from './index.ts';

const [b, length, vocabulary, width] = [3, 13, 31, 24];
const shape = { depth: 2, heads: 4, kvHeads: 2, norm: 'rms', gated: true } as const;

/** Logits of the next token from tokens and their places: a small causal language model. */
function logits(s: Parameters<ModelFunction>[0], tokens: I, places: I, o: Partial<TransformerOptions>): F {
  const x = embedding(s.at('tokens'), tokens, { size: vocabulary, width, init: normal(1) });
  const p = embedding(s.at('positions'), places, { size: length, width, init: normal(1) });
  return linear(s.at('head'), transformer(s.at('blocks'), x.add(p), { ...shape, ...o }), vocabulary);
}

const plain: ModelFunction = (s, { tokens }: { tokens: I<'b n'> }) => {
  const n = tokens.dim(1);
  return { y: logits(s, tokens, arange(tokens, n), { mask: causalMask(tokens, n) }) };
};

const cached =
  (masked: boolean): ModelFunction =>
  (s, { tokens, position }: { tokens: I<'b n'>; position: I<''> }) => {
    const n = tokens.dim(1);
    const o = { length, position };
    const places = arange(position, n, 'int64').add(position);
    return { y: logits(s, tokens, places, { memory: kvCache(o), mask: masked ? cacheMask(n, o) : undefined }) };
  };

/** Tokens [b, n] from a place on. */
function tokens(seed: number, from: number, n: number): ReturnType<typeof ndarray<'int32'>> {
  const id = (row: number, place: number): number => (row * 7 + place * 11 + seed * 5) % vocabulary;
  return ndarray(
    'int32',
    [b, n],
    Int32Array.from({ length: b * n }, (_, i) => id(Math.floor(i / n), from + (i % n))),
  );
}

/** Largest difference between cached and plain logits when the tokens come in the given portions. */
async function difference(full: Compiled, part: Compiled, portions: readonly number[], seed: number): Promise<number> {
  const total = portions.reduce((p, q) => p + q, 0);
  const wanted = (await full.run({ tokens: tokens(seed, 0, total) })).y!.data as Float32Array;
  let [worst, at] = [0, 0];
  for (const n of portions) {
    const position = ndarray('int64', [], new BigInt64Array([BigInt(at)]));
    const found = (await part.run({ tokens: tokens(seed, at, n), position })).y!.data as Float32Array;
    found.forEach((u, i) => {
      const [row, place, v] = [Math.floor(i / (n * vocabulary)), Math.floor(i / vocabulary) % n, i % vocabulary];
      worst = Math.max(worst, Math.abs(u - wanted[(row * total + at + place) * vocabulary + v]!));
    });
    at += n;
  }
  return worst;
}

describe('decoding with a cache of fixed length', () => {
  test('gives the logits of the whole sequence, however the tokens come, also after another sequence', async () => {
    const store = new Store(5);
    const [full, part] = [compile(plain, { store, threads: 1 }), compile(cached(true), { store, threads: 1 })];
    expect(await difference(full, part, [5, 1, 1, 1, 1, 1, 1], 0)).toBeLessThan(1e-5);
    expect(await difference(full, part, [1, 4, 2, 1], 1)).toBeLessThan(1e-5); // what the first one left is hidden
    expect(await difference(full, part, [length], 2)).toBeLessThan(1e-5);
    const caches = [...store.entries('state')].map(([path, a]) => [path, a.shape]);
    expect(caches).toContainEqual(['blocks/1/attn/cache/values', [b, 2, length, width / 4]]);
    expect(caches).toHaveLength(4);
    await full.close();
    await part.close();
  });

  test('needs its mask', async () => {
    const store = new Store(5);
    const [full, part] = [compile(plain, { store, threads: 1 }), compile(cached(false), { store, threads: 1 })];
    expect(await difference(full, part, [5, 1, 1], 0)).toBeGreaterThan(1e-2);
    await full.close();
    await part.close();
  });

  test('refuses places past the end and another batch in the middle, and is as it was; a new sequence may have any batch', async () => {
    const store = new Store(5);
    const [full, part] = [compile(plain, { store, threads: 1 }), compile(cached(true), { store, threads: 1 })];
    const at = (place: number) => ndarray('int64', [], new BigInt64Array([BigInt(place)]));
    const row = (n: number) => ndarray('int32', [1, n], new Int32Array(n).fill(7));
    await part.run({ tokens: tokens(0, 0, 5), position: at(0) });
    const before = [...store.entries('state')].map(([, a]) => [...(a.data as Float32Array)]);
    const refused = (n: number, place: number, message: RegExp) =>
      expect(part.run({ tokens: tokens(0, 0, n), position: at(place) })).rejects.toMatchObject({
        code: 'shape',
        message: expect.stringMatching(message),
      });
    await refused(1, length, /rows 13 to 13 are not among the 13/);
    await refused(2, length - 1, /rows 12 to 13/);
    await refused(1, -1, /rows -1 to -1/);
    await expect(part.run({ tokens: row(1), position: at(5) })).rejects.toMatchObject({
      code: 'shape',
      message: expect.stringMatching(/begun with other sizes/),
    });
    expect([...store.entries('state')].map(([, a]) => [...(a.data as Float32Array)])).toEqual(before);
    const wanted = (await full.run({ tokens: row(3) }))['y']!.data as Float32Array;
    await part.run({ tokens: row(2), position: at(0) });
    const found = (await part.run({ tokens: row(1), position: at(2) }))['y']!.data as Float32Array;
    found.forEach((u, i) => {
      expect(Math.abs(u - wanted[2 * vocabulary + i]!)).toBeLessThan(1e-5);
    });
    expect(await difference(full, part, [2, 1], 0)).toBeLessThan(1e-5); // and the larger batch again
    await full.close();
    await part.close();
  });
});
