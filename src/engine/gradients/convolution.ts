/** Gradients of convolutions: again convolutions. */
import type { ConvAttrs, convolution } from '../ops/convolution.ts';
import { extent } from '../ops/window.ts';
import { apply, type Tensor } from '../tensor.ts';
import type { Gradients } from './rule.ts';

const spatialAxes = (t: Tensor): number[] => t.shape.slice(2).map((_, i) => i + 2);

/** Gradient for a convolution's operand of the given shape: the transposed convolution; what the last window does not reach gets zero. */
function ofOperand(w: Tensor, g: Tensor, shape: readonly number[], a: ConvAttrs): Tensor {
  const extra = a.strides.map((s, i) => {
    const covered = (g.dim(i + 2) - 1) * s + extent(w.dim(i + 2), a.dilations[i]!);
    return shape[i + 2]! + a.before[i]! + a.after[i]! - covered;
  });
  return apply('ConvTranspose', [g, w], { ...a, extra });
}

/**
 * Gradient for a convolution's weight: Σ over windows of operand × gradient. It is itself a convolution, of the operand with batch and channels
 * exchanged, by the gradient with batch and channels exchanged, where stride and dilation change places.
 */
function ofWeight(x: Tensor, g: Tensor, w: Tensor, a: ConvAttrs): Tensor {
  const [b, c, ...sizes] = x.shape as [number, number, ...number[]];
  const [o, ...counts] = g.shape.slice(1) as [number, ...number[]];
  const rest = spatialAxes(x);
  const tail = rest.map((axis) => axis + 1);
  const operand = x
    .reshape([b, a.groups, c / a.groups, ...sizes])
    .transpose([2, 1, 0, ...tail])
    .reshape([c / a.groups, a.groups * b, ...sizes]); // channel in group, (group batch), places
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
