/** A gradient of one's own for a part of the graph. */

import { addCustomRule, type CustomRule } from '../custom-rules.ts';
import type { DType } from '../dtype.ts';
import { apply, type Tensor } from '../tensor.ts';

/**
 * The value `y` (computed anyhow) with the gradient that `rule` gives for `operands`; nothing flows back through the way y was computed.
 * Straight-through rounding: `customGradient(x.floor(), [x], (g) => [g])`.
 */
export function customGradient<D extends DType>(
  y: Tensor<D>,
  operands: readonly Tensor[],
  rule: CustomRule,
): Tensor<D> {
  return apply('CustomGradient', [y, ...operands], { rule: addCustomRule(y.graph, rule) }) as Tensor<D>;
}
