import { expect, test } from 'vitest';
import { Rng } from '../base/index.ts';
import { maskTokens } from './index.ts';
import { NOT_ASKED } from './masking.ts';

const special = 5;
const base = { mask: 4, vocabulary: 100, first: special, may: (id: number) => id >= special };

test('a share of the tokens is asked for: masked, replaced, or left', () => {
  const rng = new Rng(1);
  const counts = { asked: 0, masked: 0, kept: 0, other: 0, all: 0 };
  for (let row = 0; row < 2000; row++) {
    const before = Int32Array.from([2, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 3, 0, 0]);
    const [ids, labels] = [before.slice(), new Int32Array(before.length)];
    maskTokens(ids, labels, rng, base);
    ids.forEach((id, i) => {
      if (labels[i] === NOT_ASKED) return expect(id).toBe(before[i]);
      expect(labels[i]).toBe(before[i]);
      expect(before[i]).toBeGreaterThanOrEqual(special);
      counts.asked++;
      if (id === base.mask) counts.masked++;
      else if (id === before[i]) counts.kept++;
      else counts.other++;
    });
    counts.all += 10;
  }
  expect(counts.asked / counts.all).toBeGreaterThan(0.15); // at least one a row
  expect(counts.asked / counts.all).toBeLessThan(0.18);
  expect(counts.masked / counts.asked).toBeCloseTo(0.8, 1);
  expect(counts.other / counts.asked).toBeCloseTo(0.1, 1);
  expect(counts.kept / counts.asked).toBeCloseTo(0.1, 1);
});

test('whole words are hidden together', () => {
  const rng = new Rng(2);
  const continues = (id: number): boolean => id >= 50;
  for (let row = 0; row < 500; row++) {
    const ids = Int32Array.from([2, 10, 50, 51, 11, 12, 52, 13, 3, 0]);
    const labels = new Int32Array(ids.length);
    maskTokens(ids, labels, rng, { ...base, share: 0.3, continues });
    const asked = [...labels].map((l) => l !== NOT_ASKED);
    expect(asked[1]).toBe(asked[2]);
    expect(asked[2]).toBe(asked[3]);
    expect(asked[5]).toBe(asked[6]);
    expect(asked.filter(Boolean).length).toBeGreaterThan(0);
    expect(asked[0] || asked[8] || asked[9]).toBe(false);
  }
});

test('a row without words asks for nothing; the same seed asks for the same', () => {
  const empty = Int32Array.from([2, 3, 0]);
  const labels = new Int32Array(3);
  maskTokens(empty, labels, new Rng(3), base);
  expect([...labels]).toEqual([NOT_ASKED, NOT_ASKED, NOT_ASKED]);
  const run = (): number[] => {
    const ids = Int32Array.from({ length: 12 }, (_, i) => 10 + i);
    maskTokens(ids, new Int32Array(12), new Rng(4), base);
    return [...ids];
  };
  expect(run()).toEqual(run());
  expect(() => maskTokens(empty, new Int32Array(2), new Rng(1), base)).toThrow(/2 labels for 3 tokens/);
});
