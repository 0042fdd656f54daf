/** MurmurHash3 x86 32-bit (Austin Appleby, public domain algorithm), over the UTF-8 bytes of a string or over bytes. */

const encoder = new TextEncoder();

/** Unsigned 32-bit MurmurHash3 of a string's UTF-8 bytes (or of bytes), with a seed. */
export function hash32(data: string | Uint8Array, seed = 0): number {
  const bytes = typeof data === 'string' ? encoder.encode(data) : data;
  const n = bytes.length;
  let h = seed | 0;
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    h ^= mix(k);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let j = n - 1; j >= i; j--) tail = (tail << 8) | bytes[j]!;
  if (i < n) h ^= mix(tail);
  h ^= n;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function mix(k: number): number {
  const a = Math.imul(k, 0xcc9e2d51);
  return Math.imul((a << 15) | (a >>> 17), 0x1b873593);
}
