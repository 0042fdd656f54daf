/** Gradient rules that users attach to single tensors of a graph, kept beside the graph and named by number in the node. */
import type { Tensor, TensorGraph } from './tensor.ts';

/**
 * From the gradient of the result to the gradients of the operands that were named, in order (null: none flows). `operands` are these as they
 * are where the rule is applied (in a checkpointed block others than those that were named); `needed` says which gradients are used.
 */
export type CustomRule = (
  g: Tensor,
  operands: readonly Tensor[],
  needed: readonly boolean[],
) => readonly (Tensor | null)[];

const rules = new WeakMap<TensorGraph, CustomRule[]>();

/** Registers a rule with a graph and returns its number. */
export function addCustomRule(graph: TensorGraph, rule: CustomRule): number {
  const list = rules.get(graph) ?? [];
  rules.set(graph, list);
  return list.push(rule) - 1;
}

/** The rule of a number. */
export function customRule(graph: TensorGraph, index: number): CustomRule {
  return rules.get(graph)![index]!;
}
