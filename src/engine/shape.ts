/** Shape arithmetic with errors that say what differs. */
import { BowError } from '../base/index.ts';
import { describe } from './arguments.ts';
import type { DType } from './dtype.ts';

/** What a shape rule knows of a tensor. */
export type Meta = { readonly shape: readonly number[]; readonly dtype: DType };

/** NumPy broadcasting of two shapes; a `shape` error names both sizes. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const p = a[a.length - i] ?? 1;
    const q = b[b.length - i] ?? 1;
    if (p !== q && p !== 1 && q !== 1) {
      throw new BowError('shape', `sizes ${p} and ${q} do not broadcast (axis −${i})`, {
        detail: { left: a, right: b },
      });
    }
    out[rank - i] = p === 1 ? q : p;
  }
  return out;
}

/** An axis counted from the end made to count from the start; a `shape` error with the place when out of range. */
export function axisOf(axis: number, rank: number, place?: string): number {
  const a = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || a < 0 || a >= rank) {
    const where = place === undefined || place === '' ? {} : { place };
    throw new BowError('shape', `axis ${describe(axis)} does not exist in a tensor of rank ${rank}`, where);
  }
  return a;
}

/** Several axes, counted from the start, ascending, without repeats. */
export function axesOf(axes: readonly number[] | number, rank: number, place?: string): number[] {
  const list = typeof axes === 'object' ? axes : [axes];
  return [...new Set(list.map((a) => axisOf(a, rank, place)))].sort((p, q) => p - q);
}

/** The shape after reducing over axes. */
export function reduced(shape: readonly number[], axes: readonly number[], keep: boolean): number[] {
  if (keep) return shape.map((d, i) => (axes.includes(i) ? 1 : d));
  return shape.filter((_, i) => !axes.includes(i));
}

/** True when two shapes are the same. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** Row-major strides. */
export function stridesOf(shape: readonly number[]): number[] {
  const out = new Array<number>(shape.length);
  for (let i = shape.length - 1, s = 1; i >= 0; s *= shape[i]!, i--) out[i] = s;
  return out;
}
