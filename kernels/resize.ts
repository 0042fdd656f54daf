/**
 * The two passes of src/image/resize.ts, in AssemblyScript (`node scripts/build-kernels.mjs` compiles it into src/image/resize-kernel.ts).
 *
 * Integer sums of bytes times 22-bit weights are exact, so that the order of summation, and with it the use of vectors, changes no bit. Every
 * address comes from the caller. Reads and writes run up to 15 bytes beyond a row: buffers end in that much room, and what is written too far
 * is written again by the next row.
 */

const HALF: i32 = 1 << 21;

// @ts-ignore: decorator
@inline function bytes(sum: v128): v128 {
  return i16x8.narrow_i32x4_s(i32x4.shr_s(sum, 22), i32x4.shr_s(sum, 22));
}

// @ts-ignore: decorator
@inline function pixel(at: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)));
}

/** Along the rows: `to` pixels of up to 4 channels for each row; `table` holds (first pixel, number of weights) pairs, `weights` `taps` a pixel. */
export function alongRows(
  source: usize, width: i32, rows: i32, channels: i32, target: usize, to: i32, table: usize, weights: usize, taps: i32,
): void {
  for (let y = 0; y < rows; y++) {
    const row = source + <usize>(y * width * channels);
    for (let x = 0; x < to; x++) {
      const entry = table + <usize>(x << 3);
      const n = load<i32>(entry, 4);
      let from = row + <usize>(load<i32>(entry) * channels);
      let w = weights + <usize>((x * taps) << 2);
      let a = i32x4.splat(HALF);
      let b = i32x4.splat(0);
      let k = 0;
      for (; k + 1 < n; k += 2) {
        a = i32x4.add(a, i32x4.mul(pixel(from), v128.load32_splat(w)));
        b = i32x4.add(b, i32x4.mul(pixel(from + channels), v128.load32_splat(w, 4)));
        from += 2 * channels;
        w += 8;
      }
      if (k < n) a = i32x4.add(a, i32x4.mul(pixel(from), v128.load32_splat(w)));
      const short = bytes(i32x4.add(a, b));
      store<u32>(target, i32x4.extract_lane(i8x16.narrow_i16x8_u(short, short), 0));
      target += channels;
    }
  }
}

/** Along the columns of rows of `row` bytes: `to` rows; `table` and `weights` as above, by output row. */
export function alongColumns(
  source: usize, row: i32, target: usize, to: i32, table: usize, weights: usize, taps: i32,
): void {
  for (let y = 0; y < to; y++) {
    const entry = table + <usize>(y << 3);
    const n = load<i32>(entry, 4);
    const from = source + <usize>(load<i32>(entry) * row);
    const first = weights + <usize>((y * taps) << 2);
    const out = target + <usize>(y * row);
    for (let x = 0; x < row; x += 16) {
      let a = i32x4.splat(HALF);
      let b = a;
      let c = a;
      let d = a;
      let at = from + x;
      for (let k = 0; k < n; k++) {
        const w = v128.load32_splat(first + <usize>(k << 2));
        const v = v128.load(at);
        const low = i16x8.extend_low_i8x16_u(v);
        const high = i16x8.extend_high_i8x16_u(v);
        a = i32x4.add(a, i32x4.mul(i32x4.extend_low_i16x8_u(low), w));
        b = i32x4.add(b, i32x4.mul(i32x4.extend_high_i16x8_u(low), w));
        c = i32x4.add(c, i32x4.mul(i32x4.extend_low_i16x8_u(high), w));
        d = i32x4.add(d, i32x4.mul(i32x4.extend_high_i16x8_u(high), w));
        at += row;
      }
      const ab = i16x8.narrow_i32x4_s(i32x4.shr_s(a, 22), i32x4.shr_s(b, 22));
      const cd = i16x8.narrow_i32x4_s(i32x4.shr_s(c, 22), i32x4.shr_s(d, 22));
      v128.store(out + x, i8x16.narrow_i16x8_u(ab, cd));
    }
  }
}
