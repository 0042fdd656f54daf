/** Small float64 array helpers that the operators' references are written with. Slow and plain on purpose. */

import { sizeOf } from './dtype.ts';
import type { Ref } from './op.ts';
import { broadcast, reduced, stridesOf } from './shape.ts';

/** Applies f to every element. */
export function map(x: Ref, f: (u: number) => number): Ref {
  return { shape: x.shape, data: x.data.map(f) };
}

/** Applies f to pairs under broadcasting. */
export function zip(a: Ref, b: Ref, f: (u: number, v: number) => number): Ref {
  const shape = broadcast(a.shape, b.shape);
  const [p, q] = [expandRef(a, shape), expandRef(b, shape)];
  return { shape, data: p.data.map((u, i) => f(u, q.data[i]!)) };
}

/** Repeats a tensor's values to a broadcast shape. */
export function expandRef(x: Ref, shape: readonly number[]): Ref {
  const lead = shape.length - x.shape.length;
  const own = stridesOf(x.shape);
  const strides = shape.map((_, i) => (i < lead || x.shape[i - lead] === 1 ? 0 : own[i - lead]!));
  return gatherStrided(x, shape, strides, 0);
}

/** Reads an array by strides: out[i…] = x[offset + Σ i·stride]. */
export function gatherStrided(x: Ref, shape: readonly number[], strides: readonly number[], offset: number): Ref {
  const data = new Float64Array(sizeOf(shape));
  forEachIndex(shape, (index, flat) => {
    let at = offset;
    for (let k = 0; k < index.length; k++) at += index[k]! * strides[k]!;
    data[flat] = x.data[at]!;
  });
  return { shape, data };
}

/** Visits every index of a shape in row-major order; the index array is reused. */
export function forEachIndex(shape: readonly number[], visit: (index: readonly number[], flat: number) => void): void {
  const index = new Array<number>(shape.length).fill(0);
  const n = sizeOf(shape);
  for (let flat = 0; flat < n; flat++) {
    visit(index, flat);
    for (let k = shape.length - 1; k >= 0; k--) {
      index[k]!++;
      if (index[k]! < shape[k]!) break;
      index[k] = 0;
    }
  }
}

/** Axis order changed: out axis i is in axis perm[i]. */
export function transposeRef(x: Ref, perm: readonly number[]): Ref {
  const strides = stridesOf(x.shape);
  return gatherStrided(
    x,
    perm.map((p) => x.shape[p]!),
    perm.map((p) => strides[p]!),
    0,
  );
}

/** Applies f to every line along the given axes (values in row-major order of those axes), giving one value a line. */
export function reduceRef(x: Ref, axes: readonly number[], keep: boolean, f: (line: Float64Array) => number): Ref {
  const rest = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const t = transposeRef(x, [...rest, ...axes]);
  const length = sizeOf(axes.map((a) => x.shape[a]!));
  const shape = reduced(x.shape, axes, keep);
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = f(t.data.subarray(i * length, (i + 1) * length));
  return { shape, data };
}

/** Applies f to every line along one axis, giving a line of the same length. */
export function mapLines(x: Ref, axis: number, f: (line: Float64Array) => ArrayLike<number>): Ref {
  const perm = x.shape.map((_, i) => i).filter((i) => i !== axis);
  perm.push(axis);
  const inverse = perm.map((_, i) => perm.indexOf(i));
  const t = transposeRef(x, perm);
  const n = x.shape[axis]!;
  const data = new Float64Array(t.data.length);
  for (let i = 0; i + n <= data.length && n > 0; i += n) data.set(f(t.data.slice(i, i + n)), i);
  return transposeRef({ shape: t.shape, data }, inverse);
}

/** Batched matrix product with broadcasting over the leading axes. */
export function matmulRef(a: Ref, b: Ref): Ref {
  const [m, k] = [a.shape.at(-2)!, a.shape.at(-1)!];
  const n = b.shape.at(-1)!;
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [p, q] = [expandRef(a, [...batch, m, k]), expandRef(b, [...batch, k, n])];
  const data = new Float64Array(sizeOf(batch) * m * n);
  for (let s = 0; s < sizeOf(batch); s++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += p.data[(s * m + i) * k + l]! * q.data[(s * k + l) * n + j]!;
        data[(s * m + i) * n + j] = sum;
      }
    }
  }
  return { shape: [...batch, m, n], data };
}

/** Error function in double precision: Maclaurin series for |x| < 3, continued fraction of erfc beyond (Abramowitz & Stegun 7.1.5, 7.1.14). */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let [term, sum] = [a, a];
    for (let n = 1; n < 200 && Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let f = 0;
  for (let n = 60; n > 0; n--) f = n / 2 / (a + f);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + f));
}
