/** Numbers as float16 and bfloat16 bits, rounded once. */
import { float32ToBfloat16, float32ToFloat16 } from '../base/index.ts';

/**
 * A type for storage: graphs widen it to float32 where it is used. `float16` keeps 11 significant bits of magnitudes from 6·10⁻⁵ to 65,504 (relative
 * error ≤ 2⁻¹¹, more below), `bfloat16` 8 bits of float32's whole range (≤ 2⁻⁸⁻¹).
 */
export type Half = 'float16' | 'bfloat16';

/** The 16 bits of each number: rounded to nearest, ties to even; infinite where it is beyond the type's range. */
export function halfBits(values: ArrayLike<number>, to: Half): Uint16Array {
  const wide = values instanceof Float32Array ? values : roundedToOdd(values);
  return to === 'float16' ? float32ToFloat16(wide) : float32ToBfloat16(wide);
}

/**
 * float32 on the way to fewer bits: what is not exact gets the odd one of its two neighbours, so that rounding twice is rounding once (Boldo &
 * Melquiond 2008, "Emulation of FMA and correctly rounded sums", theorem 1). By way of the nearest, 1 + 2⁻¹¹ + 2⁻⁴⁰ would become a tie.
 */
function roundedToOdd(values: ArrayLike<number>): Float32Array {
  const out = Float32Array.from(values);
  const bits = new Uint32Array(out.buffer);
  for (let i = 0; i < out.length; i++) {
    const [near, exact] = [out[i]!, values[i]!];
    if (near === exact || (bits[i]! & 1) === 1 || Number.isNaN(exact)) continue;
    bits[i]! += Math.abs(near) < Math.abs(exact) ? 1 : -1;
  }
  return out;
}
