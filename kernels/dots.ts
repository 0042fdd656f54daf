/**
 * Inner products of many rows with few queries, in AssemblyScript (`node scripts/build-kernels.mjs` compiles it into src/search/dots-kernel.ts).
 * The work is bound by reading the rows, so several queries share one pass over them. Rows and queries are filled up with zeros to a multiple
 * of four numbers. Regions belong to the caller; nothing is allocated here.
 */

@inline function sum(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3);
}

@inline function step(acc: v128, a: usize, b: usize): v128 {
  return f32x4.add(acc, f32x4.mul(v128.load(a), v128.load(b)));
}

function one(row: usize, q: usize, bytes: usize): f32 {
  let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    a = step(a, row + at, q + at);
    b = step(b, row + at + 16, q + at + 16);
    c = step(c, row + at + 32, q + at + 32);
    d = step(d, row + at + 48, q + at + 48);
  }
  for (; at < bytes; at += 16) a = step(a, row + at, q + at);
  return sum(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
}

/** out[n] = rows[n × stride] · query[stride]; `bytes` = 4 × stride, a multiple of 16. */
export function dots(rows: usize, n: u32, bytes: usize, query: usize, out: usize): void {
  for (let r: u32 = 0; r < n; r++) store<f32>(out + (<usize>r << 2), one(rows + <usize>r * bytes, query, bytes));
}

/** The same for four queries that lie one after the other; the scores of each begin `apart` bytes after those of the one before. */
export function dots4(rows: usize, n: u32, bytes: usize, queries: usize, out: usize, apart: usize): void {
  const q1 = queries + bytes, q2 = q1 + bytes, q3 = q2 + bytes;
  for (let r: u32 = 0; r < n; r++) {
    const row = rows + <usize>r * bytes;
    let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
    for (let at: usize = 0; at < bytes; at += 16) {
      const x = v128.load(row + at);
      a = f32x4.add(a, f32x4.mul(x, v128.load(queries + at)));
      b = f32x4.add(b, f32x4.mul(x, v128.load(q1 + at)));
      c = f32x4.add(c, f32x4.mul(x, v128.load(q2 + at)));
      d = f32x4.add(d, f32x4.mul(x, v128.load(q3 + at)));
    }
    const o = out + (<usize>r << 2);
    store<f32>(o, sum(a));
    store<f32>(o + apart, sum(b));
    store<f32>(o + 2 * apart, sum(c));
    store<f32>(o + 3 * apart, sum(d));
  }
}
