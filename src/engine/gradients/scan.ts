/** Gradients of running totals. */
import type { scan } from '../ops/scan.ts';
import { apply } from '../tensor.ts';
import type { Gradients } from './rule.ts';

export const scanGradients: Gradients<typeof scan> = {
  CumSum: ({ g, attrs }) => [apply('CumSum', [g], { ...attrs, reverse: !attrs.reverse })],
};
