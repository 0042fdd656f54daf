/** Geometry of sliding windows as ONNX's attributes have it, for convolution and pooling. */
import type { Context } from '../context.ts';

export const perAxisList = (c: Context, name: string, rank: number, each: number): readonly number[] => {
  const list = c.ints(name, new Array<number>(rank).fill(each));
  if (list.length !== rank) throw c.fail(`"${name}" has ${list.length} numbers for ${rank} spatial axes`);
  return list;
};

export const autoPads = ['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'] as const;

/** Padding of a window: named counts, or what makes ⌈n/stride⌉ windows. */
export function windowPads(
  c: Context,
  sizes: readonly number[],
  kernel: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
): [before: readonly number[], after: readonly number[]] {
  const rank = sizes.length;
  const auto = c.choice('auto_pad', autoPads, 'NOTSET');
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const total = sizes.map((n, i) => {
      const reach = dilations[i]! * (kernel[i]! - 1) + 1;
      return Math.max((Math.ceil(n / strides[i]!) - 1) * strides[i]! + reach - n, 0);
    });
    const [small, large] = [total.map((t) => Math.floor(t / 2)), total.map((t) => Math.ceil(t / 2))];
    return auto === 'SAME_UPPER' ? [small, large] : [large, small];
  }
  const pads =
    auto === 'VALID' ? new Array<number>(2 * rank).fill(0) : c.ints('pads', new Array<number>(2 * rank).fill(0));
  if (pads.length !== 2 * rank) throw c.fail(`${pads.length} counts of padding for ${rank} spatial axes`);
  return [pads.slice(0, rank), pads.slice(rank)];
}

export type Windows = {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Places that rounding up adds behind the padding, which count nothing. */
  readonly extra: readonly number[];
};

/** Windows of a pooling node. Rounding up keeps a last window only when it begins inside the operand or the padding before it. */
export function poolWindows(c: Context, sizes: readonly number[]): Windows {
  const rank = sizes.length;
  const kernel = c.ints('kernel_shape');
  if (kernel.length !== rank) throw c.fail(`a window of ${kernel.length} axes for ${rank} spatial axes`);
  sizes.forEach((n, i) => c.table(n * Math.abs(kernel[i]!)));
  const [strides, dilations] = [perAxisList(c, 'strides', rank, 1), perAxisList(c, 'dilations', rank, 1)];
  const [before, after] = windowPads(c, sizes, kernel, strides, dilations);
  const extra = sizes.map((n, i) => {
    if (!c.flag('ceil_mode')) return 0;
    const reach = dilations[i]! * (kernel[i]! - 1) + 1;
    const padded = n + before[i]! + after[i]!;
    const most = Math.ceil((padded - reach) / strides[i]!) + 1;
    const count = (most - 1) * strides[i]! >= n + before[i]! ? most - 1 : most;
    return Math.max(0, (count - 1) * strides[i]! + reach - padded);
  });
  return { kernel, strides, dilations, before, after, extra };
}
