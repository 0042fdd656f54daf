/**
 * float16 and bfloat16 as their bits, to and from float32. Node 20 has no `Float16Array`; decoding is one table look-up per element
 * (256 KiB, made at first use), encoding is integer arithmetic on the float32 bits. Both round to nearest, ties to even (IEEE 754).
 */

let table: Uint32Array | undefined;

/** float32 bits of all 65 536 float16 patterns. */
function float16Table(): Uint32Array {
  if (table) return table;
  table = new Uint32Array(65536);
  for (let h = 0; h < 65536; h++) {
    const sign = (h & 0x8000) << 16;
    const exponent = (h >> 10) & 31;
    const fraction = h & 1023;
    let bits: number;
    if (exponent === 31) bits = 0x7f800000 | (fraction << 13);
    else if (exponent > 0) bits = ((exponent + 112) << 23) | (fraction << 13);
    else if (fraction === 0) bits = 0;
    else {
      const shift = Math.clz32(fraction) - 21; // a subnormal: move its leading one to the implicit place
      bits = ((113 - shift) << 23) | (((fraction << shift) & 1023) << 13);
    }
    table[h] = sign | bits;
  }
  return table;
}

/** Decodes float16 bits; `out` may be given to reuse memory and must have the same length. */
export function float16ToFloat32(half: Uint16Array, out: Float32Array = new Float32Array(half.length)): Float32Array {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  const lookup = float16Table();
  for (let i = 0; i < half.length; i++) bits[i] = lookup[half[i]!]!;
  return out;
}

/** Decodes bfloat16 bits: the upper half of a float32. */
export function bfloat16ToFloat32(half: Uint16Array, out: Float32Array = new Float32Array(half.length)): Float32Array {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < half.length; i++) bits[i] = half[i]! << 16;
  return out;
}

/** Encodes float32 as float16 bits. Beyond 65 504 becomes infinity, below 2⁻²⁵ zero; NaN stays NaN, quiet. */
export function float32ToFloat16(x: Float32Array, out: Uint16Array = new Uint16Array(x.length)): Uint16Array {
  const bits = new Uint32Array(x.buffer, x.byteOffset, x.length);
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i]!;
    const sign = (b >>> 16) & 0x8000;
    const a = b & 0x7fffffff;
    if (a >= 0x47800000) {
      out[i] = sign | (a > 0x7f800000 ? 0x7e00 | ((a >>> 13) & 0x1ff) : 0x7c00); // ≥ 2¹⁶: infinity, or NaN
    } else if (a >= 0x38800000) {
      out[i] = sign | ((a - 0x38000000 + 0xfff + ((a >>> 13) & 1)) >>> 13); // normal; the carry may reach infinity, rightly
    } else if (a > 0x33000000) {
      const shift = 126 - (a >>> 23); // subnormal: bits to drop from the 24-bit significand, 14 … 24
      const m = (a & 0x7fffff) | 0x800000;
      const kept = m >>> shift;
      const rest = m & ((1 << shift) - 1);
      const half = 1 << (shift - 1);
      out[i] = sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
    } else {
      out[i] = sign;
    }
  }
  return out;
}

/** Encodes float32 as bfloat16 bits. NaN stays NaN, quiet. */
export function float32ToBfloat16(x: Float32Array, out: Uint16Array = new Uint16Array(x.length)): Uint16Array {
  const bits = new Uint32Array(x.buffer, x.byteOffset, x.length);
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i]!;
    out[i] = (b & 0x7fffffff) > 0x7f800000 ? (b >>> 16) | 0x40 : (b + 0x7fff + ((b >>> 16) & 1)) >>> 16;
  }
  return out;
}
