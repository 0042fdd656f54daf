/**
 * Inner products of rows with a query, in AssemblyScript (`node scripts/build-kernels.mjs` compiles it into src/search/dots-kernel.ts). Rows and
 * query are filled up with zeros to a multiple of four numbers. Regions belong to the caller; nothing is allocated here.
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
