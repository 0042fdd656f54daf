/** A gradient of one's own for a part of the graph. */
import { badArgument } from '../arguments.ts';
import { addCustomRule, type CustomRule } from '../custom-rules.ts';
import type { DType } from '../dtype.ts';
import { apply, needTensors, type Tensor } from '../tensor.ts';

/**
 * The value `y` (computed anyhow) with the gradient that `rule` gives for `operands`; nothing flows back through the way y was computed.
 * Straight-through rounding: `customGradient(x.floor(), [x], (g) => [g])`.
 */
export function customGradient<D extends DType>(
  y: Tensor<D>,
  operands: readonly Tensor[],
  rule: CustomRule,
): Tensor<D> {
  needTensors('customGradient', { y });
  if (!Array.isArray(operands)) throw badArgument(y, 'customGradient: operands must be a list of tensors', operands);
  if (typeof rule !== 'function') throw badArgument(y, 'customGradient: the rule must be a function', rule);
  return apply('CustomGradient', [y, ...operands], { rule: addCustomRule(y.graph, rule) });
}
