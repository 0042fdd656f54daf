import { describe, expect, test } from 'vitest';
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16, Rng } from './index.ts';

const allHalves = Uint16Array.from({ length: 65536 }, (_, i) => i);

/** A value from sign, exponent and fraction by the definition of IEEE 754 binary16. */
function float16Value(h: number): number {
  const sign = h & 0x8000 ? -1 : 1;
  const exponent = (h >> 10) & 31;
  const fraction = (h & 1023) / 1024;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? 2 ** -14 * fraction : 2 ** (exponent - 15) * (1 + fraction));
}

/** Rounds to a grid of `digits` significand bits and smallest step `2**low`, ties to even, in double arithmetic. */
function rounded(x: number, digits: number, low: number, largest: number): number {
  if (!Number.isFinite(x) || x === 0) return x;
  const step = 2 ** Math.max(Math.floor(Math.log2(Math.abs(x))) - digits + 1, low);
  const q = Math.abs(x) / step;
  const down = Math.floor(q);
  const up = q - down > 0.5 || (q - down === 0.5 && down % 2 === 1);
  const y = (down + (up ? 1 : 0)) * step;
  return Math.sign(x) * (y > largest ? Number.POSITIVE_INFINITY : y);
}

/** float32 values over all magnitudes, with the ties and the neighbours of ties that rounding goes wrong at. */
function samples(): Float32Array {
  const rng = new Rng('float16');
  const bits = Uint32Array.from({ length: 200_003 }, () => rng.uint32());
  const random = [...new Float32Array(bits.buffer)].filter((x) => !Number.isNaN(x));
  const halves = [...float16ToFloat32(allHalves.slice(0, 0x7c00))];
  const ties = halves.flatMap((x, i) => {
    const tie = (x + (halves[i + 1] ?? 65536)) / 2;
    return [x, tie, tie * (1 - 2 ** -20), tie * (1 + 2 ** -20), -tie];
  });
  return Float32Array.from([...random, ...ties, 0, -0, 65519.99, 65520, 3.4e38, 2 ** -25, 2 ** -149]);
}

describe('float16', () => {
  test('every pattern decodes to its value', () => {
    const decoded = float16ToFloat32(allHalves);
    const wrong = [...allHalves].filter((h) => !Object.is(decoded[h], float16Value(h)));
    expect(wrong).toEqual([]);
  });

  test('every pattern survives decoding and encoding', () => {
    const back = float32ToFloat16(float16ToFloat32(allHalves));
    const wrong = [...allHalves].filter(
      (h) => back[h] !== h && !(Number.isNaN(float16Value(h)) && back[h] === (h | 0x200)),
    );
    expect(wrong).toEqual([]);
  });

  test('encoding rounds to nearest, ties to even', () => {
    const x = samples();
    const back = float16ToFloat32(float32ToFloat16(x));
    const wrong = [...x].filter(
      (v, i) => !Object.is(back[i], rounded(v, 11, -24, 65504) || (Object.is(v, Math.abs(v)) ? 0 : -0)),
    );
    expect(wrong).toEqual([]);
  });

  test('NaN stays NaN', () => {
    const nans = new Float32Array(Uint32Array.of(0x7f800001, 0xffc00000, 0x7fffffff).buffer);
    expect([...float16ToFloat32(float32ToFloat16(nans))]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect([...bfloat16ToFloat32(float32ToBfloat16(nans))]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });
});

describe('bfloat16', () => {
  test('decoding is the upper half of a float32', () => {
    expect([...bfloat16ToFloat32(Uint16Array.of(0x3f80, 0xc049, 0x0001))]).toEqual([1, -3.140625, 2 ** -133]);
  });

  test('encoding rounds to nearest, ties to even', () => {
    const largest = (2 - 2 ** -7) * 2 ** 127;
    const x = samples();
    const back = bfloat16ToFloat32(float32ToBfloat16(x));
    const wrong = [...x].filter(
      (v, i) => !Object.is(back[i], rounded(v, 8, -133, largest) || (Object.is(v, Math.abs(v)) ? 0 : -0)),
    );
    expect(wrong).toEqual([]);
  });
});
