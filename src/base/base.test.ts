import { describe, expect, test } from 'vitest';
import { BowError, exitCode, hash32, isBowError, isRecord, nearest, Rng, unknownName } from './index.ts';

describe('errors', () => {
  test('format prints place, details and hint', () => {
    const e = new BowError('shape', 'matmul: inner sizes differ, 7 and 5', {
      place: 'visual/attn',
      detail: { left: [2, 3, 7], right: [5, 11] },
      hint: 'transpose the right operand: b.mT',
    });
    expect(e.format()).toBe(
      [
        'BowError[shape]: matmul: inner sizes differ, 7 and 5 (at visual/attn)',
        '  left   [2, 3, 7]',
        '  right  [5, 11]',
        '  hint   transpose the right operand: b.mT',
      ].join('\n'),
    );
    expect(isBowError(e)).toBe(true);
    expect(isBowError(new Error('x'))).toBe(false);
    expect(exitCode(e)).toBe(3);
  });

  test('nearest name', () => {
    expect(nearest('tempature', ['temperature', 'width'])).toBe('temperature');
    expect(nearest('zzz', ['temperature'])).toBeUndefined();
    expect(unknownName('key', 'wdith', ['width'])).toBe('unknown key "wdith" (did you mean "width"?)');
  });
});

describe('hash32', () => {
  // Published MurmurHash3_x86_32 vectors.
  test.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['abc', 0x9747b28c, 0xc84a62dd],
    ['abcd', 0x9747b28c, 0xf0478627],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['ππππππππ', 0x9747b28c, 0xd58063c1],
  ])('%j seed %i', (text, seed, expected) => {
    expect(hash32(text, seed)).toBe(expected);
  });
});

describe('Rng', () => {
  test('same seed, same stream; split does not depend on position', () => {
    const [a, b] = [new Rng(7), new Rng(7)];
    expect(Array.from({ length: 5 }, () => a.uint32())).toEqual(Array.from({ length: 5 }, () => b.uint32()));
    expect(a.split('x').float()).toBe(new Rng(7).split('x').float());
    expect(a.split('x').float()).not.toBe(a.split('y').float());
  });

  test('state continues where it was taken, also between the two normals of a pair', () => {
    const a = new Rng('s');
    a.normal();
    const b = new Rng(JSON.parse(JSON.stringify(a.state())));
    expect([b.normal(), b.normal(), b.int(97)]).toEqual([a.normal(), a.normal(), a.int(97)]);
    expect(b.split('k').uint32()).toBe(a.split('k').uint32());
  });

  test('moments', () => {
    const rng = new Rng(11);
    const n = 20011;
    const z = Float64Array.from({ length: n }, () => rng.normal());
    const mean = z.reduce((s, x) => s + x, 0) / n;
    const variance = z.reduce((s, x) => s + x * x, 0) / n - mean ** 2;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
    const counts = new Int32Array(7);
    for (let i = 0; i < 7000; i++) counts[rng.int(7)]!++;
    for (const c of counts) expect(Math.abs(c - 1000)).toBeLessThan(150);
  });
});

test('a record is an object that is no array', () => {
  expect([{}, { a: 1 }].map(isRecord)).toEqual([true, true]);
  expect([null, undefined, [], 'x', 1, () => 0].map(isRecord)).toEqual([false, false, false, false, false, false]);
});
