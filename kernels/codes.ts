/**
 * Bounds of inner products from rows in one byte a number, in AssemblyScript (`node scripts/build-kernels.mjs` compiles it into
 * src/search/codes-kernel.ts). The work is bound by reading the rows, so they are read in a quarter of their bytes, and four queries share one
 * pass over them. `n` numbers a row, filled up with zeros to a multiple of eight. Regions belong to the caller; nothing is allocated here.
 *
 * A row x becomes 8 + n bytes: a scale s, the length of what is lost ‖x − s c‖, codes c from −127 to 127.
 * A query q becomes 16 + 2 n bytes: a scale t, a gap, codes d of 16 bits whose sums with any row's codes stay below 2³¹.
 * |q·x − s t Σ c d| ≤ ‖q‖ ‖x − s c‖ + ‖q − t d‖ ‖s c‖ (Cauchy-Schwarz) ≤ lost + gap (1 + lost), with rounding in the margins of both.
 */

/** Writes the codes of the row of n float32 numbers, not all zero, at `row`. */
export function encode(row: usize, n: u32, to: usize): void {
  let most: f32 = 0;
  for (let i: usize = 0; i < n; i++) most = max<f32>(most, abs<f32>(load<f32>(row + (i << 2))));
  const scale = most / 127;
  let lost: f64 = 0;
  for (let i: usize = 0; i < n; i++) {
    const x = load<f32>(row + (i << 2));
    const code = min<f32>(127, max<f32>(-127, nearest<f32>(x / scale)));
    store<i8>(to + i, <i8>code, 8);
    const d = <f64>x - <f64>scale * <f64>code;
    lost += d * d;
  }
  store<f32>(to, scale);
  store<f32>(to, <f32>(sqrt<f64>(lost) * (1.0 + 1.0 / 524288)), 4); // 2⁻¹⁹: this rounding, and a query whose length is not quite 1
}

@inline function step(acc: v128, row: usize, query: usize): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(v128.load_ext<i8>(row), v128.load(query)));
}

@inline function sum(x: v128): i32 {
  return i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3);
}

@inline function put(row: usize, query: usize, product: i32, low: usize, apart: usize): void {
  const score = <f64>product * <f64>load<f32>(row) * load<f64>(query);
  const lost = <f64>load<f32>(row, 4), gap = load<f64>(query, 8);
  const reach = lost + gap * (1.0 + lost);
  store<f32>(low, <f32>(score - reach));
  store<f32>(low + apart, <f32>(score + reach));
}

/** For `count` rows the least that their products with the query can be, at `out`, and the most, `apart` bytes after it. */
export function bounds(rows: usize, count: u32, n: usize, query: usize, out: usize, apart: usize): void {
  const d = query + 16;
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * (8 + n), c = row + 8;
    let a = i32x4.splat(0), b = i32x4.splat(0);
    let i: usize = 0;
    for (; i + 32 <= n; i += 32) {
      a = step(a, c + i, d + 2 * i);
      b = step(b, c + i + 8, d + 2 * i + 16);
      a = step(a, c + i + 16, d + 2 * i + 32);
      b = step(b, c + i + 24, d + 2 * i + 48);
    }
    for (; i < n; i += 8) a = step(a, c + i, d + 2 * i);
    put(row, query, sum(i32x4.add(a, b)), out + (r << 2), apart);
  }
}

/** The same for four queries that lie one after the other; the bounds of each begin 2 `apart` bytes after those of the one before. */
export function bounds4(rows: usize, count: u32, n: usize, queries: usize, out: usize, apart: usize): void {
  const q1 = queries + 16 + 2 * n, q2 = q1 + 16 + 2 * n, q3 = q2 + 16 + 2 * n;
  for (let r: usize = 0; r < count; r++) {
    const row = rows + r * (8 + n);
    let a = i32x4.splat(0), b = i32x4.splat(0), c = i32x4.splat(0), d = i32x4.splat(0);
    for (let i: usize = 0; i < n; i += 8) {
      const x = v128.load_ext<i8>(row + 8 + i), at = 16 + 2 * i;
      a = i32x4.add(a, i32x4.dot_i16x8_s(x, v128.load(queries + at)));
      b = i32x4.add(b, i32x4.dot_i16x8_s(x, v128.load(q1 + at)));
      c = i32x4.add(c, i32x4.dot_i16x8_s(x, v128.load(q2 + at)));
      d = i32x4.add(d, i32x4.dot_i16x8_s(x, v128.load(q3 + at)));
    }
    const o = out + (r << 2);
    put(row, queries, sum(a), o, apart);
    put(row, q1, sum(b), o + 2 * apart, apart);
    put(row, q2, sum(c), o + 4 * apart, apart);
    put(row, q3, sum(d), o + 6 * apart, apart);
  }
}
