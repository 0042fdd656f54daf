/** Gradients of convolutions: again convolutions. */
import { sizeOf } from '../dtype.ts';
import { stack } from '../functions/basic.ts';
import type { ConvAttrs, convolution } from '../ops/convolution.ts';
import { extent } from '../ops/window.ts';
import { apply, type Tensor } from '../tensor.ts';
import type { Gradients } from './rule.ts';

const spatialAxes = (t: Tensor): number[] => t.shape.slice(2).map((_, i) => i + 2);

/** Channels exchanged within groups and taps reversed: the weight that leads back. */
function flipped(w: Tensor, groups: number): Tensor {
  const [o, c, ...kernel] = w.shape as [number, number, ...number[]];
  const exchanged = w
    .reshape([groups, o / groups, c, ...kernel])
    .transpose([0, 2, 1, ...kernel.map((_, i) => i + 3)])
    .reshape([groups * c, o / groups, ...kernel]);
  return spatialAxes(w).reduce((t, axis) => t.slice(axis, undefined, undefined, -1), exchanged);
}

/** Gradient for a convolution's operand of the given shape: by one matrix product where windows tile it. */
function ofOperand(w: Tensor, g: Tensor, shape: readonly number[], a: ConvAttrs): Tensor {
  return tiles(w, a) ? operandByTiles(w, g, shape) : operandByConv(w, g, shape, a);
}

/**
 * The transposed convolution; what the last window does not reach gets zero. With stride 1 it is a plain convolution by the flipped weight,
 * which onnxruntime computes 1.3 times as fast (depthwise: 3.5 times).
 */
export function operandByConv(w: Tensor, g: Tensor, shape: readonly number[], a: ConvAttrs): Tensor {
  const reach = a.dilations.map((d, i) => extent(w.dim(i + 2), d) - 1);
  const before = reach.map((r, i) => r - a.before[i]!);
  const after = reach.map((r, i) => r - a.after[i]!);
  if (a.strides.every((s) => s === 1) && [...before, ...after].every((p) => p >= 0))
    return apply('Conv', [g, flipped(w, a.groups)], { ...a, before, after });
  const extra = a.strides.map((s, i) => {
    const covered = (g.dim(i + 2) - 1) * s + reach[i]! + 1;
    return shape[i + 2]! + a.before[i]! + a.after[i]! - covered;
  });
  return apply('ConvTranspose', [g, w], { ...a, extra });
}

/**
 * Gradient for a convolution's weight: Σ over windows of gradient × operand. One matrix product where windows tile the operand; with many
 * channels, one for each tap; else itself a convolution. (On 3×3 taps the second is up to twice as fast from about 16 channels on.)
 */
function ofWeight(x: Tensor, g: Tensor, w: Tensor, a: ConvAttrs): Tensor {
  if (tiles(w, a)) return weightByTiles(x, g, w);
  const taps = sizeOf(w.shape.slice(2));
  return a.groups === 1 && w.dim(1) >= 16 && taps <= 25 ? weightByTaps(x, g, w, a) : weightByConv(x, g, w, a);
}

/** True when windows lie side by side without gaps, as in patch embeddings. */
function tiles(w: Tensor, a: ConvAttrs): boolean {
  const aside = a.strides.every((s, i) => s === w.dim(i + 2) && a.dilations[i] === 1);
  return aside && a.groups === 1 && [...a.before, ...a.after].every((p) => p === 0);
}

function weightByTiles(x: Tensor, g: Tensor, w: Tensor): Tensor {
  const [o, c, ...kernel] = w.shape as [number, number, ...number[]];
  const whole = kernel.reduce((t, k, i) => t.slice(i + 2, 0, g.dim(i + 2) * k), x);
  const split = whole.reshape([x.dim(0), c, ...kernel.flatMap((k, i) => [g.dim(i + 2), k])]);
  const windows = kernel.map((_, i) => 2 * i + 2); // the taps' axes follow them
  const rows = split.transpose([0, ...windows, 1, ...windows.map((axis) => axis + 1)]).reshape([-1, w.size / o]); // (b windows) (c taps)
  const left = g.transpose([1, 0, ...spatialAxes(g)]).reshape([o, -1]);
  return left.matmul(rows).reshape(w.shape);
}

