/** Sliding windows: the geometry that convolution and pooling share. */
import { BowError } from '../../base/index.ts';
import { sizeOf } from '../dtype.ts';
import type { Attrs } from '../op.ts';
import { forEachIndex } from '../reference.ts';
import { stridesOf } from '../shape.ts';

/** How windows lie on the spatial axes, one number for each axis: step, distance between taps, padding before and after. */
export type Geometry = Attrs & {
  strides: readonly number[];
  dilations: readonly number[];
  before: readonly number[];
  after: readonly number[];
};

/** Places that a window covers along one axis. */
export function extent(kernel: number, dilation: number): number {
  return dilation * (kernel - 1) + 1;
}

/** Numbers of windows along the spatial axes; a `shape` error when the geometry is not one or none fits. */
export function windowCounts(sizes: readonly number[], kernel: readonly number[], g: Geometry): number[] {
  checkGeometry(sizes.length, kernel, g);
  return sizes.map((n, i) => {
    const room = n + g.before[i]! + g.after[i]! - extent(kernel[i]!, g.dilations[i]!);
    if (room < 0)
      throw new BowError('shape', `a window of ${extent(kernel[i]!, g.dilations[i]!)} does not fit into ${n}`, {
        detail: { 'spatial axis': i, before: g.before[i]!, after: g.after[i]! },
      });
    return Math.floor(room / g.strides[i]!) + 1;
  });
}

/** Throws a `shape` error unless there is a sensible number for every spatial axis. */
export function checkGeometry(rank: number, kernel: readonly number[], g: Geometry): void {
  const lists = { kernel, strides: g.strides, dilations: g.dilations, before: g.before, after: g.after };
  for (const [name, list] of Object.entries(lists)) {
    const low = name === 'before' || name === 'after' ? 0 : 1;
    if (list.length !== rank || list.some((n) => !Number.isInteger(n) || n < low))
      throw new BowError('shape', `${name} [${list.join(', ')}] must be ${rank} integers ≥ ${low}`);
  }
}

/** Geometry as ONNX attributes. */
export function windowAttributes(g: Geometry): Record<string, { ints: readonly number[] }> {
  return {
    strides: { ints: g.strides },
    dilations: { ints: g.dilations },
    pads: { ints: [...g.before, ...g.after] },
  };
}

/** Every (window, position, tap) that is not in the padding, as flat positions: triples in the order of windows, then taps. */
export function taps(sizes: readonly number[], kernel: readonly number[], g: Geometry): Int32Array {
  const counts = windowCounts(sizes, kernel, g);
  const strides = stridesOf(sizes);
  const out: number[] = [];
  forEachIndex(counts, (window, flat) => {
    forEachIndex(kernel, (tap, t) => {
      let place = 0;
      for (let i = 0; i < sizes.length; i++) {
        const at = window[i]! * g.strides[i]! + tap[i]! * g.dilations[i]! - g.before[i]!;
        if (at < 0 || at >= sizes[i]!) return;
        place += at * strides[i]!;
      }
      out.push(flat, place, t);
    });
  });
  return Int32Array.from(out);
}

/** Taps of each window that are not in the padding. */
export function tapCounts(sizes: readonly number[], kernel: readonly number[], g: Geometry): Float64Array {
  const counts = new Float64Array(sizeOf(windowCounts(sizes, kernel, g)));
  const list = taps(sizes, kernel, g);
  for (let i = 0; i < list.length; i += 3) counts[list[i]!]!++;
  return counts;
}