function operandByTiles(w: Tensor, g: Tensor, shape: readonly number[]): Tensor {
  const [o, c, ...kernel] = w.shape as [number, number, ...number[]];
  const rest = spatialAxes(g);
  const rows = g.transpose([0, ...rest, 1]).reshape([-1, o]); // (b windows) o
  const split = rows.matmul(w.reshape([o, -1])).reshape([g.dim(0), ...g.shape.slice(2), c, ...kernel]);
  const last = kernel.length + 1;
  const order = kernel.flatMap((_, i) => [i + 1, last + i + 1]);
  const whole = split.transpose([0, last, ...order]).reshape([g.dim(0), c, ...kernel.map((k, i) => k * g.dim(i + 2))]);
  const after = shape.map((n, i) => n - whole.dim(i));
  if (after.every((n) => n === 0)) return whole;
  return apply('Pad', [whole], { before: shape.map(() => 0), after, value: 0 });
}

function weightByTaps(x: Tensor, g: Tensor, w: Tensor, a: ConvAttrs): Tensor {
  const rest = spatialAxes(x);
  const channelsFirst = (t: Tensor): Tensor => t.transpose([1, 0, ...rest]);
  const left = channelsFirst(g).reshape([g.dim(1), -1]); // o (b positions)
  const pads = { before: [0, 0, ...a.before], after: [0, 0, ...a.after], value: 0 };
  const padded = [...a.before, ...a.after].some((n) => n > 0)
    ? apply('Pad', [channelsFirst(x)], pads)
    : channelsFirst(x);
  const seen = rest.reduce(
    (parts, axis, i) => {
      const span = (g.dim(axis) - 1) * a.strides[i]! + 1;
      const starts = Array.from({ length: w.dim(axis) }, (_, k) => k * a.dilations[i]!);
      return parts.flatMap((t) => starts.map((k) => t.slice(axis, k, k + span, a.strides[i]!)));
    },
    [padded],
  );
  const products = seen.map((t) => left.matmul(t.reshape([x.dim(1), -1]).mT)); // o c
  return stack(products, 2).reshape(w.shape);
}

/** The operand with batch and channels exchanged, convolved by the gradient likewise; stride and dilation change positions. */
function weightByConv(x: Tensor, g: Tensor, w: Tensor, a: ConvAttrs): Tensor {
  const [b, c, ...sizes] = x.shape as [number, number, ...number[]];
  const [o, ...counts] = g.shape.slice(1) as [number, ...number[]];
  const rest = spatialAxes(x);
  const operand = x
    .reshape([b, a.groups, c / a.groups, ...sizes])
    .transpose([2, 1, 0, ...rest.map((axis) => axis + 1)])
    .reshape([c / a.groups, a.groups * b, ...sizes]); // channel in group, (group batch), positions
  const filter = g.transpose([1, 0, ...rest]).reshape([o, b, ...counts]);
  const exchanged = { ...a, strides: a.dilations, dilations: a.strides };
  const taps = apply('Conv', [operand, filter], exchanged); // channel in group, o, taps
  return rest.reduce((t, axis) => t.slice(axis, 0, w.dim(axis)), taps).transpose([1, 0, ...rest]);
}

const ofBias = (g: Tensor): Tensor => g.sum([0, ...spatialAxes(g)]);

export const convolutionGradients: Gradients<typeof convolution> = {
  Conv: ({ x: [x, w, bias], g, attrs }) => [
    ofOperand(w!, g, x!.shape, attrs),
    ofWeight(x!, g, w!, attrs),
    ...(bias ? [ofBias(g)] : []),
  ],
  // the roles of operand and gradient are exchanged
  ConvTranspose: ({ x: [x, w, bias], g, attrs: { extra: _, ...attrs } }) => [
    apply('Conv', [g, w!], attrs),
    ofWeight(g, x!, w!, attrs),
    ...(bias ? [ofBias(g)] : []),
  ],
};
